//! publish and unpublish of a domain: in the database, in the packet filter, and in the web front.

use uuid::Uuid;

use crate::{
    engine::{Accepted, Ctx, domain::write_record, firewall, journal, lock, proxy, served},
    kill_point,
    model::{Domain, Hint, HostId, Instance, OperationKind, Result, Site},
    store::{Transaction, operations, sites},
};

/// What comes and what goes.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Difference {
    /// What leads to the instance from now on.
    pub added: Vec<Site>,
    /// What does no longer.
    pub removed: Vec<Site>,
}

/// Tells what is to change, by the sites of an instance now.
pub type Wanted<'a> = dyn Fn(&Ctx, &Instance, &[Site]) -> Result<Difference> + 'a;

impl Difference {
    fn write(&self, t: &Transaction<'_>, host: &HostId, instance: Uuid, now: jiff::Timestamp) -> Result<()> {
        sites::remove(t, host, &self.removed, now)?;
        sites::insert(t, host, instance, &self.added, now)
    }

    fn undo(&self) -> Self {
        Self { added: self.removed.clone(), removed: self.added.clone() }
    }
}

/// Accepts a change of the sites of an instance; `wanted` tells it by those that it has now. None: there is nothing to do. The
/// database has it from here on, with the operation that goes on with it.
///
/// # Errors
/// What `wanted` refuses, a domain that leads elsewhere, or busy.
pub fn accept(
    ctx: &mut Ctx,
    instance: &Instance,
    kind: OperationKind,
    wanted: &Wanted<'_>,
) -> Result<Option<Accepted<Difference>>> {
    let lock = lock::take(ctx, instance, kind.as_str())?;
    // Another command may have changed it before the lock was free.
    let instance = ctx.store.require(&instance.record.name)?;
    let (uuid, host, now) = (instance.record.uuid, ctx.host_id(), ctx.now());
    let difference = wanted(ctx, &instance, &of(ctx, uuid)?)?;
    if difference == Difference::default() {
        return Ok(None);
    }
    let operation = journal::new_operation(ctx, kind, &instance);
    ctx.store.write(|t| {
        difference.write(t, &host, uuid, now)?;
        operations::insert(t, &operation)
    })?;
    Ok(Some(Accepted { operation, instance, lock, found: difference }))
}

/// The sites of an instance.
///
/// # Errors
/// Those of the database.
pub fn of(ctx: &Ctx, instance: Uuid) -> Result<Vec<Site>> {
    let all = ctx.store.sites_on(&ctx.host_id())?;
    Ok(all.into_iter().filter(|row| row.instance == instance).map(|row| row.site).collect())
}

/// Serves what was accepted, and tries the ports from outside: what there is to say of that. The domain of a new site answers over
/// HTTP then; its certificate comes next.
///
/// # Errors
/// What the packet filter or HAProxy says, or [`Code::NotReached`](crate::model::Code): all is as it was before then.
pub fn run(ctx: &mut Ctx, accepted: Accepted<Difference>) -> Result<Option<Hint>> {
    let Accepted { operation, instance, lock: _lock, found: difference } = accepted;
    let (uuid, host, now) = (instance.record.uuid, ctx.host_id(), ctx.now());
    kill_point::reached("intent");
    let tried = load(ctx)
        .and_then(|()| if difference.added.is_empty() { Ok(None) } else { served::from_outside(ctx, &Domain::PORTS) });
    let doubt = match tried {
        Ok(doubt) => doubt,
        Err(error) => {
            ctx.store.write(|t| difference.undo().write(t, &host, uuid, now))?;
            kill_point::reached("undone");
            // What was loaded before is still there, unless only an answer was lost, or nothing comes in from outside.
            let _ = load(ctx);
            return journal::end(ctx, &operation, Err(error)).map(|()| None);
        }
    };
    write_record(ctx, uuid)
        .map_err(|e| e.hint("it is in force; the virtual machine's record gets it with the next `lite` command"))?;
    kill_point::reached("recorded");
    journal::end(ctx, &operation, Ok(()))?;
    Ok(doubt)
}

/// Guests may reach the web front before it leads to them, and no longer once it does not.
fn load(ctx: &mut Ctx) -> Result<()> {
    firewall::apply(ctx)?;
    proxy::apply(ctx)
}
