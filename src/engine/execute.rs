//! Makes a step true on the host.

use std::time::Duration;

use uuid::Uuid;

use super::{
    Ctx, disk_copy, firewall, forward, growth,
    lock::{LIBVIRT_SLOTS, Lock},
    names, objects, room,
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
    /// Content for the volume of this kind.
    content: Option<(OwnedKind, &'a [u8])>,
}

impl<'a> Payload<'a> {
    /// Nothing.
    pub const fn none() -> Self {
        Payload { content: None }
    }

    /// The content of the volume of a kind.
    pub const fn of(kind: OwnedKind, bytes: &'a [u8]) -> Self {
        Payload { content: Some((kind, bytes)) }
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
        Step::Ensure { kind, object, xml } => {
            let content = payload.content.filter(|(of, _)| of == kind).map(|(_, bytes)| bytes);
            objects::ensure(hv, object, xml, content)
        }
        Step::Clone { object, from, xml, .. } => objects::clone(hv, object, from, xml),
        Step::Remove { object } => objects::remove(hv, &*ctx.machine, object),
        Step::Redefine { to, .. } => hv.ensure_domain(to),
        Step::Grow { pool, volume, domain, bytes } => growth::grow(ctx, (pool, volume), *domain, *bytes),
        Step::Rename { uuid, name } => hv.rename_domain(*uuid, name),
        Step::StartUnlinked { uuid } | Step::Start { uuid } => start(ctx, *uuid),
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
            let content = payload.content.filter(|(of, _)| of == kind);
            room::explained(ctx, content.map_or(0, |(_, bytes)| bytes.len() as u64), error)
        }
        _ => error,
    }
}

/// Says which step an error belongs to, keeping its kind and hints.
fn at(step: &Step, error: Error) -> Error {
    error.within(format!("{} failed", step.subject()))
}
