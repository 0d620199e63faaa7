//! Remotes, added and removed. The repository is made with a password that lite keeps before it is made: so one that was cut off is gone
//! on with, and where that fails nothing is left here.

use secrecy::SecretString;
use uuid::Uuid;

use crate::{
    engine::{
        Ctx, Observer,
        journal::OWNER_DIED,
        lock::Lock,
        progress::Reporter,
        remote::{check_place, home, not_let_in, open, repository},
    },
    guest,
    image::restic::{Presence, Repository},
    kill_point,
    model::{
        Code, Error, Hint, Location, Name, OperationKind, Remote, RemoteState, ResourceKind, ResourceRef, Result,
        Stage, Verb,
    },
    store::{Operation, OperationState, operations, remotes, resources},
};

/// A remote that is to be added or removed: the database says so, and its lock is held.
pub struct Accepted {
    /// The operation.
    pub operation: Operation,
    remote: Remote,
    lock: Lock,
}

/// What a remote is opened by.
pub struct Keys {
    /// The password.
    pub password: SecretString,
    /// It is one that somebody has already: a repository that is there may be taken.
    pub given: bool,
    /// The keys of a bucket, in the form of AWS' own file.
    pub credentials: Option<SecretString>,
}

/// Whether a remote could be added, as far as nobody is asked.
///
/// # Errors
/// A name that is taken, a place that is none.
pub fn check(ctx: &mut Ctx, name: &Name, location: &Location) -> Result<()> {
    check_place(&ctx.settings, location)?;
    ctx.store.write(|t| resources::refuse_taken(t, ResourceKind::Remote, name.as_str()))?;
    match ctx.store.remotes()?.into_iter().find(|one| one.location == *location) {
        None => Ok(()),
        Some(other) => Err(Error::new(Code::NameTaken, format!("`{location}` is remote `{}` already", other.name))
            .hint(Hint::from("look at it: ").run_with(Verb::RemoteShow, &[&other.name]))),
    }
}

/// Accepts that a remote is added.
///
/// # Errors
/// What [`check`] refuses; restic is not installed.
pub fn accept(ctx: &mut Ctx, name: &Name, location: &Location) -> Result<Accepted> {
    check(ctx, name, location)?;
    let (kind, state) = (OperationKind::AddRemote, RemoteState::Adding);
    let (name, location) = (name.clone(), location.clone());
    let remote = Remote { id: Uuid::new_v4(), name, location, state, created_at: ctx.now() };
    repository(&ctx.settings, &remote, &ctx.cancel)?;
    let lock = lock(ctx, &remote, kind.as_str())?;
    let requester = ctx.requester.clone();
    let operation = Operation::started(kind, ResourceRef::from(&remote), ctx.host_id(), requester, ctx.now());
    ctx.store.write(|t| {
        remotes::insert(t, &remote)?;
        operations::insert(t, &operation)
    })?;
    Ok(Accepted { operation, remote, lock })
}

/// The lock of a remote; `doing`: what others are told of who holds it.
fn lock(ctx: &Ctx, remote: &Remote, doing: &str) -> Result<Lock> {
    let what = format!("remote `{}`", remote.name);
    Lock::acquire_of(&ctx.locks(), (remote.id, &what), doing, &*ctx.clock, ctx.wait)
}

/// Adds the remote that was accepted.
///
/// # Errors
/// What is refused there, or failed: nothing of it is left here.
pub fn run(ctx: &mut Ctx, accepted: Accepted, keys: &Keys, observer: &mut dyn Observer) -> Result<Remote> {
    let Accepted { operation, remote, lock } = accepted;
    let reporter = Reporter::start(ctx, &operation.id);
    reporter.observe(observer).begin(Stage::Checking);
    let Err(error) = add(ctx, &remote, keys) else {
        kill_point::reached("effect");
        ctx.store.finish_remote(remote.id, &operation.id, ctx.clock.now())?;
        return Ok(Remote { state: RemoteState::Available, ..remote });
    };
    home(&ctx.settings, &remote).remove()?;
    let why = (error.code, error.to_string());
    let end = (operation.id.as_str(), OperationState::Failed);
    ctx.store.forget_remote(remote.id, end, Some((why.0, &why.1)), ctx.clock.now())?;
    lock.retire();
    Err(not_let_in(ctx, &remote.location, error))
}

fn add(ctx: &Ctx, remote: &Remote, keys: &Keys) -> Result<()> {
    kill_point::reached("intent");
    home(&ctx.settings, remote).make(&keys.password, keys.credentials.as_ref())?;
    kill_point::reached("effect");
    // ssh reads it.
    guest::ssh::login_key(&ctx.settings.paths.state)?;
    let repository = repository(&ctx.settings, remote, &ctx.ending)?;
    repository.pin()?;
    kill_point::reached("effect");
    ensure(&repository, &remote.location, keys.given)?;
    home(&ctx.settings, remote).describe(remote)
}

/// Makes the repository, or opens the one that is there; `given`: by a password that somebody has.
fn ensure(repository: &Repository<'_>, location: &Location, given: bool) -> Result<()> {
    let wrong = |e: Error| match e.code {
        Code::RemoteFailed => {
            let error = Error::new(Code::InvalidSecret, format!("the password does not open what is at `{location}`"));
            e.causes.into_iter().fold(error, Error::cause)
        }
        _ => e,
    };
    match (repository.presence()?, given) {
        (Presence::Nothing, _) => make(repository),
        (Presence::Repository, true) => repository.open().map_err(wrong),
        (Presence::Repository, false) => {
            Err(Error::new(Code::RemoteNotEmpty, format!("there is a repository at `{location}` already"))
                .hint("give its password with `--password-file`, or name another folder"))
        }
        (Presence::Unknown, true) => repository.open().or_else(|e| match e.code {
            Code::RemoteFailed => make(repository).map_err(wrong),
            _ => Err(e),
        }),
        (Presence::Unknown, false) => make(repository),
    }
}

fn make(repository: &Repository<'_>) -> Result<()> {
    let made = repository.init();
    if made.is_err() {
        repository.take_away()?;
    }
    // Nothing was there, and nothing is: a refusal.
    made.map_err(|e| match e.code {
        Code::RemoteFailed => Error { code: Code::RemoteRefused, class: Code::RemoteRefused.class(), ..e },
        _ => e,
    })
}

/// The process of an add died: it is gone on with, or nothing of it is left here.
///
/// # Errors
/// Those of the database and of lite's own files.
pub fn resume(ctx: &mut Ctx, operation: &Operation, lock: Lock) -> Result<String> {
    let (id, name) = (operation.resource.id, &operation.resource.name);
    let Some(remote) = ctx.store.remote_by_id(id)? else {
        ctx.store.end_operation(&operation.id, OperationState::Failed, Some(OWNER_DIED), ctx.now())?;
        return Ok(format!("closed the add of remote `{name}` that was cut off"));
    };
    let is_added =
        home(&ctx.settings, &remote).host_keys().is_ok() || !matches!(remote.location, Location::Sftp { .. });
    let gone_on = || {
        home(&ctx.settings, &remote).password()?;
        let repository = repository(&ctx.settings, &remote, &ctx.cancel)?;
        repository.check_machine().or_else(|e| {
            if e.code == Code::RemoteUnreachable && matches!(remote.location, Location::Folder(_)) {
                Ok(())
            } else {
                Err(e)
            }
        })?;
        ensure(&repository, &remote.location, true)?;
        home(&ctx.settings, &remote).describe(&remote)
    };
    if is_added && gone_on().is_ok() {
        ctx.store.finish_remote(id, &operation.id, ctx.clock.now())?;
        return Ok(format!("finished the add of remote `{name}` that was cut off"));
    }
    home(&ctx.settings, &remote).remove()?;
    ctx.store.forget_remote(id, (&operation.id, OperationState::Failed), Some(OWNER_DIED), ctx.clock.now())?;
    lock.retire();
    Ok(format!("removed what was there of remote `{name}`, whose add was cut off"))
}

/// Accepts that a remote is forgotten. What it holds stays there.
///
/// # Errors
/// Busy.
pub fn accept_remove(ctx: &mut Ctx, name: &Name) -> Result<Accepted> {
    let kind = OperationKind::RemoveRemote;
    let found = ctx.store.require_remote(name)?;
    let lock = lock(ctx, &found, kind.as_str())?;
    // It may have gone since it was found.
    let Some(remote) = ctx.store.remote_by_id(found.id)? else {
        lock.retire();
        return Err(Error::new(Code::NoSuchRemote, format!("remote `{name}` was removed meanwhile")));
    };
    let requester = ctx.requester.clone();
    let operation = Operation::started(kind, ResourceRef::from(&remote), ctx.host_id(), requester, ctx.now());
    ctx.store.write(|t| {
        remotes::set_state(t, remote.id, RemoteState::Removing)?;
        operations::insert(t, &operation)
    })?;
    Ok(Accepted { operation, remote, lock })
}

/// Forgets the remote that was accepted to go.
///
/// # Errors
/// What could not be removed; the next command goes on with it.
pub fn run_remove(ctx: &mut Ctx, accepted: Accepted) -> Result<()> {
    let Accepted { operation, remote, lock } = accepted;
    go_on(ctx, &operation, &remote)?;
    lock.retire();
    Ok(())
}

/// The process of a removal died, or it failed: it goes on.
///
/// # Errors
/// What could not be removed.
pub fn resume_remove(ctx: &mut Ctx, operation: &Operation, lock: Lock) -> Result<String> {
    if let Some(remote) = ctx.store.remote_by_id(operation.resource.id)? {
        go_on(ctx, operation, &remote)?;
    } else {
        ctx.store.end_operation(&operation.id, OperationState::Succeeded, None, ctx.now())?;
    }
    lock.retire();
    Ok(format!("finished the removal of remote `{}` that was cut off", operation.resource.name))
}

fn go_on(ctx: &mut Ctx, operation: &Operation, remote: &Remote) -> Result<()> {
    kill_point::reached("intent");
    home(&ctx.settings, remote).remove()?;
    kill_point::reached("effect");
    ctx.store.forget_remote(remote.id, (&operation.id, OperationState::Succeeded), None, ctx.clock.now())
}

/// Checks what a remote holds, and with `data` every byte of it. Locks of runs that died are taken back before.
///
/// # Errors
/// It is damaged, not reached, or somebody works with it.
pub fn check_whole(ctx: &mut Ctx, name: &Name, data: bool, observer: &mut dyn Observer) -> Result<()> {
    let remote = ctx.store.require_remote(name)?;
    let _lock = lock(ctx, &remote, "check remote")?;
    let repository = open(&ctx.settings, &remote, &ctx.cancel)?;
    observer.begin(Stage::Checking);
    repository.unlock()?;
    repository.check(data)
}
