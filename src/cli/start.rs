//! `lite start`.

use std::time::Duration;

use super::{
    Env, common,
    session::{self, Session},
    values,
};
use crate::{
    engine,
    model::Result,
    ui::{ProgressPrinter, print::print_changed},
    view::Changed,
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
    let session = Session::open(env)?;
    session.heed_interrupts()?;
    let mut engine = session.engine(env, args.change.wait)?;
    let mut changed = Vec::new();
    for instance in session::instances(&engine, &args.names.each())? {
        let name = instance.record.name.to_string();
        if args.change.dry_run {
            changed.push(Changed { name, now: "would be started".to_owned() });
            continue;
        }
        let mut watch = ProgressPrinter::new(&env.ui);
        let wait = (!args.no_wait).then_some(args.timeout);
        let now = if engine::start(&mut engine, &instance, wait, &mut watch)? { "running" } else { "running already" };
        changed.push(Changed { name, now: now.to_owned() });
    }
    print_changed(&env.ui, &changed)
}
