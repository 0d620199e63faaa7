//! `lite repair`.

use clap_complete::ArgValueCompleter;

use super::{
    Env, common, complete, rebuild,
    session::{self, Session},
};
use crate::{
    engine::{self, Ctx, Redefinition},
    model::{Instance, InstanceState, Name, Result},
    ui::print::{print_changed, print_repair},
    view::{Changed, RepairView},
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
      The database is lost: read it back from libvirt";

/// Finish what was cut off, and put right what disagrees
///
/// Compares what lite knows with what libvirt holds, and finishes or undoes the
/// operations whose process died. With a name it defines the domain of that
/// instance again as it was recorded; nothing is stopped, no disk is touched.
/// With --rebuild a lost database is made again from the records that libvirt
/// keeps with each instance; what was only in the database is lost.
#[derive(Debug, clap::Args)]
#[command(verbatim_doc_comment, after_help = EXAMPLES)]
pub struct Args {
    /// Instances whose domain is to be put back as recorded
    #[arg(value_name = "NAME", value_parser = Name::parse, add = ArgValueCompleter::new(complete::instances))]
    pub names: Vec<Name>,
    /// Make the database again from the records in libvirt
    #[arg(long, conflicts_with = "names")]
    pub rebuild: bool,
    #[command(flatten)]
    pub sure: common::Sure,
    #[command(flatten)]
    pub change: common::Change,
}

/// Repairs.
pub fn run(args: &Args, env: &mut Env) -> Result<()> {
    if args.rebuild {
        return rebuild::run(args, env);
    }
    let session = Session::open(env)?;
    if !args.names.is_empty() {
        let mut engine = session.engine(env, args.change.wait)?;
        let names: Vec<&Name> = args.names.iter().collect();
        let instances = session::instances(&engine, &names)?;
        let changed: Result<Vec<Changed>> = instances.iter().map(|i| put_back(args, env, &mut engine, i)).collect();
        return print_changed(&env.ui, &changed?);
    }
    let mut engine = session.engine_as_it_is(args.change.wait)?;
    let mut told = Vec::new();
    if args.change.dry_run {
        for o in engine.store.open_operations()? {
            told.push(format!("{} {} of `{}`: {}", o.id, o.kind, o.resource.name, o.state.as_str()));
        }
    } else {
        told = engine::recover(&mut engine)?;
        told.extend(engine::retry_attention(&mut engine)?);
        engine::settle(&mut engine)?;
    }
    let mut agrees = true;
    for listed in engine::list(&engine)? {
        let listed = engine::inspect(&engine, listed)?;
        agrees &= listed.power != InstanceState::Lost && listed.drift.is_empty();
        common::warn_of_drift(&env.ui, &listed);
    }
    if told.is_empty() && agrees {
        env.ui.status("nothing to repair");
    }
    print_repair(&env.ui, &RepairView { dry_run: args.change.dry_run, told })
}

/// One instance that was changed or removed by hand; what became of it.
fn put_back(args: &Args, env: &Env, engine: &mut Ctx, instance: &Instance) -> Result<Changed> {
    let name = &instance.record.name;
    let mut todo = engine::plan_redefinition(engine, instance)?;
    if let Redefinition::Drifted(drift) = &todo {
        drift.iter().for_each(|d| env.ui.status(&format!("{name}: {d}")));
    }
    if !args.change.dry_run {
        if matches!(todo, Redefinition::Drifted(_)) {
            args.sure.ask(&env.ui, &format!("put the domain of `{name}` back as it was recorded?"))?;
        }
        todo = engine::redefine(engine, instance)?;
    }
    let now = match (todo, args.change.dry_run) {
        (Redefinition::Nothing, _) => "as recorded".to_owned(),
        (Redefinition::Lost, true) => "would be defined again on its disk".to_owned(),
        (Redefinition::Lost, false) => format!("defined again on its disk; start it: `lite start {name}`"),
        (Redefinition::Drifted(_), true) => "would be put back as recorded".to_owned(),
        (Redefinition::Drifted(_), false) => "put back as recorded".to_owned(),
    };
    Ok(Changed { name: name.to_string(), now })
}
