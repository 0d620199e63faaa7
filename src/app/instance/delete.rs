//! Deleting instances: first what it is about, so that a front end can ask, then the change.

use std::time::Duration;

use super::change::{self, Change};
use crate::{
    app::{Accepted, App, Caller, Right, scope::Target},
    engine::{
        self, Ctx,
        removal::purge::{self, Reason},
        sagas::delete,
    },
    model::{Code, Error, Hint, Instance, Name, Observer, Phase, Result, Verb},
    view::Receipt,
};

/// A delete.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Delete {
    /// For good: the instance is not kept.
    pub now: bool,
}

impl Delete {
    /// For how long the instance is kept; none: not at all.
    fn keep(self, ctx: &Ctx) -> Option<Duration> {
        (!self.now).then_some(ctx.settings.keep_deleted)
    }
}

impl Change for Delete {
    type View = Receipt;
    const RIGHT: Right = Right::Change;

    fn plan(&self, ctx: &Ctx, instance: &Instance) -> Result<Receipt> {
        Ok(receipt(instance, engine::plan_delete(ctx, instance, self.keep(ctx))?))
    }

    fn accept(&self, mut ctx: Ctx, instance: Instance, _: &mut dyn Observer) -> Result<Accepted<Receipt>> {
        if instance.phase == Phase::Kept {
            return purge(ctx, instance);
        }
        let keep = self.keep(&ctx);
        let accepted = delete::accept(&mut ctx, &instance, keep)?;
        Ok(Accepted::new(accepted.operation.clone(), move |observer| {
            let removed = delete::run(&mut ctx, accepted, observer)?;
            Ok(receipt(&instance, removed))
        }))
    }
}

/// Deletes for good what is deleted, and kept.
fn purge(mut ctx: Ctx, instance: Instance) -> Result<Accepted<Receipt>> {
    let name = &instance.record.name;
    let Some(accepted) = purge::accept(&mut ctx, &instance)? else {
        return Err(Error::new(
            Code::Busy,
            format!("the deleted instance `{name}` is being brought back, or goes already"),
        )
        .hint(Hint::new().run(Verb::Operations).text(" shows what is under way")));
    };
    Ok(Accepted::new(accepted.operation.clone(), move |_| {
        let removed = purge::run(&mut ctx, accepted, Reason::Asked)?;
        Ok(receipt(&instance, removed))
    }))
}

/// Instances found for deletion.
pub struct Deletion {
    delete: Delete,
    caller: Caller,
    ctx: Ctx,
    wait: bool,
    instances: Vec<Instance>,
}

/// Finds the instances named. Deleting twice is a success that is said.
///
/// # Errors
/// There is no instance of a name, or it is protected.
pub fn find(
    app: &App,
    caller: &Caller,
    names: &[Name],
    (delete, wait): (Delete, bool),
    observer: &mut dyn Observer,
) -> Result<Deletion> {
    app.authorise(caller, Right::Change, Target::Instances(names))?;
    let ctx = app.change(caller, wait, observer)?;
    let mut instances = Vec::new();
    for name in names {
        match ctx.store.require(name) {
            Ok(instance) => {
                engine::check_deletable(&instance)?;
                instances.push(instance);
            }
            Err(e) => match ctx.store.kept_of(&ctx.host_id(), name)? {
                Some(kept) if delete.now => instances.push(kept),
                Some(kept) => {
                    let again = Hint::new().run_with(Verb::Delete, &[name, &"--now"]).text(" removes it for good");
                    let text = format!("instance `{name}` is deleted already: {}; ", kept.record.way_back());
                    observer.status(&Hint::from(text).then(again));
                }
                None if ctx.store.was_deleted(name)? => {
                    observer.status(&format!("instance `{name}` is deleted already"));
                }
                None => return Err(e),
            },
        }
    }
    Ok(Deletion { delete, caller: caller.clone(), ctx, wait, instances })
}

impl Deletion {
    /// Whether there is nothing to delete.
    pub fn is_empty(&self) -> bool {
        self.instances.is_empty()
    }

    /// The ports of the host that lead to them, and the domains.
    ///
    /// # Errors
    /// Those of the database.
    pub fn published(&self) -> Result<Vec<String>> {
        let mut all: Vec<String> =
            self.instances.iter().flat_map(|i| &i.record.published).map(ToString::to_string).collect();
        for instance in &self.instances {
            let sites = engine::sagas::site::of(&self.ctx, instance.record.uuid)?;
            all.extend(sites.into_iter().map(|site| site.domain.to_string()));
        }
        Ok(all)
    }

    /// What would be removed and kept.
    ///
    /// # Errors
    /// Those of the database.
    pub fn plan(&self) -> Result<Vec<Receipt>> {
        self.instances.iter().map(|instance| self.delete.plan(&self.ctx, instance)).collect()
    }

    /// Whether none of them can be brought back afterwards.
    ///
    /// # Errors
    /// Those of [`Self::plan`].
    pub fn is_for_good(&self) -> Result<bool> {
        Ok(self.plan()?.iter().all(|receipt| receipt.kept_until.is_none()))
    }

    /// Deletes the instances.
    ///
    /// # Errors
    /// What could not be removed.
    pub fn run(self, app: &App, observer: &mut dyn Observer) -> Result<Vec<Receipt>> {
        change::one_by_one(app, &self.caller, &self.delete, (self.ctx, self.wait), self.instances, observer)
    }
}

fn receipt(instance: &Instance, receipt: engine::Receipt) -> Receipt {
    let engine::Receipt { removed, kept, until } = receipt;
    Receipt { name: instance.record.name.to_string(), removed, kept, kept_until: until }
}
