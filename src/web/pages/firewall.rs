//! `/instances/NAME/firewall`: what is let in, and the forms that open and close.

use std::sync::Arc;

use axum::{
    extract::{Path, State},
    response::Response,
    routing::{MethodRouter, get, post},
};
use serde::Serialize;

use super::{
    super::{
        Console,
        desk::begun,
        fault::{Fault, Faults},
        form::Fields,
        frame::{At, Warnings},
        session::User,
    },
    instance::named,
};
use crate::{
    app::{
        App, Caller,
        instance::firewall::{self, Action, Refirewall},
        session::Who,
    },
    model::{Code, Error, Result, Service, Unobserved, source},
    view::FirewallView,
};

const AT: At = At::Instances;

/// The page.
pub fn page() -> MethodRouter<Arc<Console>> {
    get(show)
}

/// Opens or closes.
pub fn posted() -> MethodRouter<Arc<Console>> {
    post(change)
}

/// What the page shows: the document of `lite firewall --json`, and what was typed.
#[derive(Serialize)]
struct Shown<'a> {
    view: FirewallView,
    port: &'a str,
    sources: &'a str,
    faults: Vec<Fault>,
}

async fn show(State(console): State<Arc<Console>>, User(who): User, Path(name): Path<String>) -> Response {
    render(&console, &who, &name, &Fields::default(), Vec::new()).await
}

async fn render(console: &Arc<Console>, who: &Arc<Who>, name: &str, fields: &Fields, faults: Vec<Fault>) -> Response {
    let asked = name.to_owned();
    let look =
        move |app: &App, caller: &Caller, said: &mut Warnings| firewall::show(app, caller, &named(&asked)?, said);
    let (around, found) = console.look(who, look).await;
    match found {
        Ok(view) => {
            let is_refused = !faults.is_empty();
            let shown = Shown { view, port: fields.text("port"), sources: fields.text("sources"), faults };
            around.form((AT, &format!("Firewall of {name}")), "firewall.html.j2", is_refused, shown)
        }
        Err(error) => around.failed(AT, &error),
    }
}

async fn change(
    State(console): State<Arc<Console>>,
    User(who): User,
    Path(name): Path<String>,
    fields: Fields,
) -> Response {
    let mut faults = Faults::default();
    let request = request(&name, &fields, &mut faults);
    let Some(request) = request.filter(|_| faults.0.is_empty()) else {
        return render(&console, &who, &name, &fields, faults.0).await;
    };
    let by = move |app: &App, caller: &Caller| firewall::accept(app, caller, &request, &mut Unobserved);
    match console.change(&who, by).await {
        Ok(operation) => begun(operation, &format!("/instances/{name}/firewall")),
        Err(error) => render(&console, &who, &name, &fields, vec![Fault::at("port", &error)]).await,
    }
}

fn request(name: &str, fields: &Fields, faults: &mut Faults) -> Option<Refirewall> {
    let name = faults.take("port", named(name));
    let action = match fields.text("action") {
        "close" => Action::Close,
        _ => Action::Open,
    };
    let services = match fields.text("port") {
        "" => Err(Error::new(Code::InvalidPort, "no port is given")
            .hint("such as `443`, `53/udp`, `8000-8010/tcp` or `icmp`")),
        text => text.split_whitespace().map(Service::parse).collect::<Result<Vec<_>>>(),
    };
    let services = faults.take("port", services);
    let sources = fields.text("sources").split([' ', ',']).filter(|text| !text.is_empty());
    let sources = faults.take("sources", sources.map(source).collect::<Result<Vec<_>>>());
    Some(Refirewall { name: name?, action, services: services?, sources: sources?, wait: false, dry_run: false })
}
