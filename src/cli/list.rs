//! `lite list`.

use std::collections::HashMap;

use clap_complete::ArgValueCompleter;
use uuid::Uuid;

use super::{Env, common, complete, session::Session};
use crate::{
    engine::{self, Listed, refuse_lost_state},
    model::{HostId, InstanceState, Phase, Result, Tag},
    store::Store,
    ui::print::{ListColumn, print_list},
    view::ListRow,
};

const EXAMPLES: &str = "\
EXAMPLES:
  lite list
      Every instance, what it costs a month, and the sum
  lite list --tag client=acme
      Those of one client
  lite list --columns name,state,address
      Only what you need
  lite list --json | jq -r '.instances[] | select(.state == \"running\").name'
      For a script";

/// List the instances, their state and their price
///
/// Lists every instance with its state, health, address and flat monthly price,
/// and the sum at the end. A stopped instance costs its bundle too. The price is
/// the one agreed when the instance was made.
#[derive(Debug, clap::Args)]
#[command(verbatim_doc_comment, after_help = EXAMPLES)]
pub struct Args {
    /// Columns to show, separated by commas: name, state, health, blueprint,
    /// bundle, address, price, base, vcpus, memory, disk, network, ports, tags,
    /// created, version, image, uuid
    #[arg(long, value_name = "COLUMNS", value_delimiter = ',', value_parser = ListColumn::parse, add = ArgValueCompleter::new(complete::columns))]
    columns: Vec<ListColumn>,
    /// Only instances with this tag; may be repeated, all must match
    #[arg(long = "tag", value_name = "KEY[=VALUE]", value_parser = Tag::parse)]
    pub tags: Vec<Tag>,
}

impl Args {
    /// The columns asked for, or those shown by default.
    pub fn columns(&self) -> &[ListColumn] {
        if self.columns.is_empty() { &ListColumn::DEFAULT } else { &self.columns }
    }
}

/// Lists the instances with [`crate::ui::print::print_list`].
pub fn run(args: &Args, env: &mut Env) -> Result<()> {
    print_list(&env.ui, &rows(env, &args.tags)?, args.columns())
}

/// The rows of the instances that have all the tags.
pub(super) fn rows(env: &Env, tags: &[Tag]) -> Result<Vec<ListRow>> {
    let session = Session::open(env)?;
    // A listing makes no database.
    if !Store::exists(&session.settings.paths.state)? {
        refuse_lost_state(session.hypervisor(), &session.settings)?;
        return Ok(Vec::new());
    }
    let mut engine = session.engine(env, false)?;
    engine::settle(&mut engine)?;
    let has = |listed: &Listed| {
        tags.iter().all(|t| {
            listed
                .instance
                .record
                .tags
                .iter()
                .any(|have| have.key == t.key && (t.value.is_empty() || have.value == t.value))
        })
    };
    let measured = measured(env, &engine.store)?;
    let listed = engine::list(&engine)?.into_iter().filter(has);
    Ok(listed
        .inspect(|l| common::warn_of_drift(&env.ui, l))
        .map(|l| {
            let mut row = row(&l);
            if (l.state, l.instance.phase) == (InstanceState::Running, Phase::Ready) {
                row.health = measured.get(&l.instance.record.uuid).map(|healthy| word(*healthy));
            }
            row
        })
        .collect())
}

fn word(healthy: bool) -> String {
    if healthy { "ok".to_owned() } else { "failing".to_owned() }
}

/// Seconds after which the last evaluation is too old: two periods, and the time a period takes to close.
const STALE: i64 = 130;

/// What the watcher last found of the applications. A watcher that has ever run and does no longer is told of.
fn measured(env: &Env, store: &Store) -> Result<HashMap<Uuid, bool>> {
    let now = (env.clock)();
    let last = store.watcher_value(&HostId::local(), "evaluated")?.and_then(|t| t.parse::<jiff::Timestamp>().ok());
    match last.map(|last| now.duration_since(last).as_secs()) {
        None => Ok(HashMap::new()),
        Some(age) if age > STALE => {
            let text = format!("alarms were last evaluated {} minutes ago: is `lite watch` running?", age / 60);
            env.ui.warn(&text);
            Ok(HashMap::new())
        }
        Some(_) => store.healthy(),
    }
}

/// The row of one instance.
pub(super) fn row(listed: &Listed) -> ListRow {
    let record = &listed.instance.record;
    let health = match (listed.instance.phase, listed.power) {
        (Phase::Failed, _) => Some("failed".to_owned()),
        (Phase::Started, InstanceState::Running) => Some("setting-up".to_owned()),
        _ => None,
    };
    ListRow::new(record, listed.state, health)
}
