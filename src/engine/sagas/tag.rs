//! tag: the user's labels, in the database and in the domain's metadata.

use crate::{
    engine::{Ctx, domain::write_metadata, journal, lock},
    kill_point,
    model::{Instance, OperationKind, Result, Tag},
};

/// Replaces the tags, in the database and in the domain's metadata.
pub fn set_tags(ctx: &mut Ctx, instance: &Instance, tags: Vec<Tag>) -> Result<()> {
    let _lock = lock::take(ctx, instance, "tag")?;
    let mut record = instance.record.clone();
    record.tags = tags;
    let operation = journal::begin(ctx, OperationKind::Tag, instance)?;
    ctx.store.set_record(&record)?;
    kill_point::reached("intent");
    let result = write_metadata(ctx, &record);
    kill_point::reached("effect");
    journal::end(ctx, &operation, result)
}
