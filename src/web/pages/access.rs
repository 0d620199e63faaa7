//! `/access`: one's own password; and, for who says who comes in, the users and the keys of the API.

use std::sync::Arc;

use axum::{
    extract::State,
    response::{IntoResponse, Redirect, Response},
    routing::{MethodRouter, get, post},
};
use secrecy::{ExposeSecret, SecretString};
use serde::Serialize;

use super::super::{
    Console, desk,
    fault::Fault,
    form::Fields,
    frame::{At, Warnings},
    session::User,
};
use crate::{
    app::{
        App, Caller, Right, key,
        session::{self, Who},
        user,
    },
    model::{Code, Error},
    view::{KeyRow, UserRow},
};

const AT: At = At::Access;

/// The page.
pub fn page() -> MethodRouter<Arc<Console>> {
    get(show)
}

/// Sets one's own password, which ends all of one's sessions.
pub fn password() -> MethodRouter<Arc<Console>> {
    post(set_password)
}

/// What the page shows.
#[derive(Serialize)]
struct Shown {
    users: Vec<UserRow>,
    keys: Vec<KeyRow>,
    is_fresh: bool,
    faults: Vec<Fault>,
}

async fn show(State(console): State<Arc<Console>>, User(who): User) -> Response {
    render(&console, &who, Vec::new()).await
}

async fn render(console: &Arc<Console>, who: &Arc<Who>, faults: Vec<Fault>) -> Response {
    let look = |app: &App, caller: &Caller, said: &mut Warnings| match caller.require(Right::Protect) {
        Ok(()) => Ok((user::list(app, caller, said)?, key::list(app, caller, None, said)?)),
        // Others have this page for themselves.
        Err(_) => Ok((Vec::new(), Vec::new())),
    };
    let (around, found) = console.look(who, look).await;
    match found {
        Ok((users, keys)) => {
            let is_refused = !faults.is_empty();
            let shown = Shown { users, keys, is_fresh: who.is_fresh, faults };
            around.form((AT, "Access"), "access.html.j2", is_refused, shown)
        }
        Err(error) => around.failed(AT, &error),
    }
}

async fn set_password(State(console): State<Arc<Console>>, User(who): User, fields: Fields) -> Response {
    // As it was typed: spaces are part of a password.
    let [new, again] = ["password", "again"].map(|name| SecretString::from(fields.raw(name)));
    drop(fields);
    if new.expose_secret() != again.expose_secret() {
        let error = Error::new(Code::InvalidPassword, "the two passwords are not the same").hint("type it twice");
        return render(&console, &who, vec![Fault::at("again", &error)]).await;
    }
    let (of, asks) = (console.clone(), who.clone());
    let work = move || session::set_password(&of.app, &of.door, &asks, new.expose_secret());
    match console.workers.hash(work).await {
        Ok(()) => Redirect::to("/login").into_response(),
        Err(error) if [Code::InvalidPassword, Code::LoginTooOld].contains(&error.code) => {
            render(&console, &who, vec![Fault::at("password", &error)]).await
        }
        Err(error) => desk::failed(AT, &who, &error),
    }
}
