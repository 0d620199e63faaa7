//! `/instances`: all of them, with their prices and the total.

use std::sync::Arc;

use axum::{
    extract::State,
    http::StatusCode,
    response::Response,
    routing::{MethodRouter, get},
};
use serde::Serialize;

use super::super::{
    Console,
    render::{self, Warnings},
    session::User,
};
use crate::{
    app::instance::list,
    view::{DiskView, ListDocument},
};

/// The page.
pub fn page() -> MethodRouter<Arc<Console>> {
    get(show)
}

/// What the page shows: the document of `lite list --json`, and what is to be known beside it.
#[derive(Serialize)]
struct Shown<'a> {
    #[serde(flatten)]
    document: ListDocument<'a>,
    warnings: &'a [String],
}

async fn show(State(console): State<Arc<Console>>, User(who): User) -> Response {
    let (of, asks) = (console.clone(), who.clone());
    let listed = console.workers.page(move || {
        let mut warnings = Warnings::default();
        let listed = list::list(&of.app, &asks.caller, &[], &mut warnings)?;
        Ok((listed, warnings.0))
    });
    let user = Some(who.user.as_str());
    match listed.await {
        Ok(((rows, storage, disk), warnings)) => {
            let document = ListDocument::of(&rows, &storage, disk.map(DiskView::from));
            let shown = Shown { document, warnings: &warnings };
            render::page(StatusCode::OK, "instances.html.j2", ("Instances", user), shown)
        }
        Err(error) => render::failed(user, &error),
    }
}
