//! `/instances/NAME/logs`: what it wrote to its console, and what its guest reported, a window at a time; `/instances/NAME/history`: what
//! was done to it, and what happened.

use std::{collections::HashMap, sync::Arc};

use axum::{
    extract::{Path, Query as Asked, State, rejection::QueryRejection},
    response::Response,
    routing::{MethodRouter, get},
};
use serde::{Deserialize, Serialize};

use super::{
    super::{
        Console,
        frame::{At, Warnings},
        session::User,
    },
    alarms::Happened,
    instance::named,
};
use crate::{
    app::{
        App, Caller,
        instance::{history, logs},
    },
    model::Unobserved,
    view::OperationRow,
};

const AT: At = At::Instances;
/// How many rows of each a page of its history has.
const ROWS: usize = 50;

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
        let (before, after) = (window.before(), window.after());
        let logs::Window { from, to, length, text } = window;
        Ok(Shown { name, is_console, text, from, to, length, before, after })
    };
    let (around, found) = console.look(&who, look).await;
    match found {
        Ok(shown) => around.page(AT, &format!("Logs of {}", shown.name), "logs.html.j2", &shown),
        Err(error) => around.failed(AT, &error),
    }
}

/// Where a page of its history begins: before an operation, and before an event.
#[derive(Default, Deserialize, Serialize)]
struct Before {
    operation: Option<String>,
    event: Option<i64>,
}

/// What the page of its history shows.
#[derive(Serialize)]
struct Done {
    name: String,
    before: Before,
    operations: Vec<OperationRow>,
    events: Vec<Happened>,
    /// Where the next page of operations begins, and that of events; none: these are the first.
    older: Before,
}

async fn show_history(
    State(console): State<Arc<Console>>,
    User(who): User,
    Path(name): Path<String>,
    asked: Result<Asked<Before>, QueryRejection>,
) -> Response {
    let before = asked.map(|Asked(before)| before).unwrap_or_default();
    let look = move |app: &App, caller: &Caller, said: &mut Warnings| history_of(app, caller, (name, before), said);
    let (around, found) = console.look(&who, look).await;
    match found {
        Ok(shown) => around.page(AT, &format!("History of {}", shown.name), "history.html.j2", &shown),
        Err(error) => around.failed(AT, &error),
    }
}

fn history_of(
    app: &App,
    caller: &Caller,
    (name, before): (String, Before),
    said: &mut Warnings,
) -> crate::model::Result<Done> {
    let of = named(&name)?;
    // One more than is shown tells whether there are more.
    let most = u32::try_from(ROWS + 1).unwrap_or(u32::MAX);
    let mut operations = history::operations(app, caller, &of, (before.operation.as_deref(), most), said)?;
    let mut events = history::events(app, caller, &of, (before.event, most), &mut Unobserved)?;
    let mut older = Before::default();
    if operations.len() > ROWS {
        operations.truncate(ROWS);
        older.operation = operations.last().map(|last| last.id.clone());
    }
    if events.len() > ROWS {
        events.remove(0);
        older.event = events.first().map(|first| first.id);
    }
    Ok(Done { name, before, operations, events: Happened::all(events), older })
}
