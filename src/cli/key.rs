//! `lite key`.

use clap_complete::ArgValueCompleter;

use super::{Env, common, complete};
use crate::{
    app::key::{self, Create},
    model::{Name, Result, Role},
    ui::print::{print_changed, print_key_created, print_keys},
};

const EXAMPLES: &str = "\
EXAMPLES:
  lite key create --user anna --label laptop
      A key for a program of hers
  lite key create --metrics --label prometheus
      A token that reads /metrics and nothing else
  lite key list
      Which there are, and when each was used last
  lite key disable LITE0123456789ABCDEF
      Nobody comes in with it";

const CREATE: &str = "\
EXAMPLES:
  lite key create
      For root: it may do everything
  lite key create --user anna --role viewer --label monitoring
      It looks, whatever she may do
  lite key create --user bert --metrics
      A bearer token for the metrics of what he sees";

/// Make and end keys of the API
///
/// A key is what a program logs in with, by signatures as AWS clients make them. It
/// may what its user may, or less; never add users, make keys, or lift the
/// protection of an instance.
#[derive(Debug, clap::Args)]
#[command(verbatim_doc_comment, after_help = EXAMPLES, subcommand_required = true)]
pub struct Args {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, clap::Args)]
struct Keys {
    /// Ids of keys
    #[arg(value_name = "KEY", required = true, add = ArgValueCompleter::new(complete::keys))]
    ids: Vec<String>,
}

#[derive(Debug, clap::Subcommand)]
enum Verb {
    /// Make a key
    ///
    /// Makes a key for a user, and prints its secret, once, and the profile to paste
    /// into ~/.aws/config. It may what the user may, or with --role less; a user that
    /// may less later takes it from its keys too. With --metrics it is a bearer token
    /// for /metrics of the console's address, and for nothing else.
    #[command(verbatim_doc_comment, after_help = CREATE)]
    Create {
        /// Whose it is
        #[arg(long, value_name = "USER", default_value = "root", value_parser = Name::parse, add = ArgValueCompleter::new(complete::users))]
        user: Name,
        /// What it may do, at most what its user may
        #[arg(long, value_name = "ROLE", value_parser = Role::parse, conflicts_with = "metrics")]
        role: Option<Role>,
        /// A token that reads the metrics and nothing else
        #[arg(long)]
        metrics: bool,
        /// What it is for
        #[arg(long, value_name = "TEXT", default_value = "")]
        label: String,
    },
    /// List the keys
    ///
    /// Lists the keys, with when each was used last and from where. Secrets are shown
    /// once, when they are made.
    #[command(verbatim_doc_comment, after_help = "EXAMPLES:\n  lite key list --user anna\n      Hers alone")]
    List {
        /// Only those of this user
        #[arg(long, value_name = "USER", value_parser = Name::parse, add = ArgValueCompleter::new(complete::users))]
        user: Option<Name>,
    },
    /// Have nobody come in with keys
    ///
    /// Has nobody come in with these keys from now on. `lite key enable` lets them in
    /// again.
    #[command(verbatim_doc_comment, after_help = "EXAMPLES:\n  lite key disable LITE0123456789ABCDEF\n      At once")]
    Disable(Keys),
    /// Let keys in again
    ///
    /// Lets those in again who have keys that were disabled, with the secrets that they
    /// had.
    #[command(
        verbatim_doc_comment,
        after_help = "EXAMPLES:\n  lite key enable LITE0123456789ABCDEF\n      It was found again"
    )]
    Enable(Keys),
    /// Remove keys
    ///
    /// Removes keys for good. Programs that have them come in no more.
    #[command(
        verbatim_doc_comment,
        after_help = "EXAMPLES:\n  lite key remove LITE0123456789ABCDEF --yes\n      Without asking"
    )]
    Remove {
        #[command(flatten)]
        keys: Keys,
        #[command(flatten)]
        sure: common::Sure,
    },
}

/// Makes, lists and ends keys.
pub fn run(args: &Args, env: &mut Env) -> Result<()> {
    let (app, caller, mut progress) = (env.app()?, env.caller(), env.progress());
    let ui = &mut env.ui;
    match &args.verb {
        Verb::Create { user, role, metrics, label } => {
            let create = Create { user: user.clone(), role: *role, label: label.clone() };
            let make = if *metrics { key::create_for_metrics } else { key::create };
            print_key_created(ui, &make(&app, &caller, &create)?)
        }
        Verb::List { user } => print_keys(ui, &key::list(&app, &caller, user.as_ref(), &mut progress)?),
        Verb::Disable(Keys { ids }) => print_changed(ui, &key::disable(&app, &caller, ids, true)?),
        Verb::Enable(Keys { ids }) => print_changed(ui, &key::disable(&app, &caller, ids, false)?),
        Verb::Remove { keys: Keys { ids }, sure } => {
            let quoted: Vec<String> = ids.iter().map(|id| format!("`{id}`")).collect();
            sure.ask(ui, &format!("remove the key {}?", quoted.join(", ")))?;
            print_changed(ui, &key::remove(&app, &caller, ids)?)
        }
    }
}
