//! `lite list`.

use clap_complete::ArgValueCompleter;

use super::{Env, complete};
use crate::{
    app::instance::{list, undelete},
    model::{Result, Tag},
    ui::print::{ListColumn, print_deleted, print_list},
    view::ListRow,
};

const EXAMPLES: &str = "\
EXAMPLES:
  lite list
      Every instance, what it costs a month, and the sum
  lite list --tag client=acme
      Those of one client
  lite list --columns name,state,address
      Only what you need
  lite list --deleted
      What `lite undelete` can bring back
  lite list --json | jq -r '.instances[] | select(.state == \"running\").name'
      For a script";

/// List the instances, their state and their price
///
/// Lists every instance with its state, health, address and flat monthly price,
/// and the sum at the end. A stopped instance costs its bundle too. The price is
/// the one agreed when the instance was made. A line on stderr says how much disk
/// is promised to instances, used by them, and free on the host.
#[derive(Debug, clap::Args)]
#[command(verbatim_doc_comment, after_help = EXAMPLES)]
pub struct Args {
    /// Columns to show, separated by commas: name, state, health, blueprint,
    /// bundle, address, address6, static_address, price, base, vcpus, memory, disk,
    /// network, ports, published, job, snapshot, tags, created, version, image, uuid
    #[arg(long, value_name = "COLUMNS", value_delimiter = ',', value_parser = ListColumn::parse, add = ArgValueCompleter::new(complete::columns))]
    columns: Vec<ListColumn>,
    /// Only instances with this tag; may be repeated, all must match
    #[arg(long = "tag", value_name = "KEY[=VALUE]", value_parser = Tag::parse)]
    pub tags: Vec<Tag>,
    /// The deleted instances that are kept, and until when
    #[arg(long, conflicts_with_all = ["columns", "tags"])]
    deleted: bool,
}

impl Args {
    /// The columns asked for, or those shown by default; static addresses, what is published, and jobs have one where there are some.
    pub fn columns(&self, rows: &[ListRow]) -> Vec<ListColumn> {
        if !self.columns.is_empty() {
            return self.columns.clone();
        }
        let mut columns = ListColumn::DEFAULT.to_vec();
        if rows.iter().any(|row| row.static_address.is_some()) {
            columns.insert(columns.len() - 1, ListColumn::StaticAddress);
        }
        if rows.iter().any(|row| !row.published.is_empty() || !row.sites.is_empty()) {
            columns.insert(columns.len() - 1, ListColumn::Published);
        }
        if rows.iter().any(|row| row.job.is_some()) {
            columns.insert(columns.len() - 1, ListColumn::Job);
        }
        columns
    }
}

/// Lists the instances with [`crate::ui::print::print_list`].
pub fn run(args: &Args, env: &mut Env) -> Result<()> {
    if args.deleted {
        return print_deleted(&env.ui, &undelete::list(&env.app()?, &env.caller(), &mut env.progress())?);
    }
    let (rows, storage, disk) = list::list(&env.app()?, &env.caller(), &args.tags, &mut env.progress())?;
    print_list(&env.ui, (&rows, &storage), disk, &args.columns(&rows))
}
