//! Copies of automatic snapshots in a remote, made by the watcher, and as many kept there as here.

use jiff::SignedDuration;
use uuid::Uuid;

use super::{
    Ctx,
    sagas::{
        push::{self, Pushed},
        remote_delete,
    },
};
use crate::{
    model::{Class, Code, Error, EventKind, Instance, Name, Record, Result, SnapshotState, StoredSnapshot, Unobserved},
    store::{
        auto_pushes::{self, AutoPush},
        events,
    },
};

/// How long after a try that failed the next one comes: a minute, and twice as long after each that fails, up to the longest.
const WAITS: (SignedDuration, SignedDuration) = (SignedDuration::from_mins(1), SignedDuration::from_hours(1));

/// Copies the newest automatic snapshots that are not in their remotes yet, one after the other; a sentence for each. Older ones are
/// not made up for.
///
/// # Errors
/// What failed first; the other instances have theirs all the same. A failure is an event when it begins, and when it is over.
pub fn push_due(ctx: &mut Ctx) -> Result<Vec<String>> {
    let (mut told, mut failed) = (Vec::new(), None);
    let rows = ctx.store.instances_on(&ctx.host_id())?;
    let pushed: Vec<_> = rows.into_iter().filter_map(|(_, row)| with_remote(row.ok()?)).collect();
    if pushed.is_empty() {
        return Ok(Vec::new());
    }
    let (remembered, snapshots) = (ctx.store.auto_pushes()?, ctx.store.snapshots(&ctx.host_id())?);
    for (record, remote) in pushed {
        if ctx.cancelled() {
            break;
        }
        let known = remembered.get(&record.uuid).copied().unwrap_or_default();
        let Some(newest) = newest(&snapshots, record.uuid) else { continue };
        match keep_up(ctx, (&record, &newest), &remote, known, &mut told) {
            Err(error) if error.class == Class::Busy => {}
            Err(error) => failed = failed.or(Some(error)),
            Ok(()) => {}
        }
    }
    failed.map_or(Ok(told), Err)
}

fn with_remote(instance: Instance) -> Option<(Record, Name)> {
    let remote = instance.record.pushed_to()?;
    Some((instance.record, remote))
}

/// The newest automatic snapshot of an instance.
fn newest(all: &[StoredSnapshot], instance: Uuid) -> Option<(Uuid, Name)> {
    let own = all.iter().rev().find(|one| {
        one.snapshot.automatic && one.snapshot.record.uuid == instance && one.state == SnapshotState::Available
    });
    own.map(|one| (one.snapshot.id, one.snapshot.name.clone()))
}

fn is_too_early(ctx: &Ctx, known: AutoPush) -> bool {
    let wait = WAITS.0 * (1_i32 << known.failures.saturating_sub(1).min(6));
    known.failed_at.is_some_and(|at| at <= ctx.now() && ctx.now().duration_since(at) < wait.min(WAITS.1))
}

fn keep_up(
    ctx: &mut Ctx,
    (record, newest): (&Record, &(Uuid, Name)),
    remote: &Name,
    known: AutoPush,
    told: &mut Vec<String>,
) -> Result<()> {
    let (id, name) = (newest.0, &newest.1);
    let known = match ctx.store.require_remote(remote) {
        // It is another than before: nothing is there yet.
        Ok(now) if known.remote != Some(now.id) => {
            AutoPush { remote: Some(now.id), failures: known.failures, ..AutoPush::default() }
        }
        _ => known,
    };
    if known.snapshot == Some(id) || is_too_early(ctx, known) {
        return Ok(());
    }
    match push_and_thin(ctx, record, remote, (id, name), told) {
        Ok(()) => {
            let after = AutoPush { snapshot: Some(id), failed_at: None, failures: 0, ..known };
            let text = format!("automatic snapshots of `{}` are copied to `{remote}` again", record.name);
            remember(ctx, record, after, (known.failures > 0).then_some((EventKind::PushRestored, text)))
        }
        // It was deleted meanwhile: there is another newest one.
        Err(error) if error.code == Code::NoSuchSnapshot => Ok(()),
        Err(error) if error.class == Class::Busy || ctx.cancelled() => Err(error),
        Err(error) => fail(ctx, record, remote, known, error),
    }
}

/// Copies a snapshot, and deletes the copies above the number that is kept: never before the new one is there.
fn push_and_thin(
    ctx: &mut Ctx,
    record: &Record,
    remote: &Name,
    (id, name): (Uuid, &Name),
    told: &mut Vec<String>,
) -> Result<()> {
    let accepted = push::accept_by_watcher(ctx, name, remote)?;
    if push::run(ctx, accepted, &mut Unobserved)? == Pushed::Now {
        told.push(format!("pushed automatic snapshot `{name}` to `{remote}`"));
    }
    let keep = record.auto_snapshot().unwrap_or_default().keep;
    told.extend(remote_delete::thin(ctx, remote, (record.uuid, id), keep)?);
    Ok(())
}

fn fail(ctx: &mut Ctx, record: &Record, remote: &Name, known: AutoPush, error: Error) -> Result<()> {
    let after = AutoPush { failed_at: Some(ctx.now()), failures: known.failures.saturating_add(1), ..known };
    let text = format!("automatic snapshots of `{}` are not copied to `{remote}`: {error}", record.name);
    remember(ctx, record, after, (known.failures == 0).then_some((EventKind::PushFailed, text)))?;
    Err(error.within(format!("the automatic snapshots of `{}` are not copied to `{remote}`", record.name)))
}

/// Remembers what came of a try, and tells of it: both at once.
fn remember(ctx: &mut Ctx, record: &Record, all: AutoPush, event: Option<(EventKind, String)>) -> Result<()> {
    let stamp = ctx.stamp();
    let event = event.map(|(kind, text)| stamp.event(kind, Some(record), text));
    ctx.store.write(|t| {
        auto_pushes::remember(t, record.uuid, &all)?;
        event.iter().try_for_each(|event| events::record(t, &stamp.host, event).map(drop))
    })
}
