//! `lite user`.

use clap_complete::ArgValueCompleter;

use super::{Env, common, complete};
use crate::{
    app::{
        second_factor,
        user::{self, Add, Change},
    },
    model::{Name, Result, Role, Scope},
    ui::print::{print_changed, print_login_code, print_second_factor, print_user, print_users},
};

const EXAMPLES: &str = "\
EXAMPLES:
  lite user add anna --role operator
      Somebody who works on instances
  lite user add bert --role viewer --only client=acme
      Somebody who sees what has one tag
  lite user list
      Who may come in
  lite user disable anna
      Not any more";

const ADD: &str = "\
EXAMPLES:
  lite user add anna --role operator
      The code lets her in, within a day; she sets a password then
  lite user add bert --role viewer --only client=acme
      He sees the instances with that tag, and nothing else";

const ROLE: &str = "\
EXAMPLES:
  lite user role anna admin
      She may do everything from now on
  lite user role bert operator --only client=acme
      He works on what has the tag
  lite user role bert operator --everything
      On all instances";

const SECOND_FACTOR: &str = "\
EXAMPLES:
  lite user second-factor anna
      Prints a secret for a program for codes, once
  lite user second-factor anna --confirm 287082
      The code of just now: it is asked for from now on
  lite user second-factor anna --remove
      Her password does again";

/// Say who comes in by the console and the API
///
/// A user has a role: a viewer looks, an operator works on instances and what
/// belongs to them, an admin does everything. One added with --only sees what has
/// one tag: all else is not there for it. The user root is there on every host.
#[derive(Debug, clap::Args)]
#[command(verbatim_doc_comment, after_help = EXAMPLES, subcommand_required = true)]
pub struct Args {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, clap::Args)]
struct One {
    /// Name of the user
    #[arg(value_name = "USER", value_parser = Name::parse, add = ArgValueCompleter::new(complete::users))]
    name: Name,
}

#[derive(Debug, clap::Subcommand)]
enum Verb {
    /// Add a user
    ///
    /// Adds a user, and prints a code that lets it in once, within a day. Nobody but
    /// the user knows the password that it sets then.
    #[command(verbatim_doc_comment, after_help = ADD)]
    Add {
        /// Name of the user
        #[arg(value_name = "USER", value_parser = Name::parse)]
        name: Name,
        /// What it may do: `viewer`, `operator` or `admin`
        #[arg(long, value_name = "ROLE", value_parser = Role::parse)]
        role: Role,
        /// It sees what has this tag, and nothing else
        #[arg(long, value_name = "KEY=VALUE", value_parser = Scope::parse)]
        only: Option<Scope>,
        /// Say what would be done, and change nothing
        #[arg(long)]
        dry_run: bool,
    },
    /// List the users
    ///
    /// Lists the users, with what they may do, what they see, and how many sessions
    /// and keys they have.
    #[command(verbatim_doc_comment, after_help = "EXAMPLES:\n  lite user list\n      Who may come in")]
    List,
    /// Show a user with its sessions and keys
    ///
    /// Shows a user with each of its sessions, from where it was begun and when it was
    /// used last, and each of its keys.
    #[command(verbatim_doc_comment, after_help = "EXAMPLES:\n  lite user show anna\n      Is that session hers?")]
    Show(One),
    /// Give a user another role
    ///
    /// Gives a user another role, and with --only or --everything another part of the
    /// host. Its sessions end: what it could do before it can do no more.
    #[command(verbatim_doc_comment, after_help = ROLE)]
    Role {
        #[command(flatten)]
        user: One,
        /// What it may do: `viewer`, `operator` or `admin`
        #[arg(value_name = "ROLE", value_parser = Role::parse)]
        role: Role,
        /// It sees what has this tag, and nothing else
        #[arg(long, value_name = "KEY=VALUE", value_parser = Scope::parse)]
        only: Option<Scope>,
        /// It sees everything
        #[arg(long, conflicts_with = "only")]
        everything: bool,
    },
    /// Keep a user out
    ///
    /// Ends the sessions of a user, and lets it in no more: neither by its password nor
    /// by a code nor by a key. `lite user enable` lets it in again.
    #[command(verbatim_doc_comment, after_help = "EXAMPLES:\n  lite user disable anna\n      At once")]
    Disable(One),
    /// Let a user in again
    ///
    /// Lets a user in again that was disabled, with the password and the keys that it
    /// had.
    #[command(verbatim_doc_comment, after_help = "EXAMPLES:\n  lite user enable anna\n      With the password she had")]
    Enable(One),
    /// End the sessions of a user
    ///
    /// Ends every session of a user. It may log in again; its keys go on.
    #[command(verbatim_doc_comment, after_help = "EXAMPLES:\n  lite user logout anna\n      On every machine")]
    Logout(One),
    /// Ask a user for a second factor
    ///
    /// Makes the secret of a second factor, and prints it, once: a program for codes
    /// (TOTP) makes of it six digits that change every half minute. Once a code has
    /// confirmed it, whoever logs in by the password is asked for one; each counts
    /// once. Users do the same for themselves on the console's page Access. A code of
    /// `lite login` needs none, so that a lost telephone keeps nobody out.
    #[command(verbatim_doc_comment, after_help = SECOND_FACTOR)]
    SecondFactor {
        #[command(flatten)]
        user: One,
        /// A code of the secret that was made: it is asked for from now on
        #[arg(long, value_name = "CODE")]
        confirm: Option<String>,
        /// Ask for none any more
        #[arg(long, conflicts_with = "confirm")]
        remove: bool,
    },
    /// Remove users
    ///
    /// Removes one or more users with their sessions and their keys. What they made
    /// stays, and so does what the audit says of them.
    #[command(verbatim_doc_comment, after_help = "EXAMPLES:\n  lite user remove anna --yes\n      Without asking")]
    Remove {
        /// Names of users
        #[arg(value_name = "USER", required = true, value_parser = Name::parse, add = ArgValueCompleter::new(complete::users))]
        names: Vec<Name>,
        #[command(flatten)]
        sure: common::Sure,
        /// Say what would be done, and change nothing
        #[arg(long)]
        dry_run: bool,
    },
}

/// Adds, shows, changes and removes users.
pub fn run(args: &Args, env: &mut Env) -> Result<()> {
    let (app, caller, mut progress) = (env.app()?, env.caller(), env.progress());
    let ui = &mut env.ui;
    let set = |name: &Name, change: Change| user::change(&app, &caller, name, &change).map(|changed| [changed]);
    match &args.verb {
        Verb::Add { name, role, only, dry_run } => {
            let scope = only.clone().unwrap_or_default();
            let add = Add { name: name.clone(), role: *role, scope, dry_run: *dry_run };
            match user::add(&app, &caller, &add, &mut progress)? {
                Some(code) => print_login_code(ui, &code),
                None => print_changed(ui, &[]),
            }
        }
        Verb::List => print_users(ui, &user::list(&app, &caller, &mut progress)?),
        Verb::Show(One { name }) => print_user(ui, &user::show(&app, &caller, name, &mut progress)?),
        Verb::Role { user: One { name }, role, only, everything } => {
            let scope = if *everything { Some(Scope::All) } else { only.clone() };
            print_changed(ui, &set(name, Change { role: Some(*role), scope, disabled: None })?)
        }
        Verb::Disable(One { name }) => {
            print_changed(ui, &set(name, Change { disabled: Some(true), ..Change::default() })?)
        }
        Verb::Enable(One { name }) => {
            print_changed(ui, &set(name, Change { disabled: Some(false), ..Change::default() })?)
        }
        Verb::Logout(One { name }) => print_changed(ui, &[user::log_out(&app, &caller, name)?]),
        Verb::SecondFactor { user: One { name }, confirm, remove } => match confirm {
            _ if *remove => print_changed(ui, &[second_factor::remove(&app, &caller, name)?]),
            Some(code) => print_changed(ui, &[second_factor::confirm(&app, &caller, name, code)?]),
            None => print_second_factor(ui, &second_factor::make(&app, &caller, name)?),
        },
        Verb::Remove { names, sure, dry_run } => {
            let names = common::each_once(names);
            let found = user::find(&app, &caller, &names)?;
            if *dry_run {
                return print_changed(ui, &found.plan());
            }
            let quoted: Vec<String> = names.iter().map(|n| format!("`{n}`")).collect();
            sure.ask(ui, &format!("remove the user {}?", quoted.join(", ")))?;
            print_changed(ui, &found.run(&app)?)
        }
    }
}
