//! `/logout`.

use std::sync::Arc;

use axum::{
    Extension,
    extract::State,
    http::{HeaderMap, header},
    response::{IntoResponse, Redirect, Response},
    routing::{MethodRouter, post},
};

use super::super::{
    Console,
    frame::Frame,
    gate::Source,
    render,
    session::{User, cookie, token},
};
use crate::app::session;

/// Ends the session, and goes to the log-in.
pub fn posted() -> MethodRouter<Arc<Console>> {
    post(log_out)
}

async fn log_out(
    State(console): State<Arc<Console>>,
    Extension(source): Extension<Source>,
    User(who): User,
    headers: HeaderMap,
) -> Response {
    let (of, had) = (console.clone(), token(&console, source, &headers));
    let work = move || had.map_or(Ok(()), |token| session::log_out(&of.app, &who, &token));
    if let Err(error) = console.workers.door(work).await {
        return render::failed(&Frame::outside(""), &error);
    }
    let mut response = Redirect::to("/login").into_response();
    if let Some(cookie) = cookie(&console, source, "", "; Max-Age=0") {
        response.headers_mut().insert(header::SET_COOKIE, cookie);
    }
    response
}
