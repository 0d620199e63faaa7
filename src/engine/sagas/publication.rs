//! publish and unpublish: ports of the host that lead to an instance, in the database, in the packet filter and in the domain's
//! metadata.

use uuid::Uuid;

use crate::{
    engine::{
        Accepted, Ctx,
        domain::write_record,
        firewall, journal, lock,
        reach::{self, Reach},
    },
    kill_point,
    model::{HostId, Instance, OperationKind, Publication, Record, Result},
    store::{Operation, OperationState, Transaction, operations, publications},
};

/// What comes and what goes.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Difference {
    /// What leads to the instance from now on.
    pub added: Vec<Publication>,
    /// What does no longer.
    pub removed: Vec<Publication>,
}

/// Tells what is to change of an instance as it is now.
pub type Wanted<'a> = dyn Fn(&Ctx, &Instance) -> Result<Difference> + 'a;

impl Difference {
    fn write(&self, t: &Transaction<'_>, host: &HostId, instance: Uuid) -> Result<()> {
        publications::remove(t, host, &self.removed)?;
        publications::insert(t, host, instance, &self.added)
    }

    fn undo(&self) -> Self {
        Self { added: self.removed.clone(), removed: self.added.clone() }
    }
}

/// Accepts a change of what is published; `wanted` tells it. None: there is nothing to do. The database has it from here on,
/// with the operation that goes on with it.
///
/// # Errors
/// What `wanted` refuses, a port that leads elsewhere, or busy.
pub fn accept(
    ctx: &mut Ctx,
    instance: &Instance,
    kind: OperationKind,
    wanted: &Wanted<'_>,
) -> Result<Option<Accepted<Difference>>> {
    let lock = lock::take(ctx, instance, kind.as_str())?;
    // Another command may have changed it before the lock was free.
    let instance = ctx.store.require(&instance.record.name)?;
    let uuid = instance.record.uuid;
    let host = ctx.host_id();
    let difference = wanted(ctx, &instance)?;
    if difference == Difference::default() {
        return Ok(None);
    }
    let operation = journal::new_operation(ctx, kind, &instance);
    ctx.store.write(|t| {
        difference.write(t, &host, uuid)?;
        operations::insert(t, &operation)
    })?;
    Ok(Some(Accepted { operation, instance, lock, found: difference }))
}

/// Loads what was accepted, and tries it from outside: what was added, with how far it is reached.
///
/// # Errors
/// What `nft` says, or [`Code::NotReached`](crate::model::Code): all is as it was before then. What libvirt says of the
/// metadata: the change is in force.
pub fn run(ctx: &mut Ctx, accepted: Accepted<Difference>) -> Result<Vec<(Publication, Reach)>> {
    let Accepted { operation, instance, lock: _lock, found: difference } = accepted;
    kill_point::reached("intent");
    let tried = match load(ctx, &instance.record, &difference) {
        Ok(tried) => tried,
        Err(error) => {
            let (uuid, host) = (instance.record.uuid, ctx.host_id());
            ctx.store.write(|t| difference.undo().write(t, &host, uuid))?;
            kill_point::reached("undone");
            // Where nothing could be loaded, what was loaded before is still there, unless only the answer of `nft` was lost.
            let _ = firewall::apply(ctx);
            return journal::end(ctx, &operation, Err(error)).map(|()| Vec::new());
        }
    };
    for publication in &difference.removed {
        forget_connections(ctx, &instance.record, publication);
    }
    write_record(ctx, instance.record.uuid)
        .map_err(|e| e.hint("it is in force; the virtual machine's record gets it with the next `lite` command"))?;
    kill_point::reached("recorded");
    journal::end(ctx, &operation, Ok(()))?;
    Ok(tried)
}

fn load(ctx: &Ctx, record: &Record, difference: &Difference) -> Result<Vec<(Publication, Reach)>> {
    firewall::apply(ctx)?;
    kill_point::reached("effect");
    let tried = reach::try_all(ctx, record, &difference.added).into_iter();
    let told = |(publication, reach): (&Publication, Reach)| match reach {
        Reach::Refused(network) => Err(reach::refused(publication, &network)),
        Reach::Stopped(closed) => Err(reach::stopped(&publication.end(), &closed)),
        reach => Ok((publication.clone(), reach)),
    };
    tried.map(told).collect()
}

/// Their packets are refused by now. A datagram from the same client would still be translated for the old instance, if
/// another has the port next.
fn forget_connections(ctx: &Ctx, record: &Record, publication: &Publication) {
    let Some(conntrack) = ctx.machine.program("conntrack") else { return };
    let (port, protocol) = (publication.port.to_string(), publication.protocol.as_str());
    let ipv4 = record.address.map(|guest| ("ipv4", guest.to_string()));
    let ipv6 = record.address6.map(|guest| ("ipv6", guest.to_string()));
    for (family, guest) in ipv4.into_iter().chain(ipv6) {
        // It fails where there is none to forget.
        let arguments = ["-D", "-f", family, "-p", protocol, "--orig-port-dst", &port, "--reply-src", &guest];
        let _ = ctx.machine.run(&conntrack, &arguments);
    }
}

/// The process of a change died: what the database has is loaded.
///
/// # Errors
/// The packet filter or libvirt cannot be reached.
pub fn resume(ctx: &mut Ctx, operation: &Operation, uuid: Uuid) -> Result<String> {
    firewall::apply(ctx)?;
    write_record(ctx, uuid)?;
    ctx.store.end_operation(&operation.id, OperationState::Succeeded, None, ctx.now())?;
    Ok(format!("finished the {} of `{}` that was cut off", operation.kind, operation.resource.name))
}
