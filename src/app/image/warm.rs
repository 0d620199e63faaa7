//! Keeping warm: the memory of a machine with a blueprint installed, saved for new instances to go on from.

use std::time::Duration;

use super::{as_row, bake, tidy};
use crate::{
    app::{App, Caller, Right, elsewhere, sources::catalog},
    catalog::{Resolved, resolve_params},
    doctor,
    engine::{self, bake_of, check_warmable, sagas::warm},
    image::{self, Image},
    model::{Observer, Result},
    view::ImageRow,
};

/// What to keep warm.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Warm {
    /// Ids of blueprints.
    pub blueprints: Vec<String>,
    /// The size; none: the smallest that fits.
    pub bundle: Option<String>,
    /// The operating system below; none: the blueprint's.
    pub base: Option<String>,
    /// How long one may take.
    pub timeout: Duration,
}

/// Keeps each blueprint warm in turn, and gives the rows of the images. One that is not baked yet is baked first.
///
/// # Errors
/// Refused: an unknown blueprint or bundle; or what failed.
pub fn run(app: &App, caller: &Caller, request: &Warm, observer: &mut dyn Observer) -> Result<Vec<ImageRow>> {
    app.require(caller, Right::Administer)?;
    tidy(app, &caller.requester, observer)?;
    let catalog = catalog(&app.settings)?;
    let mut each = Vec::new();
    for id in &request.blueprints {
        let blueprint = catalog.blueprint(id).map_err(|e| elsewhere::hint(app, id, e))?;
        let smallest = || catalog.smallest_bundle(blueprint).map(|b| b.id.clone()).unwrap_or_default();
        let bundle = request.bundle.clone().unwrap_or_else(smallest);
        check_warmable(blueprint)?;
        each.push(catalog.resolve(id, &bundle, request.base.as_deref())?);
    }
    app.check_host()?;
    each.into_iter().map(|resolved| one(app, caller, resolved, request, observer)).collect()
}

fn one(
    app: &App,
    caller: &Caller,
    resolved: Resolved,
    request: &Warm,
    observer: &mut dyn Observer,
) -> Result<ImageRow> {
    let image = below(app, caller, &resolved, request, observer)?;
    let mut ctx = app.change(caller, false, observer)?;
    let info = ctx.hypervisor.host()?;
    let kvm = doctor::use_kvm(ctx.settings.host.accel, &*ctx.machine, info.kvm_offered, &info.arch)?;
    let id = resolved.blueprint.id.clone();
    let parameters = resolve_params(&resolved.blueprint, &[])?;
    let wanted = warm::WarmRequest {
        blueprint: resolved.blueprint,
        bundle: resolved.bundle,
        image,
        parameters,
        timeout: request.timeout,
        kvm,
    };
    let image = match warm::accept(&mut ctx, wanted)? {
        warm::Accepted::Present(image) => {
            observer.status(&format!("`{id}` is warm already, from what there is now"));
            *image
        }
        warm::Accepted::New(accepted) => warm::run(&mut ctx, *accepted, observer)?.image,
    };
    as_row(app)?(&image)
}

/// The image that the machine lies on.
fn below(
    app: &App,
    caller: &Caller,
    resolved: &Resolved,
    request: &Warm,
    observer: &mut dyn Observer,
) -> Result<Image> {
    let images = app.images()?;
    let from = (&images, &*app.settings.mirror, &*app.clock);
    let base = engine::ensure_image(from, &resolved.base, &app.cancel, observer)?;
    if resolved.blueprint.install.is_empty() {
        return Ok(base);
    }
    let parameters = resolve_params(&resolved.blueprint, &[])?;
    let wanted = bake_of(&resolved.blueprint, &base.id, &base.digest, &parameters)?;
    let id = wanted.as_ref().map(image::Baked::id).unwrap_or_default();
    if let Some(image) = image::get(&images, &id)? {
        return Ok(image);
    }
    let bake = bake::Bake {
        blueprints: vec![resolved.blueprint.id.clone()],
        base: request.base.clone(),
        parameters: Vec::new(),
        keep: false,
        timeout: request.timeout,
    };
    bake::check(app, caller, bake, observer)?.run(app, observer)?;
    image::get(&images, &id)?.ok_or_else(|| {
        crate::model::Error::failed(crate::model::Code::NoImage, format!("image `{id}` was removed meanwhile"))
    })
}
