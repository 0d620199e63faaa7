//! `/login`: by a code that counts once, or by a name and its password, and then by a second factor where there is one.

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
    app::session::{self, Entered, LoggedIn, Proof},
    model::{Code, Error},
};

/// The form.
pub fn form() -> MethodRouter<Arc<Console>> {
    get(async || show(StatusCode::OK, None))
}

/// Logs in, and goes to the first page.
pub fn posted() -> MethodRouter<Arc<Console>> {
    post(log_in)
}

/// Logs in who typed the password before, by the code of its second factor.
pub fn second() -> MethodRouter<Arc<Console>> {
    post(by_second)
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
        Ok(Entered::In(inside)) => welcome(&console, source, &inside),
        Ok(Entered::Half(half)) => ask_second(StatusCode::OK, half.text(), None),
        Err(error) => refused(&error),
    }
}

/// To the first page, with a cookie.
fn welcome(console: &Console, source: Source, inside: &LoggedIn) -> Response {
    let mut response = Redirect::to("/").into_response();
    if let Some(cookie) = cookie(console, source, inside.token.text(), "") {
        response.headers_mut().insert(header::SET_COOKIE, cookie);
    }
    response
}

fn refused(error: &Error) -> Response {
    match said(error) {
        Some(status) => show(status, Some(&error.message)),
        None => render::failed(&Frame::outside(""), error),
    }
}

/// How an error is answered that whoever tries to log in is told of.
fn said(error: &Error) -> Option<StatusCode> {
    match error.code {
        Code::LoginFailed => Some(StatusCode::FORBIDDEN),
        Code::TooManyTries => Some(StatusCode::TOO_MANY_REQUESTS),
        _ => None,
    }
}

/// What the form of the second factor sends.
#[derive(Deserialize)]
struct Second {
    #[serde(default)]
    half: SecretString,
    #[serde(default)]
    code: SecretString,
}

/// What it shows.
#[derive(Serialize)]
struct SecondShown<'a> {
    half: &'a str,
    error: Option<&'a str>,
}

fn ask_second(status: StatusCode, half: &str, error: Option<&str>) -> Response {
    render::page(status, &Frame::outside("Log in"), "second.html.j2", SecondShown { half, error })
}

async fn by_second(
    State(console): State<Arc<Console>>,
    Extension(source): Extension<Source>,
    Form(sent): Form<Second>,
) -> Response {
    let (of, half) = (console.clone(), sent.half.clone());
    let work = move || {
        let (half, code) = (sent.half.expose_secret(), sent.code.expose_secret());
        session::second(&of.app, &of.door, half, code, source.address)
    };
    match console.workers.door(work).await {
        Ok(inside) => welcome(&console, source, &inside),
        Err(error) => match said(&error) {
            Some(status) => ask_second(status, half.expose_secret(), Some(&error.message)),
            None => refused(&error),
        },
    }
}
