//! Baking: a blueprint's install part run once, its disk kept as an image.

use std::{collections::BTreeMap, time::Duration};

use super::{journalled, rows, tidy};
use crate::{
    app::{App, Caller, Right, sources::catalog},
    catalog::{Resolved, resolve_params},
    engine::{self, BakeRequest, check_bakeable},
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
    caller.require(Right::Change)?;
    tidy(app, &caller.requester, observer)?;
    let catalog = catalog(&app.settings)?;
    let mut each = Vec::new();
    for id in &request.blueprints {
        let blueprint = catalog.blueprint(id)?;
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

    /// Bakes each blueprint in turn and gives the rows of the images.
    pub fn run(&self, app: &App, observer: &mut dyn Observer) -> Result<Vec<ImageRow>> {
        app.check_host()?;
        let mut images = Vec::new();
        for (resolved, parameters) in &self.each {
            let mut ctx = app.change(&self.caller, false, observer)?;
            let made = if image::buildable().any(|id| id == resolved.base) {
                OperationKind::Build
            } else {
                OperationKind::Pull
            };
            let base = journalled(app, &self.caller, (made, &resolved.base), observer, |cancel, observer| {
                engine::ensure_image(&ctx, &resolved.base, cancel, observer)
            })?;
            let request = BakeRequest {
                blueprint: resolved.blueprint.clone(),
                bundle: resolved.bundle.clone(),
                base,
                parameters: parameters.clone(),
                ssh_keys: vec![guest::ssh::login_key(&app.settings.paths.state)?.public],
                timeout: self.request.timeout,
                keep: self.request.keep,
            };
            let outcome = engine::bake(&mut ctx, request, observer)?;
            if outcome.present {
                observer.status(&format!("`{}` is baked already, from what there is now", resolved.blueprint.id));
            }
            images.push(outcome.image);
        }
        rows(app, &images)
    }
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
