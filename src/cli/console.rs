//! `lite console`.

use super::{Env, common, session::Session};
use crate::{
    hypervisor::{DomainState, Hypervisor},
    model::{Code, Error, Result},
};

const EXAMPLES: &str = "\
EXAMPLES:
  lite console nginx-1
      Its serial console; leave it with Ctrl-]";

/// Open the serial console of an instance
///
/// Connects this terminal to the serial console of an instance. It works without
/// a network and while the instance boots. Leave it with Ctrl-]. What the
/// console said before is in `lite logs NAME`.
#[derive(Debug, clap::Args)]
#[command(verbatim_doc_comment, after_help = EXAMPLES)]
pub struct Args {
    #[command(flatten)]
    pub instance: common::OneName,
}

/// Connects the terminal to the console.
pub fn run(args: &Args, env: &mut Env) -> Result<()> {
    let session = Session::open(env)?;
    let engine = session.engine(env, false)?;
    let name = &args.instance.name;
    let instance = engine.store.require(name)?;
    match session.hypervisor().domain(instance.record.uuid)?.map(|d| d.state) {
        Some(DomainState::Running | DomainState::Paused | DomainState::ShuttingDown) => {}
        _ => {
            return Err(Error::new(Code::NotRunning, format!("instance `{name}` is not running"))
                .hint(format!("start it: `lite start {name}`; what it said before: `lite logs {name}`")));
        }
    }
    if env.ui.stdin_tty {
        env.ui.status(&format!("the console of `{name}`; leave it with Ctrl-]"));
    }
    session.hypervisor().console(instance.record.uuid)
}
