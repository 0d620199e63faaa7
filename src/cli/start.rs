//! `lite start`.

use super::{Env, common};
use crate::model::Result;

const EXAMPLES: &str = "\
EXAMPLES:
  lite start nginx-1
      Start it; it keeps its address
  lite start shop blog
      Start two";

/// Start instances
///
/// Starts one or more instances. An instance keeps its address over stop and
/// start. One that runs already is left alone, and that is no error.
#[derive(Debug, clap::Args)]
#[command(verbatim_doc_comment, after_help = EXAMPLES)]
pub struct Args {
    #[command(flatten)]
    pub names: common::Names,
    #[command(flatten)]
    pub change: common::Change,
}

/// Starts instances and reports with [`crate::ui::view::print_changed`].
pub fn run(_args: &Args, _env: &mut Env) -> Result<()> {
    Err(common::not_wired("start"))
}
