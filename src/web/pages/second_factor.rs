//! `/access/second-factor`: one's own second factor: made, confirmed by a first code, removed.

use std::sync::Arc;

use axum::{
    extract::State,
    response::{IntoResponse, Redirect, Response},
    routing::{MethodRouter, get, post},
};
use secrecy::{ExposeSecret, SecretString};
use serde::Serialize;

use super::super::{Console, desk, fault::Fault, form::Fields, frame::At, session::User};
use crate::{
    app::{second_factor, session::Who},
    model::{Code, Error},
    view::SecondFactorView,
};

const AT: At = At::Access;
const PAGE: &str = "/access/second-factor";

/// How it stands.
pub fn page() -> MethodRouter<Arc<Console>> {
    get(show)
}

/// Makes it, and shows its secret.
pub fn made() -> MethodRouter<Arc<Console>> {
    post(make)
}

/// Confirms it, which ends all of one's sessions.
pub fn confirmed() -> MethodRouter<Arc<Console>> {
    post(confirm)
}

/// Removes it.
pub fn removed() -> MethodRouter<Arc<Console>> {
    post(remove)
}

/// What the page shows.
#[derive(Default, Serialize)]
struct Shown {
    is_on: bool,
    is_fresh: bool,
    made: Option<SecondFactorView>,
    faults: Vec<Fault>,
}

async fn show(State(console): State<Arc<Console>>, User(who): User) -> Response {
    let (of, asks) = (console.clone(), who.clone());
    match console.workers.page(move || second_factor::is_on(&of.app, &asks)).await {
        Ok(is_on) => render(&console, &who, Shown { is_on, ..Shown::default() }).await,
        Err(error) => desk::failed(AT, &who, &error),
    }
}

async fn render(console: &Arc<Console>, who: &Arc<Who>, shown: Shown) -> Response {
    let (around, _) = console.look(who, |_, _, _| Ok(())).await;
    let is_refused = !shown.faults.is_empty();
    around.form((AT, "Second factor"), "second_factor.html.j2", is_refused, Shown { is_fresh: who.is_fresh, ..shown })
}

async fn make(State(console): State<Arc<Console>>, User(who): User) -> Response {
    let (of, asks) = (console.clone(), who.clone());
    match console.workers.page(move || second_factor::make_own(&of.app, &asks)).await {
        Ok(made) => render(&console, &who, Shown { made: Some(made), ..Shown::default() }).await,
        Err(error) => desk::failed(AT, &who, &error),
    }
}

async fn confirm(State(console): State<Arc<Console>>, User(who): User, fields: Fields) -> Response {
    let code = SecretString::from(fields.text("code"));
    let (of, asks) = (console.clone(), who.clone());
    let done = console.workers.page(move || second_factor::confirm_own(&of.app, &asks, code.expose_secret())).await;
    match done {
        Ok(_) => Redirect::to("/login").into_response(),
        Err(error) if error.code == Code::WrongCode => {
            render(&console, &who, Shown { faults: vec![Fault::at("code", &error)], ..Shown::default() }).await
        }
        Err(error) => refused(&who, &error),
    }
}

async fn remove(State(console): State<Arc<Console>>, User(who): User) -> Response {
    let (of, asks) = (console.clone(), who.clone());
    match console.workers.page(move || second_factor::remove_own(&of.app, &asks)).await {
        Ok(_) => Redirect::to(PAGE).into_response(),
        Err(error) => refused(&who, &error),
    }
}

/// What another page of the same user did meanwhile is seen on this one.
fn refused(who: &Who, error: &Error) -> Response {
    match error.code {
        Code::NoSecondFactor => Redirect::to(PAGE).into_response(),
        _ => desk::failed(AT, who, error),
    }
}
