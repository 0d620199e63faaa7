//! Baking: a blueprint's install part run once, its disk kept as an image.

use std::{collections::BTreeMap, time::Duration};

use super::{accept, as_row, tidy};
use crate::{
    app::{Accepted, App, Caller, Right, elsewhere, sources::catalog},
    catalog::{Resolved, resolve_params},
    engine::{self, BakeRequest, Ctx, check_bakeable, sagas::bake},
    guest, image,
    model::{Observer, OperationKind, Result},
    view::{ImageRow, PlanView},
};

/// What to bake.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bake {
    /// Ids of blueprints.
    pub blueprints: Vec<String>,
    /// The operating system below; none: the blueprint's.
    pub base: Option<String>,
    /// Parameters that the install part reads, and the values for them.
    pub parameters: Vec<(String, String)>,
    /// Keep the virtual machine for a look if baking fails.
    pub keep: bool,
    /// How long one may take.
    pub timeout: Duration,
}

/// What to bake, checked against the catalog.
pub struct Checked {
    caller: Caller,
    request: Bake,
    each: Vec<(Resolved, BTreeMap<String, String>)>,
}

/// Checks everything that can be checked without the host.
pub fn check(app: &App, caller: &Caller, request: Bake, observer: &mut dyn Observer) -> Result<Checked> {
    app.require(caller, Right::Administer)?;
    tidy(app, &caller.requester, observer)?;
    let catalog = catalog(&app.settings)?;
    let mut each = Vec::new();
    for id in &request.blueprints {
        let blueprint = catalog.blueprint(id).map_err(|e| elsewhere::hint(app, id, e))?;
        check_bakeable(blueprint)?;
        let bundle = catalog.smallest_bundle(blueprint).map(|b| b.id.clone()).unwrap_or_default();
        let resolved = catalog.resolve(id, &bundle, request.base.as_deref())?;
        let parameters = resolve_params(&resolved.blueprint, &request.parameters)?;
        each.push((resolved, parameters));
    }
    Ok(Checked { caller: caller.clone(), request, each })
}

impl Checked {
    /// What each bake would do.
    pub fn plans(&self) -> Vec<PlanView> {
        self.each.iter().map(|(resolved, _)| plan(resolved, self.request.timeout)).collect()
    }

    /// Accepts the bake of each blueprint. Where a base image is not there yet, the operation is the one that makes that, and the
    /// bake's follows in the same run.
    pub fn accept(&self, app: &App, observer: &mut dyn Observer) -> Result<Vec<Accepted<ImageRow>>> {
        app.check_host()?;
        self.each.iter().map(|one| self.accept_one(app, one, observer)).collect()
    }

    /// Bakes each blueprint in turn and gives the rows of the images.
    pub fn run(&self, app: &App, observer: &mut dyn Observer) -> Result<Vec<ImageRow>> {
        app.check_host()?;
        self.each.iter().map(|one| self.accept_one(app, one, observer)?.run(observer)).collect()
    }

    fn accept_one(
        &self,
        app: &App,
        (resolved, parameters): &(Resolved, BTreeMap<String, String>),
        observer: &mut dyn Observer,
    ) -> Result<Accepted<ImageRow>> {
        let ctx = app.change(&self.caller, false, observer)?;
        let login = guest::ssh::login_key(&app.settings.paths.state)?.public;
        let (resolved, parameters, keep, timeout) =
            (resolved.clone(), parameters.clone(), self.request.keep, self.request.timeout);
        let (base_id, images) = (resolved.base.clone(), app.images()?);
        let with_base = move |base| BakeRequest {
            blueprint: resolved.blueprint,
            bundle: resolved.bundle,
            base,
            parameters,
            ssh_keys: vec![login],
            timeout,
            keep,
        };
        if let Some(base) = image::get(&images, &base_id)? {
            return bake_on(app, ctx, with_base(base));
        }
        let made = match image::buildable().any(|id| id == base_id) {
            true => OperationKind::Build,
            false => OperationKind::Pull,
        };
        let (settings, clock, id, app) = (app.settings.clone(), app.clock.clone(), base_id.clone(), app.clone());
        let base = accept(&app, &self.caller, (made, &base_id), move |cancel, observer| {
            engine::ensure_image((&images, &settings.mirror, &*clock), &id, cancel, observer)
        })?;
        Ok(base.and_then(move |base, observer| bake_on(&app, ctx, with_base(base?))?.run(observer)))
    }
}

/// Accepts a bake whose base image is there.
fn bake_on(app: &App, mut ctx: Ctx, request: BakeRequest) -> Result<Accepted<ImageRow>> {
    let (app, blueprint) = (app.clone(), request.blueprint.id.clone());
    Ok(match bake::accept(&mut ctx, request)? {
        bake::Accepted::Present(image) => Accepted::without_operation(move |observer| {
            say_present(&blueprint, observer);
            as_row(&app)?(&image)
        }),
        bake::Accepted::New(bake) => Accepted::new(bake.operation.clone(), move |observer| {
            let outcome = bake::run(&mut ctx, *bake, observer)?;
            if outcome.present {
                say_present(&blueprint, observer);
            }
            as_row(&app)?(&outcome.image)
        }),
    })
}

fn say_present(blueprint: &str, observer: &mut dyn Observer) {
    observer.status(&format!("`{blueprint}` is baked already, from what there is now"));
}

fn plan(resolved: &Resolved, timeout: Duration) -> PlanView {
    let fact = |label: &str, value: &str| (label.to_owned(), value.to_owned());
    let blueprint = &resolved.blueprint;
    let facts = vec![
        fact("blueprint", &format!("{} {}", blueprint.id, blueprint.version)),
        fact("base", &resolved.base),
        fact("machine", &format!("{} vCPUs, {} of memory", resolved.bundle.vcpus, resolved.bundle.memory)),
    ];
    let steps = [
        "virtual machine for this alone".to_owned(),
        format!("install part and sealing, at most {} s", timeout.as_secs()),
        "compressed image".to_owned(),
        "virtual machine removed".to_owned(),
    ];
    PlanView { facts, steps: steps.to_vec() }
}
