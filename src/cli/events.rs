//! `lite events`.

use clap_complete::ArgValueCompleter;

use super::{Env, complete, signals};
use crate::{
    app::event,
    model::{Name, Result},
    ui::print::{print_event, print_events},
};

const EXAMPLES: &str = "\
EXAMPLES:
  lite events
      What happened lately
  lite events shop
      To one instance
  lite events --follow
      Go on with what happens; stop with Ctrl-C
  lite events --follow --json | jq -r .type
      For a script: one JSON object a line";

/// List what happened
///
/// Lists events, oldest first: alarms that fired and were resolved, instances
/// that crashed, were started again or were lost. `(not sent)` marks those that
/// no contact was told of, because an alarm was muted or nobody asked for it.
#[derive(Debug, clap::Args)]
#[command(verbatim_doc_comment, after_help = EXAMPLES)]
pub struct Args {
    /// Only events of this instance or load balancer
    #[arg(value_name = "NAME", value_parser = Name::parse, add = ArgValueCompleter::new(complete::measured))]
    instance: Option<Name>,
    /// Go on with what happens
    #[arg(long, short)]
    follow: bool,
    /// At most so many, the latest
    #[arg(long, value_name = "COUNT", default_value = "50", value_parser = clap::value_parser!(u32).range(1..=100_000))]
    limit: u32,
}

/// Lists events, and follows them.
pub fn run(args: &Args, env: &mut Env) -> Result<()> {
    let (app, caller, of, mut progress) = (env.app()?, env.caller(), args.instance.as_ref(), env.progress());
    if !args.follow {
        return print_events(&env.ui, &event::list(&app, &caller, of, args.limit, &mut progress)?);
    }
    signals::heed(&app.cancel)?;
    event::follow(&app, &caller, of, args.limit, &mut progress, &mut |row| print_event(&env.ui, row))
}
