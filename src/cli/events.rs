//! `lite events`.

use std::{
    sync::{Arc, atomic::AtomicBool, atomic::Ordering},
    time::Duration,
};

use clap_complete::ArgValueCompleter;

use super::{Env, complete, session};
use crate::{
    model::{Name, Result},
    notify::payload,
    store::{
        Store,
        events::{StoredEvent, Which},
    },
    ui::print::{print_event, print_events},
    view::EventRow,
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
    /// Only events of this instance
    #[arg(value_name = "NAME", value_parser = Name::parse, add = ArgValueCompleter::new(complete::instances))]
    instance: Option<Name>,
    /// Go on with what happens
    #[arg(long, short)]
    follow: bool,
    /// At most so many, the latest
    #[arg(long, value_name = "COUNT", default_value = "50", value_parser = clap::value_parser!(u32).range(1..=100_000))]
    limit: u32,
}

/// How often a follower looks. SQLite has no way to wait for another process.
const LOOK: Duration = Duration::from_millis(500);

/// Lists events, and follows them.
pub fn run(args: &Args, env: &mut Env) -> Result<()> {
    let store = match session::store(env)? {
        Some(store) => store,
        None if !args.follow => return print(env, &[]),
        None => Store::open(&env.settings()?.paths.state)?,
    };
    let instance = args.instance.as_ref().map(ToString::to_string);
    let mut which = Which { after: 0, instance, alarm: None, limit: args.limit };
    let mut seen = store.events(&which)?;
    if !args.follow {
        return print(env, &seen);
    }
    let stop = Arc::new(AtomicBool::new(false));
    session::flag_interrupts(&stop)?;
    which.limit = u32::MAX;
    loop {
        for event in &seen {
            which.after = which.after.max(event.id);
            print_event(&env.ui, &row(event))?;
        }
        if stop.load(Ordering::Relaxed) {
            return Ok(());
        }
        std::thread::sleep(LOOK);
        seen = store.events(&which)?;
    }
}

/// Prints events in the order given.
pub(super) fn print(env: &Env, events: &[StoredEvent]) -> Result<()> {
    print_events(&env.ui, &events.iter().map(row).collect::<Vec<_>>())
}

fn row(stored: &StoredEvent) -> EventRow {
    EventRow { id: stored.id, title: payload::title(&stored.event), event: stored.event.clone() }
}
