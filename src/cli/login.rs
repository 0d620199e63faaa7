//! `lite login`.

use clap_complete::ArgValueCompleter;

use super::{Env, complete};
use crate::{
    app::user,
    model::{Name, Result},
    ui::print::print_login_code,
};

const EXAMPLES: &str = "\
EXAMPLES:
  sudo lite login
      A code for yourself
  sudo lite login --user anna
      For somebody who forgot her password";

/// Make a code that logs in once
///
/// Prints a code that logs a user in to the console of this host, once, within ten
/// minutes. There is no first password, and no page on which the first visitor gets
/// to be administrator: whoever has a root shell makes the first code, at any time.
#[derive(Debug, clap::Args)]
#[command(verbatim_doc_comment, after_help = EXAMPLES)]
pub struct Args {
    /// Whom it logs in
    #[arg(long, value_name = "USER", default_value = "root", value_parser = Name::parse, add = ArgValueCompleter::new(complete::users))]
    user: Name,
}

/// Makes a code, and prints it with [`print_login_code`].
pub fn run(args: &Args, env: &mut Env) -> Result<()> {
    print_login_code(&env.ui, &user::log_in(&env.app()?, &env.caller(), &args.user)?)
}
