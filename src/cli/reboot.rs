//! `lite reboot`.

use super::{Env, common};
use crate::model::Result;

const EXAMPLES: &str = "\
EXAMPLES:
  lite reboot nginx-1
      Restart its operating system";

/// Reboot instances
///
/// Asks one or more instances to restart their operating system. Address, disk
/// and price stay as they are. One that does not answer is restarted with
/// `lite stop NAME --force` and `lite start NAME`.
#[derive(Debug, clap::Args)]
#[command(verbatim_doc_comment, after_help = EXAMPLES)]
pub struct Args {
    #[command(flatten)]
    pub names: common::Names,
    #[command(flatten)]
    pub change: common::Change,
}

/// Reboots instances and reports with [`crate::ui::view::print_changed`].
pub fn run(_args: &Args, _env: &mut Env) -> Result<()> {
    Err(common::not_wired("reboot"))
}
