//! Removing what no instance owns any more: first what, so that a front end can ask, then the change.

use super::{App, Caller, Right};
use crate::{
    engine::{self, Ctx, Found, Orphan, SeenOrphan},
    model::{AuditAction, AuditEntry, Hint, Observer, Result},
    view::Receipt,
};

/// What was found without an owner.
pub struct Collection {
    ctx: Ctx,
    due: Vec<Orphan>,
    certificates: Vec<String>,
    kept: Vec<Hint>,
}

/// What to collect.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Request {
    /// Also what was seen for the first time.
    pub now: bool,
    /// Wait while something else works.
    pub wait: bool,
    /// Say what would be removed, and remember nothing of this look.
    pub dry_run: bool,
}

/// Finds what no instance owns.
pub fn find(app: &App, caller: &Caller, request: Request, observer: &mut dyn Observer) -> Result<Collection> {
    app.require(caller, Right::Administer)?;
    let mut ctx = app.change(caller, request.wait, observer)?;
    let Found { seen, kept: owned } = engine::find_orphans(&mut ctx, !request.dry_run)?;
    let (due, early): (Vec<SeenOrphan>, Vec<SeenOrphan>) = seen.into_iter().partition(|s| request.now || s.is_due());
    let due = due.into_iter().map(|s| s.orphan).collect();
    let mut kept: Vec<Hint> = early.iter().map(not_yet).map(Hint::from).collect();
    kept.extend(owned.into_iter().map(|(subject, reason)| Hint::from(format!("{subject} (")).then(reason).text(")")));
    let certificates = engine::unused_certificates(&ctx)?.iter().map(|d| format!("the certificate of {d}")).collect();
    Ok(Collection { ctx, due, certificates, kept })
}

impl Collection {
    /// Whether nothing is left over.
    pub fn is_empty(&self) -> bool {
        self.due.is_empty() && self.certificates.is_empty() && self.kept.is_empty()
    }

    /// What would be removed, each in words.
    pub fn due(&self) -> Vec<String> {
        self.due.iter().map(|o| o.subject.clone()).chain(self.certificates.iter().cloned()).collect()
    }

    /// What would be removed and kept.
    pub fn plan(&self) -> Receipt {
        receipt(self.due(), self.kept.clone())
    }

    /// Removes what is due.
    pub fn run(mut self) -> Result<Receipt> {
        let entry = AuditEntry::done(self.ctx.requester.clone(), self.ctx.now(), AuditAction::CollectGarbage);
        self.ctx.store.record_audit(&entry)?;
        let mut removed = if self.due.is_empty() { Vec::new() } else { engine::collect(&mut self.ctx, &self.due)? };
        if !self.certificates.is_empty() {
            engine::forget_certificates(&mut self.ctx)?;
            removed.extend(self.certificates);
        }
        Ok(receipt(removed, self.kept))
    }
}

fn receipt(removed: Vec<String>, kept: Vec<Hint>) -> Receipt {
    Receipt { name: "left over".to_owned(), removed, kept, kept_until: None }
}

/// Why something stays for now.
fn not_yet(orphan: &SeenOrphan) -> String {
    let due = orphan.due.strftime("%F %T UTC");
    let seen = if orphan.times == 1 { "seen for the first time" } else { "seen again" };
    format!("{} ({seen}; goes when it is seen after {due}, or with `--now`)", orphan.orphan.subject)
}
