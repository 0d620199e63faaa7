//! `lite secrets`.

use super::{Env, common};
use crate::{app::instance::secrets, model::Result, ui::print::print_secrets};

const EXAMPLES: &str = "\
EXAMPLES:
  lite secrets wordpress-1
      Its passwords, and what they open
  lite secrets wordpress-1 --json | jq -r '.secrets[0].value'
      The first alone, for a script";

/// Show the passwords of an instance
///
/// Shows the passwords that were generated when an instance was made. No other
/// command prints them again, and they are in no log.
#[derive(Debug, clap::Args)]
#[command(verbatim_doc_comment, after_help = EXAMPLES)]
pub struct Args {
    #[command(flatten)]
    pub instance: common::OneName,
}

/// Shows secrets with [`crate::ui::print::print_secrets`].
pub fn run(args: &Args, env: &mut Env) -> Result<()> {
    let name = &args.instance.name;
    let secrets = secrets::secrets(&env.app()?, &env.caller(), name, &mut env.progress())?;
    print_secrets(&env.ui, name.as_str(), &secrets)
}
