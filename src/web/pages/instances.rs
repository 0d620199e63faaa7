//! `/instances`: all of them, with their prices and the total; and what is done to several at once.

use std::{collections::HashMap, sync::Arc};

use axum::{
    extract::{Query as Asked, State},
    response::{IntoResponse, Redirect, Response},
    routing::{MethodRouter, get, post},
};
use serde::Serialize;

use super::{
    super::{
        Console,
        fault::{Fault, Faults},
        form::Fields,
        frame::{At, Warnings},
        query::Query,
        session::User,
    },
    instance::{Power, named},
};
use crate::{
    app::{App, Caller, instance::list, metric, session::Who},
    model::{Class, DiskUsage, Metric, Result, Unobserved},
    view::{DiskView, ListDocument, ListRow, StorageRow},
};

const AT: At = At::Instances;

/// The page.
pub fn page() -> MethodRouter<Arc<Console>> {
    get(show)
}

/// Starts, stops or reboots those that are ticked.
pub fn power() -> MethodRouter<Arc<Console>> {
    post(powered)
}

/// What the page shows: the document of `lite list --json` for what was asked for.
#[derive(Serialize)]
struct Shown<'a> {
    #[serde(flatten)]
    document: ListDocument<'a>,
    query: &'a str,
    /// What was measured last of each, by its name: of [`MEASURED`].
    measured: Measured,
    /// How many there are, whatever was asked for.
    all: usize,
    faults: Vec<Fault>,
}

/// What the list says of how busy an instance is.
const MEASURED: [Metric; 3] = [Metric::CpuUtilization, Metric::MemoryUtilization, Metric::DiskSpaceUtilization];

type Found = (Vec<ListRow>, Vec<StorageRow>, Option<DiskUsage>);
type Measured = HashMap<String, Vec<Option<f64>>>;

async fn show(
    State(console): State<Arc<Console>>,
    User(who): User,
    Asked(asked): Asked<HashMap<String, String>>,
) -> Response {
    let query = asked.get("q").map(String::as_str).unwrap_or_default();
    render(&console, &who, query, Vec::new()).await
}

async fn render(console: &Arc<Console>, who: &Arc<Who>, query: &str, mut faults: Vec<Fault>) -> Response {
    let (around, found) = console.look(who, look).await;
    let ((all, storage, disk), latest) = match found {
        Ok(found) => found,
        Err(error) => return around.failed(AT, &error),
    };
    let mut refused = Faults::default();
    let wanted = refused.take("q", Query::parse(query)).unwrap_or_default();
    faults.append(&mut refused.0);
    let rows: Vec<ListRow> = all.iter().filter(|row| wanted.finds(row)).cloned().collect();
    // What is asked for is instances: what is of none of them is not told beside a part of them.
    let storage = if rows.len() == all.len() { storage } else { Vec::new() };
    let document = ListDocument::of(&rows, &storage, disk.map(DiskView::from));
    let is_refused = !faults.is_empty();
    let shown = Shown { document, query, measured: latest, all: all.len(), faults };
    around.form((AT, "Instances"), "instances.html.j2", is_refused, shown)
}

/// The instances as the host has them; where it does not answer, as the database does.
fn look(app: &App, caller: &Caller, said: &mut Warnings) -> Result<(Found, Measured)> {
    let found = match list::list(app, caller, &[], said) {
        Err(error) if error.class == Class::Unreachable => {
            let (rows, storage) = list::cost(app, caller, &[], &mut Unobserved)?;
            (rows, storage, None)
        }
        found => found?,
    };
    Ok((found, metric::latest_of_all(app, caller, &MEASURED, &mut Unobserved)?))
}

async fn powered(State(console): State<Arc<Console>>, User(who): User, fields: Fields) -> Response {
    let mut faults = Faults::default();
    if let Some(power) = faults.take("action", Power::parse(fields.text("action"))) {
        for name in fields.all("name") {
            let Some(name) = faults.take("name", named(name)) else { continue };
            let done = power.accept(&console, &who, name).await;
            let _ = faults.take("name", done);
        }
    }
    match faults.0 {
        faults if faults.is_empty() => Redirect::to("/instances").into_response(),
        faults => render(&console, &who, fields.text("q"), faults.into_iter().map(Fault::whole).collect()).await,
    }
}
