//! What each request passes on its way in and out: the guard, its body within limits, a time to be answered, and the headers of
//! every answer.

use std::{
    net::IpAddr,
    sync::{Arc, atomic::Ordering},
};

use axum::{
    Extension,
    body::{Body, to_bytes},
    extract::{Request, State},
    http::{HeaderName, HeaderValue, StatusCode, header, request::Parts},
    middleware::Next,
    response::{IntoResponse, Response},
};
use bytes::Bytes;
use tokio::{sync::SemaphorePermit, time::timeout};

use super::{Console, Peer, guard};

/// Largest body of a form.
const FORM: usize = 64 * 1024;
/// Largest body of the API: a create with user-data.
const API: usize = 1536 * 1024;

/// The answer while the server stops: whoever tries again meets the next one.
const CLOSING: (StatusCode, &str) = (StatusCode::SERVICE_UNAVAILABLE, "the server stops: try again in a moment\n");

/// What goes with each answer. No page is kept, and none runs or loads anything that is not this console's. With `no-referrer`
/// browsers would send the origin `null` along with forms.
const HEADERS: [(HeaderName, &str); 6] = [
    (header::CONTENT_SECURITY_POLICY, POLICY),
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (header::REFERRER_POLICY, "same-origin"),
    (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
    (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
    (header::CACHE_CONTROL, "no-store"),
];

const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; \
                      form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

/// The same for a page whose script adds styles: those that have this nonce count.
pub fn policy_with_styles(nonce: &str) -> String {
    POLICY.replace("style-src 'self'", &format!("style-src 'self' 'nonce-{nonce}'"))
}

/// From where a request really came, and by which scheme: a handler gets it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Source {
    /// The address.
    pub address: IpAddr,
    /// `http` or `https`, as the browser speaks it.
    pub scheme: &'static str,
}

/// Lets a request in, and dresses its answer.
pub async fn pass(
    State(console): State<Arc<Console>>,
    Extension(Peer(peer)): Extension<Peer>,
    request: Request,
    next: Next,
) -> Response {
    let mut response = inside(&console, peer, request, next).await.into_response();
    for (name, value) in HEADERS {
        response.headers_mut().entry(name).or_insert(HeaderValue::from_static(value));
    }
    response
}

async fn inside(console: &Console, peer: IpAddr, request: Request, next: Next) -> Response {
    if console.closing.load(Ordering::Relaxed) {
        return ([(header::RETRY_AFTER, "5")], last(CLOSING)).into_response();
    }
    let (mut parts, body) = request.into_parts();
    let (address, scheme) = guard::origin(peer, console.scheme, console.proxy, &parts.headers);
    if let Err(refused) = guard::check(&console.hosts, scheme, &parts) {
        return last(refused.answer());
    }
    let (body, _room) = match whole(console, &parts, body).await {
        Ok(whole) => whole,
        Err(refused) => return last(refused),
    };
    parts.extensions.insert(Source { address, scheme });
    let answer = async {
        match &console.api {
            // Signed, and no call of the API: it says so, in the words that clients read.
            Some(api) if guard::is_for_api(&parts) && !guard::is_posted_to_root(&parts) => {
                api(address, parts, body).await.map(Body::from)
            }
            _ => next.run(Request::from_parts(parts, Body::from(body))).await,
        }
    };
    match timeout(console.times.answer, answer).await {
        Ok(response) => response,
        Err(_) => (StatusCode::SERVICE_UNAVAILABLE, "this takes too long\n").into_response(),
    }
}

/// The answer after which a connection ends: its request may not have been read whole.
fn last((status, text): (StatusCode, &'static str)) -> Response {
    (status, [(header::CONNECTION, "close")], text).into_response()
}

/// Reads the body whole, within its size and its time, one of the API in the room that all of those share, before anybody works for it.
async fn whole<'a>(
    console: &'a Console,
    parts: &Parts,
    body: Body,
) -> Result<(Bytes, Option<SemaphorePermit<'a>>), (StatusCode, &'static str)> {
    const LONG: (StatusCode, &str) = (StatusCode::PAYLOAD_TOO_LARGE, "this is too long\n");
    let most = if guard::is_for_api(parts) && guard::is_posted_to_root(parts) { API } else { FORM };
    let said = parts.headers.get(header::CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse::<usize>().ok());
    if said.is_some_and(|said| said > most) {
        return Err(LONG);
    }
    if said == Some(0) || said.is_none() && axum::body::HttpBody::is_end_stream(&body) {
        return Ok((Bytes::new(), None));
    }
    let read = async {
        // As many forms as there are connections fit; and whoever fills the room of the API keeps nobody from logging in.
        let room = if most == API { console.workers.room_for(said.unwrap_or(most)).await } else { None };
        (to_bytes(body, most).await, room)
    };
    match timeout(console.times.body, read).await {
        Ok((Ok(bytes), room)) => Ok((bytes, room)),
        Ok((Err(_), _)) => Err(LONG),
        Err(_) => Err((StatusCode::REQUEST_TIMEOUT, "this took too long\n")),
    }
}
