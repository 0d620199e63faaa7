//! `lite reboot`.

use super::{
    Env, common,
    session::{self, Session},
};
use crate::{engine, model::Result, ui::print::print_changed, view::Changed};

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
    let session = Session::open(env)?;
    let mut engine = session.engine(env, args.change.wait)?;
    let mut changed = Vec::new();
    for instance in session::instances(&engine, &args.names.each())? {
        let now = if args.change.dry_run {
            "would be rebooted"
        } else {
            engine::reboot(&mut engine, &instance, args.force)?;
            "rebooting"
        };
        changed.push(Changed { name: instance.record.name.to_string(), now: now.to_owned() });
    }
    print_changed(&env.ui, &changed)
}
