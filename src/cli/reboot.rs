//! `lite reboot`.

use super::{Env, common};
use crate::{
    app::instance::{change, power::Reboot},
    model::Result,
    ui::print::print_changed,
};

const EXAMPLES: &str = "\
EXAMPLES:
  lite reboot nginx-1
      Ask its operating system to restart
  lite reboot nginx-1 --force
      Press the reset button of one that does not listen";

/// Reboot instances
///
/// Asks one or more instances to restart their operating system. Address, disk
/// and price stay as they are. One that does not listen is restarted with
/// --force, and what it had not written to its disk is lost.
#[derive(Debug, clap::Args)]
#[command(verbatim_doc_comment, after_help = EXAMPLES)]
pub struct Args {
    #[command(flatten)]
    pub names: common::Names,
    /// Press the reset button instead of asking
    #[arg(long)]
    pub force: bool,
    #[command(flatten)]
    pub change: common::Change,
}

/// Reboots instances and reports with [`crate::ui::print::print_changed`].
pub fn run(args: &Args, env: &mut Env) -> Result<()> {
    let app = env.app()?;
    let reboot = Reboot { force: args.force };
    let targets = args.names.targets(args.change);
    print_changed(&env.ui, &change::run(&app, &env.caller(), &reboot, &targets, &mut env.progress())?)
}
