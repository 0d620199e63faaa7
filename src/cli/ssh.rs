//! `lite ssh`.

use std::ffi::OsString;

use super::{Env, common};
use crate::model::Result;

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
/// login is verified like every other and never asks.
#[derive(Debug, clap::Args)]
#[command(verbatim_doc_comment, after_help = EXAMPLES)]
pub struct Args {
    #[command(flatten)]
    pub instance: common::OneName,
    /// A command to run instead of a shell, after `--`
    #[arg(last = true, value_name = "COMMAND")]
    pub command: Vec<OsString>,
}

/// Runs ssh; the exit code is that of the remote command.
pub fn run(_args: &Args, _env: &mut Env) -> Result<u8> {
    Err(common::not_wired("ssh"))
}
