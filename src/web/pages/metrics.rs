//! `/instances/NAME/metrics`: each metric as a picture and as a table of the same numbers.

use std::{collections::HashMap, sync::Arc, time::Duration};

use axum::{
    extract::{Path, Query as Asked, State},
    response::Response,
    routing::{MethodRouter, get},
};
use serde::Serialize;

use super::{
    super::{
        Console,
        chart::Chart,
        frame::{At, Warnings},
        live::Topic,
        session::User,
    },
    instance::named,
};
use crate::{
    app::{App, Caller, metric},
    model::{Metric, Result, Unobserved},
    view::MetricView,
};

const AT: At = At::Instances;
const HOUR: u64 = 3600;
const DAY: u64 = 24 * HOUR;
/// How far back a page looks: the word in its address, how it reads, and how long that is.
const SPANS: [(&str, &str, u64); 5] = [
    ("1h", "1 hour", HOUR),
    ("1d", "1 day", DAY),
    ("2w", "2 weeks", 14 * DAY),
    ("2m", "2 months", 61 * DAY),
    ("15m", "15 months", 457 * DAY),
];

/// The page.
pub fn page() -> MethodRouter<Arc<Console>> {
    get(show)
}

/// A metric with its picture.
#[derive(Serialize)]
struct Drawn {
    chart: Chart,
    view: MetricView,
}

/// A span that can be looked at.
#[derive(Serialize)]
struct Span {
    word: &'static str,
    label: &'static str,
    is_this: bool,
}

/// What the page shows.
#[derive(Serialize)]
struct Shown<'a> {
    name: &'a str,
    span: &'static str,
    spans: Vec<Span>,
    metrics: Vec<Drawn>,
    live: String,
}

async fn show(
    State(console): State<Arc<Console>>,
    User(who): User,
    Path(name): Path<String>,
    Asked(asked): Asked<HashMap<String, String>>,
) -> Response {
    let word = asked.get("span").map(String::as_str).unwrap_or_default();
    let (word, label, seconds) = SPANS.into_iter().find(|(own, ..)| *own == word).unwrap_or(SPANS[0]);
    let of = name.clone();
    let look = move |app: &App, caller: &Caller, said: &mut Warnings| {
        let name = named(&of)?;
        // The first look says what there is to be known; the others would say the same.
        metric::latest(app, caller, &name, said)?;
        let points = |metric| metric::points(app, caller, &name, metric, Duration::from_secs(seconds), &mut Unobserved);
        Metric::all_of(false).map(points).collect::<Result<Vec<MetricView>>>()
    };
    let (around, found) = console.look(&who, look).await;
    match found {
        Ok(views) => {
            let metrics = views.into_iter().map(|view| Drawn { chart: Chart::of(&view), view });
            let spans = SPANS.map(|(own, label, _)| Span { word: own, label, is_this: own == word }).into();
            let live = named(&name).map_or_else(|_| String::new(), |name| Topic::Metrics(name).address(""));
            let shown = Shown { name: &name, span: label, spans, metrics: metrics.collect(), live };
            around.page(AT, &format!("Metrics of {name}"), "metrics.html.j2", shown)
        }
        Err(error) => around.failed(AT, &error),
    }
}
