//! The audit: who did what.

use std::time::Duration;

use super::{App, Caller, Right};
use crate::{
    model::{AuditAction, AuditEntry, AuditOutcome, Hint, Observer, Result, Via},
    store::{
        Store,
        audit::{Audited, Which},
    },
    view::AuditRow,
};

/// How often a follower looks.
const POLL: Duration = Duration::from_millis(500);

/// Which rows are asked for.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Filter {
    /// Of this account.
    pub actor: Option<String>,
    /// By this way.
    pub via: Option<Via>,
    /// Of this action, or kind of operation.
    pub action: Option<String>,
    /// About what has this name.
    pub resource: Option<String>,
    /// Only what was refused, or what was not.
    pub outcome: Option<AuditOutcome>,
    /// Not older than this.
    pub since: Option<Duration>,
    /// At most so many, the latest.
    pub limit: u32,
}

/// The latest rows, oldest first.
///
/// # Errors
/// Those of the database.
pub fn list(app: &App, caller: &Caller, filter: &Filter, observer: &mut dyn Observer) -> Result<Vec<AuditRow>> {
    app.require(caller, Right::Administer)?;
    let Some(store) = app.store(caller, observer)? else { return Ok(Vec::new()) };
    Ok(store.audit(&which(app, filter))?.into_iter().map(row).collect())
}

/// Hands on the latest rows, and goes on with what is done until cancelled.
///
/// # Errors
/// Those of the database, and of whoever takes the rows.
pub fn follow(
    app: &App,
    caller: &Caller,
    filter: &Filter,
    observer: &mut dyn Observer,
    to: &mut dyn FnMut(&AuditRow) -> Result<()>,
) -> Result<()> {
    app.require(caller, Right::Administer)?;
    let store: Store = app.store(caller, observer)?.map_or_else(|| app.new_store(), Ok)?;
    let mut which = which(app, filter);
    loop {
        for audited in store.audit(&which)? {
            which.after = audited.id;
            to(&row(audited))?;
        }
        which.limit = u32::MAX;
        if app.is_cancelled() {
            return Ok(());
        }
        app.clock.sleep(POLL);
    }
}

/// Something that lasts, whose begin is in the audit: dropped, its end is there too.
pub struct Lasting {
    app: App,
    end: AuditEntry,
}

impl Lasting {
    /// It has begun: `end` is the row of its end, but for the time.
    pub(super) fn begun(app: &App, end: AuditEntry) -> Self {
        Self { app: app.clone(), end }
    }
}

impl Drop for Lasting {
    fn drop(&mut self) {
        self.end.at = self.app.clock.now();
        // It is over, whether or not that can be written.
        let _ = self.app.new_store().and_then(|mut store| store.record_audit(&self.end));
    }
}

fn which(app: &App, filter: &Filter) -> Which {
    let now = app.clock.now();
    // Longer ago than there is time: from the first.
    let ago = |time: Duration| now.checked_sub(time).unwrap_or(jiff::Timestamp::UNIX_EPOCH);
    Which {
        after: 0,
        since: filter.since.map(ago),
        actor: filter.actor.clone(),
        via: filter.via,
        action: filter.action.clone(),
        resource: filter.resource.clone(),
        outcome: filter.outcome,
        limit: filter.limit,
    }
}

fn row(audited: Audited) -> AuditRow {
    AuditRow {
        id: audited.id,
        at: audited.at,
        actor: audited.requester.actor,
        via: audited.requester.via.to_string(),
        address: audited.requester.address,
        action: audited.action,
        kind: audited.kind.map(|kind| kind.to_string()),
        resource: audited.resource,
        operation: audited.operation,
        outcome: audited.state.map_or_else(|| audited.outcome.to_string(), |state| state.to_string()),
        detail: audited.detail,
    }
}

impl App {
    /// A row of the audit for something that a caller does now.
    pub(super) fn done(&self, caller: &Caller, action: AuditAction) -> AuditEntry {
        AuditEntry::done(caller.requester.clone(), self.clock.now(), action)
    }

    /// Writes the row of something that changes nothing here and shows no secret, before it is done. Where the database cannot be written,
    /// a command at this host goes on without it, and says so: by that way such a host is repaired, and whoever is root here could
    /// remove the row. Nobody else does anything without its row.
    pub(super) fn attest(&self, store: &mut Store, entry: &AuditEntry, observer: &mut dyn Observer) -> Result<()> {
        let written = store.record_audit(entry);
        let Err(error) = &written else { return written };
        if !error.code.is_of_state() || entry.requester.via != Via::Cli {
            return written;
        }
        let name = entry.resource.as_ref().map_or_else(String::new, |(_, name)| format!(" {name}"));
        let row = format!("{} {} {}{name}", entry.at, entry.requester.actor, entry.action);
        observer.warn(&Hint::from(format!("not in the audit: {row}: {error}")));
        Ok(())
    }
}
