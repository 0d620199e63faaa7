//! Runs operations: allocate, journal, do, undo, resume; holds the locks; reconciles with what libvirt says.
//!
//! ```text
//!            ┌── every step done ──────────────► succeeded
//! started ───┤── a step failed, undone ────────► failed
//!    │       └── an undo failed ───────────────► needs-attention ── lite repair ──► failed
//!    └── owner died (its lock is free) ── next lite command finishes or undoes ──► …
//! ```

mod allocate;
mod audit;
mod bake;
mod capacity;
mod create;
mod delete;
mod draw;
mod execute;
mod gc;
mod host;
mod journal;
mod listing;
mod lock;
mod objects;
mod ours;
mod power;
mod rebuild;
mod recover;
mod redefine;
mod restart;
mod wait;

use std::{
    sync::atomic::{AtomicBool, Ordering},
    time::Duration,
};

pub use audit::{Audit, Finding, Looked, Orphan, Removal, Trouble, Unknown};
pub use bake::{BakeRequest, Outcome, bake_of, check_bakeable};
pub use capacity::Capacity;
pub use create::{Created, Request};
pub use delete::Receipt;
pub use gc::{Found, Sighted};
pub use listing::Listed;
pub use ours::{OurDomain, our_domains, refuse_lost_state};
pub use power::Stopped;
pub use rebuild::{Rebuilding, Rebuilt, refuse_while_busy};
pub use redefine::Redefinition;
pub use wait::Waited;

pub use crate::model::{Observer, Stage, Unobserved};
use crate::{
    hypervisor::Hypervisor,
    model::{Code, Error, EventKind, Instance, Record, Result, Settings},
    store::{Operation, OperationState, Store, events::Stamp},
};

/// The engine of one command.
pub struct Engine<'a> {
    /// What the operator decided.
    pub settings: &'a Settings,
    /// State.
    pub store: Store,
    /// The host.
    pub hypervisor: &'a dyn Hypervisor,
    /// The time.
    pub now: fn() -> jiff::Timestamp,
    /// Set by Ctrl-C.
    pub interrupted: &'a AtomicBool,
    /// How long to wait for a busy instance.
    pub wait: Duration,
}

impl Engine<'_> {
    /// The folder of the locks.
    fn locks(&self) -> std::path::PathBuf {
        self.settings.paths.state.join("locks")
    }

    /// Takes the lock of an instance for an operation, and makes sure the instance still is what was read before.
    fn lock(&mut self, instance: &Instance, operation: &str) -> Result<lock::Lock> {
        let record = &instance.record;
        let lock =
            lock::Lock::acquire(&self.locks(), record.uuid, record.name.as_str(), operation, (self.now)(), self.wait)?;
        if self.store.instance_by_uuid(record.uuid)?.is_none() {
            lock.retire();
            return Err(Error::new(Code::NoSuchInstance, format!("instance `{}` was deleted meanwhile", record.name))
                .hint("`lite list` shows all instances"));
        }
        Ok(lock)
    }

    /// Writes that an operation starts.
    fn begin(&mut self, kind: &str, instance: &Instance) -> Result<Operation> {
        let operation = self.new_operation(kind, instance);
        self.store.insert_operation(&operation)?;
        Ok(operation)
    }

    /// An operation that starts now, not written yet.
    fn new_operation(&self, kind: &str, instance: &Instance) -> Operation {
        Operation {
            id: operation_id(),
            kind: kind.to_owned(),
            resource: instance.record.name.to_string(),
            instance: Some(instance.record.uuid),
            state: OperationState::Started,
            error: None,
            request_id: None,
            arguments: None,
            started_at: (self.now)(),
            ended_at: None,
        }
    }

    /// Writes how an operation ended and hands its result on.
    fn end<T>(&mut self, operation: &Operation, result: Result<T>) -> Result<T> {
        let (state, error) = match &result {
            Ok(_) => (OperationState::Succeeded, None),
            Err(e) if e.code == Code::UndoFailed => (OperationState::NeedsAttention, Some(e.to_string())),
            Err(e) => (OperationState::Failed, Some(e.to_string())),
        };
        self.store.end_operation(&operation.id, state, error.as_deref(), (self.now)())?;
        if let (OperationState::NeedsAttention, Some(text)) = (state, &error) {
            let text = format!("{} of `{}`, operation `{}`: {text}", operation.kind, operation.resource, operation.id);
            self.tell(EventKind::OperationNeedsAttention, None, &text)?;
        }
        result
    }

    /// Records an event, for `lite events` and the contacts.
    fn tell(&mut self, kind: EventKind, record: Option<&Record>, text: &str) -> Result<()> {
        let event = Stamp::here((self.now)()).event(kind, record, text);
        self.store.record_event(&event).map(drop)
    }

    /// Whether Ctrl-C was pressed.
    fn is_interrupted(&self) -> bool {
        self.interrupted.load(Ordering::Relaxed)
    }
}

/// A new operation id: `op-` and eight hexadecimal digits.
fn operation_id() -> String {
    format!("op-{:08x}", rand::random::<u32>())
}
