//! `lite gc`.

use super::{Env, common, session::Session};
use crate::{
    model::Result,
    ui::view::{Receipt, print_delete_receipt},
};

const EXAMPLES: &str = "\
EXAMPLES:
  lite gc --dry-run
      Say what would be removed
  lite gc --yes
      Remove it without asking";

/// Remove what no instance owns any more
///
/// Finds disks, addresses, filters and logs that are marked as lite's own but
/// belong to no instance, and removes them after asking. What is not marked as
/// lite's is never touched.
#[derive(Debug, clap::Args)]
#[command(verbatim_doc_comment, after_help = EXAMPLES)]
pub struct Args {
    #[command(flatten)]
    pub sure: common::Sure,
    #[command(flatten)]
    pub change: common::Change,
}

/// Removes what is left over and prints [`crate::ui::view::print_delete_receipt`].
pub fn run(args: &Args, env: &mut Env) -> Result<()> {
    let session = Session::open(env)?;
    let mut engine = session.engine(env, args.change.wait)?;
    let orphans = engine.orphans()?;
    let mut went: Vec<String> = orphans.iter().map(|o| o.subject.clone()).collect();
    if orphans.is_empty() {
        env.ui.status("nothing is left over");
        return print_delete_receipt(&env.ui, &[], args.change.dry_run);
    }
    if !args.change.dry_run {
        went.iter().for_each(|subject| env.ui.status(&format!("no instance owns {subject}")));
        args.sure.ask(&env.ui, &format!("remove {} things that no instance owns?", went.len()))?;
        went = engine.collect(&orphans)?;
    }
    let receipt = Receipt { name: "left over".to_owned(), went, stayed: Vec::new() };
    print_delete_receipt(&env.ui, &[receipt], args.change.dry_run)
}
