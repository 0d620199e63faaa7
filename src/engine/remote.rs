//! How a remote is reached: its repository, and what lite keeps for that.

use std::{path::Path, sync::atomic::AtomicBool};

use super::Ctx;
use crate::{
    guest,
    image::restic::{Home, Repository, lies_in},
    model::{Code, Error, Location, Remote, RemoteState, Result, Settings},
};

/// What lite keeps of a remote beside the database.
pub fn home(settings: &Settings, remote: &Remote) -> Home {
    Home::of(&settings.paths.state, remote.id)
}

/// The repository of a remote. Nothing is asked yet.
///
/// # Errors
/// Refused where restic is not installed.
pub fn repository<'a>(settings: &Settings, remote: &Remote, cancel: &'a AtomicBool) -> Result<Repository<'a>> {
    Repository::new(home(settings, remote), remote.location.clone(), cancel)
}

/// The same, of one that is there and whose machine answers as the one that it was.
///
/// # Errors
/// Refused: it is being added or removed, its machine is not reached, or shows another key.
pub fn open<'a>(settings: &Settings, remote: &Remote, cancel: &'a AtomicBool) -> Result<Repository<'a>> {
    if remote.state != RemoteState::Available {
        let text = format!("remote `{}` is being added, or removed", remote.name);
        return Err(Error::new(Code::Busy, text).hint("try again in a moment"));
    }
    let repository = repository(settings, remote, cancel)?;
    repository.check_machine()?;
    Ok(repository)
}

/// Refused where copies would lie on what they are copies of.
///
/// # Errors
/// [`Code::InvalidRemote`].
pub fn check_place(settings: &Settings, location: &Location) -> Result<()> {
    let Location::Folder(folder) = location else { return Ok(()) };
    let own: [(&str, &Path); 3] = [
        ("storage pool", &settings.host.folders.pool),
        ("state", &settings.paths.state),
        ("logs", &settings.host.folders.logs),
    ];
    for (what, place) in own {
        if lies_in(folder, place) || lies_in(place, folder) {
            let text = format!("`{}` and lite's {what} at `{}` lie in each other", folder.display(), place.display());
            return Err(Error::new(Code::InvalidRemote, text).hint("name a folder on another disk or machine"));
        }
    }
    Ok(())
}

/// Tells whom the machine has to let in, where it does not.
pub fn not_let_in(ctx: &Ctx, location: &Location, error: Error) -> Error {
    let (Code::RemoteRefused, Location::Sftp { user, .. }) = (error.code, location) else { return error };
    match guest::ssh::login_key(&ctx.settings.paths.state) {
        Ok(key) => error.hint(format!(
            "lite logs in by its own key: add this line to `.ssh/authorized_keys` of `{user}` there: {}",
            key.public
        )),
        Err(_) => error,
    }
}
