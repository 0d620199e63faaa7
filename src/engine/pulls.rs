//! Root disks that lie on a snapshot become disks of their own: QEMU pulls into each what the snapshot holds, while its guest runs.
//!
//! Either state is right, so nothing is undone: a job that was cut off is begun again. The live definition alone tells that one is
//! done; the record follows, and with it what holds the snapshot.

use super::{
    Ctx, disk_copy,
    domain::{definition, image_volume, volume_path},
    execute::{Payload, execute},
    handover,
    lock::{Attempt, Lock},
};
use crate::{
    kill_point,
    model::{Instance, Record, Result},
    plan::{self, Object, OwnedKind, Step},
};

/// Goes on with all of a host, without waiting for any; a sentence for each that is done.
///
/// # Errors
/// Those of the database. What a host refuses is tried again.
pub fn go_on(ctx: &mut Ctx) -> Result<Vec<String>> {
    let mut told = Vec::new();
    for uuid in ctx.store.instances_on_snapshots(&ctx.host_id())? {
        let Attempt::Held(_lock) = Lock::attempt(&ctx.locks(), uuid, "pull", ctx.now())? else { continue };
        let Some(instance) = ctx.store.instance_by_uuid(uuid)? else { continue };
        if instance.phase.is_passing() || handover::is_left_open(ctx, uuid)? {
            continue;
        }
        if advance(ctx, &instance).unwrap_or(false) {
            told.push(format!("the disk of `{}` is its own now: it lies on no snapshot", instance.record.name));
        }
    }
    Ok(told)
}

/// Begins to make the disk of an instance its own, goes on with it, or notes that it is; whether that is so. The lock of the instance
/// is held. One that is off waits for its next run.
///
/// # Errors
/// What libvirt says.
pub fn advance(ctx: &mut Ctx, instance: &Instance) -> Result<bool> {
    let (record, uuid) = (&instance.record, instance.record.uuid);
    let Some(snapshot) = record.lies_on else { return Ok(true) };
    let is_up = ctx.hypervisor.domain(uuid)?.is_some_and(|domain| disk_copy::is_up(domain.state));
    // Before the definition is read: a job that ends in between is done by then.
    if !is_up || ctx.hypervisor.block_job(uuid, plan::ROOT_DEVICE)?.is_some() {
        return Ok(false);
    }
    let live = ctx.hypervisor.live_definition(uuid)?.unwrap_or_default();
    let image = volume_path(ctx, &image_volume(ctx, instance)?)?;
    let [root, below] = [plan::root_disk(record), plan::snapshot_disk(snapshot)].map(|name| volume_path(ctx, &name));
    let (root, below) = (root?, below?);
    let chain = live.disk(plan::ROOT_DEVICE).map(|disk| disk.chain.as_slice()).unwrap_or_default();
    if chain == [root.as_str(), image.as_str()] {
        return note(ctx, instance).map(|()| true);
    }
    if chain == [root.as_str(), below.as_str(), image.as_str()] {
        kill_point::reached("intent");
        ctx.hypervisor.pull_disk(uuid, plan::ROOT_DEVICE, &image)?;
        kill_point::reached("effect");
    }
    Ok(false)
}

/// The record last: until it follows, all this is done again, and the snapshot is held though nothing lies on it.
fn note(ctx: &mut Ctx, instance: &Instance) -> Result<()> {
    let record = Record { lies_on: None, ..instance.record.clone() };
    let own = Instance { record, ..instance.clone() };
    let uuid = own.record.uuid;
    let step = Step::Ensure { kind: OwnedKind::Domain, object: Object::Domain { uuid }, xml: definition(ctx, &own)? };
    execute(ctx, &step, &Payload::none())?;
    kill_point::reached("defined");
    let metadata = plan::metadata_xml(&own.record)?;
    ctx.hypervisor.set_domain_metadata(uuid, plan::METADATA_URI, plan::METADATA_PREFIX, &metadata)?;
    kill_point::reached("written");
    ctx.store.set_record(&own.record)
}
