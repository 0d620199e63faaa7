//! `lite unprotect`.

use super::{Env, common, protect};
use crate::model::Result;

const EXAMPLES: &str = "\
EXAMPLES:
  lite unprotect shop
      `lite delete shop` is possible again
  lite unprotect shop blog
      Two at once";

/// Lift the protection from being deleted
///
/// The instances can be deleted again. One that is not protected is left alone,
/// and that is no error.
#[derive(Debug, clap::Args)]
#[command(verbatim_doc_comment, after_help = EXAMPLES)]
pub struct Args {
    #[command(flatten)]
    pub names: common::Names,
    #[command(flatten)]
    pub change: common::Change,
}

/// Lifts the protection of instances.
pub fn run(args: &Args, env: &mut Env) -> Result<()> {
    protect::set(false, &args.names, args.change, env)
}
