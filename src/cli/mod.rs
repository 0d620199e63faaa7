//! The command line: arguments in, exit code out. One file per verb.

mod alarm;
mod alarm_put;
mod audit;
mod before_main;
mod blueprints;
mod blueprints_test;
mod bundles;
mod common;
mod complete;
mod completion;
mod console;
mod contact;
mod cost;
mod cp;
mod create;
mod delete;
mod disk;
mod doctor;
mod env;
mod events;
mod export;
mod firewall;
mod gc;
mod image;
mod import;
mod ip;
mod key;
mod lb;
mod list;
mod login;
mod logs;
mod man;
mod metrics;
mod operations;
mod protect;
mod publish;
mod reboot;
mod remote;
mod repair;
mod resize;
mod restore;
mod run;
mod secrets;
mod serve;
mod show;
mod signals;
mod snapshot;
mod ssh;
mod start;
mod stop;
mod tag;
mod terminal;
mod undelete;
mod unprotect;
mod unpublish;
mod upgrade;
mod usage;
mod user;
mod values;
mod watch;

use std::ffi::OsString;

use clap::{CommandFactory, FromArgMatches, Parser, Subcommand, error::ErrorKind};
pub use console::attach as attach_console;
pub use env::{Env, color_env};

pub use crate::app::settings::{CONFIG, KEYS, Vars};
use crate::model::{Code, Result};

const AFTER: &str = "\
EXAMPLES:
  lite doctor                          is this host ready?
  lite create nginx                    a web server on a machine of its own
  lite list                            what runs, and what it costs
  lite delete nginx-1                  and nothing runs any more

`lite COMMAND --help` explains a command, with examples.";

/// A private Lightsail: applications in real virtual machines, at a flat price
#[derive(Debug, Parser)]
#[command(name = "lite", version, max_term_width = 80, after_help = AFTER, subcommand_required = true)]
struct Cli {
    #[command(flatten)]
    global: common::Global,
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    Create(create::Args),
    List(list::Args),
    Show(show::Args),
    Start(start::Args),
    Stop(stop::Args),
    Reboot(reboot::Args),
    Resize(resize::Args),
    Delete(delete::Args),
    Undelete(undelete::Args),
    Run(run::Args),
    Ssh(ssh::Args),
    Cp(cp::Args),
    Console(console::Args),
    Logs(logs::Args),
    Secrets(secrets::Args),
    Firewall(firewall::Args),
    Publish(publish::Args),
    Unpublish(unpublish::Args),
    Ip(ip::Args),
    Lb(lb::Args),
    Disk(disk::Args),
    Snapshot(snapshot::Args),
    Restore(restore::Args),
    Upgrade(upgrade::Args),
    Remote(remote::Args),
    Export(export::Args),
    Import(import::Args),
    Tag(tag::Args),
    Protect(protect::Args),
    Unprotect(unprotect::Args),
    Cost(cost::Args),
    Blueprints(blueprints::Args),
    Bundles(bundles::Args),
    Image(image::Args),
    Watch(watch::Args),
    Serve(serve::Args),
    Metrics(metrics::Args),
    Alarm(alarm::Args),
    Contact(contact::Args),
    Events(events::Args),
    Operations(operations::Args),
    Login(login::Args),
    User(user::Args),
    Key(key::Args),
    Audit(audit::Args),
    Repair(repair::Args),
    Gc(gc::Args),
    Doctor(doctor::Args),
    Completion(completion::Args),
    Man(man::Args),
}

/// The whole command line, for a terminal of so many columns.
pub fn command(width: usize) -> clap::Command {
    Cli::command().term_width(width.clamp(40, 80))
}

/// Runs one command. May be called more than once in a process; returns the exit code.
///
/// A reader of stdout that went away (`lite list | head -1`) is no failure: the command ends quietly, with 0.
pub fn run(args: impl IntoIterator<Item = OsString>, env: &mut Env) -> u8 {
    let args: Vec<OsString> = args.into_iter().collect();
    match dispatch(&args, env) {
        Ok(code) => code,
        Err(error) if error.code == Code::ClosedPipe => 0,
        Err(error) => {
            env.ui.error(&error);
            error.exit_code()
        }
    }
}

fn dispatch(args: &[OsString], env: &mut Env) -> Result<u8> {
    // The version answers before anything else is built: scripts ask for it often.
    if let [_, only] = args
        && (only == "--version" || only == "-V")
    {
        return env.ui.data(concat!("lite ", env!("CARGO_PKG_VERSION"), "\n")).map(|()| 0);
    }
    if complete::answer(args, env)? {
        return Ok(0);
    }
    let mut command = command(env.ui.width);
    if args.len() < 2 {
        let help = command.render_help();
        return env.ui.data(&shown(&help, env.ui.color())).map(|()| 0);
    }
    let parsed = command.try_get_matches_from_mut(args).and_then(|m| Cli::from_arg_matches(&m));
    let Cli { global, verb } = match parsed {
        Ok(cli) => cli,
        Err(e) if matches!(e.kind(), ErrorKind::DisplayHelp | ErrorKind::DisplayVersion) => {
            return env.ui.data(&shown(&e.render(), env.ui.color())).map(|()| 0);
        }
        Err(e) => {
            common::Global::guess(args).apply(&mut env.ui);
            return Err(usage::usage(&e, &command, args));
        }
    };
    global.apply(&mut env.ui);
    verb.run(env)
}

fn shown(text: &clap::builder::StyledStr, color: bool) -> String {
    if color { text.ansi().to_string() } else { text.to_string() }
}

impl Verb {
    fn run(&self, env: &mut Env) -> Result<u8> {
        let done = match self {
            Self::Create(args) => create::run(args, env),
            Self::List(args) => list::run(args, env),
            Self::Show(args) => show::run(args, env),
            Self::Start(args) => start::run(args, env),
            Self::Stop(args) => stop::run(args, env),
            Self::Reboot(args) => reboot::run(args, env),
            Self::Resize(args) => resize::run(args, env),
            Self::Delete(args) => delete::run(args, env),
            Self::Undelete(args) => undelete::run(args, env),
            // These have an exit code of their own: that of the remote command, and whether a check failed.
            Self::Run(args) => return run::run(args, env),
            Self::Ssh(args) => return ssh::run(args, env),
            Self::Doctor(args) => return doctor::run(args, env),
            Self::Cp(args) => cp::run(args, env),
            Self::Console(args) => console::run(args, env),
            Self::Logs(args) => logs::run(args, env),
            Self::Secrets(args) => secrets::run(args, env),
            Self::Firewall(args) => firewall::run(args, env),
            Self::Publish(args) => publish::run(args, env),
            Self::Unpublish(args) => unpublish::run(args, env),
            Self::Ip(args) => ip::run(args, env),
            Self::Lb(args) => lb::run(args, env),
            Self::Disk(args) => disk::run(args, env),
            Self::Snapshot(args) => snapshot::run(args, env),
            Self::Restore(args) => restore::run(args, env),
            Self::Upgrade(args) => upgrade::run(args, env),
            Self::Remote(args) => remote::run(args, env),
            Self::Export(args) => export::run(args, env),
            Self::Import(args) => import::run(args, env),
            Self::Tag(args) => tag::run(args, env),
            Self::Protect(args) => protect::run(args, env),
            Self::Unprotect(args) => unprotect::run(args, env),
            Self::Cost(args) => cost::run(args, env),
            Self::Blueprints(args) => blueprints::run(args, env),
            Self::Bundles(args) => bundles::run(args, env),
            Self::Image(args) => image::run(args, env),
            Self::Watch(args) => watch::run(args, env),
            Self::Serve(args) => serve::run(args, env),
            Self::Metrics(args) => metrics::run(args, env),
            Self::Alarm(args) => alarm::run(args, env),
            Self::Contact(args) => contact::run(args, env),
            Self::Events(args) => events::run(args, env),
            Self::Operations(args) => operations::run(args, env),
            Self::Login(args) => login::run(args, env),
            Self::User(args) => user::run(args, env),
            Self::Key(args) => key::run(args, env),
            Self::Audit(args) => audit::run(args, env),
            Self::Repair(args) => repair::run(args, env),
            Self::Gc(args) => gc::run(args, env),
            Self::Completion(args) => completion::run(args, env),
            Self::Man(args) => man::run(args, env),
        };
        done.map(|()| 0)
    }
}
