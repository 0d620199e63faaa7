//! Logging in to an instance with ssh.

use std::process::Command;

use crate::{
    app::{App, Caller, Right},
    guest::ssh::{self, Login},
    hypervisor::DomainState,
    model::{Code, Error, Hint, Name, Observer, Result, Verb},
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
    caller.require(Right::Access)?;
    let ctx = app.look(caller, observer)?.ok_or_else(|| no_such_instance(name, None))?;
    let record = ctx.store.require(name)?.record;
    match ctx.hypervisor.domain(record.uuid)?.map(|d| d.state) {
        Some(DomainState::Running | DomainState::Unresponsive) => {}
        _ => {
            return Err(Error::new(Code::NotRunning, format!("instance `{name}` is not running"))
                .hint(Hint::from("start it: ").run_with(Verb::Start, &[&name])));
        }
    }
    let address = match record.address {
        Some(address) => Some(address),
        None => ctx.hypervisor.guest_address(record.uuid, record.mac)?,
    };
    let address = address.ok_or_else(|| {
        Error::new(Code::NoAddress, format!("nobody knows the address of instance `{name}` yet"))
            .hint(Hint::from("look at its console: ").run_with(Verb::Console, &[&name]))
    })?;
    let host_key = ctx.store.host_key(record.uuid)?.ok_or_else(|| {
        Error::new(Code::NoHostKey, format!("the host key of instance `{name}` is not known: its database was rebuilt"))
            .hint(format!("log in with ssh itself: `ssh {address}`"))
    })?;
    let (blueprint, _) = ctx.store.blueprint_of(record.uuid)?;
    let login = Login { name: name.as_str(), address, user: &blueprint.user, host_key: &host_key };
    ssh::command(&ctx.settings.paths.state, &login, words)
}
