//! `lite repair`.

use clap_complete::ArgValueCompleter;

use super::{Env, common, complete};
use crate::{
    app::{rebuild, repair},
    model::{ForwardMode, Name, Result},
    ui::print::{print_changed, print_rebuild_plan, print_rebuilt, print_repair},
};

const EXAMPLES: &str = "\
EXAMPLES:
  lite repair
      Finish or undo what was cut off, and say what disagrees
  lite repair --dry-run
      Say what disagrees, and change nothing
  lite repair nginx-1
      Its domain was removed or changed by hand: put it back as recorded
  lite repair --rebuild
      The database is lost: read it back from libvirt
  lite repair --network route
      The network is of an earlier lite: let what is published reach other machines";

/// Finish what was cut off, and put right what disagrees
///
/// Compares what lite knows with what libvirt holds, and finishes or undoes the
/// operations whose process died. With a name it defines the domain of that
/// instance again as it was recorded; nothing is stopped, no disk is touched.
/// With --rebuild a lost database is made again from the records that libvirt
/// keeps with each instance, and from a file beside it that tells of load
/// balancers and static addresses; what was only in the database is lost.
/// With --network the network of the instances is moved to another of libvirt's
/// modes while they run: route lets in what is published, nat, as an earlier lite
/// made it, refuses that to other machines. Its bridge is made anew; the instances
/// are off the network for a second or two, and their connections live on.
#[derive(Debug, clap::Args)]
#[command(verbatim_doc_comment, after_help = EXAMPLES)]
pub struct Args {
    /// Instances whose domain is to be put back as recorded
    #[arg(value_name = "NAME", value_parser = Name::parse, add = ArgValueCompleter::new(complete::instances))]
    pub names: Vec<Name>,
    /// Make the database again from the records in libvirt
    #[arg(long, conflicts_with = "names")]
    pub rebuild: bool,
    /// Move the network of the instances to this mode of libvirt's
    #[arg(long, value_name = "MODE", conflicts_with_all = ["names", "rebuild"])]
    pub network: Option<Forwarding>,
    #[command(flatten)]
    pub sure: common::Sure,
    #[command(flatten)]
    pub change: common::Change,
}

/// How a network forwards packets.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Forwarding {
    /// lite translates addresses, and lets in what is published
    Route,
    /// libvirt translates addresses, and refuses what comes in
    Nat,
}

impl From<Forwarding> for ForwardMode {
    fn from(forwarding: Forwarding) -> Self {
        match forwarding {
            Forwarding::Route => Self::Route,
            Forwarding::Nat => Self::Nat,
        }
    }
}

/// Repairs.
pub fn run(args: &Args, env: &mut Env) -> Result<()> {
    if args.rebuild {
        return rebuild(args, env);
    }
    let (app, caller, mut progress) = (env.app()?, env.caller(), env.progress());
    let common::Change { wait, dry_run } = args.change;
    if let Some(mode) = args.network {
        let moved = repair::move_network(&app, &caller, mode.into(), dry_run, &mut progress)?;
        return print_repair(&env.ui, &moved);
    }
    if args.names.is_empty() {
        return print_repair(&env.ui, &repair::repair(&app, &caller, wait, dry_run, &mut progress)?);
    }
    let found = repair::find(&app, &caller, &args.names, wait, &mut progress)?;
    if dry_run {
        return print_changed(&env.ui, &found.plan(&mut progress)?);
    }
    let mut sure =
        |name: &Name| args.sure.ask(&env.ui, &format!("put the domain of `{name}` back as it was recorded?"));
    let changed = found.run(&mut progress, &mut sure)?;
    print_changed(&env.ui, &changed)
}

/// Sets a damaged database aside and reads back what domains and files tell.
fn rebuild(args: &Args, env: &Env) -> Result<()> {
    let app = env.app()?;
    let found = rebuild::look(&app, &env.caller())?;
    if let Some(damage) = found.damage() {
        env.ui.warn(&damage.to_string());
    }
    if args.change.dry_run {
        return print_rebuild_plan(&env.ui, &found.plan(&app)?);
    }
    if found.damage().is_some() {
        args.sure.ask(&env.ui, "set the damaged database aside and make a new one?")?;
    }
    let set_aside = found.set_aside(&app)?;
    if let Some(path) = &set_aside {
        env.ui.status(&format!("the damaged database is kept as `{path}`"));
    }
    let done = found.run(&app, set_aside, args.change.wait)?;
    done.refused.iter().for_each(|line| env.ui.warn(line));
    print_rebuilt(&env.ui, &done)
}
