//! Verifications that the watcher makes by itself: once a week the newest automatic snapshot of each instance that has such.

use std::{collections::BTreeMap, time::Duration};

use jiff::SignedDuration;

use super::{Ctx, host, sagas::verify};
use crate::model::{Class, EventKind, OperationKind, Result, SnapshotState, StoredSnapshot, Unobserved};

/// How long a verification of an instance's snapshots holds.
const WEEK: SignedDuration = SignedDuration::from_hours(7 * 24);
/// How long after one of which nothing was learnt the next is made: whatever stopped it may last.
const RETRY: SignedDuration = SignedDuration::from_hours(24);
/// How long a guest may take until it is up.
const TIMEOUT: Duration = Duration::from_secs(900);

/// Verifies the snapshot that is due longest, if one is, none is being verified and the host has room for its machine; a sentence for it.
/// One that is not whole is an event.
///
/// # Errors
/// It is not whole, or it could not be booted here.
pub fn verify_due(ctx: &mut Ctx) -> Result<Vec<String>> {
    let due = if ctx.settings.verify_snapshots { due(ctx)? } else { None };
    let Some(due) = due else { return Ok(Vec::new()) };
    let name = &due.snapshot.name;
    let (blueprint, _) = ctx.store.blueprint_of_snapshot(due.snapshot.id)?;
    if !host::capacity(ctx)?.short(&verify::room(&due.snapshot, &blueprint)).is_empty() {
        return Ok(Vec::new());
    }
    let accepted = verify::accept(ctx, name, TIMEOUT)?;
    match verify::run(ctx, accepted, &mut Unobserved) {
        Ok(took) => {
            Ok(vec![format!("automatic snapshot `{name}` is whole: its guest was up after {} s", took.as_secs())])
        }
        // There is no room for it, or somebody works on it: another look tries again.
        Err(error) if matches!(error.class, Class::WrongState | Class::Busy) => Ok(Vec::new()),
        Err(error) => {
            let judged = ctx.store.snapshot_by_id(due.snapshot.id)?.and_then(|now| now.verification);
            if judged != due.verification {
                let text = format!("automatic snapshot `{name}` is not whole: {error}");
                ctx.record_event(EventKind::SnapshotFailed, Some(&due.snapshot.record), &text)?;
            }
            Err(error)
        }
    }
}

/// The newest automatic snapshot of an instance of which none was verified for a week, nor tried for a day.
fn due(ctx: &Ctx) -> Result<Option<StoredSnapshot>> {
    if ctx.store.open_operations()?.iter().any(|open| open.kind == OperationKind::VerifySnapshot) {
        return Ok(None);
    }
    let now = ctx.now();
    let mut of_instances: BTreeMap<_, (Option<jiff::Timestamp>, StoredSnapshot)> = BTreeMap::new();
    // Oldest first: the last of an instance is its newest.
    for one in ctx.store.snapshots(&ctx.host_id())? {
        if !one.snapshot.automatic || one.state != SnapshotState::Available {
            continue;
        }
        let at = one.verification.as_ref().map(|verification| verification.at);
        let uuid = one.snapshot.record.uuid;
        let before = of_instances.remove(&uuid).and_then(|(at, _)| at);
        of_instances.insert(uuid, (at.max(before), one));
    }
    let is_over = |at: Option<jiff::Timestamp>, time| at.is_none_or(|at| now.duration_since(at) >= time);
    let mut due: Vec<_> = of_instances.into_values().filter(|(at, _)| is_over(*at, WEEK)).collect();
    due.sort_by_key(|(at, _)| *at);
    for (_, one) in due {
        if is_over(ctx.store.last_of(OperationKind::VerifySnapshot, one.snapshot.id)?, RETRY) {
            return Ok(Some(one));
        }
    }
    Ok(None)
}
