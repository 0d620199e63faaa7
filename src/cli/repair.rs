//! `lite repair`.

use super::{Env, common, rebuild, session::Session};
use crate::model::{InstanceState, Result, escaped};

const EXAMPLES: &str = "\
EXAMPLES:
  lite repair
      Finish or undo what was cut off, and put right what disagrees
  lite repair --dry-run
      Say what disagrees, and change nothing
  lite repair --rebuild
      The database is lost: read it back from libvirt";

/// Finish what was cut off, and put right what disagrees
///
/// Compares what lite knows with what libvirt holds, and finishes or undoes the
/// operations whose process died. With --rebuild a lost database is made again
/// from the records that libvirt keeps with each instance; passwords are lost.
#[derive(Debug, clap::Args)]
#[command(verbatim_doc_comment, after_help = EXAMPLES)]
pub struct Args {
    /// Make the database again from the records in libvirt
    #[arg(long)]
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
    let mut engine = session.engine_as_it_is(args.change.wait)?;
    if args.change.dry_run {
        for operation in engine.store.open_operations()? {
            env.ui.data(&format!(
                "{} {} of `{}`: {}\n",
                operation.id,
                operation.kind,
                operation.resource,
                operation.state.as_str()
            ))?;
        }
        return Ok(());
    }
    let mut told = engine.recover()?;
    told.extend(engine.retry_attention()?);
    engine.settle()?;
    for listed in engine.list()? {
        let name = &listed.instance.record.name;
        if listed.state == InstanceState::Lost {
            env.ui.warn(&format!(
                "instance `{name}` is lost: its domain is gone; `lite delete {name}` removes what is left"
            ));
        }
        if let Some(now) = listed.renamed_to {
            env.ui.warn(&format!("the domain of `{name}` was renamed to `{}` by hand", escaped(&now)));
        }
    }
    if told.is_empty() {
        env.ui.status("nothing to repair");
    }
    told.iter().try_for_each(|line| env.ui.data(&format!("{line}\n")))
}
