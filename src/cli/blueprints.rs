//! `lite blueprints`.

use std::path::PathBuf;

use clap_complete::ArgValueCompleter;

use super::{Env, blueprints_test, complete};
use crate::{
    app::blueprint::{self, check::check},
    model::Result,
    ui::print::{print_blueprint, print_blueprints, print_check, print_outdated},
};

const EXAMPLES: &str = "\
EXAMPLES:
  lite blueprints
      Every operating system and application there is
  lite blueprints show nginx
      What it needs, opens and can be told with --set
  lite blueprints check mine.yaml
      Every fault of a file of your own, with file, line and key
  lite blueprints test mine.yaml
      Boot it in a virtual machine of its own, and see whether it answers";

const TEST: &str = "\
EXAMPLES:
  lite blueprints test mine.yaml
      Boot it on the least memory and disk it states, and remove everything
  lite blueprints test mine.yaml --keep --set title=Hello
      Keep the machine for a look if it fails
  lite blueprints test nginx lamp --base debian-12 --json
      Two after the other, with the time of each stage, for a script";

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

const OUTDATED: &str = "\
EXAMPLES:
  lite blueprints outdated
      The instances that a new one would differ from
  lite blueprints outdated --json | jq -r '.outdated[].name'
      Their names, for a script";

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
    /// List the instances older than their blueprint
    ///
    /// Lists the instances that were made from another version of their blueprint
    /// than today's, with both versions, and the command that brings each to today's.
    #[command(verbatim_doc_comment, after_help = OUTDATED)]
    Outdated,
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
    /// Boot blueprints and see whether they work
    ///
    /// Checks and renders a blueprint, boots it in a virtual machine of its own,
    /// runs its health check, looks that nothing else listens, and removes
    /// everything. Each stage is shown with its time. What booted is then marked
    /// `boot` in the list of blueprints on this host; --record writes the same into
    /// a file. The exit code is 1 if a test failed.
    #[command(verbatim_doc_comment, after_help = TEST)]
    Test(blueprints_test::Args),
}

/// Lists, shows or checks with [`crate::ui::print::print_blueprints`], `print_blueprint` and `print_check`.
pub fn run(args: &Args, env: &mut Env) -> Result<()> {
    let (caller, mut progress, ui) = (env.caller(), env.progress(), &env.ui);
    match &args.verb {
        None => print_blueprints(ui, &blueprint::list(&env.app()?, &caller, &mut progress)?),
        Some(Verb::Show { ids }) => print_blueprint(ui, &blueprint::show(&env.app()?, &caller, ids, &mut progress)?),
        Some(Verb::Outdated) => print_outdated(ui, &blueprint::outdated(&env.app()?, &caller, &mut progress)?),
        Some(Verb::Check { files }) => print_check(ui, files.len(), &check(&caller, files)?),
        Some(Verb::Test(args)) => blueprints_test::run(args, env),
    }
}
