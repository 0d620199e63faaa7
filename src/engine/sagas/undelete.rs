//! undelete: a deleted instance that is kept comes back, with its disks, its secrets, its alarms and what its firewall lets in.
//! Always forward: what was reserved for it stays reserved.

use std::net::Ipv4Addr;

use uuid::Uuid;

use crate::{
    catalog::Blueprint,
    engine::{
        Accepted, Ctx, Observer, allocate,
        domain::{require_disks, write_record},
        firewall, handover, host, journal,
        lock::Lock,
        names, reports,
    },
    kill_point,
    model::{
        Code, DesiredState, Error, Hint, Instance, Kept, Name, OperationKind, Phase, Record, ResourceKind, Result, Verb,
    },
    plan::{Step, Subnet},
    render::{Former, Move, meta_data, network_config, renamed, with_move},
    store::{CleanSeed, Operation, instances, kept, operations},
};

/// What an undelete was accepted with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Found {
    /// What was remembered of the instance.
    pub kept: Kept,
    /// Whether it has another address now.
    pub moved: bool,
    /// Whether its application is told of that: its blueprint has a part for it.
    pub is_told: bool,
}

/// The name that an instance would have: its own, or `name`.
///
/// # Errors
/// Refused where it is taken, or what is kept is not whole.
pub fn plan(ctx: &Ctx, deleted: &Instance, name: Option<&Name>) -> Result<Name> {
    let name = name.unwrap_or(&deleted.record.name);
    require_whole(ctx, deleted)?;
    ctx.store.refuse_taken(ResourceKind::Instance, name.as_str())?;
    Ok(name.clone())
}

/// Accepts an undelete: the name, its own or `name`, is its again, and its address, or another where somebody has that. Then its
/// application is told by the parts of this blueprint; none: by those of the one that it was made from.
///
/// # Errors
/// Refused where the name is taken, what is kept is not whole, or its guest cannot learn another name or address. Nothing is
/// changed then.
pub fn accept(
    ctx: &mut Ctx,
    deleted: &Instance,
    (name, blueprint): (Option<&Name>, Option<&Blueprint>),
    observer: &mut dyn Observer,
) -> Result<Accepted<Found>> {
    let (uuid, old) = (deleted.record.uuid, &deleted.record.name);
    let verb = OperationKind::Undelete.as_str();
    let lock = Lock::acquire(&ctx.locks(), uuid, old.as_str(), verb, &*ctx.clock, ctx.wait)?;
    let now = ctx.store.instance_by_uuid(uuid)?.filter(|now| now.phase == Phase::Kept);
    let Some((now, kept)) = now.and_then(|now| now.record.kept.map(|kept| (now, kept))) else {
        return Err(Error::new(Code::NoSuchInstance, format!("instance `{old}` is not kept any more"))
            .hint(Hint::new().run_with(Verb::List, &[&"--deleted"]).text(" shows those that are")));
    };
    if handover::is_left_open(ctx, uuid)? {
        return Err(Error::new(Code::Busy, format!("the delete of `{old}` was cut off and is not finished"))
            .hint(Hint::new().run(Verb::Repair).text(" finishes it")));
    }
    host::prepare_host(ctx, &now.record.network, observer)?;
    require_whole(ctx, &now)?;
    let view = host::view(ctx, &now.record.network)?;
    let (host_id, network) = (ctx.host_id(), ctx.settings.host.network_key(&now.record.network));
    let stored = ctx.store.seed(uuid)?.filter(|seed| seed.is_written && kept.phase == Phase::Ready);
    let blueprint =
        blueprint.map_or_else(|| ctx.store.blueprint_of(uuid).map(|(own, _)| own), |one| Ok(one.clone()))?;
    let mut operation = journal::new_operation(ctx, OperationKind::Undelete, &now);
    let record = ctx.store.write(|t| {
        let name = allocate::name(t, &view, Some(name.unwrap_or(old)), "")?;
        let address = allocate::address_again(t, &host_id, view.subnet.as_ref(), &network, now.record.address)?;
        let record = renewed(&now.record, name, address, view.subnet.as_ref());
        if let Some(seed) = seed((&now.record, &record), stored, view.subnet.as_ref(), &blueprint.moved)? {
            instances::set_seed(t, uuid, &seed)?;
        }
        kept::bring_back(t, &record)?;
        operation.resource.name = record.name.to_string();
        operations::insert(t, &operation)?;
        Ok(record)
    })?;
    let is_told = !blueprint.moved.is_empty() || !blueprint.published.is_empty();
    let found = Found { kept, moved: record.address != now.record.address, is_told };
    let instance = Instance { record, phase: Phase::Creating, ..now };
    Ok(Accepted { operation, instance, lock, found })
}

/// Brings back what was accepted. It is off then.
///
/// # Errors
/// What libvirt says. The operation stays open, and the next command goes on with it.
pub fn run(ctx: &mut Ctx, accepted: Accepted<Found>) -> Result<(Instance, Found)> {
    let Accepted { operation, instance, lock: _lock, found } = accepted;
    let uuid = instance.record.uuid;
    go_on(ctx, &operation, &instance)?;
    Ok((ctx.store.instance_by_uuid(uuid)?.unwrap_or(instance), found))
}

/// The record is marked as one that is kept until its domain has its name again: a delete that is cut off there has lost nothing.
fn go_on(ctx: &mut Ctx, operation: &Operation, instance: &Instance) -> Result<()> {
    let record = &instance.record;
    if let Some(back) = record.kept {
        let rename = Step::Rename { uuid: record.uuid, name: record.name.to_string() };
        journal::go_on(ctx, operation, vec![rename])?;
        if back.phase == Phase::Ready {
            reports::clean_seed(ctx, record)?;
        }
        let failure = instance.failure.as_deref();
        ctx.store.write(|t| {
            instances::set_life(t, record.uuid, DesiredState::Stopped, back.phase, failure)?;
            instances::set_record(t, &Record { kept: None, ..record.clone() })
        })?;
        kill_point::reached("back");
    }
    write_record(ctx, record.uuid)?;
    names::apply(ctx)?;
    firewall::apply(ctx)?;
    journal::end(ctx, operation, Ok(()))
}

/// The process of an undelete died, or a step failed: it goes on.
///
/// # Errors
/// What libvirt says.
pub fn resume(ctx: &mut Ctx, operation: &Operation, uuid: Uuid) -> Result<String> {
    match ctx.store.instance_by_uuid(uuid)? {
        Some(instance) if !matches!(instance.phase, Phase::Deleting | Phase::Kept) => go_on(ctx, operation, &instance)?,
        _ => return journal::close_of_dead_owner(ctx, operation),
    }
    Ok(format!("finished the undelete of `{}` that was cut off; it is stopped", operation.resource.name))
}

/// Refused where its domain or a disk is gone: there is nothing to bring back.
fn require_whole(ctx: &Ctx, deleted: &Instance) -> Result<()> {
    let name = &deleted.record.name;
    let purge = || Hint::from("remove what is left: ").run_with(Verb::Delete, &[name, &"--now"]);
    match require_disks(ctx, deleted) {
        Err(error) if error.code == Code::DiskGone => Err(Error { hints: vec![purge()], ..error }),
        Err(error) => Err(error),
        Ok(()) if ctx.hypervisor.domain(deleted.record.uuid)?.is_some() => Ok(()),
        Ok(()) => {
            let text = format!("the domain of the deleted instance `{name}` is gone from the host");
            Err(Error::new(Code::Lost, text).hint(purge()))
        }
    }
}

/// The record of an instance that comes back by a name and with an address. cloud-init sets another address for another id alone.
fn renewed(old: &Record, name: Name, address: Option<Ipv4Addr>, subnet: Option<&Subnet>) -> Record {
    let made_as = old.made_as.clone().unwrap_or_else(|| old.name.clone());
    let same = address == old.address;
    let new6 = || subnet.zip(address).and_then(|(subnet, address)| subnet.address6(address));
    Record {
        made_as: (made_as != name).then_some(made_as),
        seed_id: if same { old.seed_id } else { Some(Uuid::new_v4()) },
        address,
        address6: if same { old.address6 } else { old.address6.and_then(|_| new6()) },
        name,
        ..old.clone()
    }
}

/// What the seed is to hold from now on; none: what it holds. `stored` is none where it cannot be written anew: the guest has not
/// taken its secrets over yet, or an earlier lite did not keep the documents. An application may keep its address in its data: with another
/// one the guest finds the news and `script`, which tells the application.
fn seed(
    (old, new): (&Record, &Record),
    stored: Option<CleanSeed>,
    subnet: Option<&Subnet>,
    script: &str,
) -> Result<Option<CleanSeed>> {
    let moved = new.address != old.address;
    let Some(stored) = stored else {
        return match moved || new.name != old.name {
            false => Ok(None),
            true => Err(unteachable(old, moved)),
        };
    };
    let meta_data = meta_data(new.instance_id(), &new.name, None)?;
    if !moved && new.name == old.name && meta_data == stored.meta_data {
        return Ok(None);
    }
    let address = subnet.and_then(|subnet| allocate::static_address(subnet, new));
    let mut user_data = renamed(&stored.user_data, &new.name)?;
    if moved {
        let news = Move { uuid: new.uuid, now: Former::from(new), former: Former::from(old), script };
        user_data = with_move(&user_data, &news)?;
    }
    Ok(Some(CleanSeed {
        user_data,
        meta_data,
        network_config: match moved {
            true => network_config(new.mac, address)?,
            false => stored.network_config,
        },
        is_written: false,
    }))
}

fn unteachable(old: &Record, moved: bool) -> Error {
    let (name, what) = (&old.name, if moved { "address" } else { "name" });
    let had = old.address.map_or_else(String::new, |address| format!(", {address},"));
    let error = match moved {
        true => Error::new(Code::AddressInUse, format!("the address of `{name}`{had} is another instance's by now")),
        false => Error::new(Code::NotSettled, format!("the set-up of `{name}` was not done when it was deleted")),
    };
    error.hint(format!("its guest cannot be told another {what}: bring it back with those that it had"))
}
