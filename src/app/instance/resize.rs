//! Another bundle for an instance: first what it is about, so that a front end can say the price and ask, then the change.

use crate::{
    app::{Accepted, App, Caller, Right, scope::Target, sources::catalog},
    catalog::Bundle,
    engine::{
        Ctx,
        sagas::resize::{self, Resizing},
    },
    model::{Instance, Name, Observer, Result},
    view::{ResizedView, SizeView},
};

pub use crate::engine::sagas::resize::How;

/// An instance, the bundle that it is to get, and what that means.
pub struct Resize {
    ctx: Ctx,
    instance: Instance,
    bundle: Bundle,
    planned: Option<Resizing>,
}

/// Finds the instance and the bundle, at the price of today.
///
/// # Errors
/// There is no such instance or bundle, it is too small for what runs there, or the instance does not fit on the host with it.
pub fn find(
    app: &App,
    caller: &Caller,
    (name, bundle): (&Name, &str),
    wait: bool,
    observer: &mut dyn Observer,
) -> Result<Resize> {
    app.authorise(caller, Right::Change, Target::instance(name))?;
    let catalog = catalog(&app.settings)?;
    let bundle = catalog.bundle(bundle)?.clone();
    let ctx = app.change(caller, wait, observer)?;
    let instance = ctx.store.require(name)?;
    let (blueprint, _) = ctx.store.blueprint_of(instance.record.uuid)?;
    // Its disk stays as large as it is.
    catalog.check_fit(&blueprint, &Bundle { disk: bundle.disk.max(instance.record.disk), ..bundle.clone() })?;
    let planned = resize::plan(&ctx, &instance, &bundle)?;
    if planned.is_none() {
        observer.status(&format!("instance `{name}` has bundle `{}` already, at today's price", bundle.id));
    }
    Ok(Resize { ctx, instance, bundle, planned })
}

impl Resize {
    /// What the instance would have; none: it has it already.
    pub fn plan(&self) -> Option<ResizedView> {
        self.planned.as_ref().map(|planned| view(&self.instance, &self.bundle, planned))
    }

    /// Accepts it: the instance and the host hold what it needs, and nothing that takes time is done yet.
    ///
    /// # Errors
    /// Refused, or busy. Nothing is left then.
    pub fn accept(self, how: How, observer: &mut dyn Observer) -> Result<Accepted<Vec<ResizedView>>> {
        let Self { mut ctx, instance, bundle, .. } = self;
        let Some(accepted) = resize::accept(&mut ctx, &instance, &bundle, observer)? else {
            return Ok(Accepted::without_operation(|_| Ok(Vec::new())));
        };
        Ok(Accepted::new(accepted.operation.clone(), move |observer| {
            let done = resize::run(&mut ctx, accepted, how, observer)?;
            Ok(vec![view(&instance, &bundle, &done)])
        }))
    }
}

fn view(instance: &Instance, bundle: &Bundle, to: &Resizing) -> ResizedView {
    ResizedView {
        name: instance.record.name.to_string(),
        now: SizeView::from(&to.record),
        before: SizeView::from(&instance.record),
        restarts: to.restarts,
        smaller: (bundle.disk < to.record.disk).then_some(bundle.disk),
    }
}
