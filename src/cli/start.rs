//! `lite start`.

use std::time::Duration;

use super::{Env, common, signals, values};
use crate::{
    app::instance::{change, power::Start},
    model::Result,
    ui::print::print_changed,
};

const EXAMPLES: &str = "\
EXAMPLES:
  lite start nginx-1
      Start it; it keeps its address
  lite start shop blog
      Start two";

/// Start instances
///
/// Starts one or more instances. An instance keeps its address over stop and
/// start. One that runs already is left alone, and that is no error. Waits until
/// its application answers again.
#[derive(Debug, clap::Args)]
#[command(verbatim_doc_comment, after_help = EXAMPLES)]
pub struct Args {
    #[command(flatten)]
    pub names: common::Names,
    /// How long the application may take until it answers, at most 24h
    #[arg(long, value_name = "TIME", default_value = "15m", value_parser = values::duration)]
    pub timeout: Duration,
    /// Return once the machine runs, before its application answers
    #[arg(long)]
    pub no_wait: bool,
    #[command(flatten)]
    pub change: common::Change,
}

/// Starts instances and reports with [`crate::ui::print::print_changed`].
pub fn run(args: &Args, env: &mut Env) -> Result<()> {
    let app = env.app()?;
    signals::heed(&app.cancel)?;
    let start = Start { until_ready: (!args.no_wait).then_some(args.timeout) };
    let targets = args.names.targets(args.change);
    print_changed(&env.ui, &change::run(&app, &env.caller(), &start, &targets, &mut env.progress())?)
}
