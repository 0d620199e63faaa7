//! Changes of instances that are named: each is accepted by itself, and run by whoever accepted it.

use crate::{
    app::{Accepted, App, Caller, Right, context::instances, scope::Target},
    engine::Ctx,
    model::{Instance, Name, Observer, Result},
};

/// What can be done to any instance.
pub trait Change {
    /// What the caller gets in the end.
    type View: 'static;
    /// What the caller must have the right to.
    const RIGHT: Right;

    /// Whether it is about more than the instance, as ports of the host are: then it is for who sees the whole host.
    fn is_of_host(&self) -> bool {
        false
    }

    /// What would be done.
    ///
    /// # Errors
    /// It would be refused.
    fn plan(&self, ctx: &Ctx, instance: &Instance) -> Result<Self::View>;

    /// Accepts it for one instance.
    ///
    /// # Errors
    /// Refused, or busy. Nothing is left then.
    fn accept(&self, ctx: Ctx, instance: Instance, observer: &mut dyn Observer) -> Result<Accepted<Self::View>>;
}

/// The instances to change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Targets {
    /// Their names.
    pub names: Vec<Name>,
    /// Wait while something else works on the same instance.
    pub wait: bool,
    /// Say what would be done, and change nothing.
    pub dry_run: bool,
}

/// Accepts a change of one instance: it is in the journal then, and nothing that takes time is done yet. With `wait`
/// that may take until the instance is free.
///
/// # Errors
/// Refused, or busy. Nothing is left then.
pub fn accept<C: Change>(
    app: &App,
    caller: &Caller,
    change: &C,
    (name, wait): (&Name, bool),
    observer: &mut dyn Observer,
) -> Result<Accepted<C::View>> {
    authorise(app, caller, change, std::slice::from_ref(name))?;
    let ctx = app.change(caller, wait, observer)?;
    let instance = ctx.store.require(name)?;
    change.accept(ctx, instance, observer)
}

/// Changes one instance after the other, up to the first that fails.
///
/// # Errors
/// Those of acceptance, and of what fails then.
pub fn run<C: Change>(
    app: &App,
    caller: &Caller,
    change: &C,
    targets: &Targets,
    observer: &mut dyn Observer,
) -> Result<Vec<C::View>> {
    authorise(app, caller, change, &targets.names)?;
    let ctx = app.change(caller, targets.wait, observer)?;
    let instances = instances(&ctx.store, &targets.names)?;
    if targets.dry_run {
        return instances.iter().map(|instance| change.plan(&ctx, instance)).collect();
    }
    one_by_one(app, caller, change, (ctx, targets.wait), instances, observer)
}

fn authorise<C: Change>(app: &App, caller: &Caller, change: &C, names: &[Name]) -> Result<()> {
    if change.is_of_host() {
        app.require(caller, C::RIGHT)?;
    }
    app.authorise(caller, C::RIGHT, Target::Instances(names))
}

/// Changes instances that were found with `ctx`.
pub(super) fn one_by_one<C: Change>(
    app: &App,
    caller: &Caller,
    change: &C,
    (ctx, wait): (Ctx, bool),
    instances: Vec<Instance>,
    observer: &mut dyn Observer,
) -> Result<Vec<C::View>> {
    let mut found_with = Some(ctx);
    let each = instances.into_iter().map(|instance| {
        // Each keeps its context for its run.
        let ctx = found_with.take().map_or_else(|| app.context(caller, wait), Ok)?;
        change.accept(ctx, instance, observer)?.run(observer)
    });
    each.collect()
}
