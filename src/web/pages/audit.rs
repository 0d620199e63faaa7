//! `/audit`: the latest rows, the latest first.

use std::sync::Arc;

use axum::{
    extract::State,
    response::Response,
    routing::{MethodRouter, get},
};

use super::super::{Console, frame::At, session::User};
use crate::{
    app::audit::{self, Filter},
    view::AuditLogDocument,
};

/// How many rows of the audit the page has.
const MOST: u32 = 200;

/// The page.
pub fn page() -> MethodRouter<Arc<Console>> {
    get(show)
}

async fn show(State(console): State<Arc<Console>>, User(who): User) -> Response {
    let filter = Filter { limit: MOST, ..Filter::default() };
    let (around, found) = console.look(&who, move |app, caller, said| audit::list(app, caller, &filter, said)).await;
    match found {
        Ok(mut rows) => {
            rows.reverse();
            around.page(At::Audit, "Audit", "audit.html.j2", AuditLogDocument { audit: &rows })
        }
        Err(error) => around.failed(At::Audit, &error),
    }
}
