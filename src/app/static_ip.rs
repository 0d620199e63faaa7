//! Static addresses: kept by name, and led to one instance after the other.

mod choose;

use std::{collections::HashMap, net::Ipv4Addr};

use uuid::Uuid;

use super::{
    Accepted, App, Caller, Right,
    scope::{Sight, Target},
};
use crate::{
    engine::{
        Ctx,
        sagas::static_ip::{self, Move},
    },
    model::{
        AuditAction, Code, Error, Hint, Instance, Name, NetworkMode, Observer, OperationKind, ResourceKind, Result,
        StaticIp, Verb,
    },
    view::{Changed, StaticIpRow},
};

/// Keeps an address: the given one, or a free one of the NAT network. In a dry run it is only told which.
///
/// # Errors
/// Refused: a name or an address that is taken, or an address that is neither the host's nor the network's.
pub fn allocate(
    app: &App,
    caller: &Caller,
    (name, wanted): (&Name, Option<Ipv4Addr>),
    dry_run: bool,
    observer: &mut dyn Observer,
) -> Result<StaticIpRow> {
    app.require(caller, Right::Change)?;
    let mut ctx = app.change(caller, false, observer)?;
    if !dry_run {
        ctx.store.audited(app.done(caller, AuditAction::AllocateStaticIp).about(ResourceKind::StaticIp, name));
    }
    let ip = choose::allocate(&mut ctx, name, wanted, dry_run)?;
    row(&ctx, ip)
}

/// Accepts that a static address leads to an instance from now on, wherever it led before.
///
/// # Errors
/// Refused: an instance on a bridge, or with another static address; or busy.
pub fn attach(
    app: &App,
    caller: &Caller,
    (name, instance): (&Name, &Name),
    (wait, dry_run): (bool, bool),
    observer: &mut dyn Observer,
) -> Result<Accepted<StaticIpRow>> {
    app.require(caller, Right::Change)?;
    let ctx = app.change(caller, wait, observer)?;
    let (ip, instance) = (ctx.store.require_static_ip(&ctx.host_id(), name)?, ctx.store.require(instance)?);
    check_instance(&instance)?;
    if dry_run {
        let ip = StaticIp { instance: Some(instance.record.uuid), ..ip };
        let row = row(&ctx, ip)?;
        return Ok(Accepted::without_operation(move |_| Ok(row)));
    }
    change(ctx, instance, OperationKind::AttachStaticIp, ip.name)
}

/// Accepts that a static address leads nowhere.
///
/// # Errors
/// Refused: no such address; or busy.
pub fn detach(
    app: &App,
    caller: &Caller,
    name: &Name,
    (wait, dry_run): (bool, bool),
    observer: &mut dyn Observer,
) -> Result<Accepted<StaticIpRow>> {
    app.require(caller, Right::Change)?;
    let ctx = app.change(caller, wait, observer)?;
    let ip = ctx.store.require_static_ip(&ctx.host_id(), name)?;
    let instance = ip.instance.map(|uuid| ctx.store.instance_by_uuid(uuid)).transpose()?.flatten();
    match instance.filter(|_| !dry_run) {
        Some(instance) => change(ctx, instance, OperationKind::DetachStaticIp, ip.name),
        None => {
            let row = row(&ctx, StaticIp { instance: None, ..ip })?;
            Ok(Accepted::without_operation(move |_| Ok(row)))
        }
    }
}

/// Gives an address back.
///
/// # Errors
/// Refused while it leads to an instance.
pub fn release(app: &App, caller: &Caller, name: &Name, dry_run: bool, observer: &mut dyn Observer) -> Result<Changed> {
    app.require(caller, Right::Change)?;
    let mut ctx = app.change(caller, false, observer)?;
    if !dry_run {
        ctx.store.audited(app.done(caller, AuditAction::ReleaseStaticIp).about(ResourceKind::StaticIp, name));
    }
    let ip = choose::release(&mut ctx, name, dry_run)?;
    let done = if dry_run { "would be released" } else { "released" };
    Ok(Changed::new(name, format!("{} {done}", ip.address)))
}

/// The static addresses, by name. Nothing is changed, and no database is made.
///
/// # Errors
/// Those of the database.
pub fn list(app: &App, caller: &Caller, observer: &mut dyn Observer) -> Result<Vec<StaticIpRow>> {
    app.authorise(caller, Right::Read, Target::Sorted)?;
    let Some(store) = app.store(caller, observer)? else { return Ok(Vec::new()) };
    let sight = Sight::of(&store, &app.settings.host.id, caller)?;
    let names = names(&store.instances()?);
    let all = store.static_ips(&app.settings.host.id)?.into_iter();
    // One that leads nowhere is nobody's: it is seen by who sees the whole host.
    let seen = all.filter(|ip| ip.instance.map_or(caller.scope().is_all(), |id| sight.instance(id)));
    Ok(seen.map(|ip| view(ip, &names)).collect())
}

/// One static address.
///
/// # Errors
/// There is none of that name.
pub fn show(app: &App, caller: &Caller, name: &Name, observer: &mut dyn Observer) -> Result<StaticIpRow> {
    app.authorise(caller, Right::Read, Target::StaticIp(name))?;
    let store = app.store(caller, observer)?.map_or_else(|| app.new_store(), Ok)?;
    let ip = store.require_static_ip(&app.settings.host.id, name)?;
    Ok(view(ip, &names(&store.instances()?)))
}

fn change(mut ctx: Ctx, instance: Instance, kind: OperationKind, name: Name) -> Result<Accepted<StaticIpRow>> {
    let accepted = static_ip::accept(&mut ctx, &instance, (kind, &name), &check_instance)?;
    let after = move |ctx: &Ctx| row(ctx, ctx.store.require_static_ip(&ctx.host_id(), &name)?);
    let Some(accepted) = accepted else { return Ok(Accepted::without_operation(move |_| after(&ctx))) };
    Ok(Accepted::new(accepted.operation.clone(), move |observer| {
        let Move { from, to, .. } = static_ip::run(&mut ctx, accepted)?;
        if let (Some(from), Some(_)) = (from, to)
            && let Some(before) = ctx.store.instance_by_uuid(from)?
        {
            observer.status(&format!("it led to `{}` before", before.record.name));
        }
        after(&ctx)
    }))
}

/// Refused for an instance on a bridge: its address is for the LAN to give.
fn check_instance(instance: &Instance) -> Result<()> {
    if instance.record.network == NetworkMode::Nat {
        return Ok(());
    }
    let record = &instance.record;
    Err(Error::new(Code::NotPublishable, format!("instance `{}` is on a network of its own", record.name)).hint(
        Hint::from(format!(
            "its address there is given by that network: have its DHCP server keep one for {}",
            record.mac
        ))
        .text("; ")
        .run_with(Verb::Show, &[&record.name])
        .text(" shows the one it has"),
    ))
}

/// What the instances are called.
type Names = HashMap<Uuid, Name>;

fn names(instances: &[Instance]) -> Names {
    instances.iter().map(|i| (i.record.uuid, i.record.name.clone())).collect()
}

fn row(ctx: &Ctx, ip: StaticIp) -> Result<StaticIpRow> {
    Ok(view(ip, &names(&ctx.store.instances()?)))
}

fn view(ip: StaticIp, names: &Names) -> StaticIpRow {
    let instance = ip.instance.and_then(|uuid| names.get(&uuid)).map(ToString::to_string);
    StaticIpRow { name: ip.name.into(), address: ip.address, instance, created_at: ip.created_at }
}
