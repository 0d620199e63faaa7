//! `lite man`: manual pages from the same definitions as `--help`.

use std::{fs, path::PathBuf};

use super::{Env, command};
use crate::model::{Code, Error, Result};

const EXAMPLES: &str = "\
EXAMPLES:
  lite man | man -l -
      Read the first page
  lite man /usr/local/share/man/man1
      Write all pages there";

/// Write the manual pages
///
/// Prints the manual page of `lite`, or writes the pages of every command into a
/// folder, which is made if it is not there.
#[derive(Debug, clap::Args)]
#[command(verbatim_doc_comment, hide = true, after_help = EXAMPLES)]
pub struct Args {
    /// Folder to write all pages to
    dir: Option<PathBuf>,
}

/// Prints one page or writes all.
pub fn run(args: &Args, env: &mut Env) -> Result<()> {
    let Some(dir) = &args.dir else {
        let mut page = Vec::new();
        clap_mangen::Man::new(command(80))
            .render(&mut page)
            .map_err(|e| Error::new(Code::Man, "cannot make the manual page").cause(e))?;
        return env.ui.bytes(&page);
    };
    let failed = |e: std::io::Error| {
        Error::new(Code::Man, "cannot write the manual pages").cause(format!("{}: {e}", dir.display()))
    };
    fs::create_dir_all(dir).map_err(failed)?;
    clap_mangen::generate_to(command(80), dir).map_err(failed)?;
    env.ui.status(&format!("wrote the manual pages to {}", dir.display()));
    Ok(())
}
