//! `/operations` and one of them: what is changed, and what was.

use std::sync::Arc;

use axum::{
    extract::{Path, State},
    response::{IntoResponse, Redirect, Response},
    routing::{MethodRouter, get, post},
};

use serde::Serialize;

use super::super::{Console, desk, frame::At, live::Topic, session::User};
use crate::{
    app::operation,
    model::{OperationState, Unobserved},
    view::{OperationView, OperationsDocument},
};

const AT: At = At::Operations;
/// How many the page has.
const MOST: u32 = 100;

/// The page of the latest.
pub fn page() -> MethodRouter<Arc<Console>> {
    get(list)
}

/// The page of one.
pub fn one() -> MethodRouter<Arc<Console>> {
    get(show)
}

/// Asks one to end.
pub fn cancel() -> MethodRouter<Arc<Console>> {
    post(cancelled)
}

/// What the page of one shows.
#[derive(Serialize)]
struct Shown {
    #[serde(flatten)]
    one: OperationView,
    live: String,
}

async fn list(State(console): State<Arc<Console>>, User(who): User) -> Response {
    let (around, found) = console.look(&who, |app, caller, said| operation::list(app, caller, MOST, said)).await;
    match found {
        Ok(mut all) => {
            // What a person has to look at comes first.
            all.sort_by_key(|row| row.state != OperationState::NeedsAttention.as_str());
            around.page(AT, "Operations", "operations.html.j2", OperationsDocument { operations: &all })
        }
        Err(error) => around.failed(AT, &error),
    }
}

async fn show(State(console): State<Arc<Console>>, User(who): User, Path(id): Path<String>) -> Response {
    let (around, found) = console.look(&who, move |app, caller, said| operation::show(app, caller, &id, said)).await;
    match found {
        Ok(one) => {
            let title = format!("{} {}", one.row.kind, one.row.resource);
            let live = Topic::Operation(one.row.id.clone()).address("");
            around.page(AT, &title, "operation.html.j2", Shown { one, live })
        }
        Err(error) => around.failed(AT, &error),
    }
}

async fn cancelled(State(console): State<Arc<Console>>, User(who): User, Path(id): Path<String>) -> Response {
    let (of, asks, asked) = (console.clone(), who.clone(), id.clone());
    let work = move || operation::cancel(&of.app, &asks.caller, &[asked], &mut Unobserved);
    match console.workers.page(work).await {
        Ok(_) => Redirect::to(&format!("/operations/{id}")).into_response(),
        Err(error) => desk::failed(AT, &who, &error),
    }
}
