//! `/cost`: what all of it costs a month, or what has a tag.

use std::{collections::HashMap, sync::Arc};

use axum::{
    extract::{Query as Asked, State},
    response::Response,
    routing::{MethodRouter, get},
};
use serde::Serialize;

use super::super::{
    Console,
    fault::{Fault, Faults},
    frame::{At, Warnings},
    session::User,
};
use crate::{
    app::{App, Caller, instance::list},
    model::Tag,
    view::{CostDocument, MonthSoFar},
};

const AT: At = At::Cost;

/// The page.
pub fn page() -> MethodRouter<Arc<Console>> {
    get(show)
}

/// What the page shows: the document of `lite cost --json`.
#[derive(Serialize)]
struct Shown<'a> {
    #[serde(flatten)]
    document: CostDocument<'a>,
    so_far: Option<MonthSoFar>,
    tag: &'a str,
    faults: Vec<Fault>,
}

async fn show(
    State(console): State<Arc<Console>>,
    User(who): User,
    Asked(asked): Asked<HashMap<String, String>>,
) -> Response {
    let tag = asked.get("tag").map(|text| text.trim()).unwrap_or_default();
    let mut faults = Faults::default();
    let wanted = Some(tag).filter(|text| !text.is_empty()).map(Tag::parse);
    let tags: Vec<Tag> = wanted.and_then(|tag| faults.take("tag", tag)).into_iter().collect();
    let look = move |app: &App, caller: &Caller, said: &mut Warnings| list::cost(app, caller, &tags, said);
    let (around, found) = console.look(&who, look).await;
    match found {
        Ok((rows, storage)) => {
            let (is_refused, document) = (!faults.0.is_empty(), CostDocument::of(&rows, &storage));
            let so_far = MonthSoFar::of(&rows, &storage, console.app.clock.now());
            let shown = Shown { document, so_far, tag, faults: faults.0 };
            around.form((AT, "Cost"), "cost.html.j2", is_refused, shown)
        }
        Err(error) => around.failed(AT, &error),
    }
}
