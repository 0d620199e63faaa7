//! Files of images that belong to nobody: what work that was killed has left, and disks of exports that no disk lies on any more.

use super::{Ctx, ours::is_without_row};
use crate::{
    image,
    model::{Code, Error, Result},
};

/// Removes them; a sentence for each.
///
/// # Errors
/// What could not be removed.
pub fn tidy(ctx: &Ctx) -> Result<Vec<String>> {
    image::leftovers::tidy(&ctx.images()?, &|file| lies_on(ctx, file))
}

/// Whether a disk may lie on an image file. A disk of an instance that the database does not know may lie on any.
fn lies_on(ctx: &Ctx, file: &str) -> Result<bool> {
    if !ctx.store.users_of_image(file)?.is_empty() {
        return Ok(true);
    }
    let owned = ctx.store.resource_ids()?;
    Ok(pool_files(ctx)?.iter().any(|name| is_without_row(name, &owned)))
}

/// The names of all that lies in the pool: libvirt's where its folder is not one of this machine.
fn pool_files(ctx: &Ctx) -> Result<Vec<String>> {
    if !ctx.machine.runs_guests() {
        return Ok(ctx.hypervisor.volumes(&ctx.settings.host.pool)?.into_iter().map(|v| v.name).collect());
    }
    let entries = ctx
        .machine
        .entries(&ctx.settings.host.folders.pool)
        .map_err(|e| Error::new(Code::PoolUnreadable, "cannot read the folder of the pool").cause(e))?;
    Ok(entries.iter().filter_map(|e| Some(e.file_name()?.to_str()?.to_owned())).collect())
}
