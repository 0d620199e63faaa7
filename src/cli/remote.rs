//! `lite remote`.

use std::path::{Path, PathBuf};

use clap_complete::ArgValueCompleter;
use secrecy::SecretString;

use super::{Env, common, complete};
use crate::{
    app::{
        files::Attachment,
        remote::{self, Add, Restore},
    },
    model::{Code, Error, Location, Name, Result},
    ui::print::{
        print_changed, print_remote, print_remote_added, print_remote_secrets, print_remote_snapshots, print_remotes,
        print_snapshot, print_snapshots,
    },
};

/// Most bytes of a file with a password or keys.
const MOST: u64 = 64 << 10;

const EXAMPLES: &str = "\
EXAMPLES:
  lite remote add far sftp://backup@nas.example.org/srv/lite
      A folder of another machine
  lite remote add usb /mnt/usb/lite
      A folder on another disk
  lite remote check far
      Is what lies there in order?";

/// Keep copies of snapshots outside this host
///
/// A remote is a place outside this host: a folder of another machine (sftp), a
/// bucket (s3), or a folder on another disk. What lies there is a repository of
/// restic's: encrypted, checked, and each byte once. Who has its password and its
/// address can restore on any host; nobody can without the password.
#[derive(Debug, clap::Args)]
#[command(verbatim_doc_comment, after_help = EXAMPLES, subcommand_required = true)]
pub struct Args {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, clap::Subcommand)]
enum Verb {
    /// Add a remote
    ///
    /// Makes the repository, or opens one that is there by its password. Without
    /// --password-file lite draws one and shows it, this once: keep it elsewhere than
    /// on this host. By sftp lite logs in with its own key; the machine's host keys are
    /// taken as they are now, and another is refused from then on. PLACE is
    /// `sftp://USER@HOST[:PORT]/FOLDER`, `s3://SERVER[:PORT]/BUCKET[/FOLDER]`, or an
    /// absolute path.
    #[command(
        verbatim_doc_comment,
        after_help = "EXAMPLES:\n  lite remote add far sftp://backup@nas.example.org/srv/lite\n      A new one\n  lite remote add far sftp://backup@nas.example.org/srv/lite --password-file pw\n      One that another host has made"
    )]
    Add {
        /// Name of the remote
        #[arg(value_name = "REMOTE", value_parser = Name::parse)]
        name: Name,
        /// Where it is
        #[arg(value_name = "PLACE", value_parser = Location::parse)]
        location: Location,
        /// A file that holds its password; `-` is standard input
        #[arg(long, value_name = "FILE")]
        password_file: Option<PathBuf>,
        /// A file that holds the keys of a bucket, in the form of AWS' own
        #[arg(long, value_name = "FILE")]
        credentials_file: Option<PathBuf>,
        /// Say what would be added, ask nobody, and change nothing
        #[arg(long)]
        dry_run: bool,
    },
    /// List the remotes
    ///
    /// Lists them by name, with where each is. None of them is asked anything, so one that
    /// is away is listed like the others.
    #[command(verbatim_doc_comment, after_help = "EXAMPLES:\n  lite remote list\n      All of them")]
    List,
    /// Show a remote
    ///
    /// Shows one with the host keys of its machine, and lite's public key there. With
    /// --secrets its password as well.
    #[command(
        verbatim_doc_comment,
        after_help = "EXAMPLES:\n  lite remote show far --secrets\n      The password, to be kept elsewhere"
    )]
    Show {
        #[command(flatten)]
        remote: OneRemote,
        /// Show its password
        #[arg(long)]
        secrets: bool,
    },
    /// List the snapshots in a remote
    ///
    /// Lists those that are there whole, the oldest first, of this host and of others. Two
    /// of one name are told apart by their ids.
    #[command(verbatim_doc_comment, after_help = "EXAMPLES:\n  lite remote snapshots far\n      What can be had back?")]
    Snapshots {
        #[command(flatten)]
        remote: OneRemote,
    },
    /// Bring a snapshot back from a remote
    ///
    /// It becomes a snapshot of this host, with the image that it lies on and the
    /// passwords that lite made, also where nothing is known of its instance: then
    /// `lite create --from-snapshot` makes an instance of it. Every file is compared
    /// with its digest, and looked into before any program opens it.
    #[command(
        verbatim_doc_comment,
        after_help = "EXAMPLES:\n  lite remote restore far before-update\n      As a snapshot, under its name\n  lite create --from-snapshot before-update --name shop\n      And then as an instance"
    )]
    Restore {
        #[command(flatten)]
        remote: OneRemote,
        /// Name of a snapshot in the remote, or its id
        #[arg(value_name = "SNAPSHOT")]
        snapshot: String,
        /// What it is called here; without it as there
        #[arg(long = "name", value_name = "NAME", value_parser = Name::parse)]
        as_name: Option<Name>,
        /// Say what would be restored, and change nothing
        #[arg(long)]
        dry_run: bool,
    },
    /// Delete snapshots in a remote
    ///
    /// Deletes them there, and takes back their room; those on this host stay. What
    /// another snapshot there is made of as well stays too. It asks first on a terminal;
    /// elsewhere --yes is needed.
    #[command(
        verbatim_doc_comment,
        after_help = "EXAMPLES:\n  lite remote delete far before-update\n      Ask, then delete it there\n  lite remote delete far a b --yes\n      Several at once, which takes back their room once"
    )]
    Delete {
        #[command(flatten)]
        remote: OneRemote,
        /// Names of snapshots in the remote, or their ids
        #[arg(value_name = "SNAPSHOT", required = true)]
        snapshots: Vec<String>,
        #[command(flatten)]
        sure: common::Sure,
        /// Say what would be deleted, and change nothing
        #[arg(long)]
        dry_run: bool,
    },
    /// Check what a remote holds
    ///
    /// Checks that all that belongs to the copies is there. With --read-data every byte
    /// is read and compared with its digest, which takes as long as a download of all.
    #[command(
        verbatim_doc_comment,
        after_help = "EXAMPLES:\n  lite remote check far\n      Is all there?\n  lite remote check far --read-data\n      Is it also as it was written?"
    )]
    Check {
        #[command(flatten)]
        remote: OneRemote,
        /// Read every byte
        #[arg(long)]
        read_data: bool,
    },
    /// Forget remotes
    ///
    /// Forgets one or more remotes with their passwords. What they hold stays there, and
    /// can be had again by `lite remote add` with the password. It asks first on a
    /// terminal; elsewhere --yes is needed.
    #[command(verbatim_doc_comment, after_help = "EXAMPLES:\n  lite remote remove far\n      Ask, then forget it")]
    Remove {
        /// Names of remotes
        #[arg(value_name = "REMOTE", required = true, value_parser = Name::parse, add = ArgValueCompleter::new(complete::remotes))]
        names: Vec<Name>,
        #[command(flatten)]
        sure: common::Sure,
        /// Say what would be forgotten, and change nothing
        #[arg(long)]
        dry_run: bool,
    },
}

/// One remote.
#[derive(Debug, clap::Args)]
struct OneRemote {
    /// Name of a remote
    #[arg(value_name = "REMOTE", value_parser = Name::parse, add = ArgValueCompleter::new(complete::remotes))]
    name: Name,
}

/// Works on remotes.
pub fn run(args: &Args, env: &mut Env) -> Result<()> {
    let (app, caller, mut progress) = (env.app()?, env.caller(), env.progress());
    let progress = &mut progress;
    match &args.verb {
        Verb::Add { name, location, password_file, credentials_file, dry_run } => {
            let add = Add {
                name: name.clone(),
                location: location.clone(),
                password: password_file.as_deref().map(secret_in).transpose()?,
                credentials: credentials_file.as_deref().map(secret_in).transpose()?,
                dry_run: *dry_run,
            };
            let added = remote::add(&app, &caller, add, progress)?.run(progress)?;
            added.into_iter().try_for_each(|one| print_remote_added(&env.ui, one))
        }
        Verb::List => print_remotes(&env.ui, &remote::list(&app, &caller, progress)?),
        Verb::Show { remote, secrets: false } => {
            print_remote(&env.ui, &remote::show(&app, &caller, &remote.name, progress)?)
        }
        Verb::Show { remote, secrets: true } => {
            let secrets = remote::secrets(&app, &caller, &remote.name, progress)?;
            print_remote_secrets(&env.ui, &remote::show(&app, &caller, &remote.name, progress)?, &secrets)
        }
        Verb::Snapshots { remote } => {
            let rows = remote::snapshots(&app, &caller, &remote.name, progress)?;
            print_remote_snapshots(&env.ui, remote.name.as_str(), &rows)
        }
        Verb::Restore { remote, snapshot, as_name, dry_run } => {
            let restore = Restore {
                remote: remote.name.clone(),
                snapshot: snapshot.clone(),
                name: as_name.clone(),
                dry_run: *dry_run,
            };
            let restored = remote::restore(&app, &caller, &restore, progress)?.run(progress)?;
            match restored.as_slice() {
                [one] => print_snapshot(&env.ui, one),
                none => print_snapshots(&env.ui, none),
            }
        }
        Verb::Delete { remote, snapshots, sure, dry_run } => {
            let found = remote::find_snapshots(&app, &caller, (&remote.name, snapshots), progress)?;
            if *dry_run {
                return print_changed(&env.ui, &found.plan());
            }
            sure.ask(&env.ui, &deletion(&remote.name, &found.names()))?;
            print_changed(&env.ui, &found.accept()?.run(progress)?)
        }
        Verb::Check { remote, read_data } => {
            let checked = remote::check(&app, &caller, &remote.name, *read_data, progress)?;
            print_changed(&env.ui, &[checked])
        }
        Verb::Remove { names, sure, dry_run } => {
            let each = common::each_once(names);
            let found = remote::find_all(&app, &caller, &each, progress)?;
            if *dry_run {
                return print_changed(&env.ui, &found.plan());
            }
            sure.ask(&env.ui, &question(&each))?;
            print_changed(&env.ui, &found.run(&app)?)
        }
    }
}

/// The text of a file that holds a secret; no error shows it.
fn secret_in(file: &Path) -> Result<SecretString> {
    let read = Attachment::read(file, MOST)?;
    let text = String::from_utf8(read.bytes.clone());
    let text = text.map_err(|_| read.named_in(Error::new(Code::InvalidSecret, "is not UTF-8")))?;
    Ok(SecretString::from(text))
}

/// The question asked before passwords go.
fn question(names: &[Name]) -> String {
    format!("forget {}, with the password? What lies there can be restored by that alone", quoted(names))
}

/// The question asked before copies go.
fn deletion(remote: &Name, snapshots: &[Name]) -> String {
    format!("delete {} in remote `{remote}`? Nothing brings them back from there", quoted(snapshots))
}

fn quoted(names: &[Name]) -> String {
    names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
}
