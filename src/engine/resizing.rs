//! What a resize of an instance would do, and whether that fits. Nothing is changed here.

use super::{
    Capacity, Ctx,
    allocate::HostView,
    capacity,
    domain::{drift_of, require_disks, state_of, unresponsive},
    host,
};
use crate::{
    catalog::Bundle,
    hypervisor::DomainState,
    model::{Code, DesiredState, Error, Hint, Instance, NetworkMode, Overcommit, Record, Result, Size, Verb},
    plan,
    store::Allocated,
};

/// What a resize would do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Resizing {
    /// The instance as it is to be.
    pub record: Record,
    /// It runs, and is stopped and started for this.
    pub restarts: bool,
    /// Its disk is made larger.
    pub grows: bool,
    /// What its disk has now.
    pub(super) has: Size,
}

/// What would be done; none: the instance has that bundle, at today's price.
///
/// # Errors
/// Refused: an instance that cannot be changed as it is, or a bundle that does not fit on the host.
pub fn plan(ctx: &Ctx, instance: &Instance, bundle: &Bundle) -> Result<Option<Resizing>> {
    let Some(found) = look(ctx, instance, bundle)? else { return Ok(None) };
    let held = ctx.store.allocated(&ctx.host_id())?;
    check_room(instance, &found, &view(ctx)?, held, &ctx.settings.host.overcommit)?;
    Ok(Some(found))
}

/// The host as it is now.
///
/// # Errors
/// It cannot be asked.
pub fn view(ctx: &Ctx) -> Result<HostView> {
    host::view(ctx, &NetworkMode::Bridge(String::new()))
}

/// What would be done, as far as the instance is concerned.
///
/// # Errors
/// Refused: an instance that cannot be changed as it is.
pub fn look(ctx: &Ctx, instance: &Instance, bundle: &Bundle) -> Result<Option<Resizing>> {
    let (record, name) = (&instance.record, &instance.record.name);
    if instance.phase.is_passing() {
        return Err(Error::new(Code::NotSettled, format!("instance `{name}` is {}", instance.phase))
            .hint("try again in a moment"));
    }
    let runs = runs(ctx, instance)?;
    if let Some(drift) = drift_of(ctx, instance)?.unwrap_or_default().first() {
        let text = format!("the domain of instance `{name}` was changed by hand: {drift}");
        return Err(
            Error::new(Code::HostNotFit, text).hint(Hint::from("put it back first: ").run_with(Verb::Repair, &[name]))
        );
    }
    require_disks(ctx, instance)?;
    let has = disk_of(ctx, record)?;
    let wanted = Record {
        bundle: bundle.id.clone(),
        vcpus: bundle.vcpus,
        memory: bundle.memory,
        disk: record.disk.max(bundle.disk).max(has),
        transfer: bundle.transfer,
        price: bundle.price,
        currency: bundle.currency.clone(),
        ..record.clone()
    };
    if wanted == *record {
        return Ok(None);
    }
    let grows = wanted.disk > has;
    if runs && grows && ctx.hypervisor.block_job(record.uuid, plan::ROOT_DEVICE)?.is_some() {
        return Err(Error::new(Code::DomainBusy, format!("instance `{name}` has a block job on its disk"))
            .hint("try again in a moment"));
    }
    let changes = grows || (wanted.vcpus, wanted.memory, wanted.disk) != (record.vcpus, record.memory, record.disk);
    Ok(Some(Resizing { record: wanted, restarts: runs && changes, grows, has }))
}

/// What the root disk has, which may be more than recorded: a resize that failed leaves it larger.
fn disk_of(ctx: &Ctx, record: &Record) -> Result<Size> {
    let volume = plan::root_disk(record);
    let seen = ctx.hypervisor.volume(&ctx.settings.host.pool, &volume)?;
    let seen = seen.ok_or_else(|| Error::new(Code::NoVolume, format!("libvirt has no volume `{volume}`")))?;
    Ok(Size::bytes(seen.capacity))
}

/// Whether the instance runs; refused where that is no plain yes or no.
fn runs(ctx: &Ctx, instance: &Instance) -> Result<bool> {
    let name = &instance.record.name;
    match state_of(ctx, instance)? {
        DomainState::Running => Ok(true),
        DomainState::Off | DomainState::Crashed => Ok(false),
        DomainState::Unresponsive => Err(unresponsive(name)),
        DomainState::Paused | DomainState::PausedIoError => {
            let hint = Hint::from("stop it first: ").run_with(Verb::Stop, &[name, &"--force"]);
            Err(Error::new(Code::Paused, format!("instance `{name}` is paused")).hint(hint))
        }
        DomainState::ShuttingDown | DomainState::Other => {
            Err(Error::new(Code::NotSettled, format!("instance `{name}` is going down")).hint("try again in a moment"))
        }
    }
}

/// Refused where the instance does not fit as it is to be, beside what all hold. One that is off has to fit only by itself.
///
/// # Errors
/// [`Code::NoCapacity`], with the numbers.
pub fn check_room(
    instance: &Instance,
    to: &Resizing,
    view: &HostView,
    mut held: Allocated,
    overcommit: &Overcommit,
) -> Result<()> {
    let (old, new, mut info) = (&instance.record, &to.record, view.info.clone());
    if to.restarts {
        // What it has itself is free once it is off.
        if instance.desired_state == DesiredState::Running {
            held.vcpus = held.vcpus.saturating_sub(old.vcpus);
            held.memory = held.memory.saturating_sub(old.memory.as_bytes());
        }
        info.memory_free_kib = info.memory_free_kib.saturating_add(old.memory.as_bytes() >> 10).min(info.memory_kib);
    } else {
        (held.vcpus, held.memory, info.memory_free_kib) = (0, 0, info.memory_kib);
    }
    let needed = Bundle { disk: to.growth(), ..bundle_of(new) };
    Capacity::left(&info, &view.pool, view.used_by_disks, &held, overcommit).check(&needed, to.grows)?;
    match to.grows && !to.restarts {
        true => {
            let what = format!("the disk of instance `{}`", old.name);
            capacity::check_growth(&what, (to.has, new.disk), &view.pool)
        }
        false => Ok(()),
    }
}

impl Resizing {
    /// By how much its disk is made larger.
    fn growth(&self) -> Size {
        Size::bytes(self.record.disk.as_bytes().saturating_sub(self.has.as_bytes()))
    }

    /// What makes room for its disk: a bundle of nothing else.
    pub fn disk_alone(&self) -> Bundle {
        Bundle { vcpus: 0, memory: Size::bytes(0), disk: self.growth(), ..bundle_of(&self.record) }
    }
}

fn bundle_of(record: &Record) -> Bundle {
    Bundle {
        id: record.bundle.clone(),
        vcpus: record.vcpus,
        memory: record.memory,
        disk: record.disk,
        transfer: record.transfer,
        price: record.price,
        currency: record.currency.clone(),
    }
}
