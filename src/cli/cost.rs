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
/// Shows the flat monthly price of each instance and the sum. The price is that
/// of the bundle when the instance was made; running or stopped makes no
/// difference. There are no other costs.
#[derive(Debug, clap::Args)]
#[command(verbatim_doc_comment, after_help = EXAMPLES)]
pub struct Args {
    /// Only instances with this tag; may be repeated, all must match
    #[arg(long = "tag", value_name = "KEY[=VALUE]", value_parser = Tag::parse)]
    pub tags: Vec<Tag>,
}

/// Shows the cost with [`crate::ui::print::print_cost`].
pub fn run(args: &Args, env: &mut Env) -> Result<()> {
    print_cost(&env.ui, &list::cost(&env.app()?, &env.caller(), &args.tags, &mut env.progress())?)
}
