//! `lite gc`.

use super::{Env, common};
use crate::model::Result;

const EXAMPLES: &str = "\
EXAMPLES:
  lite gc --dry-run
      Say what would be removed
  lite gc --yes
      Remove it without asking";

/// Remove what no instance owns any more
///
/// Finds disks, addresses, filters and logs that are marked as lite's own but
/// belong to no instance, and removes them after asking. What is not marked as
/// lite's is never touched.
#[derive(Debug, clap::Args)]
#[command(verbatim_doc_comment, after_help = EXAMPLES)]
pub struct Args {
    #[command(flatten)]
    pub sure: common::Sure,
    #[command(flatten)]
    pub change: common::Change,
}

/// Removes what is left over and prints [`crate::ui::view::print_delete_receipt`].
pub fn run(_args: &Args, _env: &mut Env) -> Result<()> {
    Err(common::not_wired("gc"))
}
