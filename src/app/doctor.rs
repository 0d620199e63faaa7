//! Whether this host is ready, what makes it so, and whether database and host agree.

use std::sync::Arc;

use super::{App, Caller, Right};
use crate::{
    doctor::{Check, Fix, Repair, Status, Web, apply, choose_subnets, evaluate, fixes, gather},
    engine::{self, Ctx, Finding, Reach},
    hypervisor::Hypervisor,
    model::{AuditAction, Error, Observer, Result},
    plan,
    store::Store,
    view::{AuditView, CheckView, FindingView, FixView, UnknownView, Verdict},
};

/// The checks of this host. A host that cannot be reached is a check that fails. Operations that were cut off are said.
pub fn check(app: &App, caller: &Caller, observer: &mut dyn Observer) -> Result<Vec<CheckView>> {
    app.require(caller, Right::Administer)?;
    if Store::exists(&app.settings.paths.state).is_ok_and(|there| there) {
        // Of a database that cannot be opened `--audit` tells.
        let _ = app.store(caller, observer);
    }
    let mut facts = gather(&app.settings, &*app.machine, reached(&app.host()));
    if let Some(ctx) = database(app, caller) {
        facts.disks = engine::disk_usage(&ctx).ok().flatten();
        facts.web = web(&ctx);
        facts.remotes = ctx.store.remotes().is_ok_and(|remotes| !remotes.is_empty());
    }
    Ok(evaluate(&facts, &app.settings).into_iter().map(view).collect())
}

/// A context with the database, if there is one. What cannot be looked at is told by the other checks.
fn database(app: &App, caller: &Caller) -> Option<Ctx> {
    if !Store::exists(&app.settings.paths.state).ok()? {
        return None;
    }
    app.context_of_new_state(caller, false).ok()
}

/// How the web front stands, if a domain is published or there is a load balancer.
fn web(ctx: &Ctx) -> Option<Web> {
    let ports = ctx.store.web_ports(&ctx.host_id()).ok().filter(|ports| !ports.is_empty())?;
    if !engine::proxy_runs(ctx).ok()? {
        return Some(Web::Ended);
    }
    let (port, reach) = engine::try_web(ctx, &ports)?;
    let doubt = engine::doubt(&port, &reach).map(|doubt| Web::Unknown(doubt.to_string()));
    Some(match reach {
        Reach::Stopped(closed) => Web::Closed(port, closed),
        _ => doubt.unwrap_or(Web::Reached),
    })
}

fn checks(app: &App, host: &Result<Arc<dyn Hypervisor>>) -> Vec<Check> {
    evaluate(&gather(&app.settings, &*app.machine, reached(host)), &app.settings)
}

fn reached(host: &Result<Arc<dyn Hypervisor>>) -> std::result::Result<&dyn Hypervisor, &Error> {
    host.as_ref().map(|h| &**h)
}

/// Makes what can be made, and looks again: a libvirt that has just started uncovers more. Each change is handed on when it
/// was made, or in a dry run when it would be; gives how many there were.
pub fn fix(app: &App, caller: &Caller, dry_run: bool, told: &mut dyn FnMut(FixView)) -> Result<usize> {
    app.require(caller, Right::Administer)?;
    // A database that is not there, or cannot be opened, may be what is to be put in order.
    if !dry_run && let Ok(Some(mut store)) = app.store_as_it_is() {
        store.record_audit(&app.done(caller, AuditAction::FixHost))?;
    }
    let mut tried: Vec<&'static str> = Vec::new();
    loop {
        let host = app.host();
        let checks = checks(app, &host);
        let Some(next) = fixes(&checks).into_iter().find(|f| !tried.contains(&f.check)) else {
            return Ok(tried.len());
        };
        tried.push(next.check);
        let done = if dry_run { Ok(()) } else { make(app, caller, &next, reached(&host).ok()) };
        let error = done.err().map(|e| e.to_string());
        told(FixView { name: next.check.to_owned(), change: next.change, undo: next.undo, error });
    }
}

fn make(app: &App, caller: &Caller, fix: &Fix, host: Option<&dyn Hypervisor>) -> Result<()> {
    let settings = &app.settings;
    let pool = plan::pool_xml(&settings.host.pool, &settings.host.folders.pool.display().to_string())?;
    let network = || {
        let subnets = choose_subnets(&*app.machine, &settings.host)?;
        plan::network_xml(&settings.host.network, subnets.ipv4, subnets.ipv6)
    };
    apply(fix, settings, &*app.machine, host, &pool, network)?;
    if matches!(fix.repair, Repair::Names { .. }) && Store::exists(&settings.paths.state)? {
        engine::restore_names(&app.context_of_new_state(caller, false)?)?;
    }
    Ok(())
}

fn view(check: Check) -> CheckView {
    CheckView {
        name: check.id.to_owned(),
        verdict: match check.status {
            Status::Ok => Verdict::Ok,
            Status::Warn => Verdict::Warn,
            Status::Fail => Verdict::Fail,
        },
        sentence: check.sentence,
        fix: check.fix,
    }
}

/// Compares database and host as they are: what others left is shown, not finished.
pub fn audit(app: &App, caller: &Caller) -> Result<AuditView> {
    app.require(caller, Right::Administer)?;
    let audit = engine::audit(&app.context(caller, false)?)?;
    let finding = |f: Finding| FindingView {
        kind: f.trouble.as_str().to_owned(),
        subject: f.subject,
        problem: f.problem,
        fix: f.fix,
    };
    Ok(AuditView {
        exit_code: audit.exit_code(),
        findings: audit.findings.into_iter().map(finding).collect(),
        unknown: audit.unknown.iter().map(|u| UnknownView::of(u.area, &u.error)).collect(),
        scanned: audit.scanned,
    })
}
