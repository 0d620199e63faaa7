//! `lite restore`.

use std::time::Duration;

use clap_complete::ArgValueCompleter;

use super::{Env, common, complete, signals, values};
use crate::{
    app::instance::restore::{self, Restore},
    model::{Name, Result, Snapshot},
    ui::print::print_changed,
};

const EXAMPLES: &str = "\
EXAMPLES:
  lite restore web-1 before-update
      Ask, then go back to how it was
  lite restore web-1 before-update --dry-run
      What would be done?
  lite restore web-1 before-update --no-keep --yes
      Without asking, and without a snapshot of how it is now";

/// Give an instance the disks of one of its snapshots
///
/// The instance is stopped, gets the disk that it had when the snapshot was made,
/// and is started if it ran. Disks that it was given go back with it if it has them
/// still and the snapshot holds them; others stay as they are. What was written since
/// is lost, but for a snapshot that is made first (--no-keep: none). If it does not
/// start, or its application does not answer in time, it gets its disks of before
/// again and runs as before. Address, passwords, name and firewall stay as they are
/// now. While the new disk takes over what the snapshot holds, the snapshot cannot be deleted; for an instance that is
/// stopped that is until it runs. A protected instance is refused. It asks first on
/// a terminal; elsewhere --yes is needed.
#[derive(Debug, clap::Args)]
#[command(verbatim_doc_comment, after_help = EXAMPLES)]
pub struct Args {
    #[command(flatten)]
    pub instance: common::OneName,
    /// Name of a snapshot of it
    #[arg(value_name = "SNAPSHOT", value_parser = Name::parse, add = ArgValueCompleter::new(complete::snapshots))]
    pub snapshot: Name,
    /// Make no snapshot of the disk of now first
    #[arg(long)]
    pub no_keep: bool,
    /// Pull the plug instead of asking the guest to power off, for which it has 30 s
    #[arg(long)]
    pub force: bool,
    /// How long the application may take until it answers, at most 24h
    #[arg(long, value_name = "TIME", default_value = "15m", value_parser = values::duration)]
    pub timeout: Duration,
    /// Return once the machine runs, and do not go back if its application does not answer
    #[arg(long)]
    pub no_wait: bool,
    #[command(flatten)]
    pub sure: common::Sure,
    #[command(flatten)]
    pub change: common::Change,
}

/// The question asked before anything is changed.
fn question(args: &Args, snapshot: &Snapshot, [with, others]: &[String; 2]) -> String {
    let made = snapshot.created_at.strftime("%F %T UTC");
    let lost = if args.no_keep { "is lost" } else { "is then in a snapshot alone" };
    let (name, of) = (&args.instance.name, &snapshot.name);
    format!("restore `{name}`{with} to snapshot `{of}` of {made}? What was written since {lost}{others}.")
}

/// Restores an instance and reports with [`print_changed`].
pub fn run(args: &Args, env: &mut Env) -> Result<()> {
    let app = env.app()?;
    signals::heed(&app.cancel)?;
    let restore = Restore {
        name: args.instance.name.clone(),
        snapshot: args.snapshot.clone(),
        keep: !args.no_keep,
        force: args.force,
        until_ready: (!args.no_wait).then_some(args.timeout),
        wait: args.change.wait,
    };
    let mut found = restore::find(&app, &env.caller(), &restore, &mut env.progress())?;
    if args.change.dry_run {
        return print_changed(&env.ui, &[found.plan()?]);
    }
    args.sure.ask(&env.ui, &question(args, found.snapshot(), &found.disks()))?;
    let progress = &mut env.progress();
    let changed = found.accept(progress)?.run(progress)?;
    print_changed(&env.ui, &[changed])
}
