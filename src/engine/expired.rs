//! What goes by itself when its time is over: deleted instances that were kept, and the snapshots that upgrades were begun with.

use super::{Ctx, removal::purge, sagas::snapshot as saga};
use crate::model::{Code, Error, Result, SnapshotState};

/// Removes what is due; a sentence for each.
///
/// # Errors
/// What could not be removed of one; the others go all the same.
pub fn purge_due(ctx: &mut Ctx) -> Result<Vec<String>> {
    let mut failed = None;
    let mut told = purge::purge_due(ctx).unwrap_or_else(|error| {
        failed = Some(error);
        Vec::new()
    });
    let (now, host) = (ctx.now(), ctx.host_id());
    for one in ctx.store.snapshots(&host)? {
        let snapshot = one.snapshot;
        if one.state != SnapshotState::Available || snapshot.expires_at.is_none_or(|at| at > now) {
            continue;
        }
        match saga::accept_delete(ctx, &snapshot.name).and_then(|accepted| saga::run_delete(ctx, accepted)) {
            Ok(()) => {
                told.push(format!("deleted snapshot `{}`, made before an upgrade: its time is over", snapshot.name))
            }
            Err(error) if waits(&error) => {}
            Err(error) => failed = failed.or(Some(error)),
        }
    }
    failed.map_or(Ok(told), Err)
}

/// Something uses it, or works on it: its turn comes with the next look.
fn waits(error: &Error) -> bool {
    matches!(error.code, Code::Busy | Code::SnapshotInUse | Code::NoSuchSnapshot)
}
