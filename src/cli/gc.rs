//! `lite gc`.

use super::{Env, common, session::Session};
use crate::{
    engine::{self, Found, Orphan, SeenOrphan},
    model::Result,
    ui::print::print_delete_receipt,
    view::Receipt,
};

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
    let session = Session::open(env)?;
    let mut engine = session.engine(env, args.change.wait)?;
    let dry_run = args.change.dry_run;
    let Found { seen, kept } = engine::find_orphans(&mut engine, !dry_run)?;
    let now = (env.clock)();
    let (due, early): (Vec<SeenOrphan>, Vec<SeenOrphan>) = seen.into_iter().partition(|s| args.now || s.is_due(now));
    let due: Vec<Orphan> = due.into_iter().map(|s| s.orphan).collect();
    let mut stayed: Vec<String> = early.iter().map(not_yet).collect();
    stayed.extend(kept.into_iter().map(|(subject, reason)| format!("{subject} ({reason})")));
    let mut went: Vec<String> = due.iter().map(|o| o.subject.clone()).collect();
    if went.is_empty() && stayed.is_empty() {
        env.ui.status("nothing is left over");
        return print_delete_receipt(&env.ui, &[], dry_run);
    }
    if !dry_run && !due.is_empty() {
        went.iter().for_each(|subject| env.ui.status(&format!("no instance owns {subject}")));
        args.sure.ask(&env.ui, &format!("remove {} things that no instance owns?", went.len()))?;
        went = engine::collect(&mut engine, &due)?;
    }
    let receipt = Receipt { name: "left over".to_owned(), went, stayed };
    print_delete_receipt(&env.ui, &[receipt], dry_run)
}

/// Why something stays for now.
fn not_yet(orphan: &SeenOrphan) -> String {
    let due = orphan.due().strftime("%F %T UTC");
    let seen = if orphan.times == 1 { "seen for the first time" } else { "seen again" };
    format!("{} ({seen}; goes when it is seen after {due}, or with `--now`)", orphan.orphan.subject)
}
