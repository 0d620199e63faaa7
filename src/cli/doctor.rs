//! `lite doctor`.

use super::{Env, common};
use crate::model::Result;

const EXAMPLES: &str = "\
EXAMPLES:
  lite doctor
      Is this host ready?
  lite doctor --fix
      Make it ready; each change is shown, with how to undo it
  lite doctor --json | jq -r '.checks[] | select(.verdict == \"fail\").name'
      What fails, for a script";

/// Check that this host is ready, and make it so
///
/// Checks libvirt, acceleration, permissions, storage, network, firewall, memory,
/// disk, clock and images: one line each, with one fix where one is needed. The
/// exit code is 1 if a check fails. With --fix it makes the changes it can.
#[derive(Debug, clap::Args)]
#[command(verbatim_doc_comment, after_help = EXAMPLES)]
pub struct Args {
    /// Put right what can be, showing each change and how to undo it
    #[arg(long)]
    pub fix: bool,
    /// With --fix: say what would be done, and change nothing
    #[arg(long, requires = "fix")]
    pub dry_run: bool,
}

/// Checks the host with [`crate::ui::view::print_doctor`]; the exit code is 1 if a check failed.
pub fn run(_args: &Args, _env: &mut Env) -> Result<u8> {
    Err(common::not_wired("doctor"))
}
