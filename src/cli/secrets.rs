//! `lite secrets`.

use super::{Env, common, session};
use crate::{model::Result, store::instances::no_such_instance, ui::print::print_secrets, view::SecretView};

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
    let store = session::store(env)?.ok_or_else(|| no_such_instance(name, None))?;
    let secrets = store.secrets(store.require(name)?.record.uuid)?;
    let views: Vec<SecretView> = secrets
        .into_iter()
        .map(|s| SecretView { name: s.name, description: s.description, user: s.account, value: s.value })
        .collect();
    print_secrets(&env.ui, name.as_str(), &views)
}
