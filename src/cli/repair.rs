//! `lite repair`.

use super::{Env, common};
use crate::model::Result;

const EXAMPLES: &str = "\
EXAMPLES:
  lite repair
      Finish or undo what was cut off, and put right what disagrees
  lite repair --dry-run
      Say what disagrees, and change nothing
  lite repair --rebuild
      The database is lost: read it back from libvirt";

/// Finish what was cut off, and put right what disagrees
///
/// Compares what lite knows with what libvirt holds, and finishes or undoes the
/// operations whose process died. With --rebuild a lost database is made again
/// from the records that libvirt keeps with each instance; passwords are lost.
#[derive(Debug, clap::Args)]
#[command(verbatim_doc_comment, after_help = EXAMPLES)]
pub struct Args {
    /// Make the database again from the records in libvirt
    #[arg(long)]
    pub rebuild: bool,
    #[command(flatten)]
    pub sure: common::Sure,
    #[command(flatten)]
    pub change: common::Change,
}

/// Repairs.
pub fn run(_args: &Args, _env: &mut Env) -> Result<()> {
    Err(common::not_wired("repair"))
}
