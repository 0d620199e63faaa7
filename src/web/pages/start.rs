//! `/`: for people the first page, for programs the API.

use std::sync::Arc;

use axum::{
    body::Body,
    extract::{Request, State},
    http::StatusCode,
    response::{IntoResponse, Redirect, Response},
    routing::{MethodRouter, get, post},
};

use super::super::{Console, gate::Source, guard};

/// The first page is that of the instances.
pub fn first() -> MethodRouter<Arc<Console>> {
    get(async || Redirect::to("/instances"))
}

/// What is posted here is the API's.
pub fn posted() -> MethodRouter<Arc<Console>> {
    post(answer)
}

async fn answer(State(console): State<Arc<Console>>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let (Some(api), true) = (&console.api, guard::is_for_api(&parts)) else {
        return (StatusCode::NOT_FOUND, "nothing is posted here\n").into_response();
    };
    let Some(Source { address, .. }) = parts.extensions.get().copied() else {
        return StatusCode::INTERNAL_SERVER_ERROR.into_response();
    };
    // The gate has read it already, within its limits.
    match axum::body::to_bytes(body, usize::MAX).await {
        Ok(body) => api(address, parts, body).await.map(Body::from),
        Err(_) => StatusCode::BAD_REQUEST.into_response(),
    }
}
