//! `lite doctor`.

use super::{Env, session::Session};
use crate::{
    doctor::{Check, Fix, Status, apply, choose_subnet, fixes, gather, judge, routes},
    engine::{self, Finding},
    hypervisor::{Hypervisor, LocalMachine},
    model::{Error, Result, Settings},
    plan,
    ui::print::{print_audit, print_doctor, print_fixes},
    view::{AuditView, CheckView, FindingView, FixView, UnknownView, Verdict},
};

const EXAMPLES: &str = "\
EXAMPLES:
  lite doctor
      Is this host ready?
  lite doctor --fix
      Make it ready; each change is shown, with how to undo it
  lite doctor --audit
      Do database and host agree? One line for each thing that does not
  lite doctor --json | jq -r '.checks[] | select(.verdict == \"fail\").name'
      What fails, for a script";

/// Check that this host is ready, and make it so
///
/// Checks libvirt, acceleration, permissions, storage, network, firewall, memory,
/// disk, clock and images: one line each, with one fix where one is needed. The
/// exit code is 1 if a check fails. With --fix it makes the changes it can.
///
/// With --audit it compares what lite knows with what is on the host: disks,
/// addresses, filters, files and processes without an owner, and owners without
/// theirs. The exit code is 0 if all of it agrees, else 1; what could not be looked
/// at is told as unknown. Nothing is changed.
#[derive(Debug, clap::Args)]
#[command(verbatim_doc_comment, after_help = EXAMPLES)]
pub struct Args {
    /// Put right what can be, showing each change and how to undo it
    #[arg(long)]
    pub fix: bool,
    /// Compare database and host instead, and change nothing
    #[arg(long, conflicts_with = "fix")]
    pub audit: bool,
    /// With --fix: say what would be done, and change nothing
    #[arg(long, requires = "fix")]
    pub dry_run: bool,
}

/// Checks the host with [`crate::ui::print::print_doctor`]; the exit code is 1 if a check failed.
pub fn run(args: &Args, env: &mut Env) -> Result<u8> {
    if args.audit {
        return audit(env);
    }
    let settings = env.settings()?;
    if args.fix {
        fix(args, env, &settings)?;
    }
    let session = Session::open(env);
    let checks = judge(&gather(&settings, hypervisor(&session)), &settings);
    print_doctor(&env.ui, &checks.into_iter().map(view).collect::<Vec<_>>())
}

/// Compares database and host as they are: what others left is shown, not finished.
fn audit(env: &Env) -> Result<u8> {
    let session = Session::open(env)?;
    let audit = engine::audit(&session.engine_as_it_is(false)?)?;
    let code = audit.exit_code();
    let finding = |f: Finding| FindingView {
        kind: f.trouble.as_str().to_owned(),
        subject: f.subject,
        problem: f.problem,
        fix: f.fix,
    };
    let view = AuditView {
        findings: audit.findings.into_iter().map(finding).collect(),
        unknown: audit.unknown.iter().map(|u| UnknownView::of(u.area, &u.error)).collect(),
        looked: audit.looked,
    };
    print_audit(&env.ui, &view)?;
    Ok(code)
}

/// The host of a session that may not have come to be.
fn hypervisor(session: &Result<Session>) -> std::result::Result<&dyn Hypervisor, &Error> {
    session.as_ref().map(|s| s.hypervisor() as &dyn Hypervisor)
}

/// Makes what can be made, and looks again: a libvirt that has just started uncovers more.
fn fix(args: &Args, env: &Env, settings: &Settings) -> Result<()> {
    let mut tried: Vec<&'static str> = Vec::new();
    loop {
        let session = Session::open(env);
        let checks = judge(&gather(settings, hypervisor(&session)), settings);
        let Some(next) = fixes(&checks).into_iter().find(|f| !tried.contains(&f.check)) else {
            if tried.is_empty() {
                env.ui.status("there is nothing to fix");
            }
            return Ok(());
        };
        tried.push(next.check);
        let done = if args.dry_run { Ok(()) } else { make(&next, settings, session) };
        let error = done.err().map(|e| e.to_string());
        print_fixes(&env.ui, &[FixView { name: next.check.to_owned(), change: next.change, undo: next.undo, error }]);
    }
}

fn make(fix: &Fix, settings: &Settings, session: Result<Session>) -> Result<()> {
    let pool = plan::pool_xml(&settings.host.pool, &settings.host.folders.pool.display().to_string())?;
    let network = || {
        plan::network_xml(
            &settings.host.network,
            choose_subnet(&routes(&LocalMachine::of(&settings.host.connect))?, settings.host.subnet)?,
        )
    };
    let session = session.ok();
    apply(fix, settings, session.as_ref().map(|s| s.hypervisor() as &dyn Hypervisor), &pool, network)
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
