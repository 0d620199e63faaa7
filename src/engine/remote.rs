//! How a remote is reached: its repository, and what lite keeps for that.

use std::{path::Path, sync::atomic::AtomicBool};

use uuid::Uuid;

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

/// A folder of a remote that the database does not know.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LostRemote {
    /// The remote's id.
    pub id: Uuid,
    /// What it is; none: its folder does not say.
    pub remote: Option<Remote>,
}

impl LostRemote {
    /// As it is called where it is told of.
    pub fn subject(&self) -> String {
        match &self.remote {
            Some(remote) => format!("remote `{}`", remote.name),
            None => format!("folder `remotes/{}`", self.id),
        }
    }
}

/// The folders of remotes that are none of these.
///
/// # Errors
/// Those of the file system.
pub fn lost(settings: &Settings, is_known: impl Fn(&Uuid) -> bool) -> Result<Vec<LostRemote>> {
    let state = &settings.paths.state;
    let lost = Home::all(state)?.into_iter().filter(|id| !is_known(id));
    // One that says something else than a remote says nothing.
    Ok(lost.map(|id| LostRemote { id, remote: Home::of(state, id).described(id).ok().flatten() }).collect())
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
    let (repository, home) = (repository(settings, remote, cancel)?, home(settings, remote));
    repository.check_machine()?;
    if !home.is_described() {
        // An earlier lite did not do it. What is lost otherwise is a rebuild's help alone.
        let _ = home.describe(remote);
    }
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
