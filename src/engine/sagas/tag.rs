//! tag: the user's labels, in the database and in the domain's metadata.

use uuid::Uuid;

use crate::{
    engine::{Accepted, Ctx, domain::write_record, journal, lock},
    kill_point,
    model::{Instance, OperationKind, Record, Result, Tag},
    store::Operation,
};

/// Accepts a change of tags; `wanted` makes the new ones of those that there are. None: they are so already.
///
/// # Errors
/// What `wanted` refuses, or busy.
pub fn accept(
    ctx: &mut Ctx,
    instance: &Instance,
    wanted: &dyn Fn(&Instance) -> Result<Vec<Tag>>,
) -> Result<Option<Accepted<Vec<Tag>>>> {
    let lock = lock::take(ctx, instance, "tag")?;
    // Another command may have changed them before the lock was free.
    let instance = ctx.store.require(&instance.record.name)?;
    let tags = wanted(&instance)?;
    if tags == instance.record.tags {
        return Ok(None);
    }
    let operation = journal::begin(ctx, OperationKind::Tag, &instance)?;
    Ok(Some(Accepted { operation, instance, lock, found: tags }))
}

/// Replaces the tags by those that were accepted.
///
/// # Errors
/// What libvirt says of the domain's metadata: the database has the tags then.
pub fn run(ctx: &mut Ctx, accepted: Accepted<Vec<Tag>>) -> Result<()> {
    let Accepted { operation, instance, lock: _lock, found: tags } = accepted;
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
