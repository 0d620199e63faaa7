//! Remotes, read back from their folders, which have their passwords too.

use super::Rebuilding;
use crate::{
    engine::{
        Ctx,
        remote::{check_place, lost},
    },
    model::{Code, Error, Remote, Result},
    store::remotes,
};

/// Takes those into the database that are not there. A folder that does not say which remote it is of stays as it is.
pub fn restore(ctx: &mut Ctx, done: &mut Rebuilding) -> Result<()> {
    let known = ctx.store.resource_ids()?;
    for one in lost(&ctx.settings, |id| known.contains(id))? {
        let Some(remote) = &one.remote else { continue };
        match take_in(ctx, remote) {
            Ok(()) => done.remotes.push(remote.name.to_string()),
            Err(error) => done.refused.push(format!("remote `{}`: {error}", remote.name)),
        }
    }
    Ok(())
}

fn take_in(ctx: &mut Ctx, remote: &Remote) -> Result<()> {
    check_place(&ctx.settings, &remote.location)?;
    if let Some(other) = ctx.store.remotes()?.into_iter().find(|one| one.location == remote.location) {
        return Err(Error::new(Code::NameTaken, format!("`{}` is remote `{}` already", remote.location, other.name)));
    }
    ctx.store.write(|t| remotes::insert(t, remote))
}
