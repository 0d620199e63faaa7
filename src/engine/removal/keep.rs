//! The second half of a delete that keeps its instance for a while: the machine is off, under a name of its own making, and all
//! that others can want is free. Always forward, as every delete.

use std::time::Duration;

use crate::{
    engine::{
        Ctx, Observer,
        domain::{require_disks, write_record},
        firewall, journal, names, power,
    },
    kill_point,
    model::{Code, DesiredState, Hint, Instance, Kept, Phase, Record, Result, Verb},
    plan,
    store::{Operation, kept},
};

/// How long a guest may take to power off before the plug is pulled. What it has not written by then is lost.
const GRACE: Duration = Duration::from_secs(30);

/// What is remembered of an instance that is to be kept for so long; none: it cannot be, or is not to be. One of which the domain
/// or a disk is gone, or a delete for good was begun, cannot be brought back.
///
/// # Errors
/// The host cannot be asked.
pub fn kept(ctx: &Ctx, instance: &Instance, keep: Option<Duration>) -> Result<Option<Kept>> {
    let Some(keep) = keep.filter(|keep| !keep.is_zero()) else { return Ok(None) };
    // The machine of a job goes at once, whoever deletes it.
    if ctx.store.job_of(instance.record.uuid)?.is_some() {
        return Ok(None);
    }
    let until = ctx.now().saturating_add(keep).unwrap_or(ctx.now());
    match instance.phase {
        Phase::Deleting | Phase::Kept => return Ok(instance.record.kept),
        // An undelete that was cut off.
        Phase::Creating => return Ok(instance.record.kept.map(|kept| Kept { until, ..kept })),
        Phase::Baking => return Ok(None),
        Phase::Ready | Phase::Unverified | Phase::Failed => {}
    }
    let whole = match require_disks(ctx, instance) {
        Ok(()) => ctx.hypervisor.domain(instance.record.uuid)?.is_some(),
        Err(error) if error.code == Code::DiskGone => false,
        Err(error) => return Err(error),
    };
    let running = instance.desired_state == DesiredState::Running;
    Ok(whole.then_some(Kept { until, phase: instance.phase, running }))
}

/// A deleted instance that goes for good: its addresses may be another's by now.
pub fn given_up(kept: &Instance) -> Instance {
    let record = Record { address: None, address6: None, kept: None, ..kept.record.clone() };
    Instance { record, ..kept.clone() }
}

/// What a receipt says of what is kept, `things` being its virtual machine and its disks.
pub(super) fn way_back(record: &Record, kept: Kept, things: &[String]) -> Vec<Hint> {
    let until = kept.until.strftime("%F %T UTC");
    let mut lines: Vec<Hint> = things.iter().map(|thing| Hint::from(format!("{thing}, until {until}"))).collect();
    lines.push(Hint::from(format!("firewall rules, alarms, logs and secrets, until {until}")));
    lines.push(Hint::from("the way back: ").run_with(Verb::Undelete, &[&record.name]));
    lines
}

/// Has the guest power off, so that its disk is whole; the plug is pulled where it does not.
///
/// # Errors
/// It is not off. The operation stays open, and the next command pulls the plug.
pub fn power_off(ctx: &mut Ctx, instance: &Instance, observer: &mut dyn Observer) -> Result<()> {
    power::power_off_or_pull(ctx, instance, GRACE, observer).map_err(|e| {
        e.hint(Hint::from("nothing is lost: the delete goes on with the next `lite` command, or ").run(Verb::Repair))
    })
}

/// Keeps an instance, whose front is left by now.
///
/// # Errors
/// What could not be done. The operation stays open, and the next command goes on with it.
pub(super) fn go_on(ctx: &mut Ctx, operation: &Operation, instance: &Instance) -> Result<()> {
    let uuid = instance.record.uuid;
    if instance.phase != Phase::Kept {
        ctx.store.write(|t| kept::leave(t, uuid))?;
        // Before its name says so: a database that is lost between the two is rebuilt from this.
        write_record(ctx, uuid)?;
        journal::go_on(ctx, operation, plan::keep(&instance.record, ctx.place()))?;
        names::remove(ctx, &instance.record)?;
        ctx.store.keep(instance, &ctx.stamp())?;
        kill_point::reached("kept");
    }
    firewall::apply(ctx)?;
    journal::end(ctx, operation, Ok(()))
}
