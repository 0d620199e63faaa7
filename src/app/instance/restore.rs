//! Restoring an instance to one of its snapshots: first what it is about, so that a front end can ask, then the change.

use std::time::Duration;

use crate::{
    app::{Accepted, App, Caller, Right, scope::Target},
    engine::{
        Ctx,
        restored_disks::RestoredDisks,
        sagas::{
            restore::{self, How, Plan, Restored},
            snapshot,
        },
    },
    model::{Hint, Instance, Name, Observer, Result, Snapshot, Verb},
    store::snapshots,
    view::Changed,
};

/// How long a guest may take to power off before the plug is pulled.
const GRACE: Duration = Duration::from_secs(30);

/// A restore.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Restore {
    /// The instance.
    pub name: Name,
    /// Its snapshot.
    pub snapshot: Name,
    /// Keep the disk of now as a snapshot first.
    pub keep: bool,
    /// Pull the plug instead of asking the guest to power off.
    pub force: bool,
    /// How long its application may take until it answers; none: nobody waits for it, and it is not gone back if it does not.
    pub until_ready: Option<Duration>,
    /// Wait while something else works on the instance.
    pub wait: bool,
}

/// A restore that was found to be possible.
pub struct Found {
    ctx: Ctx,
    restore: Restore,
    instance: Instance,
    plan: Plan,
}

/// Finds the instance and its snapshot, and refuses what cannot be.
///
/// # Errors
/// What is refused. Nothing is changed.
pub fn find(app: &App, caller: &Caller, restore: &Restore, observer: &mut dyn Observer) -> Result<Found> {
    app.authorise(caller, Right::Change, Target::instance(&restore.name))?;
    app.authorise(caller, Right::Change, Target::Snapshots(std::slice::from_ref(&restore.snapshot)))?;
    let ctx = app.change(caller, restore.wait, observer)?;
    let instance = ctx.store.require(&restore.name)?;
    let plan = restore::plan(&ctx, &instance, &restore.snapshot)?;
    if restore.keep {
        snapshot::source(&ctx, &instance).map_err(|error| {
            let again = Hint::from("without a snapshot of the disk of now: ");
            error.hint(again.run_with(Verb::Restore, &[&restore.name, &restore.snapshot, &"--no-keep"]))
        })?;
    }
    Ok(Found { ctx, restore: restore.clone(), instance, plan })
}

impl Found {
    /// The snapshot that it goes back to.
    pub fn snapshot(&self) -> &Snapshot {
        &self.plan.snapshot
    }

    /// What becomes of the disks that the instance was given: those that go back, and then the others.
    pub fn disks(&self) -> [String; 2] {
        disks(&self.plan.disks)
    }

    /// What would be done.
    ///
    /// # Errors
    /// Those of the database.
    pub fn plan(&mut self) -> Result<Changed> {
        let name = &self.instance.record.name;
        let [with, others] = self.disks();
        let then = if self.plan.runs { "and started" } else { "and stay stopped" };
        let kept = match self.restore.keep {
            true => {
                let free = self.ctx.store.write(|t| snapshots::free_name(t, name))?;
                format!("; the disk of now would be snapshot `{free}`")
            }
            false => "; the disk of now would be lost".to_owned(),
        };
        let snapshot = &self.plan.snapshot.name;
        Ok(Changed::new(name, format!("would be restored to `{snapshot}`{with} {then}{kept}{others}")))
    }

    /// Accepts it: an operation is in the journal then, of the snapshot of the disk of now if there is to be one.
    ///
    /// # Errors
    /// What is refused, or busy.
    pub fn accept(self, observer: &mut dyn Observer) -> Result<Accepted<Changed>> {
        let Self { mut ctx, restore, instance, plan } = self;
        let disks = disks(&plan.disks);
        if !restore.keep {
            let accepted = restore::accept(&mut ctx, &instance, &restore.snapshot, observer)?;
            let operation = accepted.operation.clone();
            return Ok(Accepted::new(operation, move |observer| {
                let how = restore.how();
                let restored = restore::run(&mut ctx, accepted, how, observer)?;
                Ok(told(&restore, restored, &disks))
            }));
        }
        let accepted = snapshot::accept(&mut ctx, &instance, None)?;
        let operation = accepted.operation.clone();
        Ok(Accepted::new(operation, move |observer| {
            let kept = snapshot::run(&mut ctx, accepted, observer)?.snapshot.name;
            let text = format!("the disk of now is kept as snapshot `{kept}`");
            observer.status(&text);
            let accepted = restore::accept(&mut ctx, &instance, &restore.snapshot, observer)?;
            let restored = restore::run(&mut ctx, accepted, restore.how(), observer)?;
            Ok(told(&restore, restored, &disks))
        }))
    }
}

impl Restore {
    fn how(&self) -> How {
        How { grace: if self.force { Duration::ZERO } else { GRACE }, until_ready: self.until_ready }
    }
}

fn told(restore: &Restore, restored: Restored, [with, others]: &[String; 2]) -> Changed {
    let state = if restored.runs { "running" } else { "stopped" };
    let held = match (restored.is_own, restored.runs) {
        (true, _) => String::new(),
        (false, true) => format!("; snapshot `{}` is in use for a while yet", restore.snapshot),
        (false, false) => format!("; snapshot `{}` is in use until it ran", restore.snapshot),
    };
    Changed::new(&restore.name, format!("restored{with}, {state}{held}{others}"))
}

/// Those that go back, and what becomes of the others: ` with disk `data``, and `; disk `logs` is not in it and stays as it is`.
fn disks(sorted: &RestoredDisks) -> [String; 2] {
    let named = |names: Vec<&Name>| {
        let quoted: Vec<String> = names.iter().map(|name| format!("`{name}`")).collect();
        let word = if quoted.len() == 1 { "disk" } else { "disks" };
        (!quoted.is_empty()).then(|| format!("{word} {}", quoted.join(", ")))
    };
    let back = named(sorted.back.iter().map(|one| &one.name).collect());
    let stay = named(sorted.stay.iter().collect()).map(|names| format!("; not in it: {names}, as now"));
    let left =
        named(sorted.left.iter().collect()).map(|names| format!("; left out, as not attached any more: {names}"));
    [back.map_or_else(String::new, |names| format!(" with {names}")), [stay, left].into_iter().flatten().collect()]
}
