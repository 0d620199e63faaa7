//! `lite snapshot`.

use std::time::Duration;

use clap_complete::ArgValueCompleter;
use jiff::civil::Time;

use super::{Env, common, complete, signals, values};
use crate::{
    app::{
        instance::{
            auto_snapshot::{Copies, SetAutoSnapshot},
            change,
        },
        snapshot::{self, Flags},
    },
    model::{AutoSnapshot, Code, Error, Name, Result},
    ui::print::{print_changed, print_snapshot, print_snapshots},
};

const EXAMPLES: &str = "\
EXAMPLES:
  lite snapshot create web-1 --name before-update
      Keep the disks as they are now, while the instance runs
  lite snapshot list web-1
      What is kept of it, and how much that takes
  lite snapshot auto on web-1
      One every day, the last 7 are kept
  lite snapshot verify before-update
      Would it boot?
  lite snapshot delete before-update
      It is needed no more";

/// Keep the disks of an instance as they are now
///
/// A snapshot is a copy of an instance's disks at one moment, kept on this host under
/// a name of its own. The instance runs on meanwhile. If it has a guest agent its
/// file systems are frozen for a moment, so that all that was written is whole; else
/// they are as after a loss of power, which their journals put right. A snapshot is
/// no backup: it is lost with this host's disk. It stays when its instance is deleted.
#[derive(Debug, clap::Args)]
#[command(verbatim_doc_comment, after_help = EXAMPLES, subcommand_required = true)]
pub struct Args {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, clap::Subcommand)]
enum Verb {
    /// Make a snapshot of an instance
    ///
    /// Copies what the instance's root disk holds beside its image, and each disk that
    /// it was given, all at one moment. A running instance runs on, and a stopped one
    /// stays stopped. A snapshot for which there is no room is refused.
    #[command(
        verbatim_doc_comment,
        after_help = "EXAMPLES:\n  lite snapshot create web-1 --name before-update\n      Under a name that says what it is for\n  lite snapshot create web-1 --dry-run\n      How much would it take?"
    )]
    Create {
        #[command(flatten)]
        instance: common::OneName,
        /// Name of the snapshot; without it the next free `NAME-snap-1`
        #[arg(long = "name", value_name = "SNAPSHOT", value_parser = Name::parse)]
        snapshot: Option<Name>,
        #[command(flatten)]
        change: common::Change,
    },
    /// Make snapshots by themselves, one a day
    ///
    /// With `on` the watcher (`lite watch`) makes a snapshot of each instance every
    /// day, from a time on by this host's clock; the first today, if that time is
    /// over. Days on which the watcher did not run are not made up for. Once the day's
    /// is there, the oldest automatic ones above the number to keep go; snapshots that
    /// were made by hand never do. One that fails is an event, and nothing goes on
    /// that day. With `off`, and when the instance is deleted, those that are there
    /// stay. It is the tag `auto-snapshot`, kept with the virtual machine.
    #[command(
        verbatim_doc_comment,
        after_help = "EXAMPLES:\n  lite snapshot auto on web-1\n      Every day from 03:00 on, the last 7 are kept\n  lite snapshot auto on web-1 shop --time 23:30 --keep 14\n      Two weeks of two instances\n  lite snapshot auto on web-1 --remote far\n      And each outside this host as well\n  lite snapshot auto off web-1\n      No more from now on"
    )]
    Auto {
        /// Whether there are automatic snapshots
        #[arg(value_name = "on|off")]
        switch: Switch,
        #[command(flatten)]
        names: common::Names,
        /// From when on in the day; 03:00 if nothing else was said before
        #[arg(long, value_name = "HH:MM", value_parser = AutoSnapshot::parse_time)]
        time: Option<Time>,
        /// How many automatic ones are kept, 1 to 366; 7 if nothing else was said before
        #[arg(long, value_name = "NUMBER", value_parser = AutoSnapshot::parse_keep)]
        keep: Option<u16>,
        /// Copy each to this remote as well, where as many are kept
        #[arg(long, value_name = "REMOTE", value_parser = Name::parse, conflicts_with = "no_remote", add = ArgValueCompleter::new(complete::remotes))]
        remote: Option<Name>,
        /// Copy none any more; those that are there stay
        #[arg(long)]
        no_remote: bool,
        #[command(flatten)]
        change: common::Change,
    },
    /// List the snapshots
    ///
    /// Lists them by age, each with its instance or disk, the state that the file systems
    /// were in, and what it takes. With NAME, those of one.
    #[command(verbatim_doc_comment, after_help = "EXAMPLES:\n  lite snapshot list web-1\n      Those of one instance")]
    List {
        /// Name of an instance, or of a disk
        #[arg(value_name = "NAME", value_parser = Name::parse, add = ArgValueCompleter::new(complete::instances))]
        instance: Option<Name>,
    },
    /// Show a snapshot
    ///
    /// Shows one with the state that the file systems were in, the instance that it was
    /// made of, and the image that it lies on.
    #[command(
        verbatim_doc_comment,
        after_help = "EXAMPLES:\n  lite snapshot show before-update\n      Was the guest frozen?"
    )]
    Show {
        /// Name of a snapshot
        #[arg(value_name = "SNAPSHOT", value_parser = Name::parse, add = ArgValueCompleter::new(complete::snapshots))]
        name: Name,
    },
    /// Copy a snapshot to a remote
    ///
    /// Copies it to a place outside this host, where it stays when it is deleted here. It
    /// is there whole or not at all: one that is cut off does not count, and the next
    /// push begins anew without sending again what is there. The image that it lies on
    /// goes along once, for all snapshots.
    #[command(
        verbatim_doc_comment,
        after_help = "EXAMPLES:\n  lite snapshot push before-update far\n      A copy that is there when this host is gone"
    )]
    Push {
        /// Name of a snapshot
        #[arg(value_name = "SNAPSHOT", value_parser = Name::parse, add = ArgValueCompleter::new(complete::snapshots))]
        name: Name,
        /// Name of a remote
        #[arg(value_name = "REMOTE", value_parser = Name::parse, add = ArgValueCompleter::new(complete::remotes))]
        remote: Name,
        #[command(flatten)]
        change: common::Change,
    },
    /// Boot a snapshot, to see whether it is whole
    ///
    /// Boots it in a virtual machine of its own, with the network cable out, waits until
    /// its guest says that it is up, and removes the machine. If the blueprint's health
    /// check is a command, that has to succeed too. What came of it is kept with the
    /// snapshot: `lite snapshot list` shows when it was whole. Nothing of the snapshot
    /// and nothing of its instance is changed. Exit code 1: it is not whole.
    #[command(
        verbatim_doc_comment,
        after_help = "EXAMPLES:\n  lite snapshot verify before-update\n      Would it boot?"
    )]
    Verify {
        /// Name of a snapshot
        #[arg(value_name = "SNAPSHOT", value_parser = Name::parse, add = ArgValueCompleter::new(complete::snapshots))]
        name: Name,
        /// How long its guest may take until it is up, at most 24h
        #[arg(long, value_name = "TIME", default_value = "15m", value_parser = values::duration)]
        timeout: Duration,
        #[command(flatten)]
        change: common::Change,
    },
    /// Delete snapshots
    ///
    /// Removes one or more snapshots. This cannot be undone. It asks first on a
    /// terminal; elsewhere --yes is needed. Their instances are not touched.
    #[command(
        verbatim_doc_comment,
        after_help = "EXAMPLES:\n  lite snapshot delete before-update\n      Ask, then remove it\n  lite snapshot delete web-1-snap-1 web-1-snap-2 --yes\n      Remove two without asking"
    )]
    Delete {
        /// Names of snapshots
        #[arg(value_name = "SNAPSHOT", required = true, value_parser = Name::parse, add = ArgValueCompleter::new(complete::snapshots))]
        names: Vec<Name>,
        #[command(flatten)]
        sure: common::Sure,
        #[command(flatten)]
        change: common::Change,
    },
}

/// Whether there are automatic snapshots.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Switch {
    /// There are.
    On,
    /// There are none any more.
    Off,
}

/// What is to be set. A time, a number or a remote says nothing where there are none.
fn automatic(switch: Switch, time: Option<Time>, keep: Option<u16>, remote: Copies) -> Result<SetAutoSnapshot> {
    match (switch, time, keep, remote) {
        (Switch::On, time, keep, remote) => Ok(SetAutoSnapshot::On { time, keep, remote }),
        (Switch::Off, None, None, Copies::AsBefore) => Ok(SetAutoSnapshot::Off),
        (Switch::Off, ..) => {
            Err(Error::new(Code::Usage, "`--time`, `--keep` and `--remote` are for `lite snapshot auto on`")
                .hint("leave them away; the snapshots that are there stay"))
        }
    }
}

/// What is to be of copies outside this host.
fn copies(remote: Option<&Name>, none: bool) -> Copies {
    match (remote, none) {
        (Some(remote), _) => Copies::To(remote.clone()),
        (None, true) => Copies::None,
        (None, false) => Copies::AsBefore,
    }
}

/// Works on snapshots.
pub fn run(args: &Args, env: &mut Env) -> Result<()> {
    let (app, caller, mut progress) = (env.app()?, env.caller(), env.progress());
    let progress = &mut progress;
    match &args.verb {
        Verb::Create { instance, snapshot, change } => {
            let flags = Flags { wait: change.wait, dry_run: change.dry_run };
            let named = (&instance.name, snapshot.as_ref());
            let made = snapshot::create(&app, &caller, named, flags, progress)?.run(progress)?;
            match made.as_slice() {
                [one] => print_snapshot(&env.ui, one),
                none => print_snapshots(&env.ui, none),
            }
        }
        Verb::Auto { switch, names, time, keep, remote, no_remote, change } => {
            let copies = copies(remote.as_ref(), *no_remote);
            let (set, targets) = (automatic(*switch, *time, *keep, copies)?, names.targets(*change));
            print_changed(&env.ui, &change::run(&app, &caller, &set, &targets, progress)?)
        }
        Verb::List { instance } => {
            print_snapshots(&env.ui, &snapshot::list(&app, &caller, instance.as_ref(), progress)?)
        }
        Verb::Show { name } => print_snapshot(&env.ui, &snapshot::show(&app, &caller, name, progress)?),
        Verb::Push { name, remote, change } => {
            let flags = Flags { wait: change.wait, dry_run: change.dry_run };
            let pushed = snapshot::push(&app, &caller, (name, remote), flags, progress)?.run(progress)?;
            print_changed(&env.ui, &[pushed])
        }
        Verb::Verify { name, timeout, change } => {
            let flags = Flags { wait: change.wait, dry_run: change.dry_run };
            signals::heed(&app.cancel)?;
            let verified = snapshot::verify(&app, &caller, (name, *timeout), flags, progress)?.run(progress)?;
            print_changed(&env.ui, &[verified])
        }
        Verb::Delete { names, sure, change } => {
            let each = common::each_once(names);
            let found = snapshot::find(&app, &caller, &each, change.wait, progress)?;
            if change.dry_run {
                return print_changed(&env.ui, &found.plan());
            }
            sure.ask(&env.ui, &question(&each))?;
            print_changed(&env.ui, &found.run(&app)?)
        }
    }
}

/// The question asked before anything goes.
fn question(names: &[Name]) -> String {
    let all: Vec<String> = names.iter().map(|name| format!("`{name}`")).collect();
    match all.as_slice() {
        [one] => format!("delete snapshot {one}?"),
        many => format!("delete {} snapshots: {}?", many.len(), many.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_question_names_each() {
        let asked = |names: &[&str]| question(&names.iter().flat_map(|name| Name::parse(name)).collect::<Vec<_>>());
        assert_eq!(asked(&["one"]), "delete snapshot `one`?");
        assert_eq!(asked(&["one", "two"]), "delete 2 snapshots: `one`, `two`?");
    }
}
