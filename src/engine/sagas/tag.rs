//! tag: the user's labels, in the database and in the domain's metadata.

use uuid::Uuid;

use crate::{
    engine::{Accepted, Ctx, domain::write_record, journal, lock},
    kill_point,
    model::{Instance, OperationKind, Record, Result, Tag},
    store::Operation,
};

/// Accepts a change of tags.
///
/// # Errors
/// Busy.
pub fn accept(ctx: &mut Ctx, instance: &Instance) -> Result<Accepted> {
    let lock = lock::take(ctx, instance, "tag")?;
    let operation = journal::begin(ctx, OperationKind::Tag, instance)?;
    Ok(Accepted { operation, instance: instance.clone(), lock, found: () })
}

/// Replaces the tags of what was accepted.
///
/// # Errors
/// As [`set_tags`].
pub fn run(ctx: &mut Ctx, accepted: Accepted, tags: Vec<Tag>) -> Result<()> {
    let Accepted { operation, instance, lock: _lock, .. } = accepted;
    let record = Record { tags, ..instance.record };
    ctx.store.set_record(&record)?;
    kill_point::reached("intent");
    write_record(ctx, record.uuid).map_err(|e| {
        e.hint("the tags are kept; the virtual machine's record gets them with the next `lite` command")
    })?;
    kill_point::reached("effect");
    journal::end(ctx, &operation, Ok(()))
}

/// The process of a tag died: the domain gets what the database has.
///
/// # Errors
/// The host cannot be asked.
pub fn resume(ctx: &mut Ctx, operation: &Operation, uuid: Uuid) -> Result<String> {
    write_record(ctx, uuid)?;
    journal::close_of_dead_owner(ctx, operation)
}
