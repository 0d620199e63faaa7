//! `lite ssh`.

use std::{ffi::OsString, os::unix::process::CommandExt};

use super::{Env, common};
use crate::{
    app::instance::login,
    model::{Code, Error, Result},
};

const EXAMPLES: &str = "\
EXAMPLES:
  lite ssh nginx-1
      A shell in the instance
  lite ssh nginx-1 -- systemctl status nginx
      One command; its exit code is that of `lite`
  lite ssh nginx-1 -- sudo cat /var/log/cloud-init-output.log > setup.log
      Its output in a file";

/// Log in to an instance
///
/// Opens a shell in an instance, or runs a command there and passes its exit
/// code on. The host key of the instance was made on this host, so the first
/// login is verified like every other and never asks. Uses lite's own key, and
/// nothing of the user's: no agent, no configuration of ssh.
#[derive(Debug, clap::Args)]
#[command(verbatim_doc_comment, after_help = EXAMPLES)]
pub struct Args {
    #[command(flatten)]
    pub instance: common::OneName,
    /// A command to run instead of a shell, after `--`
    #[arg(last = true, value_name = "COMMAND")]
    pub command: Vec<OsString>,
}

/// Runs ssh in place of this process; the exit code is that of the remote command, 255 if there was no login.
pub fn run(args: &Args, env: &mut Env) -> Result<u8> {
    let words: Option<Vec<String>> = args.command.iter().map(|w| w.to_str().map(str::to_owned)).collect();
    let words = words.ok_or_else(|| Error::new(Code::InvalidCommand, "the command is not UTF-8 text"))?;
    let name = &args.instance.name;
    let error = login::command(&env.app()?, &env.caller(), name, &words, &mut env.progress())?.exec();
    Err(common::no_program("ssh", error))
}
