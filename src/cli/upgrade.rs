//! `lite upgrade`.

use std::time::Duration;

use super::{Env, common, signals, values};
use crate::{
    app::instance::upgrade::{self, Found, Upgrade},
    model::Result,
    ui::print::print_changed,
};

const EXAMPLES: &str = "\
EXAMPLES:
  lite upgrade web-1
      Ask, then bring what runs in it to today's versions
  lite upgrade web-1 --dry-run
      Can it be upgraded, and by which version of its blueprint?
  lite blueprints outdated
      Which instances are of another version than their blueprint is today?";

/// Bring what runs in an instance to today's versions
///
/// Runs the part `upgrade` of the instance's blueprint in its guest: updates of the
/// distribution's packages, and what the blueprint installed from elsewhere in the
/// version that its file names today, whichever version the instance was made from.
/// The guest is started anew where that is asked for, a new kernel for one. A
/// snapshot is made first. If the part fails, or the application does not answer in
/// time, the instance gets the disks of that snapshot again by itself, those that it
/// was given too: exit code 1. The snapshot goes by itself after 7 days. It asks
/// first on a terminal; elsewhere --yes is needed.
#[derive(Debug, clap::Args)]
#[command(verbatim_doc_comment, after_help = EXAMPLES)]
pub struct Args {
    #[command(flatten)]
    pub instance: common::OneName,
    /// How long the upgrade may take until the application answers again, at most 24h
    #[arg(long, value_name = "TIME", default_value = "30m", value_parser = values::duration)]
    pub timeout: Duration,
    #[command(flatten)]
    pub sure: common::Sure,
    #[command(flatten)]
    pub change: common::Change,
}

/// The question asked before anything is changed.
fn question(args: &Args, found: &Found) -> String {
    let (blueprint, now) = (found.blueprint(), found.version());
    let (id, today) = (&blueprint.id, &blueprint.version);
    let versions = if now == today { format!("version {today}") } else { format!("version {today}, now {now}") };
    format!("upgrade `{}` by blueprint `{id}`, {versions}? Its application may be away meanwhile.", args.instance.name)
}

/// Upgrades an instance and reports with [`print_changed`].
pub fn run(args: &Args, env: &mut Env) -> Result<()> {
    let app = env.app()?;
    signals::heed(&app.cancel)?;
    let upgrade = Upgrade { name: args.instance.name.clone(), timeout: args.timeout, wait: args.change.wait };
    let mut found = upgrade::find(&app, &env.caller(), &upgrade, &mut env.progress())?;
    if args.change.dry_run {
        return print_changed(&env.ui, &[found.plan()?]);
    }
    args.sure.ask(&env.ui, &question(args, &found))?;
    let progress = &mut env.progress();
    let changed = found.accept()?.run(progress)?;
    print_changed(&env.ui, &[changed])
}
