//! The serial console of an instance: as a reader and a writer, or watched by its log, which takes it from nobody.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use uuid::Uuid;

use crate::{
    app::{App, Caller, Right, audit::Lasting, scope::Target},
    engine::Ctx,
    guest::{
        lines::Lines,
        tail::{self, follow},
    },
    hypervisor::{DomainState, Hypervisor},
    model::{AuditAction, Code, Error, Hint, Name, Observer, Record, ResourceKind, Result, Verb},
    plan::console_log,
    store::instances::no_such_instance,
};

pub use crate::hypervisor::ConsoleStream;

/// How much of what a console said before is shown first.
const BEFORE: u64 = 64 << 10;
/// How long one wait for more lasts.
const WAIT: Duration = Duration::from_millis(500);
/// How often it is looked whether the guest still runs.
const LOOK: Duration = Duration::from_secs(2);

/// What a console said last, and whether there is one to type into.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Console {
    /// The guest runs.
    pub is_on: bool,
    /// The end of its log, as text alone.
    pub said: String,
}

/// Opens the console of an instance that runs.
pub fn open(app: &App, caller: &Caller, name: &Name, observer: &mut dyn Observer) -> Result<ConsoleStream> {
    let (mut ctx, record) = running(app, caller, name, observer)?;
    attest(app, caller, name, &mut ctx, observer)?;
    ctx.hypervisor.open_console(record.uuid)
}

/// What the console of an instance said last.
///
/// # Errors
/// There is no such instance, or the host does not answer.
pub fn show(app: &App, caller: &Caller, name: &Name, observer: &mut dyn Observer) -> Result<Console> {
    let (ctx, record) = find(app, caller, name, observer)?;
    let said = tail::text(&*app.machine, &console_log(&record, &app.settings.host.folders.logs), BEFORE);
    Ok(Console { is_on: is_on(&*ctx.hypervisor, record.uuid)?, said })
}

/// Begins to watch the console of an instance that runs, from the last that it said on. Begin and end are in the audit.
///
/// # Errors
/// There is no such instance, or it does not run.
pub fn watch(app: &App, caller: &Caller, name: &Name, observer: &mut dyn Observer) -> Result<Watching> {
    let (mut ctx, record) = running(app, caller, name, observer)?;
    attest(app, caller, name, &mut ctx, observer)?;
    let end = app.done(caller, AuditAction::CloseConsole).about(ResourceKind::Instance, name);
    let log = console_log(&record, &app.settings.host.folders.logs);
    let length = app.machine.info(&log).map_or(0, |info| info.length);
    Ok(Watching {
        uuid: record.uuid,
        lines: follow(&*app.machine, &log, length.saturating_sub(BEFORE))?,
        host: ctx.hypervisor,
        looked: app.clock.instant(),
        app: app.clone(),
        _lasting: Lasting::begun(app, end),
    })
}

/// A console that is watched.
pub struct Watching {
    /// The instance.
    pub uuid: Uuid,
    app: App,
    host: Arc<dyn Hypervisor>,
    lines: Lines,
    looked: Instant,
    _lasting: Lasting,
}

impl Watching {
    /// What the guest wrote since the last call, which is waited for for half a second; none: it has stopped, and that was all.
    ///
    /// # Errors
    /// Its log cannot be read.
    pub fn written(&mut self) -> Result<Option<Vec<u8>>> {
        let bytes = self.lines.bytes()?;
        if !bytes.is_empty() {
            return Ok(Some(bytes));
        }
        let clock = self.app.clock.clone();
        if clock.instant().saturating_duration_since(self.looked) >= LOOK {
            self.looked = clock.instant();
            // A host that does not answer says nothing of its guest.
            if is_on(&*self.host, self.uuid) == Ok(false) {
                let rest = self.lines.bytes()?;
                return Ok((!rest.is_empty()).then_some(rest));
            }
        }
        self.lines.wait(&*clock, WAIT)?;
        self.lines.bytes().map(Some)
    }
}

fn attest(app: &App, caller: &Caller, name: &Name, ctx: &mut Ctx, observer: &mut dyn Observer) -> Result<()> {
    let entry = app.done(caller, AuditAction::OpenConsole).about(ResourceKind::Instance, name);
    app.attest(&mut ctx.store, &entry, observer)
}

fn find(app: &App, caller: &Caller, name: &Name, observer: &mut dyn Observer) -> Result<(Ctx, Record)> {
    app.authorise(caller, Right::Access, Target::instance(name))?;
    let ctx = app.look(caller, observer)?.ok_or_else(|| no_such_instance(name, None))?;
    let record = ctx.store.require(name)?.record;
    Ok((ctx, record))
}

/// The same, refused unless it runs.
fn running(app: &App, caller: &Caller, name: &Name, observer: &mut dyn Observer) -> Result<(Ctx, Record)> {
    let (ctx, record) = find(app, caller, name, observer)?;
    if is_on(&*ctx.hypervisor, record.uuid)? {
        return Ok((ctx, record));
    }
    Err(Error::new(Code::NotRunning, format!("instance `{name}` is not running")).hint(
        Hint::from("start it: ")
            .run_with(Verb::Start, &[&name])
            .text("; what it said before: ")
            .run_with(Verb::Logs, &[&name]),
    ))
}

fn is_on(host: &dyn Hypervisor, uuid: Uuid) -> Result<bool> {
    let state = host.domain(uuid)?.map(|domain| domain.state);
    Ok(matches!(state, Some(DomainState::Running | DomainState::Paused | DomainState::ShuttingDown)))
}
