//! `lite snapshot`.

use clap_complete::ArgValueCompleter;

use super::{Env, common, complete};
use crate::{
    app::snapshot::{self, Flags},
    model::{Name, Result},
    ui::print::{print_changed, print_snapshot, print_snapshots},
};

const EXAMPLES: &str = "\
EXAMPLES:
  lite snapshot create web-1 --name before-update
      Keep the disk as it is now, while the instance runs
  lite snapshot list web-1
      What is kept of it, and how much that takes
  lite snapshot delete before-update
      It is needed no more";

/// Keep the disk of an instance as it is now
///
/// A snapshot is a copy of an instance's disk at one moment, kept on this host under
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
    /// Copies what the instance's disk holds beside its image. A running instance runs
    /// on, and a stopped one stays stopped. A snapshot for which there is no room is
    /// refused.
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
    /// List the snapshots
    ///
    /// Lists them by age, each with its instance, the state that the file systems were
    /// in, and what it takes. With NAME, those of one instance.
    #[command(verbatim_doc_comment, after_help = "EXAMPLES:\n  lite snapshot list web-1\n      Those of one instance")]
    List {
        /// Name of an instance
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
        Verb::List { instance } => {
            print_snapshots(&env.ui, &snapshot::list(&app, &caller, instance.as_ref(), progress)?)
        }
        Verb::Show { name } => print_snapshot(&env.ui, &snapshot::show(&app, &caller, name, progress)?),
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
