//! Pages that are a list and no more: images, the audit.

use std::sync::Arc;

use axum::{
    extract::State,
    response::Response,
    routing::{MethodRouter, get},
};

use super::super::{Console, frame::At, session::User};
use crate::{
    app::{
        audit::{self, Filter},
        image,
    },
    view::{AuditLogDocument, ImagesDocument},
};

/// How many rows of the audit the page has.
const MOST: u32 = 200;

/// `/images`.
pub fn images() -> MethodRouter<Arc<Console>> {
    get(show_images)
}

/// `/audit`: the latest rows, the latest first.
pub fn audit() -> MethodRouter<Arc<Console>> {
    get(show_audit)
}

async fn show_images(State(console): State<Arc<Console>>, User(who): User) -> Response {
    let (around, found) = console.look(&who, |app, caller, said| image::list(app, caller, said)).await;
    match found {
        Ok(images) => around.page(At::Images, "Images", "images.html.j2", ImagesDocument { images: &images }),
        Err(error) => around.failed(At::Images, &error),
    }
}

async fn show_audit(State(console): State<Arc<Console>>, User(who): User) -> Response {
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
