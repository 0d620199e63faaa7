//! `lite show`.

use super::{Env, common};
use crate::{app::instance::show, model::Result, ui::print::print_show};

const EXAMPLES: &str = "\
EXAMPLES:
  lite show nginx-1
      Everything about one instance
  lite show shop blog
      About two
  lite show nginx-1 --json | jq -r .instances[0].outputs.URL
      Its URL, for a script";

/// Show everything about instances
///
/// Shows state, health, address, ports, price, size, tags and origin of one or
/// more instances, and why an instance failed if it did. Passwords are not shown
/// here: `lite secrets NAME` does that.
#[derive(Debug, clap::Args)]
#[command(verbatim_doc_comment, after_help = EXAMPLES)]
pub struct Args {
    #[command(flatten)]
    pub names: common::Names,
}

/// Shows instances with [`crate::ui::print::print_show`].
pub fn run(args: &Args, env: &mut Env) -> Result<()> {
    print_show(&env.ui, &show::show(&env.app()?, &env.caller(), &args.names.each(), &mut env.progress())?)
}
