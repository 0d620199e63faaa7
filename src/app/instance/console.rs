//! The serial console of an instance, as a reader and a writer.

use crate::{
    app::{App, Caller, Right, scope::Target},
    hypervisor::DomainState,
    model::{AuditAction, Code, Error, Hint, Name, Observer, ResourceKind, Result, Verb},
    store::instances::no_such_instance,
};

pub use crate::hypervisor::ConsoleStream;

/// Opens the console of an instance that runs.
pub fn open(app: &App, caller: &Caller, name: &Name, observer: &mut dyn Observer) -> Result<ConsoleStream> {
    app.authorise(caller, Right::Access, Target::instance(name))?;
    let mut ctx = app.look(caller, observer)?.ok_or_else(|| no_such_instance(name, None))?;
    let uuid = ctx.store.require(name)?.record.uuid;
    match ctx.hypervisor.domain(uuid)?.map(|d| d.state) {
        Some(DomainState::Running | DomainState::Paused | DomainState::ShuttingDown) => {}
        _ => {
            return Err(Error::new(Code::NotRunning, format!("instance `{name}` is not running")).hint(
                Hint::from("start it: ")
                    .run_with(Verb::Start, &[&name])
                    .text("; what it said before: ")
                    .run_with(Verb::Logs, &[&name]),
            ));
        }
    }
    let entry = app.done(caller, AuditAction::OpenConsole).about(ResourceKind::Instance, name);
    app.attest(&mut ctx.store, &entry, observer)?;
    ctx.hypervisor.open_console(uuid)
}
