//! `GET /metrics`, which Prometheus reads, by a bearer token that reads nothing else.

use std::sync::Arc;

use axum::{
    Extension,
    extract::State,
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse, Response},
    routing::{MethodRouter, get},
};
use secrecy::SecretString;

use super::super::{Console, gate::Source, render};
use crate::{
    app::{key, metric},
    model::Unobserved,
};

/// As Prometheus knows it.
const KIND: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// The last minute of all that the token's user sees.
pub fn page() -> MethodRouter<Arc<Console>> {
    get(scrape)
}

/// The token of a request; none: it has none, or two.
fn token(headers: &HeaderMap) -> Option<SecretString> {
    let mut all = headers.get_all(header::AUTHORIZATION).iter();
    let (scheme, token) = all.next()?.to_str().ok()?.split_once(' ')?;
    (all.next().is_none() && scheme.eq_ignore_ascii_case("bearer")).then(|| token.trim().into())
}

async fn scrape(
    State(console): State<Arc<Console>>,
    Extension(source): Extension<Source>,
    headers: HeaderMap,
) -> Response {
    let (of, token) = (console.clone(), token(&headers));
    let work = move || {
        let Some(token) = token else { return Ok(None) };
        let reader = key::reader(&of.app, &token, Some(source.address))?;
        reader.map(|reader| metric::exposition(&of.app, &reader, &mut Unobserved)).transpose()
    };
    match console.workers.page(work).await {
        Ok(Some(text)) => ([(header::CONTENT_TYPE, KIND)], text).into_response(),
        Ok(None) => {
            let wants = [(header::WWW_AUTHENTICATE, "Bearer")];
            (StatusCode::UNAUTHORIZED, wants, "`lite key create --metrics` makes a token for this\n").into_response()
        }
        Err(error) => (render::status(&error), "this is not possible just now\n").into_response(),
    }
}
