//! `lite blueprints`.

use std::path::PathBuf;

use clap_complete::ArgValueCompleter;

use super::{Env, common, complete};
use crate::model::Result;

const EXAMPLES: &str = "\
EXAMPLES:
  lite blueprints
      Every operating system and application there is
  lite blueprints show nginx
      What it needs, opens and can be told with --set
  lite blueprints check mine.yaml
      Every fault of a file of your own, with file, line and key";

const SHOW: &str = "\
EXAMPLES:
  lite blueprints show nginx
      What it needs, opens and can be told with --set";

const CHECK: &str = "\
EXAMPLES:
  lite blueprints check mine.yaml
      Every fault at once, with file, line and key
  cp mine.yaml /etc/lite/blueprints/
      Then make it known";

/// List the operating systems and applications there are
///
/// Lists the blueprints: what can run in an instance. They are data files. A file
/// of your own in /etc/lite/blueprints or ~/.config/lite/blueprints adds one, or
/// replaces one of the same name.
#[derive(Debug, clap::Args)]
#[command(verbatim_doc_comment, after_help = EXAMPLES, args_conflicts_with_subcommands = true)]
pub struct Args {
    #[command(subcommand)]
    pub verb: Option<Verb>,
}

/// What to do instead of listing them.
#[derive(Debug, clap::Subcommand)]
pub enum Verb {
    /// Show everything about blueprints
    ///
    /// Shows what a blueprint is for, the smallest bundle it fits, the ports it
    /// opens, and the parameters that `lite create --set` knows.
    #[command(verbatim_doc_comment, after_help = SHOW)]
    Show {
        /// Ids of blueprints
        #[arg(value_name = "BLUEPRINT", required = true, add = ArgValueCompleter::new(complete::blueprints))]
        ids: Vec<String>,
    },
    /// Check blueprint files
    ///
    /// Checks files without using them, and names every fault with file, line and
    /// key. The exit code is 2 if there is one.
    #[command(verbatim_doc_comment, after_help = CHECK)]
    Check {
        /// Blueprint or bundle files
        #[arg(value_name = "FILE", required = true)]
        files: Vec<PathBuf>,
    },
}

/// Lists, shows or checks with [`crate::ui::view::print_blueprints`], `print_blueprint` and `print_check`.
pub fn run(_args: &Args, _env: &mut Env) -> Result<()> {
    Err(common::not_wired("blueprints"))
}
