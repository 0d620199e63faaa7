//! `lite operations`.

use super::{Env, session, values};
use crate::{
    model::{Code, Error, Result},
    plan::Step,
    store::{OpenStep, Operation},
    ui::print::{print_operation, print_operations},
    view::{OperationRow, OperationView, StepView},
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
    let store = session::store(env)?;
    match &args.verb {
        None => {
            let operations = store.map_or(Ok(Vec::new()), |s| s.operations(args.limit))?;
            print_operations(&env.ui, &operations.into_iter().map(row).collect::<Vec<_>>())
        }
        Some(Verb::Show { id }) => {
            let found = store.as_ref().map_or(Ok(None), |s| s.operation(id))?;
            let (Some(store), Some(operation)) = (store, found) else {
                return Err(Error::new(Code::NoSuchOperation, format!("there is no operation `{id}`"))
                    .hint("`lite operations` lists them"));
            };
            let steps = store.steps(id)?.into_iter().map(step).collect();
            print_operation(&env.ui, &OperationView { row: row(operation), steps })
        }
    }
}

fn row(o: Operation) -> OperationRow {
    OperationRow {
        milliseconds: o
            .ended_at
            .and_then(|end| u64::try_from(end.as_millisecond() - o.started_at.as_millisecond()).ok()),
        instance: o.instance(),
        id: o.id,
        kind: o.kind.to_string(),
        resource: o.resource.name,
        state: o.state.as_str().to_owned(),
        started_at: o.started_at,
        error: o.error,
    }
}

fn step(s: OpenStep) -> StepView {
    let name =
        serde_json::from_str::<Step>(&s.step).map_or_else(|_| "unreadable step".to_owned(), |step| step.subject());
    StepView { name, state: s.state.to_string(), error: None }
}
