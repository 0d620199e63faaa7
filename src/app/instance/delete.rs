//! Deleting instances: first what it is about, so that a front end can ask, then the change.

use super::change::{self, Change};
use crate::{
    app::{Accepted, App, Caller, Right},
    engine::{self, Ctx, sagas::delete},
    model::{Instance, Name, Observer, Result, Unobserved},
    view::Receipt,
};

/// A delete.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Delete;

impl Change for Delete {
    type View = Receipt;
    const RIGHT: Right = Right::Change;

    fn plan(&self, ctx: &Ctx, instance: &Instance) -> Result<Receipt> {
        Ok(receipt(instance, engine::plan_delete(ctx, instance)?))
    }

    fn accept(&self, mut ctx: Ctx, instance: Instance, _: &mut dyn Observer) -> Result<Accepted<Receipt>> {
        let accepted = delete::accept(&mut ctx, &instance)?;
        Ok(Accepted::new(accepted.operation.clone(), move |_| {
            let removed = delete::run(&mut ctx, accepted)?;
            Ok(receipt(&instance, removed))
        }))
    }
}

/// Instances found for deletion.
pub struct Deletion {
    caller: Caller,
    ctx: Ctx,
    wait: bool,
    instances: Vec<Instance>,
}

/// Finds the instances named. Deleting twice is a success that is said.
pub fn find(app: &App, caller: &Caller, names: &[Name], wait: bool, observer: &mut dyn Observer) -> Result<Deletion> {
    caller.require(Right::Change)?;
    let ctx = app.change(caller, wait, observer)?;
    let mut instances = Vec::new();
    for name in names {
        match ctx.store.require(name) {
            Ok(instance) => {
                engine::check_deletable(&instance)?;
                instances.push(instance);
            }
            Err(_) if ctx.store.was_deleted(name)? => {
                observer.status(&format!("instance `{name}` is deleted already"));
            }
            Err(e) => return Err(e),
        }
    }
    Ok(Deletion { caller: caller.clone(), ctx, wait, instances })
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
        self.instances.iter().map(|instance| Delete.plan(&self.ctx, instance)).collect()
    }

    /// Deletes the instances.
    pub fn run(self, app: &App) -> Result<Vec<Receipt>> {
        change::one_by_one(app, &self.caller, &Delete, (self.ctx, self.wait), self.instances, &mut Unobserved)
    }
}

fn receipt(instance: &Instance, receipt: engine::Receipt) -> Receipt {
    Receipt { name: instance.record.name.to_string(), removed: receipt.removed, kept: receipt.kept }
}
