//! `lite gc`.

use super::{Env, common};
use crate::{app::gc, model::Result, ui::print::print_delete_receipt};

const EXAMPLES: &str = "\
EXAMPLES:
  lite gc
      Look, and remove what was seen without an owner before
  lite gc --dry-run
      Say what would be removed, and what not yet
  lite gc --now --yes
      Remove all of it at once, without asking";

/// Remove what no instance owns any more
///
/// Finds disks, addresses, filters, logs and files that are marked as lite's own
/// but belong to no instance, and removes them after asking. Something goes when it
/// was seen twice, the first time ten minutes ago or earlier; with --now at once.
/// What is not marked as lite's is never touched, and no machine that the database
/// does not know: `lite repair --rebuild` takes it in.
#[derive(Debug, clap::Args)]
#[command(verbatim_doc_comment, after_help = EXAMPLES)]
pub struct Args {
    /// Do not wait for a second look ten minutes later
    #[arg(long)]
    pub now: bool,
    #[command(flatten)]
    pub sure: common::Sure,
    #[command(flatten)]
    pub change: common::Change,
}

/// Removes what is left over and prints [`crate::ui::print::print_delete_receipt`].
pub fn run(args: &Args, env: &mut Env) -> Result<()> {
    let dry_run = args.change.dry_run;
    let request = gc::Request { now: args.now, wait: args.change.wait, dry_run };
    let found = gc::find(&env.app()?, &env.caller(), request, &mut env.progress())?;
    if found.is_empty() {
        env.ui.status("nothing is left over");
        return print_delete_receipt(&env.ui, &[], dry_run);
    }
    if dry_run {
        return print_delete_receipt(&env.ui, &[found.plan()], true);
    }
    let due = found.due();
    if !due.is_empty() {
        due.iter().for_each(|subject| env.ui.status(&format!("no instance owns {subject}")));
        args.sure.ask(&env.ui, &format!("remove {} things that no instance owns?", due.len()))?;
    }
    print_delete_receipt(&env.ui, &[found.run()?], false)
}
