//! `/instances/NAME/logs`: what it wrote to its console, and what its guest reported, a window at a time; `/instances/NAME/history`: what
//! was done to it, and what happened.

use std::{collections::HashMap, sync::Arc};

use axum::{
    extract::{Path, Query as Asked, State},
    response::Response,
    routing::{MethodRouter, get},
};
use serde::Serialize;

use super::{
    super::{
        Console,
        frame::{At, Warnings},
        session::User,
    },
    alarms::Happened,
    instance::{self, named},
};
use crate::{
    app::{App, Caller, event, instance::logs, operation},
    model::{Result, Unobserved},
    view::OperationRow,
};

const AT: At = At::Instances;
/// How many rows of its history a page has at first, and at most.
const ROWS: [u32; 4] = [50, 200, 1000, 5000];

/// The page of its logs.
pub fn page() -> MethodRouter<Arc<Console>> {
    get(show)
}

/// The page of its history.
pub fn history() -> MethodRouter<Arc<Console>> {
    get(show_history)
}

/// What the page of logs shows.
#[derive(Serialize)]
struct Shown {
    name: String,
    is_console: bool,
    text: String,
    /// Where the window begins and ends, and how long the log is.
    from: u64,
    to: u64,
    length: u64,
    /// The end of the window before this one, and of the one after.
    before: Option<u64>,
    after: Option<u64>,
}

async fn show(
    State(console): State<Arc<Console>>,
    User(who): User,
    Path(name): Path<String>,
    Asked(asked): Asked<HashMap<String, String>>,
) -> Response {
    let is_console = asked.get("log").is_none_or(|log| log != "reports");
    let end = asked.get("to").and_then(|text| text.parse().ok());
    let look = move |app: &App, caller: &Caller, said: &mut Warnings| {
        let of = named(&name)?;
        let window = match is_console {
            true => logs::console_window(app, caller, &of, end, said)?,
            false => logs::reports_window(app, caller, &of, end, said)?,
        };
        let logs::Window { from, to, length, text } = window;
        let after = (to < length).then(|| to.saturating_add(logs::WINDOW).min(length));
        Ok(Shown { name, is_console, text, from, to, length, before: (from > 0).then_some(from), after })
    };
    let (around, found) = console.look(&who, look).await;
    match found {
        Ok(shown) => around.page(AT, &format!("Logs of {}", shown.name), "logs.html.j2", &shown),
        Err(error) => around.failed(AT, &error),
    }
}

/// What the page of its history shows.
#[derive(Serialize)]
struct Done {
    name: String,
    operations: Vec<OperationRow>,
    events: Vec<Happened>,
    /// How many more there may be; none: these are all, or as many as a page has.
    more: Option<u32>,
}

async fn show_history(
    State(console): State<Arc<Console>>,
    User(who): User,
    Path(name): Path<String>,
    Asked(asked): Asked<HashMap<String, String>>,
) -> Response {
    let rows = asked.get("rows").and_then(|text| text.parse().ok()).filter(|rows| ROWS.contains(rows));
    let rows = rows.unwrap_or(ROWS[0]);
    let look = move |app: &App, caller: &Caller, said: &mut Warnings| history_of(app, caller, (name, rows), said);
    let (around, found) = console.look(&who, look).await;
    match found {
        Ok(shown) => around.page(AT, &format!("History of {}", shown.name), "history.html.j2", &shown),
        Err(error) => around.failed(AT, &error),
    }
}

fn history_of(app: &App, caller: &Caller, (name, rows): (String, u32), said: &mut Warnings) -> Result<Done> {
    let of = named(&name)?;
    let id = instance::one(app, caller, &of, said)?.row.uuid;
    let most = rows as usize;
    // Among those of all others its own are found by looking further back.
    let mut operations = operation::list(app, caller, rows.saturating_mul(10), &mut Unobserved)?;
    operations.retain(|operation| operation.instance == Some(id));
    operations.truncate(most);
    let events = event::list(app, caller, Some(&of), rows, &mut Unobserved)?;
    let is_full = operations.len() == most || events.len() == most;
    let more = ROWS.into_iter().find(|more| *more > rows).filter(|_| is_full);
    Ok(Done { name, operations, events: Happened::all(events), more })
}
