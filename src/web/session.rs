//! Sessions by cookie: who asks.

use std::sync::Arc;

use axum::{
    Extension,
    extract::{FromRequestParts, Request, State},
    http::{HeaderMap, HeaderValue, Method, StatusCode, header, request::Parts},
    middleware::Next,
    response::{IntoResponse, Redirect, Response},
};

use super::{
    Console,
    frame::{At, Frame},
    gate::Source,
    render,
};
use crate::{
    access::session::Token,
    app::{
        Right,
        session::{self, Who},
    },
};

/// Who asks: a handler behind [`require`] gets it.
#[derive(Clone)]
pub struct User(pub Arc<Who>);

/// The token of the session: what stays open asks by it whether that goes on.
#[derive(Clone)]
pub struct Pass(pub Token);

impl<S: Send + Sync> FromRequestParts<S> for User {
    type Rejection = StatusCode;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, StatusCode> {
        parts.extensions.get::<Self>().cloned().ok_or(StatusCode::UNAUTHORIZED)
    }
}

/// The name of the cookie. Cookies do not heed ports, so on loopback that is in the name.
fn cookie_name(console: &Console, source: Source) -> String {
    match source.scheme {
        "https" => "__Host-lite".to_owned(),
        _ => format!("lite-{}", console.port),
    }
}

/// The cookie with a value and further attributes.
pub fn cookie(console: &Console, source: Source, value: &str, more: &str) -> Option<HeaderValue> {
    let secure = if source.scheme == "https" { "; Secure" } else { "" };
    let name = cookie_name(console, source);
    HeaderValue::from_str(&format!("{name}={value}; Path=/; HttpOnly; SameSite=Lax{secure}{more}")).ok()
}

/// The token that a browser sends. Of two cookies of the name one is of another server on this host, nobody knows which: none counts.
pub fn token(console: &Console, source: Source, headers: &HeaderMap) -> Option<Token> {
    let name = cookie_name(console, source);
    let all = headers.get_all(header::COOKIE).iter().filter_map(|value| value.to_str().ok());
    let pairs = all.flat_map(|value| value.split(';')).filter_map(|pair| pair.trim().split_once('='));
    let mut own = pairs.filter(|(key, _)| *key == name);
    let (_, value) = own.next()?;
    own.next().is_none().then(|| Token::parse(value)).flatten()
}

/// Lets in who has a session, and sends everybody else to the log-in.
pub async fn require(
    State(console): State<Arc<Console>>,
    Extension(source): Extension<Source>,
    mut request: Request,
    next: Next,
) -> Response {
    let found = match token(&console, source, request.headers()) {
        Some(token) => {
            request.extensions_mut().insert(Pass(token.clone()));
            let of = console.clone();
            console.workers.door(move || session::who(&of.app, &of.door, &token, source.address)).await
        }
        None => Ok(None),
    };
    match found {
        Ok(Some(who)) => {
            request.extensions_mut().insert(User(Arc::new(who)));
            next.run(request).await
        }
        // A script that follows what moves is not to be shown the log-in in its place.
        Ok(None) if request.method() == Method::POST || is_stream(request.headers()) => {
            (StatusCode::UNAUTHORIZED, "log in first: /login\n").into_response()
        }
        Ok(None) => Redirect::to("/login").into_response(),
        Err(error) => render::failed(&Frame::outside(""), &error),
    }
}

/// Whether events are asked for.
pub fn is_stream(headers: &HeaderMap) -> bool {
    let asked = headers.get(header::ACCEPT).and_then(|value| value.to_str().ok());
    asked.is_some_and(|asked| asked.contains("text/event-stream"))
}

/// Lets in who has the right, and logged in lately where that is asked for, before anything is read or looked at.
pub async fn may((right, lately): (Right, bool), User(who): User, request: Request, next: Next) -> Response {
    let is_fresh = || if lately { who.require_fresh() } else { Ok(()) };
    match who.caller.require_somewhere(right).and_then(|()| is_fresh()) {
        Ok(()) => next.run(request).await,
        Err(error) => render::failed(&Frame::of(At::Outside, "", &who, &[]), &error),
    }
}
