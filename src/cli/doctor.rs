//! `lite doctor`.

use super::Env;
use crate::{
    app::doctor,
    model::Result,
    ui::print::{print_audit, print_doctor, print_fixes},
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
    let (app, caller) = (env.app()?, env.caller());
    if args.audit {
        let audit = doctor::audit(&app, &caller)?;
        return print_audit(&env.ui, &audit).map(|()| audit.exit_code);
    }
    if args.fix {
        let fixed = doctor::fix(&app, &caller, args.dry_run, &mut |fix| print_fixes(&env.ui, &[fix]))?;
        if fixed == 0 {
            env.ui.status("there is nothing to fix");
        }
    }
    print_doctor(&env.ui, &doctor::check(&app, &caller, &mut env.progress())?)
}
