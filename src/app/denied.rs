//! Rights that are refused: each is told in the audit, and not each request of a flood.

use std::{
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

use super::{App, Caller, Right};
use crate::{
    access::rate::Rate,
    clock::Clock,
    model::{AuditAction, AuditEntry, AuditOutcome, Name, Result},
};

/// In which time one row tells of an account and a right.
const ONCE: Duration = Duration::from_secs(60);

/// Who was refused what lately.
pub(super) struct Denials {
    told: Mutex<Rate<(String, Right)>>,
    begun: Instant,
}

impl Denials {
    /// Nobody yet.
    pub(super) fn new(clock: &dyn Clock) -> Self {
        Self { told: Mutex::new(Rate::of(1, ONCE)), begun: clock.instant() }
    }
}

impl App {
    /// Refused (`forbidden`) unless the caller has the right, and sees the whole host; then the audit tells.
    ///
    /// # Errors
    /// `forbidden`.
    pub fn require(&self, caller: &Caller, right: Right) -> Result<()> {
        self.noted(caller, right, None, caller.require(right))
    }

    /// The same, whose row is in the audit if it is a refusal: one a minute of each account and right. Of looks there is none, as there
    /// is none of those that are let: a page leaves out what its reader does not see.
    pub(super) fn noted(&self, caller: &Caller, right: Right, about: Option<&Name>, decided: Result<()>) -> Result<()> {
        if decided.is_err() && right != Right::Read {
            // What cannot be told is refused all the same.
            let _ = self.tell_denial(caller, right, about);
        }
        decided
    }

    fn tell_denial(&self, caller: &Caller, right: Right, about: Option<&Name>) -> Result<()> {
        let (who, now) = ((caller.requester.actor.clone(), right), self.clock.instant());
        let since = now.saturating_duration_since(self.denials.begun);
        if !self.denials.told.lock().unwrap_or_else(PoisonError::into_inner).take(&who, since) {
            return Ok(());
        }
        let Some(mut store) = self.store_as_it_is()? else { return Ok(()) };
        store.record_audit(&AuditEntry {
            outcome: AuditOutcome::Refused,
            resource: about.map(|name| (None, name.to_string())),
            detail: Some(right.what().to_owned()),
            ..self.done(caller, AuditAction::DenyAccess)
        })
    }
}
