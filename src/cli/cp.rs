//! `lite cp`.

use std::{
    ffi::{OsStr, OsString},
    os::unix::ffi::OsStrExt,
    path::PathBuf,
    process::Stdio,
};

use clap_complete::ArgValueCompleter;

use super::{Env, common::no_program, complete};
use crate::{
    app::instance::login::{self, Transfer},
    model::{Code, Error, Hint, Name, Result, Verb, escaped},
    ui::print::print_changed,
    view::Changed,
};

const EXAMPLES: &str = "\
EXAMPLES:
  lite cp index.html nginx-1:
      A file into the home of the account that `lite ssh` uses
  lite cp site/ photos/ nginx-1:/tmp/upload/
      Folders, into one that is there
  lite cp 'nginx-1:/var/log/nginx/*.log' .
      From the instance, by a pattern that is matched there
  lite cp ./a:b nginx-1:
      A file with a colon in its name";

/// Copy files and folders to an instance, or from one
///
/// What is in an instance is written NAME:PATH; a PATH without a slash in front
/// is below the home of the account that `lite ssh` uses. Folders are copied
/// with all that is in them. Same key and same host key as `lite ssh`. Several
/// files need a folder to go to. A copy that is cut off leaves what was copied
/// so far.
#[derive(Debug, clap::Args)]
#[command(verbatim_doc_comment, after_help = EXAMPLES)]
pub struct Args {
    /// What to copy: FILE, or NAME:PATH
    #[arg(value_name = "FILE", required = true, num_args = 1.., add = ArgValueCompleter::new(complete::places))]
    from: Vec<OsString>,
    /// Where to: NAME:PATH, or a file or folder
    #[arg(value_name = "TO", add = ArgValueCompleter::new(complete::places))]
    to: OsString,
}

/// A place as it is written.
enum Place {
    Here(PathBuf),
    There(Name, OsString),
}

impl Place {
    /// `NAME:PATH` is in an instance, all else on this machine.
    fn parse(text: &OsStr) -> Self {
        let mut halves = text.as_bytes().splitn(2, |b| *b == b':');
        let name = halves.next().and_then(|n| std::str::from_utf8(n).ok()).and_then(|n| Name::parse(n).ok());
        match (name, halves.next()) {
            (Some(name), Some(path)) => Self::There(name, OsStr::from_bytes(path).to_owned()),
            _ => Self::Here(PathBuf::from(text)),
        }
    }
}

/// Runs scp. Failed if it does not copy all; what it said of that was shown.
pub fn run(args: &Args, env: &mut Env) -> Result<()> {
    let (name, transfer) = transfer(args)?;
    let mut command = login::copy(&env.app()?, &env.caller(), &name, &transfer, &mut env.progress())?;
    // Progress is no data; scp writes it to its stdout, if that is a terminal.
    let quiet = env.ui.quiet || env.ui.json;
    command.stdout(if quiet { Stdio::null() } else { Stdio::from(std::io::stderr()) });
    let status = command.status().map_err(|e| no_program("scp", e))?;
    if !status.success() {
        let hint = Hint::from("what OpenSSH said is above; for files of root's, copy to the home and go on there: ");
        return Err(Error::new(Code::CopyFailed, "not everything was copied")
            .cause(format!("scp: {status}"))
            .hint(hint.run_with(Verb::Ssh, &[&name, &"-- sudo mv …"])));
    }
    print_changed(&env.ui, &[Changed::new(name.as_str(), "copied")])
}

/// The one instance, and which way the files go.
fn transfer(args: &Args) -> Result<(Name, Transfer)> {
    let refused = |what: &str| {
        Err(Error::new(Code::InvalidCopy, what).hint("`lite cp FILE… NAME:PATH`, or `lite cp NAME:PATH… FILE`"))
    };
    let mut here = Vec::new();
    let mut there = Vec::new();
    for place in args.from.iter().map(|text| Place::parse(text)) {
        match place {
            Place::Here(path) => here.push(path),
            Place::There(name, path) => there.push((name, path)),
        }
    }
    match (Place::parse(&args.to), there.first()) {
        (Place::There(name, path), None) => Ok((name, Transfer::To(here, path))),
        (Place::There(..), Some(_)) => refused("both sides are in an instance: copy to this machine first"),
        (Place::Here(_), None) => {
            refused(&format!("`{}` is in no instance, and nor is what is copied", escaped(&args.to.to_string_lossy())))
        }
        (Place::Here(_), Some(_)) if !here.is_empty() => {
            refused("what is copied is partly here and partly in an instance")
        }
        (Place::Here(_), Some((name, _))) if there.iter().any(|(other, _)| other != name) => {
            refused("files of several instances cannot be copied at once")
        }
        (Place::Here(to), Some((name, _))) => {
            Ok((name.clone(), Transfer::From(there.into_iter().map(|(_, path)| path).collect(), to)))
        }
    }
}
