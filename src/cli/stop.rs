//! `lite stop`.

use std::time::Duration;

use super::{Env, common, signals, values};
use crate::{
    app::instance::{change, power::Stop},
    model::Result,
    ui::print::print_changed,
};

const EXAMPLES: &str = "\
EXAMPLES:
  lite stop nginx-1
      Ask it to shut down, and wait
  lite stop nginx-1 --timeout 30s --force
      Ask, wait half a minute, then switch it off
  lite stop shop blog
      Stop two";

/// Stop instances
///
/// Asks one or more instances to shut down, as the power button does, and waits.
/// One that has not shut down in time keeps running, and the command fails;
/// with --force it is then switched off, and what it had not written to its disk
/// is lost. A stopped instance keeps its address and its disk, and costs the same.
#[derive(Debug, clap::Args)]
#[command(verbatim_doc_comment, after_help = EXAMPLES)]
pub struct Args {
    #[command(flatten)]
    pub names: common::Names,
    /// Switch it off if it does not shut down in time
    #[arg(long)]
    pub force: bool,
    /// How long it may take, at most 24h
    #[arg(long, value_name = "TIME", default_value = "2m", value_parser = values::duration)]
    pub timeout: Duration,
    #[command(flatten)]
    pub change: common::Change,
}

/// Stops instances and reports with [`crate::ui::print::print_changed`].
pub fn run(args: &Args, env: &mut Env) -> Result<()> {
    let app = env.app()?;
    signals::heed(&app.cancel)?;
    let stop = Stop { force: args.force, timeout: args.timeout };
    let targets = args.names.targets(args.change);
    print_changed(&env.ui, &change::run(&app, &env.caller(), &stop, &targets, &mut env.progress())?)
}
