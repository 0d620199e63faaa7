//! `/create`: what runs, how large it is, what it is called. The blueprint is chosen first, by links, since the rest depends on it.

use std::{collections::HashMap, sync::Arc};

use axum::{
    extract::{Query as Asked, State},
    response::Response,
    routing::{MethodRouter, get, post},
};
use serde::Serialize;

use super::super::{
    Console,
    desk::{self, begun},
    fault::{Fault, Faults},
    form::Fields,
    frame::{At, Warnings},
    session::User,
};
use crate::{
    app::{
        App, Caller, Right, blueprint, bundle,
        files::Attachment,
        instance::create::{self, Create},
        key_pair,
        session::Who,
    },
    model::{Class, Code, DnsName, Error, Name, NetworkMode, Result, Tag, TimeZone, Unobserved, escaped},
    view::{BlueprintView, BundleRow, KeyPairRow, ParameterView, PlanView},
};

const AT: At = At::Instances;
const TITLE: &str = "Create an instance";

/// The form.
pub fn form() -> MethodRouter<Arc<Console>> {
    get(show)
}

/// Makes it, or shows what would be made.
pub fn posted() -> MethodRouter<Arc<Console>> {
    post(make)
}

/// A parameter, and what was typed for it.
#[derive(Serialize)]
struct Parameter<'a> {
    name: &'a str,
    description: &'a str,
    default: Option<&'a str>,
    value: String,
}

/// What the page shows.
#[derive(Serialize)]
struct Shown<'a> {
    blueprints: &'a [BlueprintView],
    chosen: Option<&'a BlueprintView>,
    bundles: &'a [BundleRow],
    /// The bundle that is ticked.
    bundle: &'a str,
    parameters: Vec<Parameter<'a>>,
    /// What was typed, by the name of its field.
    typed: HashMap<&'static str, String>,
    networks: bool,
    pairs: Vec<Pair>,
    /// One of them is ticked.
    has_pair: bool,
    plan: Option<Plan<'a>>,
    faults: Vec<Fault>,
}

/// A key pair that may log in.
#[derive(Serialize)]
struct Pair {
    name: String,
    is_ticked: bool,
}

/// What would be made, in the order of the command line.
#[derive(Serialize)]
struct Plan<'a> {
    facts: &'a [(String, String)],
    steps: &'a [String],
}

/// Fields of one line or more whose text is kept as it was typed.
const TYPED: [&str; 8] = ["name", "base", "tags", "ssh_keys", "user_data", "fqdn", "timezone", "network"];

async fn show(
    State(console): State<Arc<Console>>,
    User(who): User,
    Asked(asked): Asked<HashMap<String, String>>,
) -> Response {
    let blueprint = asked.get("blueprint").cloned().unwrap_or_default();
    render(&console, &who, (blueprint, Fields::default()), None, Vec::new()).await
}

async fn render(
    console: &Arc<Console>,
    who: &Arc<Who>,
    (blueprint, fields): (String, Fields),
    plan: Option<PlanView>,
    mut faults: Vec<Fault>,
) -> Response {
    let look = |app: &App, caller: &Caller, said: &mut Warnings| {
        // Who may not make one is told so before the form is filled in.
        caller.require_somewhere(Right::Change)?;
        let pairs = key_pair::list(app, caller, &mut Unobserved)?;
        Ok((blueprint::list(app, caller, &mut Unobserved)?, bundle::list(app, caller, said)?.0, pairs))
    };
    let (around, found) = console.look(who, look).await;
    let (blueprints, bundles, pairs) = match found {
        Ok(found) => found,
        Err(error) => return around.failed(AT, &error),
    };
    let chosen = blueprints.iter().find(|one| one.id == blueprint);
    if chosen.is_none() && !blueprint.is_empty() && faults.is_empty() {
        let text = format!("there is no blueprint `{}`", escaped(&blueprint));
        faults.push(Fault::of(&Error::new(Code::UnknownBlueprint, text).hint("choose one of these")));
    }
    let smallest = chosen.and_then(|one| one.smallest_bundle.as_deref()).unwrap_or_default();
    let parameters = chosen.map(|one| parameters(one, &fields)).unwrap_or_default();
    let pair = |KeyPairRow { name, .. }| Pair { is_ticked: fields.all("key_pair").any(|one| *one == name), name };
    let shown = Shown {
        blueprints: &blueprints,
        chosen,
        bundles: &bundles,
        bundle: fields.some("bundle").unwrap_or(smallest),
        parameters,
        typed: TYPED.map(|name| (name, fields.lines(name))).into_iter().collect(),
        networks: who.caller.may(Right::Administer),
        has_pair: fields.has("key_pair"),
        pairs: pairs.into_iter().map(pair).collect(),
        plan: plan.as_ref().map(|plan| Plan { facts: &plan.facts, steps: &plan.steps }),
        faults,
    };
    let is_refused = !shown.faults.is_empty();
    around.form((AT, TITLE), "create.html.j2", is_refused, shown)
}

/// The parameters of a blueprint, with what was typed.
fn parameters<'a>(blueprint: &'a BlueprintView, fields: &Fields) -> Vec<Parameter<'a>> {
    let parameter = |one: &'a ParameterView| Parameter {
        name: &one.name,
        description: &one.description,
        default: one.default.as_deref(),
        value: fields
            .under("set.")
            .find(|(name, _)| *name == one.name)
            .map(|(_, value)| value.to_owned())
            .unwrap_or_default(),
    };
    blueprint.parameters.iter().map(parameter).collect()
}

async fn make(State(console): State<Arc<Console>>, User(who): User, fields: Fields) -> Response {
    let blueprint = fields.text("blueprint").to_owned();
    let mut faults = Faults::default();
    let request = request(&fields, &mut faults);
    let pairs = fields.all("key_pair").filter_map(|text| faults.take("key_pair", Name::parse(text))).collect();
    let (of, asks, set) = (console.clone(), who.clone(), request.parameters.clone());
    let id = blueprint.clone();
    let look = move || blueprint::parameter_faults(&of.app, &asks.caller, &id, &set);
    // Whatever else is wrong is found by the check of the whole.
    let wrong = console.workers.page(look).await.unwrap_or_default();
    faults.0.extend(wrong.iter().map(|(name, error)| Fault::at(format!("set.{name}"), error)));
    if !faults.0.is_empty() {
        return render(&console, &who, (blueprint, fields), None, faults.0).await;
    }
    let refused = |error: &Error, fields: &Fields| vec![Fault::placed(error, fields)];
    if fields.has("plan") {
        let (of, asks) = (console.clone(), who.clone());
        let planned = console.workers.page(move || {
            let request = with_pairs(&of.app, &asks.caller, request, pairs)?;
            create::check(&of.app, &asks.caller, request)?.plan(&of.app.settings)
        });
        return match planned.await {
            Ok(plan) => render(&console, &who, (blueprint, fields), Some(plan), Vec::new()).await,
            Err(error) => {
                let faults = refused(&error, &fields);
                render(&console, &who, (blueprint, fields), None, faults).await
            }
        };
    }
    let by = move |app: &App, caller: &Caller| {
        create::check(app, caller, with_pairs(app, caller, request, pairs)?)?.accept(app, &mut Unobserved)
    };
    match console.change(&who, by).await {
        Ok(operation) => begun(operation, "/instances"),
        Err(error) if error.class == Class::Forbidden => desk::failed(AT, &who, &error),
        Err(error) => {
            let faults = refused(&error, &fields);
            render(&console, &who, (blueprint, fields), None, faults).await
        }
    }
}

/// The same request, with the public keys of these key pairs.
fn with_pairs(app: &App, caller: &Caller, mut request: Create, mut pairs: Vec<Name>) -> Result<Create> {
    // Each once: what a form repeats costs nothing.
    pairs.sort();
    pairs.dedup();
    for name in pairs {
        let pair = key_pair::show(app, caller, &name, &mut Unobserved)?;
        let (name, bytes) = (format!("key pair {}", pair.name), pair.public.into_bytes());
        request.ssh_keys.push(Attachment { name, bytes });
    }
    Ok(request)
}

/// What is asked for; what has no valid form is told at its field.
fn request(fields: &Fields, faults: &mut Faults) -> Create {
    let name = fields.some("name").and_then(|text| faults.take("name", Name::parse(text)));
    let fqdn = fields.some("fqdn").and_then(|text| faults.take("fqdn", DnsName::parse(text)));
    let timezone = fields.some("timezone").and_then(|text| faults.take("timezone", TimeZone::parse(text)));
    let network = fields.some("network").and_then(|text| faults.take("network", NetworkMode::parse(text)));
    let tags = fields.text("tags").split_whitespace().filter_map(|text| faults.take("tags", Tag::parse(text)));
    let tags = tags.collect();
    let file = |name: &str, shown: &str| {
        let text = fields.lines(name);
        (!text.trim().is_empty()).then(|| Attachment { name: shown.to_owned(), bytes: text.into_bytes() })
    };
    let set = fields.under("set.").filter(|(_, value)| !value.is_empty());
    Create {
        bundle: fields.some("bundle").map(str::to_owned),
        name,
        base: fields.some("base").map(str::to_owned),
        parameters: set.map(|(name, value)| (name.to_owned(), value.to_owned())).collect(),
        ssh_keys: file("ssh_keys", "public SSH keys").into_iter().collect(),
        user_data: file("user_data", "start-up script"),
        fqdn,
        timezone,
        tags,
        network: network.unwrap_or(NetworkMode::Nat),
        ..Create::of(fields.text("blueprint").to_owned(), super::instance::UNTIL_READY)
    }
}
