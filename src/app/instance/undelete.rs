//! Deleted instances that are kept: which there are, and how one comes back.

use std::time::Duration;

use uuid::Uuid;

use super::change::Change;
use crate::{
    app::{
        Accepted, App, Caller, Right,
        scope::{self, Sight, deleted_list, no_deleted_id},
        sources::catalog,
    },
    engine::{
        Ctx,
        sagas::{start, undelete},
    },
    model::{Code, Error, Hint, Instance, Name, Observer, Result, Verb},
    view::{Changed, DeletedRow},
};

/// A deleted instance, as somebody names it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Deleted {
    /// By its name; of several of one name the one that was deleted last.
    Name(Name),
    /// By its id.
    Id(Uuid),
}

impl Deleted {
    fn target(&self) -> scope::Target<'_> {
        match self {
            Self::Name(name) => scope::Target::instance(name),
            Self::Id(id) => scope::Target::Id(*id),
        }
    }
}

/// An undelete.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Undelete {
    /// Its name from now on; none: the one that it had.
    pub name: Option<Name>,
    /// Start it, if it ran.
    pub start: bool,
    /// How long its application may take until it answers; none: nobody waits for it.
    pub until_ready: Option<Duration>,
}

/// What is to be brought back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    /// Which.
    pub deleted: Deleted,
    /// Wait while something else works on the same instance.
    pub wait: bool,
    /// Say what would be done, and change nothing.
    pub dry_run: bool,
}

/// The deleted instances that are kept, the one that goes next first.
///
/// # Errors
/// Those of the database.
pub fn list(app: &App, caller: &Caller, observer: &mut dyn Observer) -> Result<Vec<DeletedRow>> {
    app.authorise(caller, Right::Read, scope::Target::Sorted)?;
    let Some(store) = app.store(caller, observer)? else { return Ok(Vec::new()) };
    let sight = Sight::of(&store, &app.settings.host.id, caller)?;
    let kept = store.kept(&app.settings.host.id)?;
    let seen = kept.iter().filter(|instance| sight.instance(instance.record.uuid));
    Ok(seen.filter_map(|instance| DeletedRow::of(&instance.record)).collect())
}

/// Brings a deleted instance back.
///
/// # Errors
/// There is none of that name or id, or those of the acceptance and of what fails then.
pub fn run(
    app: &App,
    caller: &Caller,
    undelete: &Undelete,
    target: &Target,
    observer: &mut dyn Observer,
) -> Result<Changed> {
    if !target.dry_run {
        return accept(app, caller, undelete, target, observer)?.run(observer);
    }
    app.authorise(caller, Undelete::RIGHT, target.deleted.target())?;
    let ctx = app.change(caller, target.wait, observer)?;
    undelete.plan(&ctx, &find(&ctx, &target.deleted, observer)?)
}

/// Accepts an undelete: it is in the journal then, and nothing that takes time is done yet.
///
/// # Errors
/// There is none of that name or id, it is refused, or busy. Nothing is left then.
pub fn accept(
    app: &App,
    caller: &Caller,
    undelete: &Undelete,
    target: &Target,
    observer: &mut dyn Observer,
) -> Result<Accepted<Changed>> {
    app.authorise(caller, Undelete::RIGHT, target.deleted.target())?;
    let ctx = app.change(caller, target.wait, observer)?;
    let instance = find(&ctx, &target.deleted, observer)?;
    undelete.accept(ctx, instance, observer)
}

fn find(ctx: &Ctx, deleted: &Deleted, observer: &mut dyn Observer) -> Result<Instance> {
    let is_it = |instance: &Instance| match deleted {
        Deleted::Name(name) => instance.record.name == *name,
        Deleted::Id(id) => instance.record.uuid == *id,
    };
    let mut found: Vec<Instance> = ctx.store.kept(&ctx.host_id())?.into_iter().filter(is_it).collect();
    let Some(latest) = found.pop() else { return Err(no_such(ctx, deleted)?) };
    if let (Some(before), Deleted::Name(name)) = (found.last(), deleted) {
        let id = &before.record.uuid;
        let hint = Hint::from(format!("{} deleted instances are called `{name}`: ", found.len() + 1));
        let hint = hint.text("the one that was deleted last comes back; another by its id, such as ");
        observer.status(&hint.run_with(Verb::Undelete, &[id]));
    }
    Ok(latest)
}

fn no_such(ctx: &Ctx, deleted: &Deleted) -> Result<Error> {
    Ok(match deleted {
        Deleted::Id(id) => no_deleted_id(*id),
        Deleted::Name(name) if ctx.store.instance(name)?.is_some() => {
            Error::new(Code::NoSuchInstance, format!("instance `{name}` is not deleted")).hint(deleted_list())
        }
        Deleted::Name(name) => {
            Error::new(Code::NoSuchInstance, format!("no deleted instance `{name}` is kept")).hint(deleted_list())
        }
    })
}

impl Change for Undelete {
    type View = Changed;
    const RIGHT: Right = Right::Change;

    fn plan(&self, ctx: &Ctx, instance: &Instance) -> Result<Changed> {
        let name = undelete::plan(ctx, instance, self.name.as_ref())?;
        Ok(Changed::new(&name, "would be brought back"))
    }

    fn accept(&self, mut ctx: Ctx, instance: Instance, observer: &mut dyn Observer) -> Result<Accepted<Changed>> {
        // Today's parts, whichever version it was made from.
        let catalog = catalog(&ctx.settings).ok();
        let blueprint = catalog.as_ref().and_then(|all| all.blueprint(&instance.record.blueprint).ok());
        let accepted = undelete::accept(&mut ctx, &instance, (self.name.as_ref(), blueprint), observer)?;
        let Self { start, until_ready, .. } = *self;
        Ok(Accepted::new(accepted.operation.clone(), move |observer| {
            let (back, found) = undelete::run(&mut ctx, accepted)?;
            if let Some(address) = back.record.address.filter(|_| found.moved) {
                let text = format!("its address is {address} now, as another instance has the one that it had: ");
                observer.warn(&Hint::from(text).text(match found.is_told {
                    true => "its application is told when the guest starts",
                    false => "what its application keeps of the old one is as it was",
                }));
            }
            let runs = start && found.kept.running;
            if runs {
                start_again(&mut ctx, &back, until_ready, observer)?;
            }
            Ok(Changed::new(&back.record.name, if runs { "back, running" } else { "back, stopped" }))
        }))
    }
}

/// It is back by now, whatever comes of its start.
fn start_again(
    ctx: &mut Ctx,
    back: &Instance,
    until_ready: Option<Duration>,
    observer: &mut dyn Observer,
) -> Result<()> {
    let started = start::accept(ctx, back, observer)
        .and_then(|accepted| accepted.map_or(Ok(()), |accepted| start::run(ctx, accepted, until_ready, observer)));
    started.map_err(|error| error.within(format!("instance `{}` is back, but its start failed", back.record.name)))
}
