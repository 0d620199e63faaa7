//! Snapshots that are made by themselves, one a day of each instance that has them, and go by themselves when there are more
//! than are kept.

use jiff::{
    SignedDuration,
    civil::{Date, DateTime},
};
use uuid::Uuid;

use super::{Ctx, sagas::snapshot as saga};
use crate::{
    kill_point,
    model::{AutoSnapshot, Code, Error, EventKind, Instance, Name, Result, SnapshotState, StoredSnapshot, Unobserved},
    store::{
        auto_snapshots::{self, AutoSnapshots},
        events,
    },
};

/// How long after a try that failed the next one comes.
const RETRY: SignedDuration = SignedDuration::from_hours(1);

/// Makes the snapshots that are due, one after the other, and removes the automatic ones that are too many; a sentence for each.
/// An instance that somebody works on has its turn with the next call.
///
/// # Errors
/// What failed first; the other instances have theirs all the same. Each failure is an event, once a day for an instance.
pub fn make_due(ctx: &mut Ctx) -> Result<Vec<String>> {
    let (mut told, mut failed) = (Vec::new(), None);
    let rows = ctx.store.instances_on(&ctx.host_id())?;
    let with_auto: Vec<_> = rows.into_iter().filter_map(|(_, row)| with_auto(row.ok()?)).collect();
    if with_auto.is_empty() {
        return Ok(Vec::new());
    }
    let (remembered, all) = (ctx.store.auto_snapshots()?, ctx.store.snapshots(&ctx.host_id())?);
    for (instance, auto) in with_auto {
        if ctx.cancelled() {
            break;
        }
        let known = remembered.get(&instance.record.uuid).copied().unwrap_or_default();
        let last = automatic(&all, instance.record.uuid).map(|one| local(ctx, one.snapshot.created_at).date()).max();
        let known = AutoSnapshots { made_on: last.max(known.made_on), ..known };
        match keep_up(ctx, &instance, auto, known, &mut told) {
            Err(error) if is_passing(&error) => {}
            Err(error) => failed = failed.or(Some(error)),
            Ok(()) => {}
        }
    }
    failed.map_or(Ok(told), Err)
}

/// An instance that has automatic snapshots. One that comes or goes has none.
fn with_auto(instance: Instance) -> Option<(Instance, AutoSnapshot)> {
    let auto = instance.record.auto_snapshot().filter(|_| !instance.phase.is_passing())?;
    Some((instance, auto))
}

/// Somebody works on the instance, or it is on its way up or down: that is no failure.
fn is_passing(error: &Error) -> bool {
    matches!(error.code, Code::Busy | Code::DomainBusy | Code::DomainStopping | Code::NotSettled)
}

/// Makes the snapshot of the day if that is due. On a day that has its snapshot, those go that are too many: never before.
fn keep_up(
    ctx: &mut Ctx,
    instance: &Instance,
    auto: AutoSnapshot,
    known: AutoSnapshots,
    told: &mut Vec<String>,
) -> Result<()> {
    let now = ctx.now();
    let local = local(ctx, now);
    if auto.is_due(local, known.made_on) {
        if known.failed_at.is_some_and(|at| at <= now && now.duration_since(at) < RETRY) {
            return Ok(());
        }
        told.push(make(ctx, instance, local.date(), known)?);
    } else if known.made_on != Some(local.date()) {
        return Ok(());
    }
    while let Some(name) = one_too_many(ctx, instance.record.uuid, auto.keep)? {
        let accepted = saga::accept_delete(ctx, &name)?;
        saga::run_delete(ctx, accepted)?;
        told.push(format!("deleted automatic snapshot `{name}`: {} are kept", auto.keep));
    }
    Ok(())
}

/// The whole automatic snapshots of an instance, in the order of all.
fn automatic(all: &[StoredSnapshot], instance: Uuid) -> impl Iterator<Item = &StoredSnapshot> {
    all.iter().filter(move |one| {
        let snapshot = &one.snapshot;
        snapshot.automatic && snapshot.record.uuid == instance && one.state == SnapshotState::Available
    })
}

/// The oldest automatic snapshot of an instance above so many, of those that nothing lies on.
fn one_too_many(ctx: &Ctx, instance: Uuid, keep: u16) -> Result<Option<Name>> {
    let (all, users) = (ctx.store.snapshots(&ctx.host_id())?, ctx.store.users_of_snapshots()?);
    let above = automatic(&all, instance).count().saturating_sub(usize::from(keep.max(1)));
    let is_free = |one: &&StoredSnapshot| users.iter().all(|user| user.snapshot != one.snapshot.id);
    Ok(automatic(&all, instance).take(above).find(is_free).map(|one| one.snapshot.name.clone()))
}

/// The time on the clock of this host.
fn local(ctx: &Ctx, time: jiff::Timestamp) -> DateTime {
    ctx.clock.zone().to_datetime(time)
}

/// Makes the snapshot of a day. What it was refused for, or failed by, is remembered and told.
fn make(ctx: &mut Ctx, instance: &Instance, day: Date, known: AutoSnapshots) -> Result<String> {
    let made = saga::accept_automatic(ctx, instance, day).and_then(|one| saga::run(ctx, one, &mut Unobserved));
    let uuid = instance.record.uuid;
    match made {
        Ok(made) => {
            let all = AutoSnapshots { made_on: Some(day), failed_at: None, told_on: known.told_on };
            ctx.store.write(|t| auto_snapshots::remember(t, uuid, &all))?;
            kill_point::reached("made");
            let size = made.allocation.map(|size| format!(" ({size})")).unwrap_or_default();
            Ok(format!("made automatic snapshot `{}`{size}", made.snapshot.name))
        }
        Err(error) if is_passing(&error) || ctx.cancelled() => Err(error),
        Err(error) => {
            fail(ctx, instance, day, known, &error)?;
            Err(error.within(format!("no automatic snapshot of `{}`", instance.record.name)))
        }
    }
}

fn fail(ctx: &mut Ctx, instance: &Instance, day: Date, known: AutoSnapshots, error: &Error) -> Result<()> {
    let (record, stamp) = (&instance.record, ctx.stamp());
    let all = AutoSnapshots { failed_at: Some(stamp.now), told_on: Some(day), ..known };
    let text =
        format!("there is no automatic snapshot of `{}` of {day} yet, and none is deleted: {error}", record.name);
    let event = (known.told_on != Some(day)).then(|| stamp.event(EventKind::SnapshotFailed, Some(record), text));
    ctx.store.write(|t| {
        auto_snapshots::remember(t, record.uuid, &all)?;
        event.iter().try_for_each(|event| events::record(t, &stamp.host, event).map(drop))
    })
}
