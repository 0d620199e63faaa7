//! `lite protect`.

use super::{Env, common};
use crate::{
    app::instance::{change, protect::Protect},
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

/// Protects instances.
pub fn run(args: &Args, env: &mut Env) -> Result<()> {
    set(true, &args.names, args.change, env)
}

/// Sets or lifts the protection of instances, and reports with [`print_changed`].
pub fn set(protected: bool, names: &common::Names, how: common::Change, env: &mut Env) -> Result<()> {
    let (app, protect) = (env.app()?, Protect { protected });
    let targets = names.targets(how);
    print_changed(&env.ui, &change::run(&app, &env.caller(), &protect, &targets, &mut env.progress())?)
}
