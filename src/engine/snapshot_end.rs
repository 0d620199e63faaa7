//! The end of what makes a snapshot, of an instance or of a remote's copy.

use super::{Ctx, journal};
use crate::{
    model::{OperationState, Result, Size, Snapshot, SnapshotState, StoredSnapshot},
    plan::Step,
    store::Operation,
};

/// A snapshot that came about is there; of one that did not nothing is left. `verb`: what was to be done with it.
///
/// # Errors
/// What failed. What could not be undone stays open, and the next command tries it again.
pub fn end(
    ctx: &mut Ctx,
    (operation, steps): (&Operation, &[(i64, Step)]),
    snapshot: Snapshot,
    made: Result<Size>,
    verb: &str,
) -> Result<StoredSnapshot> {
    match made {
        Ok(allocation) => {
            ctx.store.finish_snapshot(&snapshot, allocation, &operation.id, ctx.clock.now())?;
            Ok(StoredSnapshot {
                snapshot,
                state: SnapshotState::Available,
                allocation: Some(allocation),
                verification: None,
            })
        }
        Err(error) => {
            // What could not be undone stays open, and the next command tries it again.
            journal::roll_back(ctx, &operation.id, steps)
                .map_err(|undo| undo.cause(format!("undone because: {error}")))?;
            let why = (error.code, error.to_string());
            let end = (operation.id.as_str(), OperationState::Failed);
            ctx.store.forget_snapshot(snapshot.id, end, Some((why.0, &why.1)), ctx.clock.now())?;
            Err(error.within(format!("could not {verb} snapshot `{}`; nothing of it is left", snapshot.name)))
        }
    }
}
