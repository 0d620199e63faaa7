//! `lite resize`.

use std::time::Duration;

use clap_complete::ArgValueCompleter;

use super::{Env, common, complete, signals, values};
use crate::{
    app::instance::resize::{self, How},
    model::Result,
    ui::print::print_resized,
    view::ResizedView,
};

const EXAMPLES: &str = "\
EXAMPLES:
  lite resize shop --bundle small
      Say what changes and what it costs, ask, then do it
  lite resize shop --bundle nano --yes
      Smaller again: its disk stays as large as it is
  lite resize shop --bundle large --dry-run
      What would change?";

/// Give an instance another bundle
///
/// Gives an instance the vCPUs, the memory and the disk of another bundle, at the
/// price of today. One that runs is stopped and started for that, and keeps its
/// address; one that is stopped stays so. Disks grow, and never shrink: with a
/// smaller bundle the instance keeps the disk that it has. If it does not start, or
/// its application does not answer, it goes back to its old size and runs as before,
/// but for a disk that has grown. It asks first on a terminal; elsewhere --yes is
/// needed.
#[derive(Debug, clap::Args)]
#[command(verbatim_doc_comment, after_help = EXAMPLES)]
pub struct Args {
    #[command(flatten)]
    pub name: common::OneName,
    /// The bundle that it is to have
    #[arg(long, value_name = "BUNDLE", add = ArgValueCompleter::new(complete::bundles))]
    pub bundle: String,
    #[command(flatten)]
    pub sure: common::Sure,
    /// Pull the plug of a guest that does not power off: what it has not written is lost
    #[arg(long)]
    pub force: bool,
    /// How long the guest may take to power off, at most 24h
    #[arg(long, value_name = "TIME", default_value = "90s", value_parser = values::duration)]
    pub stop_timeout: Duration,
    /// How long the application may take until it answers, at most 24h
    #[arg(long, value_name = "TIME", default_value = "15m", value_parser = values::duration)]
    pub timeout: Duration,
    /// Return once the machine runs, before its application answers
    #[arg(long)]
    pub no_wait: bool,
    #[command(flatten)]
    pub change: common::Change,
}

/// Gives an instance another bundle and reports with [`print_resized`].
pub fn run(args: &Args, env: &mut Env) -> Result<()> {
    let app = env.app()?;
    signals::heed(&app.cancel)?;
    let (named, mut progress) = ((&args.name.name, args.bundle.as_str()), env.progress());
    let found = resize::find(&app, &env.caller(), named, args.change.wait, &mut progress)?;
    let Some(plan) = found.plan() else { return print_resized(&env.ui, &[], args.change.dry_run) };
    if args.change.dry_run {
        return print_resized(&env.ui, &[plan], true);
    }
    args.sure.ask(&env.ui, &question(&plan))?;
    let how = How { force: args.force, grace: args.stop_timeout, until_ready: (!args.no_wait).then_some(args.timeout) };
    let resized = found.accept(how, &mut progress)?.run(&mut progress)?;
    print_resized(&env.ui, &resized, false)
}

/// The question asked before anything is stopped.
fn question(plan: &ResizedView) -> String {
    let restart = if plan.restarts { "; it is stopped and started" } else { "" };
    format!("give `{}` bundle {}: {}{restart}?", plan.name, plan.now.bundle, plan.sentence())
}
