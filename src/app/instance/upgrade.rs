//! Upgrading what runs in an instance: first what it is about, so that a front end can ask, then the change.

use std::time::Duration;

use jiff::SignedDuration;

use crate::{
    app::{Accepted, App, Caller, Right, elsewhere, scope::Target, sources::catalog},
    catalog::Blueprint,
    engine::{
        Ctx,
        sagas::{snapshot, upgrade},
    },
    model::{Code, Error, Hint, Instance, Name, Observer, Result, Verb},
    store::snapshots,
    view::Changed,
};

/// How long the snapshot stays that an upgrade is begun with.
const KEPT: SignedDuration = SignedDuration::from_hours(7 * 24);

/// An upgrade.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Upgrade {
    /// The instance.
    pub name: Name,
    /// How long the part and the application may take together.
    pub timeout: Duration,
    /// Wait while something else works on the instance.
    pub wait: bool,
}

/// An upgrade that was found to be possible.
pub struct Found {
    ctx: Ctx,
    upgrade: Upgrade,
    instance: Instance,
    blueprint: Blueprint,
}

/// Finds the instance and what its blueprint is today, and refuses what cannot be.
///
/// # Errors
/// What is refused. Nothing is changed.
pub fn find(app: &App, caller: &Caller, upgrade: &Upgrade, observer: &mut dyn Observer) -> Result<Found> {
    app.authorise(caller, Right::Change, Target::instance(&upgrade.name))?;
    let ctx = app.change(caller, upgrade.wait, observer)?;
    let instance = ctx.store.require(&upgrade.name)?;
    let blueprint = of_today(app, &instance)?;
    upgrade::plan(&ctx, &instance, &blueprint)?;
    snapshot::source(&ctx, &instance)?;
    Ok(Found { ctx, upgrade: upgrade.clone(), instance, blueprint })
}

/// The blueprint of an instance as its file is today, whatever it was made from.
fn of_today(app: &App, instance: &Instance) -> Result<Blueprint> {
    let (name, id) = (&instance.record.name, &instance.record.blueprint);
    let known = catalog(&app.settings)?.blueprint(id).cloned().map_err(|e| elsewhere::hint(app, id, e));
    known.map_err(|error| {
        let what = format!("instance `{name}` cannot be upgraded: its blueprint `{id}` is not there, or has faults");
        Error::new(Code::NoUpgrade, what)
            .cause(&error)
            .hint(Hint::new().run(Verb::Blueprints).text(" lists the blueprints, and what is wrong with them"))
    })
}

impl Found {
    /// The blueprint as it is today.
    pub fn blueprint(&self) -> &Blueprint {
        &self.blueprint
    }

    /// The version that the instance is of now.
    pub fn version(&self) -> &str {
        &self.instance.record.blueprint_version
    }

    /// What would be done.
    ///
    /// # Errors
    /// Those of the database.
    pub fn plan(&mut self) -> Result<Changed> {
        let name = &self.instance.record.name;
        let free = self.ctx.store.write(|t| snapshots::free_name(t, name))?;
        let (id, today) = (&self.blueprint.id, &self.blueprint.version);
        let text =
            format!("would be upgraded by version {today} of blueprint `{id}`, with snapshot `{free}` as the way back");
        Ok(Changed::new(name, text))
    }

    /// Accepts it: the operation of the snapshot that it begins with is in the journal then.
    ///
    /// # Errors
    /// What is refused, or busy.
    pub fn accept(self) -> Result<Accepted<Changed>> {
        let Self { mut ctx, upgrade: wanted, instance, blueprint } = self;
        let until = ctx.now().saturating_add(KEPT).unwrap_or(jiff::Timestamp::MAX);
        let accepted = snapshot::accept_until(&mut ctx, &instance, until)?;
        let operation = accepted.operation.clone();
        Ok(Accepted::new(operation, move |observer| {
            let kept = snapshot::run(&mut ctx, accepted, observer)?.snapshot.name;
            observer.status(&format!("the way back is snapshot `{kept}`"));
            let version = blueprint.version.clone();
            let accepted = upgrade::accept(&mut ctx, &instance, blueprint, &kept)?;
            upgrade::run(&mut ctx, accepted, wanted.timeout, observer)?;
            let day = until.strftime("%F");
            let text = format!("upgraded by version {version}; snapshot `{kept}` of before is kept until {day}");
            Ok(Changed::new(&wanted.name, text))
        }))
    }
}
