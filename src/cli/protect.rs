//! `lite protect`.

use super::{Env, common};
use crate::{
    app::instance::protect::{self, Protection},
    model::Result,
    ui::print::print_changed,
};

const EXAMPLES: &str = "\
EXAMPLES:
  lite protect shop
      `lite delete shop` is refused from now on, with --yes too
  lite list --tag protected
      Those that are protected";

/// Protect instances from being deleted
///
/// `lite delete` refuses a protected instance, whoever asks and with --yes too;
/// everything else goes on as before. The protection is the tag `protected`, kept
/// with the virtual machine: a database that is made anew knows it. `lite
/// unprotect` lifts it.
#[derive(Debug, clap::Args)]
#[command(verbatim_doc_comment, after_help = EXAMPLES)]
pub struct Args {
    #[command(flatten)]
    pub names: common::Names,
    #[command(flatten)]
    pub change: common::Change,
}

/// Protects instances, and reports with [`print_changed`].
pub fn run(args: &Args, env: &mut Env) -> Result<()> {
    let request =
        Protection { names: args.names.each(), protected: true, wait: args.change.wait, dry_run: args.change.dry_run };
    let changed = protect::change(&env.app()?, &env.caller(), &request, &mut env.progress())?;
    print_changed(&env.ui, &changed)
}
