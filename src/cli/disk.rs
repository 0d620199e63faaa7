//! `lite disk`.

use clap_complete::ArgValueCompleter;

use super::{Env, common, complete};
use crate::{
    app::disk::{self, Flags, NewDisk, Source},
    model::{MountPoint, Name, Result, Size},
    ui::print::{print_changed, print_disk_row, print_disks, print_snapshot, print_snapshots},
    view::DiskRow,
};

const EXAMPLES: &str = "\
EXAMPLES:
  lite disk create data --size 50GiB
      A disk that nobody has yet
  lite disk attach data web-1 --mount /srv/data
      Give it to an instance, with a file system, now and at each boot
  lite disk detach data
      Take it off, so that another instance can have it";

/// Give instances further disks
///
/// A disk is data apart from an instance: it is given to one instance after the
/// other, while they run, and stays when its instance is deleted. Snapshots of an
/// instance hold the disks that it was given.
#[derive(Debug, clap::Args)]
#[command(verbatim_doc_comment, after_help = EXAMPLES, subcommand_required = true)]
pub struct Args {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, clap::Subcommand)]
enum Verb {
    /// Make a disk
    ///
    /// Makes an empty disk, which takes room as it is filled, or one that holds what a
    /// disk held when a snapshot of its instance was made. One that does not fit in the
    /// storage pool beside what was promised already is refused.
    #[command(
        verbatim_doc_comment,
        after_help = "EXAMPLES:\n  lite disk create data --size 50GiB\n      50 GiB for whoever gets it\n  lite disk create data-old --from-snapshot before-update\n      As the disk was then, beside the one of now"
    )]
    Create {
        /// Name of the disk
        #[arg(value_name = "DISK", value_parser = Name::parse)]
        name: Name,
        /// Its size, such as `50GiB`; with --from-snapshot that of the disk then, or larger
        #[arg(long, value_name = "SIZE", value_parser = Size::parse, required_unless_present = "snapshot")]
        size: Option<Size>,
        /// Make it of a disk in this snapshot
        #[arg(long = "from-snapshot", value_name = "SNAPSHOT", value_parser = Name::parse, add = ArgValueCompleter::new(complete::snapshots))]
        snapshot: Option<Name>,
        /// Of this one, if the snapshot holds several
        #[arg(long, value_name = "DISK", value_parser = Name::parse, requires = "snapshot")]
        disk: Option<Name>,
        #[command(flatten)]
        change: common::Change,
    },
    /// Give an instance a disk
    ///
    /// The instance may run. With --mount its guest mounts the disk on a folder, now
    /// and at each boot; an empty disk gets a file system (ext4) first, and one that
    /// holds something else than a file system is left alone. Without it, the guest
    /// finds the disk at the device that `lite disk show` tells.
    #[command(
        verbatim_doc_comment,
        after_help = "EXAMPLES:\n  lite disk attach data web-1 --mount /srv/data\n      Ready to be used\n  lite disk attach data web-1\n      As it is"
    )]
    Attach {
        #[command(flatten)]
        disk: OneDisk,
        #[command(flatten)]
        instance: common::OneName,
        /// The folder in the guest on which it is mounted
        #[arg(long, value_name = "FOLDER", value_parser = MountPoint::parse)]
        mount: Option<MountPoint>,
        #[command(flatten)]
        change: common::Change,
    },
    /// Take a disk off its instance
    ///
    /// The guest unmounts it first, wherever it is mounted. One that is in use there is
    /// not detached.
    #[command(
        verbatim_doc_comment,
        after_help = "EXAMPLES:\n  lite disk detach data\n      Unmount it, and take it off\n  lite disk detach data --force\n      The guest has no agent, or does not answer"
    )]
    Detach {
        #[command(flatten)]
        disk: OneDisk,
        /// Do not ask the guest to unmount it: what it has not written is lost
        #[arg(long)]
        force: bool,
        #[command(flatten)]
        change: common::Change,
    },
    /// Make a disk larger
    ///
    /// The instance that has it may run: what is on the disk grows with it then, while
    /// it is mounted (by the guest's agent: ext4, xfs, btrfs). Otherwise it does when the
    /// disk is next mounted by `lite disk attach`, or when the command is given again.
    /// Disks never get smaller.
    #[command(
        verbatim_doc_comment,
        after_help = "EXAMPLES:\n  lite disk resize data --size 100GiB\n      100 GiB from now on"
    )]
    Resize {
        #[command(flatten)]
        disk: OneDisk,
        /// Its size from now on, such as `100GiB`
        #[arg(long, value_name = "SIZE", value_parser = Size::parse)]
        size: Size,
        #[command(flatten)]
        change: common::Change,
    },
    /// Keep a disk as it is now
    ///
    /// Makes a snapshot of one disk, whoever has it. While a guest with an agent runs
    /// with it, its file systems are frozen for a moment. `lite snapshot` lists, shows
    /// and deletes it, and `lite disk create --from-snapshot` makes a disk of it. One
    /// for which there is no room is refused.
    #[command(
        verbatim_doc_comment,
        after_help = "EXAMPLES:\n  lite disk snapshot data --name data-before-update\n      Under a name that says what it is for\n  lite disk create data-2 --from-snapshot data-before-update\n      A disk of its own that holds the same"
    )]
    Snapshot {
        #[command(flatten)]
        disk: OneDisk,
        /// Name of the snapshot; without it the next free `DISK-snap-1`
        #[arg(long = "name", value_name = "SNAPSHOT", value_parser = Name::parse)]
        snapshot: Option<Name>,
        #[command(flatten)]
        change: common::Change,
    },
    /// List the disks
    ///
    /// Lists them by name, with the instance that has each and where it is mounted.
    #[command(verbatim_doc_comment, after_help = "EXAMPLES:\n  lite disk list\n      All of them")]
    List,
    /// Show a disk
    ///
    /// Shows one with the instance that has it, and the device by which its guest finds
    /// it.
    #[command(verbatim_doc_comment, after_help = "EXAMPLES:\n  lite disk show data\n      Who has it?")]
    Show {
        #[command(flatten)]
        disk: OneDisk,
    },
    /// Delete disks
    ///
    /// Removes one or more disks with their data. This cannot be undone. It asks first on a
    /// terminal; elsewhere --yes is needed. A disk that an instance has is refused.
    #[command(
        verbatim_doc_comment,
        after_help = "EXAMPLES:\n  lite disk delete data\n      Ask, then remove it\n  lite disk delete data old --yes\n      Remove two without asking"
    )]
    Delete {
        /// Names of disks
        #[arg(value_name = "DISK", required = true, value_parser = Name::parse, add = ArgValueCompleter::new(complete::disks))]
        names: Vec<Name>,
        #[command(flatten)]
        sure: common::Sure,
        #[command(flatten)]
        change: common::Change,
    },
}

/// One disk.
#[derive(Debug, clap::Args)]
struct OneDisk {
    /// Name of a disk
    #[arg(value_name = "DISK", value_parser = Name::parse, add = ArgValueCompleter::new(complete::disks))]
    disk: Name,
}

/// Works on disks.
pub fn run(args: &Args, env: &mut Env) -> Result<()> {
    let (app, caller, mut progress) = (env.app()?, env.caller(), env.progress());
    let progress = &mut progress;
    let flags = |change: &common::Change| Flags { wait: change.wait, dry_run: change.dry_run };
    let done = match &args.verb {
        Verb::Create { name, size, snapshot, disk, change } => {
            let from = snapshot.as_ref().map(|snapshot| Source { snapshot, disk: disk.as_ref() });
            let new = NewDisk { name, size: *size, from };
            disk::create(&app, &caller, new, flags(change), progress)?.run(progress)?
        }
        Verb::Attach { disk: OneDisk { disk }, instance, mount, change } => {
            let named = (disk, &instance.name);
            disk::attach(&app, &caller, named, mount.as_ref(), flags(change), progress)?.run(progress)?
        }
        Verb::Detach { disk: OneDisk { disk }, force, change } => {
            disk::detach(&app, &caller, disk, (*force, flags(change)), progress)?.run(progress)?
        }
        Verb::Resize { disk: OneDisk { disk }, size, change } => {
            disk::resize(&app, &caller, (disk, *size), flags(change), progress)?.run(progress)?
        }
        Verb::Snapshot { disk: OneDisk { disk }, snapshot, change } => {
            let named = (disk, snapshot.as_ref());
            let made = disk::snapshot(&app, &caller, named, flags(change), progress)?.run(progress)?;
            return match made.as_slice() {
                [one] => print_snapshot(&env.ui, one),
                none => print_snapshots(&env.ui, none),
            };
        }
        Verb::List => return print_disks(&env.ui, &disk::list(&app, &caller, progress)?),
        Verb::Show { disk } => vec![disk::show(&app, &caller, &disk.disk, progress)?],
        Verb::Delete { names, sure, change } => {
            let each = common::each_once(names);
            let found = disk::find(&app, &caller, &each, change.wait, progress)?;
            if change.dry_run {
                return print_changed(&env.ui, &found.plan());
            }
            sure.ask(&env.ui, &question(&each))?;
            return print_changed(&env.ui, &found.run(&app)?);
        }
    };
    print(env, &done)
}

/// One in full; of a dry run there is none.
fn print(env: &Env, disks: &[DiskRow]) -> Result<()> {
    match disks {
        [one] => print_disk_row(&env.ui, one),
        none if env.ui.json => print_disks(&env.ui, none),
        _ => Ok(()),
    }
}

/// The question asked before anything goes.
fn question(names: &[Name]) -> String {
    let all: Vec<String> = names.iter().map(|name| format!("`{name}`")).collect();
    match all.as_slice() {
        [one] => format!("delete disk {one} and its data?"),
        many => format!("delete {} disks and their data: {}?", many.len(), many.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_question_names_each() {
        let asked = |names: &[&str]| question(&names.iter().flat_map(|name| Name::parse(name)).collect::<Vec<_>>());
        assert_eq!(asked(&["one"]), "delete disk `one` and its data?");
        assert_eq!(asked(&["one", "two"]), "delete 2 disks and their data: `one`, `two`?");
    }
}
