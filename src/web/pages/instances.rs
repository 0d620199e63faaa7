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
        live::{List, Topic},
        query::Query,
        session::User,
    },
    instance::{Power, named},
};
use crate::{
    app::{
        App, Caller,
        instance::list,
        live::{self, Looked},
        metric,
        session::Who,
    },
    model::{Class, Result, Unobserved},
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

/// What the page shows: what `lite list --json` has of what was asked for, and what is at work.
#[derive(Serialize)]
struct Shown<'a> {
    #[serde(flatten)]
    list: List,
    query: &'a str,
    live: String,
    faults: Vec<Fault>,
}

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
    let looked = match found {
        Ok(looked) => looked,
        Err(error) => return around.failed(AT, &error),
    };
    let mut refused = Faults::default();
    let wanted = refused.take("q", Query::parse(query)).unwrap_or_default();
    // What is wrong with a query is shown with all there are, which is watched then.
    let live = Topic::Instances(if refused.0.is_empty() { query.to_owned() } else { String::new() });
    faults.append(&mut refused.0);
    let list = match List::of(&console.app, &who.caller, &looked, &wanted) {
        Ok(list) => list,
        Err(error) => return around.failed(AT, &error),
    };
    let is_refused = !faults.is_empty();
    let live = live.address(&list.version());
    let shown = Shown { list, query, live, faults };
    around.form((AT, "Instances"), "instances.html.j2", is_refused, shown)
}

/// The instances as the host has them; where it does not answer, as the database does.
fn look(app: &App, caller: &Caller, said: &mut Warnings) -> Result<Looked> {
    let (rows, storage, host) = match list::with_host(app, caller, said) {
        Err(error) if error.class == Class::Unreachable => {
            let (rows, storage) = list::cost(app, caller, &[], &mut Unobserved)?;
            (rows, storage, None)
        }
        found => found?,
    };
    let measured = metric::latest_of_all(app, caller, &live::MEASURED, &mut Unobserved)?;
    Ok(Looked { rows, storage, at_work: live::at_work(app)?, measured, host })
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
