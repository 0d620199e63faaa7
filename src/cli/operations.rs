//! `lite operations`.

use super::{Env, values};
use crate::{
    app::operation,
    model::Result,
    ui::print::{print_operation, print_operations},
};

const EXAMPLES: &str = "\
EXAMPLES:
  lite operations
      What was done on this host, the latest first
  lite operations show op-0123abcd
      The steps of one, and where it failed";

const SHOW: &str = "\
EXAMPLES:
  lite operations show op-0123abcd
      Its steps, and where it failed";

/// List the changes that were made
///
/// Lists the journal: every create, start, stop, reboot and delete with its
/// state. `needs-attention` means that a step could not be undone, and a person
/// has to look.
#[derive(Debug, clap::Args)]
#[command(verbatim_doc_comment, after_help = EXAMPLES, args_conflicts_with_subcommands = true)]
pub struct Args {
    #[command(subcommand)]
    pub verb: Option<Verb>,
    /// At most so many, the latest first
    #[arg(long, value_name = "COUNT", default_value = "50", value_parser = clap::value_parser!(u32).range(1..=100_000))]
    pub limit: u32,
}

/// What to do instead of listing them.
#[derive(Debug, clap::Subcommand)]
pub enum Verb {
    /// Show the steps of an operation
    ///
    /// Shows each step of an operation in order, with its state, and the error of
    /// the one that failed.
    #[command(verbatim_doc_comment, after_help = SHOW)]
    Show {
        /// Id of an operation
        #[arg(value_name = "ID", value_parser = values::operation_id)]
        id: String,
    },
}

/// Lists or shows with [`crate::ui::print::print_operations`] and `print_operation`.
pub fn run(args: &Args, env: &mut Env) -> Result<()> {
    let (app, caller, mut progress) = (env.app()?, env.caller(), env.progress());
    match &args.verb {
        None => print_operations(&env.ui, &operation::list(&app, &caller, args.limit, &mut progress)?),
        Some(Verb::Show { id }) => print_operation(&env.ui, &operation::show(&app, &caller, id, &mut progress)?),
    }
}
