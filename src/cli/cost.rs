//! `lite cost`.

use super::Env;
use crate::{
    app::instance::list,
    model::{Result, Tag},
    ui::print::print_cost,
};

const EXAMPLES: &str = "\
EXAMPLES:
  lite cost
      What each instance costs a month, and the sum
  lite cost --tag client=acme
      What one client costs
  lite cost --json | jq -r '.totals[0].price'
      The sum alone, for a script";

/// Show what the instances cost a month
///
/// Shows the flat monthly price of each instance, of all disks and snapshots, and
/// the sum. The price of an instance is that of its bundle when it was made or
/// resized; running or stopped makes no difference. Disks and snapshots cost what
/// `bundles.yaml` says today, which is nothing where it says nothing.
#[derive(Debug, clap::Args)]
#[command(verbatim_doc_comment, after_help = EXAMPLES)]
pub struct Args {
    /// Only instances with this tag; may be repeated, all must match
    #[arg(long = "tag", value_name = "KEY[=VALUE]", value_parser = Tag::parse)]
    pub tags: Vec<Tag>,
}

/// Shows the cost with [`crate::ui::print::print_cost`].
pub fn run(args: &Args, env: &mut Env) -> Result<()> {
    let (rows, storage) = list::cost(&env.app()?, &env.caller(), &args.tags, &mut env.progress())?;
    print_cost(&env.ui, (&rows, &storage))
}
