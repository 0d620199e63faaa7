//! The domain of an instance: its state, its record in libvirt, and in what it differs from that record.

use std::time::Duration;

use uuid::Uuid;

use super::{Ctx, objects};
use crate::{
    doctor,
    hypervisor::DomainState,
    image,
    model::{Code, DesiredState, Drift, Error, Hint, Instance, Name, Result, Verb},
    plan::{self, Class, DomainPlan, OwnedKind, Step},
};

/// How often the power button is pressed again.
pub const PRESS: Duration = Duration::from_secs(5);
/// How often the state of a domain that is shutting down is asked for.
pub const POLL: Duration = Duration::from_millis(250);
/// Least and longest time that a dead process's last call is given to end at libvirt.
const CALL_ENDS: (Duration, Duration) = (Duration::from_millis(250), Duration::from_secs(3));

/// Writes what the database has of an instance into the domain's metadata, from where a lost database is rebuilt. Nothing
/// is written if there is no such instance, or no domain.
pub fn write_record(ctx: &Ctx, uuid: Uuid) -> Result<()> {
    let Some(instance) = ctx.store.instance_by_uuid(uuid)? else { return Ok(()) };
    if ctx.hypervisor.domain(uuid)?.is_none() {
        return Ok(());
    }
    let metadata = plan::metadata_xml(&instance.record)?;
    ctx.hypervisor.set_domain_metadata(uuid, plan::METADATA_URI, plan::METADATA_PREFIX, &metadata)
}

/// State of an instance's domain; `lost` is an error with the next step.
pub fn state_of(ctx: &Ctx, instance: &Instance) -> Result<DomainState> {
    ctx.hypervisor.domain(instance.record.uuid)?.map(|d| d.state).ok_or_else(|| lost(ctx, instance))
}

/// The error of an instance whose QEMU does not answer.
pub fn unresponsive(name: &Name) -> Error {
    Error::new(Code::Unresponsive, format!("the QEMU process of instance `{name}` does not answer")).hint(
        Hint::from("pull the plug: ")
            .run_with(Verb::Stop, &[&name, &"--force"])
            .text(" (the guest's unsaved data is lost)"),
    )
}

/// Refused if a disk of the instance is gone: a domain without its disks is no instance.
pub fn require_disks(ctx: &Ctx, instance: &Instance) -> Result<()> {
    let all = OwnedKind::all_of(&instance.record, ctx.place());
    for (_, object) in all.filter(|(kind, _)| kind.description().class() == Class::Data) {
        if !objects::is_there(&*ctx.hypervisor, &object)? {
            return Err(gone(instance, object.name().unwrap_or_default()));
        }
    }
    Ok(())
}

/// The error of an instance whose domain is gone, with the next step.
pub fn lost(ctx: &Ctx, instance: &Instance) -> Error {
    let name = &instance.record.name;
    let error = Error::new(Code::Lost, format!("the domain of instance `{name}` is gone from the host"));
    match require_disks(ctx, instance) {
        Ok(()) => error.hint(Hint::from("its disk is there; define it again: ").run_with(Verb::Repair, &[&name])),
        Err(e) if e.code == Code::DiskGone => {
            error.cause(e.message).hint(Hint::from("remove what is left: ").run_with(Verb::Delete, &[&name]))
        }
        Err(_) => error.hint(Hint::from("define it again, if its disk is there: ").run_with(Verb::Repair, &[&name])),
    }
}

fn gone(instance: &Instance, volume: &str) -> Error {
    let name = &instance.record.name;
    Error::new(Code::DiskGone, format!("the disk `{volume}` of instance `{name}` is gone"))
        .hint(Hint::from("put it back from a backup, or remove what is left: ").run_with(Verb::Delete, &[&name]))
}

/// In what the domain differs from its record; none if there is no domain.
pub fn drift_of(ctx: &Ctx, instance: &Instance) -> Result<Option<Vec<Drift>>> {
    let xml = ctx.hypervisor.domain_xml(instance.record.uuid)?;
    xml.map(|xml| drift_in(ctx, instance, &xml)).transpose()
}

/// In what a domain's definition differs from the record.
pub fn drift_in(ctx: &Ctx, instance: &Instance, xml: &str) -> Result<Vec<Drift>> {
    let record = &instance.record;
    plan::drift(record, ctx.place(), xml)
}

/// Refused for a domain that was changed by hand: a definition of ours would take that away.
///
/// # Errors
/// `host_not_fit`, or the host cannot be asked.
pub fn refuse_drift(ctx: &Ctx, instance: &Instance) -> Result<()> {
    let (name, drift) = (&instance.record.name, drift_of(ctx, instance)?.unwrap_or_default());
    let Some(first) = drift.first() else { return Ok(()) };
    Err(Error::new(Code::HostNotFit, format!("the domain of instance `{name}` was changed by hand: {first}"))
        .hint(Hint::from("put it back first: ").run_with(Verb::Repair, &[name])))
}

/// libvirt goes on with a call whose client died, and it may take effect after a look that found nothing. Nothing tells
/// when it is through; how long a small call takes now tells how busy libvirt is.
pub fn let_calls_end(ctx: &Ctx, uuid: Uuid) {
    let begun = ctx.clock.instant();
    // An error is met again, and told, by what follows.
    let _ = ctx.hypervisor.domain(uuid);
    let took = ctx.clock.instant().saturating_duration_since(begun);
    ctx.clock.sleep((took * 10).clamp(CALL_ENDS.0, CALL_ENDS.1));
}

/// After a start or a stop that was cut off: what the host shows is what the user wants.
pub fn adopt_power_state(ctx: &mut Ctx, uuid: Uuid) -> Result<()> {
    let_calls_end(ctx, uuid);
    let state = ctx.hypervisor.domain(uuid)?.map(|d| d.state);
    let off = matches!(state, None | Some(DomainState::Off | DomainState::Crashed));
    ctx.store.set_desired_state(uuid, if off { DesiredState::Stopped } else { DesiredState::Running })
}

/// The steps that define the domain of an instance as it was recorded, on the disks that are there.
pub fn definition_steps(ctx: &Ctx, instance: &Instance, renamed: bool) -> Result<Vec<Step>> {
    let (record, host) = (&instance.record, &ctx.settings.host);
    let info = ctx.hypervisor.host()?;
    let path = |volume: &str| -> Result<String> {
        let seen = ctx.hypervisor.volume(&host.pool, volume)?;
        seen.map(|v| v.path).ok_or_else(|| gone(instance, volume))
    };
    let mut steps = Vec::new();
    if renamed {
        steps.push(Step::Rename { uuid: record.uuid, name: record.name.to_string() });
    }
    let image = image_path(ctx, instance)?;
    let snapshot = record.lies_on.map(|id| volume_path(ctx, &plan::snapshot_disk(id))).transpose()?;
    let plan = DomainPlan {
        record,
        image: Some(&image),
        snapshot: snapshot.as_deref(),
        attached: &plan::attached(record, ctx.place(), path)?,
        network: &host.network,
        kvm: doctor::use_kvm(host.accel, &*ctx.machine, info.kvm_offered, &info.arch)?,
        arch: &info.arch,
        machine: info.q35.then_some("q35"),
        unplugged: false,
        is_warm: false,
    };
    steps.extend(plan::redefine(&plan, ctx.place())?);
    Ok(steps)
}

/// The step after which the domain of an instance is defined as its record tells; its undo brings back the definition that it has now.
///
/// # Errors
/// The domain is gone, or the host cannot be asked.
pub fn redefinition(ctx: &Ctx, instance: &Instance) -> Result<Step> {
    let uuid = instance.record.uuid;
    let from = ctx.hypervisor.domain_xml(uuid)?.ok_or_else(|| lost(ctx, instance))?;
    Ok(Step::Redefine { uuid, from, to: definition(ctx, instance)? })
}

/// The XML of the domain of an instance as its record tells, on the disks that are there.
pub fn definition(ctx: &Ctx, instance: &Instance) -> Result<String> {
    let steps = definition_steps(ctx, instance, false)?;
    let xml = steps.into_iter().find_map(|step| match step {
        Step::Ensure { kind: OwnedKind::Domain, xml, .. } => Some(xml),
        _ => None,
    });
    xml.ok_or_else(|| Error::new(Code::XmlError, "an instance without a domain"))
}

/// Path of the image that the root disk lies on. One that is not there any more has the path where it would be: what QEMU may
/// have written into the disk is asked by nobody, and a start says what is missing.
fn image_path(ctx: &Ctx, instance: &Instance) -> Result<String> {
    volume_path(ctx, &image_volume(ctx, instance)?)
}

/// The volume of the image that the root disk lies on.
pub fn image_volume(ctx: &Ctx, instance: &Instance) -> Result<String> {
    let record = &instance.record;
    let kept = ctx.store.image_of(record.uuid)?.filter(|volume| !volume.is_empty());
    Ok(kept.unwrap_or_else(|| image::volume_name(&record.base, &record.image_digest)))
}

/// Path of a volume of the pool, or where it would be.
pub fn volume_path(ctx: &Ctx, volume: &str) -> Result<String> {
    let pool = &ctx.settings.host.pool;
    Ok(match ctx.hypervisor.volume(pool, volume)? {
        Some(seen) => seen.path,
        None => format!("{}/{volume}", ctx.hypervisor.pool(pool)?.map(|p| p.path).unwrap_or_default()),
    })
}

/// The steps that define a domain anew which an earlier lite defined, for a firewall of libvirt's; none for any other.
pub fn renewal(ctx: &Ctx, instance: &Instance, xml: &str) -> Result<Vec<Step>> {
    match plan::is_former_definition(&instance.record, xml)? {
        true => definition_steps(ctx, instance, false),
        false => Ok(Vec::new()),
    }
}
