//! Makes a step true on the host.

use std::time::Duration;

use secrecy::SecretString;
use uuid::Uuid;

use super::{
    Ctx, disk_copy, firewall, forward, growth,
    lock::{LIBVIRT_SLOTS, Lock},
    names, objects, room, warm,
};
use crate::{
    model::{Code, Error, Hint, Result, Verb},
    plan::{Object, OwnedKind, Step},
};

/// How long a step waits for a slot of libvirt: a hundred others at a second or two each.
const SLOT_WAIT: Duration = Duration::from_secs(300);

/// What a step needs and the journal must not hold: secrets.
#[derive(Clone, Copy)]
pub struct Payload<'a> {
    /// Contents for the volumes of these kinds.
    contents: [Option<(OwnedKind, &'a [u8])>; 2],
    /// Who a guest is.
    identity: Option<&'a SecretString>,
}

impl<'a> Payload<'a> {
    /// Nothing.
    pub const fn none() -> Self {
        Payload { contents: [None; 2], identity: None }
    }

    /// The content of the volume of a kind.
    pub const fn of(kind: OwnedKind, bytes: &'a [u8]) -> Self {
        Payload { contents: [Some((kind, bytes)), None], identity: None }
    }

    /// The content of the volume of another kind as well.
    pub const fn and(self, kind: OwnedKind, bytes: &'a [u8]) -> Self {
        Payload { contents: [self.contents[0], Some((kind, bytes))], ..self }
    }

    /// Who the guest is as well.
    pub const fn telling(self, identity: &'a SecretString) -> Self {
        Payload { identity: Some(identity), ..self }
    }

    fn content(&self, kind: OwnedKind) -> Option<&'a [u8]> {
        self.contents.iter().flatten().find(|(of, _)| *of == kind).map(|(_, bytes)| *bytes)
    }
}

/// Does it. Repeatable: what is true already stays true.
pub fn execute(ctx: &Ctx, step: &Step, payload: &Payload<'_>) -> Result<()> {
    let result = match step.is_serialised() {
        true => libvirt_slot(ctx)?.ask(ctx, || perform(ctx, step, payload)),
        false => perform(ctx, step, payload),
    };
    result.map_err(|e| at(step, full(ctx, step, payload, e)))
}

fn perform(ctx: &Ctx, step: &Step, payload: &Payload<'_>) -> Result<()> {
    let hv = &*ctx.hypervisor;
    match step {
        Step::Ensure { kind, object, xml } => objects::ensure(hv, object, xml, payload.content(*kind)),
        Step::Clone { kind, object, from, xml } => objects::clone(hv, object, (from, xml), payload.content(*kind)),
        Step::Remove { object } => objects::remove(hv, &*ctx.machine, object),
        Step::Redefine { to, .. } => hv.ensure_domain(to),
        Step::Grow { pool, volume, domain, bytes } => growth::grow(ctx, (pool, volume), *domain, *bytes),
        Step::Rename { uuid, name } => hv.rename_domain(*uuid, name),
        Step::StartUnlinked { uuid } | Step::Start { uuid } => start(ctx, *uuid),
        Step::Restore { path, .. } => {
            firewall::apply(ctx)?;
            names::apply(ctx)?;
            hv.restore_memory(path)
        }
        Step::Identify { uuid } => warm::identify(ctx, *uuid, payload.identity),
        Step::Plug { uuid, xml } => hv.update_device(*uuid, xml),
        Step::Destroy { uuid } => hv.destroy(*uuid),
        Step::StartPaused { uuid, xml } => hv.start_paused(*uuid, xml),
        Step::EndPaused { uuid } => disk_copy::end_paused(ctx, *uuid),
        Step::Copy { uuid, copy, xml } => disk_copy::copy(ctx, *uuid, copy, xml),
        Step::EndCopy { uuid, copy } => disk_copy::end(ctx, *uuid, copy),
        Step::Freeze { uuid } => hv.freeze(*uuid),
        Step::Thaw { uuid } => disk_copy::thaw(ctx, *uuid),
        Step::Suspend { uuid } => hv.suspend(*uuid),
        Step::Resume { uuid } => disk_copy::resume(ctx, *uuid),
        Step::Cut { uuid, copies } => disk_copy::cut(ctx, *uuid, copies),
        // Its guest is told by whoever announces it; going back is an operation's own work.
        Step::Upgrade { .. } => Ok(()),
        Step::MoveNetwork { name, mode, links, .. } => forward::move_to(ctx, name, *mode, links),
        Step::RestoreNetwork { name, xml, links } => forward::run_as(ctx, name, xml, links),
    }
}

/// No guest starts without its rules, and each has its name from the start on.
fn start(ctx: &Ctx, uuid: Uuid) -> Result<()> {
    firewall::apply(ctx)?;
    names::apply(ctx)?;
    ctx.hypervisor.start(uuid)
}

/// Waits for a slot at what libvirt does for one client at a time.
pub fn libvirt_slot(ctx: &Ctx) -> Result<Lock> {
    Lock::any_of(&ctx.locks(), &LIBVIRT_SLOTS, "take its turn", &*ctx.clock, SLOT_WAIT)?.ok_or_else(|| {
        let waited = SLOT_WAIT.as_secs();
        Error::new(Code::Busy, format!("libvirt was busy with other lite commands for {waited} s")).hint(
            Hint::from("try again later; ")
                .run(Verb::Operations)
                .text(" shows what is under way, ")
                .run(Verb::Doctor)
                .text(" whether libvirt hangs"),
        )
    })
}

/// Says that the pool is full, where a step wrote to it and that may be why it failed.
fn full(ctx: &Ctx, step: &Step, payload: &Payload<'_>, error: Error) -> Error {
    match step {
        Step::Ensure { kind, object: Object::Volume { .. }, .. } => {
            room::explained(ctx, payload.content(*kind).map_or(0, |bytes| bytes.len() as u64), error)
        }
        _ => error,
    }
}

/// Says which step an error belongs to, keeping its kind and hints.
fn at(step: &Step, error: Error) -> Error {
    error.within(format!("{} failed", step.subject()))
}
