//! The console: pages made here, from the same structures as `--json`. Every page is one GET, and works without scripts.
//!
//! What comes in passes [`gate`] first, then the session; a handler gets the caller and asks `app`. A page is a file in `pages/`, a
//! template, and a line in [`PAGES`]: there is no route beside that table. Nothing here listens.

mod assets;
mod chart;
mod compress;
mod desk;
mod fault;
mod form;
mod frame;
mod gate;
mod guard;
mod hosts;
mod live;
mod pages;
mod query;
mod render;
mod session;
mod sheet;
mod stay;
mod terminal;
mod workers;

use std::{
    future::Future,
    net::IpAddr,
    pin::Pin,
    sync::{Arc, atomic::AtomicBool},
    time::Duration,
};

use axum::{Router, extract::Request, http::request::Parts, middleware, routing::MethodRouter};
use bytes::Bytes;
pub use hosts::Hosts;
pub use live::Live;
pub use pages::PAGES;
pub use stay::Stays;
pub use terminal::Terminals;
pub use workers::Workers;

use crate::app::{App, Right, session::Door};

/// What answers a request of the API: from where it came, its head, and its body.
pub type Api = Arc<dyn Fn(IpAddr, Parts, Bytes) -> Answering + Send + Sync>;

/// An answer of the API, once it is there.
pub type Answering = Pin<Box<dyn Future<Output = http::Response<Bytes>> + Send>>;

/// What all pages share.
pub struct Console {
    /// The use cases.
    pub app: App,
    /// Who may come in.
    pub door: Door,
    /// What this host is called.
    pub hosts: Hosts,
    /// `https` where TLS is spoken, else `http`.
    pub scheme: &'static str,
    /// The port, by which cookies of two servers on one host are told apart.
    pub port: u16,
    /// The proxy whose word on where a request came from counts.
    pub proxy: Option<IpAddr>,
    /// How long a request may take.
    pub times: Times,
    /// Who works for them, and on how many at a time.
    pub workers: Workers,
    /// Who watches what moves.
    pub live: Live,
    /// Who stays, whose sessions are looked at.
    pub stays: Stays,
    /// The terminals that are open.
    pub terminals: Terminals,
    /// What answers the API; none: nothing does.
    pub api: Option<Api>,
    /// The server stops: nothing is let in any more.
    pub closing: Arc<AtomicBool>,
}

/// How long a request may take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Times {
    /// To send its body.
    pub body: Duration,
    /// To be answered.
    pub answer: Duration,
}

/// From where a connection came; whoever listens puts it into the request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Peer(pub IpAddr);

/// What counts a connection for as long as it is kept; whoever listens puts it into the request. One that becomes a WebSocket is kept
/// by that.
#[derive(Clone)]
pub struct Held(pub Arc<dyn Send + Sync>);

/// What a page asks of whoever opens it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Needs {
    /// Nothing.
    Nothing,
    /// The signature of a key.
    Signature,
    /// A session.
    Session,
    /// A session of somebody with this right. The use case looks at that again.
    Right(Right),
    /// The same of somebody who logged in lately: what decides who comes in wants more than a cookie.
    Fresh(Right),
    /// A token for the metrics.
    Token,
}

/// A page, or an answer to a form.
pub struct Page {
    /// `GET` or `POST`.
    pub method: &'static str,
    /// Its route.
    pub path: &'static str,
    /// What it asks of whoever opens it.
    pub needs: Needs,
    /// An address of it, on a host with one instance `shop`.
    pub example: &'static str,
    /// What answers.
    pub handler: fn() -> MethodRouter<Arc<Console>>,
}

/// All pages, behind the gate.
pub fn router(console: Arc<Console>) -> Router {
    let (mut open, mut inside) = (Router::new(), Router::new());
    for page in PAGES {
        let router = match page.needs {
            Needs::Nothing | Needs::Signature | Needs::Token => &mut open,
            Needs::Session | Needs::Right(_) | Needs::Fresh(_) => &mut inside,
        };
        let handler = match page.needs {
            Needs::Right(right) | Needs::Fresh(right) => {
                let lately = matches!(page.needs, Needs::Fresh(_));
                let lets = move |who: session::User, request: Request, next: middleware::Next| {
                    session::may((right, lately), who, request, next)
                };
                let handler = (page.handler)().route_layer(middleware::from_fn(lets));
                // What a form answers may hold what was typed, or a secret.
                if page.method == "GET" { handler.layer(middleware::from_fn(compress::page)) } else { handler }
            }
            _ => (page.handler)(),
        };
        *router = std::mem::take(router).route(page.path, handler);
    }
    open.merge(inside.route_layer(middleware::from_fn_with_state(console.clone(), session::require)))
        .fallback(render::nothing)
        .method_not_allowed_fallback(render::nothing)
        .layer(middleware::from_fn_with_state(console.clone(), gate::pass))
        .with_state(console)
}
