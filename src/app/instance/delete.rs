//! Deleting instances: first what it is about, so that a front end can ask, then the change.

use crate::{
    app::{App, Caller, Right},
    engine::{self, Ctx},
    model::{Instance, Name, Observer, Result},
    view::Receipt,
};

/// Instances found for deletion.
pub struct Deletion {
    ctx: Ctx,
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
    Ok(Deletion { ctx, instances })
}

impl Deletion {
    /// Whether there is nothing to delete.
    pub fn is_empty(&self) -> bool {
        self.instances.is_empty()
    }

    /// What would be removed and kept.
    pub fn plan(&self) -> Vec<Receipt> {
        self.instances.iter().map(|i| receipt(i, engine::plan_delete(i))).collect()
    }

    /// Deletes the instances.
    pub fn run(mut self) -> Result<Vec<Receipt>> {
        let mut receipts = Vec::new();
        for instance in &self.instances {
            receipts.push(receipt(instance, engine::delete(&mut self.ctx, instance)?));
        }
        Ok(receipts)
    }
}

fn receipt(instance: &Instance, receipt: engine::Receipt) -> Receipt {
    Receipt { name: instance.record.name.to_string(), removed: receipt.removed, kept: receipt.kept }
}
