//! `lite console`.

use super::{Env, common};
use crate::model::Result;

const EXAMPLES: &str = "\
EXAMPLES:
  lite console nginx-1
      Its serial console; leave it with Ctrl-]";

/// Open the serial console of an instance
///
/// Connects this terminal to the serial console of an instance. It works without
/// a network and while the instance boots. Leave it with Ctrl-]. What the
/// console said before is in `lite logs NAME`.
#[derive(Debug, clap::Args)]
#[command(verbatim_doc_comment, after_help = EXAMPLES)]
pub struct Args {
    #[command(flatten)]
    pub instance: common::OneName,
}

/// Connects the terminal to the console.
pub fn run(_args: &Args, _env: &mut Env) -> Result<()> {
    Err(common::not_wired("console"))
}
