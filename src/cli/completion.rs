//! `lite completion`.

use super::{Env, complete};
use crate::model::Result;

const EXAMPLES: &str = "\
EXAMPLES:
  lite completion bash > /etc/bash_completion.d/lite
      For every user of bash
  lite completion zsh > \"${fpath[1]}/_lite\"
      For zsh
  lite completion fish > ~/.config/fish/completions/lite.fish
      For fish";

/// Print the script that completes commands and names in a shell
///
/// Prints a script for bash, zsh or fish. With it the Tab key completes commands
/// and flags, and the names of instances, blueprints and bundles as they are at
/// that moment.
#[derive(Debug, clap::Args)]
#[command(verbatim_doc_comment, after_help = EXAMPLES)]
pub struct Args {
    /// The shell
    #[arg(value_parser = complete::SHELLS)]
    shell: String,
}

/// Prints the script.
pub fn run(args: &Args, env: &mut Env) -> Result<()> {
    env.ui.data(&complete::script(&args.shell)?)
}
