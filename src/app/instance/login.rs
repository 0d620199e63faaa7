//! Logging in to an instance with ssh, and copying files with scp.

use std::{path::Path, process::Command};

pub use crate::guest::ssh::{Login, Transfer};
use crate::{
    app::{App, Caller, Right, audit::Lasting, scope::Target},
    engine,
    guest::{
        certificate::{self, Certificate},
        ssh,
    },
    hypervisor::DomainState,
    model::{AuditAction, Code, Error, Hint, Name, Observer, Record, ResourceKind, Result, Verb, escaped},
    store::instances::no_such_instance,
};

/// The ssh command that logs in to an instance, or runs `words` there: its host key is pinned to the one made for it.
pub fn command(
    app: &App,
    caller: &Caller,
    name: &Name,
    words: &[String],
    observer: &mut dyn Observer,
) -> Result<Command> {
    ssh::command(&app.settings.paths.state, &login(app, caller, (name, AuditAction::Ssh), observer)?.0, words)
}

/// The same command for a shell that lasts, with what tells the audit of its end.
///
/// # Errors
/// There is no such instance, or nobody can log in to it.
pub fn shell(app: &App, caller: &Caller, name: &Name, observer: &mut dyn Observer) -> Result<(Command, Lasting)> {
    let command = command(app, caller, name, &[], observer)?;
    let end = app.done(caller, AuditAction::EndSsh).about(ResourceKind::Instance, name);
    Ok((command, Lasting::begun(app, end)))
}

/// How somebody who is elsewhere logs in.
#[derive(Debug)]
pub struct Details {
    /// Where and as whom, and by which key the host shows itself.
    pub login: Login,
    /// By which key, for a while; none: the instance knows lite's authority not, for an earlier lite made it.
    pub certificate: Option<Certificate>,
}

/// Where and as whom to log in, and a key that counts for ten minutes.
///
/// # Errors
/// There is no such instance, or it does not run.
pub fn details(app: &App, caller: &Caller, name: &Name, observer: &mut dyn Observer) -> Result<Details> {
    let (login, record) = login(app, caller, (name, AuditAction::Ssh), observer)?;
    let of = (record.uuid, &record.name);
    let certify = || certificate::certify(&app.settings.paths.state, of, &caller.requester.actor, app.clock.now());
    let certificate = record.trusts_authority.then(certify).transpose()?;
    Ok(Details { login, certificate })
}

/// The scp command that copies files to an instance or from it, by the same keys.
pub fn copy(
    app: &App,
    caller: &Caller,
    name: &Name,
    transfer: &Transfer,
    observer: &mut dyn Observer,
) -> Result<Command> {
    // It reads and writes files of the host.
    app.require(caller, Right::Access)?;
    if let Transfer::To(files, _) = transfer {
        files.iter().try_for_each(|file| readable(file))?;
    }
    ssh::copy(&app.settings.paths.state, &login(app, caller, (name, AuditAction::Copy), observer)?.0, transfer)
}

fn readable(file: &Path) -> Result<()> {
    std::fs::metadata(file).map(|_| ()).map_err(|e| {
        Error::new(Code::FileUnreadable, format!("cannot read `{}`", escaped(&file.to_string_lossy())))
            .cause(e)
            .hint("a path in an instance is written `NAME:PATH`")
    })
}

/// Where and as whom to log in to an instance that runs.
fn login(
    app: &App,
    caller: &Caller,
    (name, action): (&Name, AuditAction),
    observer: &mut dyn Observer,
) -> Result<(Login, Record)> {
    app.authorise(caller, Right::Access, Target::instance(name))?;
    let mut ctx = app.look(caller, observer)?.ok_or_else(|| no_such_instance(name, None))?;
    let record = ctx.store.require(name)?.record;
    match ctx.hypervisor.domain(record.uuid)?.map(|d| d.state) {
        Some(DomainState::Running | DomainState::Unresponsive) => {}
        _ => {
            return Err(Error::new(Code::NotRunning, format!("instance `{name}` is not running"))
                .hint(Hint::from("start it: ").run_with(Verb::Start, &[&name])));
        }
    }
    let address = engine::guest_address(&ctx, &record)?.ok_or_else(|| {
        Error::new(Code::NoAddress, format!("nobody knows the address of instance `{name}` yet"))
            .hint(Hint::from("look at its console: ").run_with(Verb::Console, &[&name]))
    })?;
    let host_key = ctx.store.host_key(record.uuid)?.ok_or_else(|| {
        Error::new(Code::NoHostKey, format!("the host key of instance `{name}` is not known: its database was rebuilt"))
            .hint(format!("log in with ssh itself: `ssh {address}`"))
    })?;
    app.attest(&mut ctx.store, &app.done(caller, action).about(ResourceKind::Instance, name), observer)?;
    let (blueprint, _) = ctx.store.blueprint_of(record.uuid)?;
    Ok((Login { name: name.to_string(), address, user: blueprint.user, host_key }, record))
}
