//! `/instances/NAME/console` and `/instances/NAME/ssh`: terminals.

use std::sync::Arc;

use axum::{
    extract::{
        Path, State,
        ws::{WebSocketUpgrade, rejection::WebSocketUpgradeRejection},
    },
    http::{HeaderValue, header},
    response::Response,
    routing::{MethodRouter, get},
};
use serde::Serialize;

use super::{
    super::{
        Console,
        desk::Around,
        frame::{At, Warnings},
        gate, render,
        session::User,
        stay::Stay,
        terminal,
    },
    instance::named,
};
use crate::{
    access,
    app::{
        App, Caller,
        instance::{console, show},
    },
    model::Result,
};

const AT: At = At::Instances;

type Upgrade = std::result::Result<WebSocketUpgrade, WebSocketUpgradeRejection>;

/// The page of the serial console.
pub fn console() -> MethodRouter<Arc<Console>> {
    get(show_console)
}

/// What its terminal is connected to.
pub fn watch() -> MethodRouter<Arc<Console>> {
    get(async |stay: Stay, Path(name): Path<String>, upgrade: Upgrade| match upgrade {
        Ok(upgrade) => terminal::watch(stay, named(&name), upgrade),
        Err(_) => render::nothing().await,
    })
}

/// The page for logging in.
pub fn ssh() -> MethodRouter<Arc<Console>> {
    get(show_ssh)
}

/// What its terminal is connected to.
pub fn log_in() -> MethodRouter<Arc<Console>> {
    get(async |stay: Stay, Path(name): Path<String>, upgrade: Upgrade| match upgrade {
        Ok(upgrade) => terminal::log_in(stay, named(&name), upgrade),
        Err(_) => render::nothing().await,
    })
}

/// What both pages show; without a log there is nothing of one.
#[derive(Serialize)]
struct Shown<'a> {
    name: &'a str,
    is_on: bool,
    said: &'a str,
    nonce: &'a str,
}

/// A page of a terminal: the styles that its script adds count.
fn page(around: &Around, (title, template): (&str, &str), shown: &Shown<'_>) -> Response {
    let mut page = around.page(AT, &format!("{title} of {}", shown.name), template, shown);
    if let Ok(policy) = HeaderValue::from_str(&gate::policy_with_styles(shown.nonce)) {
        page.headers_mut().insert(header::CONTENT_SECURITY_POLICY, policy);
    }
    page
}

async fn show_console(State(console): State<Arc<Console>>, User(who): User, Path(name): Path<String>) -> Response {
    let of = name.clone();
    let look = move |app: &App, caller: &Caller, said: &mut Warnings| console::show(app, caller, &named(&of)?, said);
    match console.look(&who, look).await {
        (around, Ok(console::Console { is_on, said })) => {
            page(&around, ("Console", "console.html.j2"), &Shown { name: &name, is_on, said: &said, nonce: &nonce() })
        }
        (around, Err(error)) => around.failed(AT, &error),
    }
}

async fn show_ssh(State(console): State<Arc<Console>>, User(who): User, Path(name): Path<String>) -> Response {
    let of = name.clone();
    let look = move |app: &App, caller: &Caller, said: &mut Warnings| -> Result<()> {
        show::show(app, caller, &[named(&of)?], said).map(drop)
    };
    match console.look(&who, look).await {
        (around, Ok(())) => {
            page(&around, ("SSH", "ssh.html.j2"), &Shown { name: &name, is_on: true, said: "", nonce: &nonce() })
        }
        (around, Err(error)) => around.failed(AT, &error),
    }
}

/// What nobody guesses.
fn nonce() -> String {
    access::digest(&format!("{:x}", rand::random::<u128>()))[..32].to_owned()
}
