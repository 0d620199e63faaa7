//! attach and detach: a static address that leads to an instance, in the database and in the packet filter.

use std::net::Ipv4Addr;

use uuid::Uuid;

use crate::{
    engine::{Accepted, Ctx, firewall, journal, lock},
    kill_point,
    model::{Instance, Name, OperationKind, Result, StaticIp},
    store::{Operation, OperationState, operations, static_ips},
};

/// A static address that leads elsewhere from now on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Move {
    /// Its name.
    pub name: Name,
    /// The address.
    pub address: Ipv4Addr,
    /// The instance that it led to.
    pub from: Option<Uuid>,
    /// The instance that it leads to.
    pub to: Option<Uuid>,
}

/// Refused where an instance cannot have one.
pub type Check<'a> = dyn Fn(&Instance) -> Result<()> + 'a;

/// Accepts that the address leads to the instance (attach), or no longer (detach). None: it is so already. The database has it
/// from here on, with the operation that goes on with it.
///
/// # Errors
/// What `check` refuses, an instance that has another address, or busy.
pub fn accept(
    ctx: &mut Ctx,
    instance: &Instance,
    (kind, name): (OperationKind, &Name),
    check: &Check<'_>,
) -> Result<Option<Accepted<Move>>> {
    let lock = lock::take(ctx, instance, kind.as_str())?;
    let host = ctx.host_id();
    let instance = ctx.store.require(&instance.record.name)?;
    check(&instance)?;
    let (own, ip) = (instance.record.uuid, ctx.store.require_static_ip(&host, name)?);
    let to = (kind == OperationKind::AttachStaticIp).then_some(own);
    // One that another command moved on meanwhile is not taken from there.
    if ip.instance == to || to.is_none() && ip.instance != Some(own) {
        return Ok(None);
    }
    let operation = journal::new_operation(ctx, kind, &instance);
    let StaticIp { name, address, instance: from, .. } = ip;
    let moved = Move { name, address, from, to };
    ctx.store.write(|t| {
        static_ips::attach(t, &host, &moved.name, moved.to)?;
        operations::insert(t, &operation)
    })?;
    Ok(Some(Accepted { operation, instance, lock, found: moved }))
}

/// Loads what was accepted.
///
/// # Errors
/// What `nft` says: all is as it was before then.
pub fn run(ctx: &mut Ctx, accepted: Accepted<Move>) -> Result<Move> {
    let Accepted { operation, found: moved, lock: _lock, .. } = accepted;
    let host = ctx.host_id();
    kill_point::reached("intent");
    if let Err(error) = load(ctx) {
        ctx.store.write(|t| static_ips::attach(t, &host, &moved.name, moved.from))?;
        kill_point::reached("undone");
        // What was loaded before is still there, unless only the answer of `nft` was lost.
        let _ = load(ctx);
        return journal::end(ctx, &operation, Err(error));
    }
    kill_point::reached("effect");
    forget_connections(ctx, &moved)?;
    journal::end(ctx, &operation, Ok(moved))
}

fn load(ctx: &Ctx) -> Result<()> {
    firewall::apply(ctx)?;
    ctx.store.write_network_file(&ctx.host_id())
}

/// Packets to the instance that had it are refused by now. But those of a connection that is known would still be translated
/// for that one, and what it began itself would still leave by the address.
fn forget_connections(ctx: &Ctx, moved: &Move) -> Result<()> {
    let before = moved.from.map(|uuid| ctx.store.instance_by_uuid(uuid)).transpose()?.flatten();
    let guest = before.and_then(|instance| instance.record.address);
    let (Some(guest), Some(conntrack)) = (guest, ctx.machine.program("conntrack")) else { return Ok(()) };
    let (address, guest) = (moved.address.to_string(), guest.to_string());
    // It fails where there is none to forget.
    for arguments in
        [["-D", "--orig-dst", &address, "--reply-src", &guest], ["-D", "--orig-src", &guest, "--reply-dst", &address]]
    {
        let _ = ctx.machine.run(&conntrack, &arguments);
    }
    Ok(())
}

/// The process of a change died: what the database has is loaded.
///
/// # Errors
/// The packet filter cannot be reached.
pub fn resume(ctx: &mut Ctx, operation: &Operation) -> Result<String> {
    load(ctx)?;
    ctx.store.end_operation(&operation.id, OperationState::Succeeded, None, ctx.now())?;
    Ok(format!("finished the {} of `{}` that was cut off", operation.kind, operation.resource.name))
}
