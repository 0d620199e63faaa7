//! `/login`: by a code that counts once, or by a name and its password.

use std::sync::Arc;

use axum::{
    Extension, Form,
    extract::State,
    http::{StatusCode, header},
    response::{IntoResponse, Redirect, Response},
    routing::{MethodRouter, get, post},
};
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};

use super::super::{Console, frame::Frame, gate::Source, render, session::cookie};
use crate::{
    app::session::{self, Proof},
    model::Code,
};

/// The form.
pub fn form() -> MethodRouter<Arc<Console>> {
    get(async || show(StatusCode::OK, None))
}

/// Logs in, and goes to the first page.
pub fn posted() -> MethodRouter<Arc<Console>> {
    post(log_in)
}

/// What the form sends.
#[derive(Deserialize)]
struct Sent {
    #[serde(default)]
    code: SecretString,
    #[serde(default)]
    user: SecretString,
    #[serde(default)]
    password: SecretString,
}

/// What the form shows.
#[derive(Serialize)]
struct Shown<'a> {
    error: Option<&'a str>,
}

/// The form, with what went wrong. It never says whether a name is known.
fn show(status: StatusCode, error: Option<&str>) -> Response {
    render::page(status, &Frame::outside("Log in"), "login.html.j2", Shown { error })
}

async fn log_in(
    State(console): State<Arc<Console>>,
    Extension(source): Extension<Source>,
    Form(sent): Form<Sent>,
) -> Response {
    let of = console.clone();
    let by_code = !sent.code.expose_secret().is_empty();
    let work = move || {
        let Sent { code, user, password } = &sent;
        let proof = match by_code {
            true => Proof::Code(code.expose_secret()),
            false => Proof::Password { user: user.expose_secret(), password: password.expose_secret() },
        };
        session::log_in(&of.app, &of.door, proof, source.address)
    };
    let done = if by_code { console.workers.door(work).await } else { console.workers.hash(work).await };
    match done {
        Ok(inside) => {
            let mut response = Redirect::to("/").into_response();
            if let Some(cookie) = cookie(&console, source, inside.token.text(), "") {
                response.headers_mut().insert(header::SET_COOKIE, cookie);
            }
            response
        }
        Err(error) if error.code == Code::LoginFailed => show(StatusCode::FORBIDDEN, Some(&error.message)),
        Err(error) if error.code == Code::TooManyTries => show(StatusCode::TOO_MANY_REQUESTS, Some(&error.message)),
        Err(error) => render::failed(&Frame::outside(""), &error),
    }
}
