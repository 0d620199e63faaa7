//! `lite operations`.

use clap_complete::ArgValueCompleter;

use super::{Env, complete, signals, values};
use crate::{
    app::operation,
    model::Result,
    ui::print::{print_changed, print_operation, print_operations},
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
      Its steps, how far it is, and where it failed
  lite operations show op-0123abcd --follow
      What it is doing, until it ends";

const CANCEL: &str = "\
EXAMPLES:
  lite operations cancel op-0123abcd
      End a create that another terminal runs";

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
    /// the one that failed; of one that runs, its stage and what it is doing.
    #[command(verbatim_doc_comment, after_help = SHOW)]
    Show {
        /// Id of an operation
        #[arg(value_name = "ID", value_parser = values::operation_id)]
        #[arg(add = ArgValueCompleter::new(complete::operations))]
        id: String,
        /// Tell what it is doing until it ends
        #[arg(long)]
        follow: bool,
    },
    /// Ask operations to end
    ///
    /// Asks operations that run to end, as Ctrl-C in their terminals would: between
    /// two steps, or while they wait. What they did is undone as far as they undo it
    /// then.
    #[command(verbatim_doc_comment, after_help = CANCEL)]
    Cancel {
        /// Ids of operations
        #[arg(value_name = "ID", required = true, value_parser = values::operation_id)]
        #[arg(add = ArgValueCompleter::new(complete::open_operations))]
        ids: Vec<String>,
        /// Say what would be done, and change nothing
        #[arg(long)]
        dry_run: bool,
    },
}

/// Lists or shows with [`crate::ui::print::print_operations`] and `print_operation`.
pub fn run(args: &Args, env: &mut Env) -> Result<()> {
    let (app, caller, mut progress) = (env.app()?, env.caller(), env.progress());
    match &args.verb {
        None => print_operations(&env.ui, &operation::list(&app, &caller, args.limit, &mut progress)?),
        Some(Verb::Show { id, follow: false }) => {
            print_operation(&env.ui, &operation::show(&app, &caller, id, &mut progress)?)
        }
        Some(Verb::Show { id, follow: true }) => {
            signals::heed(&app.cancel)?;
            print_operation(&env.ui, &operation::follow(&app, &caller, id, &mut progress)?)
        }
        Some(Verb::Cancel { ids, dry_run: true }) => {
            print_changed(&env.ui, &operation::plan_cancel(&app, &caller, ids, &mut progress)?)
        }
        Some(Verb::Cancel { ids, dry_run: false }) => {
            print_changed(&env.ui, &operation::cancel(&app, &caller, ids, &mut progress)?)
        }
    }
}
