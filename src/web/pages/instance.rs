//! `/instances/NAME`: one in full, and what is done to it.

use std::{sync::Arc, time::Duration};

use axum::{
    extract::{Path, State},
    response::{IntoResponse, Redirect, Response},
    routing::{MethodRouter, get, post},
};
use serde::Serialize;

use super::super::{
    Console,
    desk::{self, begun},
    fault::{Fault, Faults},
    form::Fields,
    frame::{At, Warnings},
    live::{Topic, is_protected},
    session::User,
    sheet::Wanted,
};
use crate::{
    app::{
        App, Caller,
        instance::{
            change,
            delete::Delete,
            list,
            power::{Reboot, Start, Stop},
            protect::Protect,
            secrets, show,
        },
        live::AtWork,
        operation, repair,
        session::Who,
    },
    model::{Code, Error, Name, Observer, OperationState, Result, Unobserved, escaped},
    view::{OperationRow, SecretsDocument, ShowView},
};

const AT: At = At::Instances;
/// How long an application may take until it answers, and a guest to power off: as on the command line.
pub const UNTIL_READY: Duration = Duration::from_secs(15 * 60);
const UNTIL_OFF: Duration = Duration::from_secs(120);
/// How far back operations are looked through for those of one instance, and how many of them are shown.
const OPERATIONS: (u32, usize) = (500, 10);

/// The page.
pub fn page() -> MethodRouter<Arc<Console>> {
    get(show_one)
}

/// Starts, stops, reboots.
pub fn power() -> MethodRouter<Arc<Console>> {
    post(powered)
}

/// Protects it from being deleted, or no longer.
pub fn protect() -> MethodRouter<Arc<Console>> {
    post(protected)
}

/// Puts back what was changed by hand.
pub fn repair() -> MethodRouter<Arc<Console>> {
    post(repaired)
}

/// What a delete does, and the form for its name.
pub fn delete() -> MethodRouter<Arc<Console>> {
    get(ask_delete)
}

/// Deletes it, if its name was typed.
pub fn deleted() -> MethodRouter<Arc<Console>> {
    post(delete_it)
}

/// Its passwords. Each look is in the audit, so it is no GET.
pub fn secrets() -> MethodRouter<Arc<Console>> {
    post(show_secrets)
}

/// The name in an address, or in a form.
pub fn named(text: &str) -> Result<Name> {
    Name::parse(text)
}

/// The address of a page of an instance.
pub fn under(name: &str, page: &str) -> String {
    format!("/instances/{name}/{page}")
}

/// The instances that whoever looks sees, for a form to choose from.
///
/// # Errors
/// Those of the database.
pub fn names(app: &App, caller: &Caller) -> Result<Vec<String>> {
    Ok(list::cost(app, caller, &[], &mut Unobserved)?.0.into_iter().map(|row| row.name).collect())
}

/// What no form of a page sends.
pub fn unknown_action(word: &str, faults: &mut Faults) -> Option<Wanted> {
    faults.0.push(Fault::of(&nothing_called(word)));
    None
}

fn nothing_called(word: &str) -> Error {
    Error::new(Code::UnknownWord, format!("there is nothing to do called `{}`", escaped(word)))
}

/// What is done to its power.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Power {
    /// It is started.
    Start,
    /// Its guest is asked to power off.
    Stop,
    /// It is switched off, if it does not power off at once.
    SwitchOff,
    /// Its guest is asked to reboot.
    Reboot,
}

impl Power {
    /// The word of a button.
    ///
    /// # Errors
    /// [`Code::UnknownWord`].
    pub fn parse(word: &str) -> Result<Self> {
        match word {
            "start" => Ok(Self::Start),
            "stop" => Ok(Self::Stop),
            "switch-off" => Ok(Self::SwitchOff),
            "reboot" => Ok(Self::Reboot),
            _ => Err(nothing_called(word)),
        }
    }

    /// Accepts it: the id of its operation.
    ///
    /// # Errors
    /// It was refused.
    pub async fn accept(self, console: &Arc<Console>, who: &Arc<Who>, name: Name) -> Result<Option<String>> {
        let by = move |app: &App, caller: &Caller| {
            let (to, mut quiet) = ((&name, false), Unobserved);
            match self {
                Self::Start => change::accept(app, caller, &Start { until_ready: Some(UNTIL_READY) }, to, &mut quiet),
                Self::Stop => change::accept(app, caller, &Stop { force: false, timeout: UNTIL_OFF }, to, &mut quiet),
                Self::SwitchOff => {
                    change::accept(app, caller, &Stop { force: true, timeout: Duration::ZERO }, to, &mut quiet)
                }
                Self::Reboot => change::accept(app, caller, &Reboot { force: false }, to, &mut quiet),
            }
        };
        console.change(who, by).await
    }
}

/// What the page shows: the document of `lite show --json`, and the instance's operations.
#[derive(Serialize)]
struct Shown<'a> {
    one: &'a ShowView,
    /// What the blueprint prints, in its order.
    outputs: &'a [(String, String)],
    /// Ports of the host that lead to it.
    published: Vec<String>,
    operations: &'a [OperationRow],
    is_protected: bool,
    /// The operation that is under way.
    at_work: Option<AtWork>,
    live: String,
}

/// One instance in full.
///
/// # Errors
/// There is none of that name.
pub fn one(app: &App, caller: &Caller, name: &Name, said: &mut dyn Observer) -> Result<ShowView> {
    let one = show::show(app, caller, std::slice::from_ref(name), said)?.pop();
    one.ok_or_else(|| Error::new(Code::NoSuchInstance, format!("there is no instance `{name}`")))
}

fn look(app: &App, caller: &Caller, name: &Name, said: &mut dyn Observer) -> Result<(ShowView, Vec<OperationRow>)> {
    let one = one(app, caller, name, said)?;
    let (back, most) = OPERATIONS;
    let mut operations = operation::list(app, caller, back, &mut Unobserved)?;
    operations.retain(|operation| operation.instance == Some(one.row.uuid));
    operations.truncate(most);
    Ok((one, operations))
}

async fn show_one(State(console): State<Arc<Console>>, User(who): User, Path(name): Path<String>) -> Response {
    let asked = name.clone();
    let (around, found) = console.look(&who, move |app, caller, said| look(app, caller, &named(&asked)?, said)).await;
    match found {
        Ok((one, operations)) => {
            let started = operations.iter().find(|operation| operation.state == OperationState::Started.as_str());
            let at_work = |of: &OperationRow| AtWork { id: of.id.clone(), kind: of.kind.clone(), stage: None };
            let published = one.row.published.iter().map(ToString::to_string).collect();
            let shown = Shown {
                published,
                is_protected: is_protected(&one),
                outputs: &one.outputs,
                operations: &operations,
                at_work: started.map(at_work),
                live: named(&name).map_or_else(|_| String::new(), |name| Topic::Instance(name).address("")),
                one: &one,
            };
            around.page(AT, &name, "instance.html.j2", shown)
        }
        Err(error) => around.failed(AT, &error),
    }
}

async fn powered(
    State(console): State<Arc<Console>>,
    User(who): User,
    Path(name): Path<String>,
    fields: Fields,
) -> Response {
    let asked = named(&name).and_then(|name| Ok((name, Power::parse(fields.text("action"))?)));
    let done = match asked {
        Ok((name, power)) => power.accept(&console, &who, name).await,
        Err(error) => Err(error),
    };
    match done {
        Ok(operation) => begun(operation, &format!("/instances/{name}")),
        Err(error) => desk::failed(AT, &who, &error),
    }
}

async fn protected(
    State(console): State<Arc<Console>>,
    User(who): User,
    Path(name): Path<String>,
    fields: Fields,
) -> Response {
    let (change, to) = (Protect { protected: fields.text("protected") == "yes" }, format!("/instances/{name}"));
    let by = move |app: &App, caller: &Caller| {
        change::accept(app, caller, &change, (&named(&name)?, false), &mut Unobserved)
    };
    match console.change(&who, by).await {
        Ok(operation) => begun(operation, &to),
        Err(error) => desk::failed(AT, &who, &error),
    }
}

async fn repaired(State(console): State<Arc<Console>>, User(who): User, Path(name): Path<String>) -> Response {
    let (of, asks, to) = (console.clone(), who.clone(), format!("/instances/{name}"));
    let work = move || {
        // Whoever pressed the button was shown what was changed.
        let found = repair::find(&of.app, &asks.caller, &[named(&name)?], false, &mut Unobserved)?;
        found.run(&mut Unobserved, &mut |_| Ok(()))
    };
    match console.workers.page(work).await {
        Ok(_) => Redirect::to(&to).into_response(),
        Err(error) => desk::failed(AT, &who, &error),
    }
}

/// What the page of a delete shows.
#[derive(Serialize)]
struct Asked {
    name: String,
    typed: String,
    is_kept: bool,
    is_protected: bool,
    leads: Vec<String>,
    faults: Vec<Fault>,
}

async fn ask_delete(State(console): State<Arc<Console>>, User(who): User, Path(name): Path<String>) -> Response {
    delete_page(&console, &who, name, "", Vec::new()).await
}

async fn delete_page(
    console: &Arc<Console>,
    who: &Arc<Who>,
    name: String,
    typed: &str,
    faults: Vec<Fault>,
) -> Response {
    let asked = name.clone();
    let look = move |app: &App, caller: &Caller, said: &mut Warnings| {
        let (one, _) = look(app, caller, &named(&asked)?, said)?;
        Ok((one, app.settings.keep_deleted > Duration::ZERO))
    };
    let (around, found) = console.look(who, look).await;
    let (one, is_kept) = match found {
        Ok(found) => found,
        Err(error) => return around.failed(AT, &error),
    };
    let ports = one.row.published.iter().map(ToString::to_string);
    let domains = one.row.sites.iter().map(|site| site.domain.to_string());
    let (is_refused, title) = (!faults.is_empty(), format!("Delete {name}"));
    let leads = ports.chain(domains).collect();
    let shown = Asked { leads, is_kept, is_protected: is_protected(&one), name, typed: typed.to_owned(), faults };
    around.form((AT, &title), "delete.html.j2", is_refused, shown)
}

async fn delete_it(
    State(console): State<Arc<Console>>,
    User(who): User,
    Path(name): Path<String>,
    fields: Fields,
) -> Response {
    let typed = fields.text("name");
    let refused = |error: &Error| Fault::at("name", error);
    if typed != name {
        let error = Error::new(Code::Declined, format!("`{}` is not the name of this instance", escaped(typed)))
            .hint(format!("type `{}` to delete it", escaped(&name)));
        // What is not there, or not theirs, answers as that.
        return delete_page(&console, &who, name, typed, vec![refused(&error)]).await;
    }
    let change = Delete { now: fields.has("now") };
    let asked = name.clone();
    let by = move |app: &App, caller: &Caller| {
        change::accept(app, caller, &change, (&named(&asked)?, false), &mut Unobserved)
    };
    match console.change(&who, by).await {
        Ok(operation) => begun(operation, "/instances"),
        Err(error) if error.code == Code::Protected => {
            delete_page(&console, &who, name, typed, vec![refused(&error)]).await
        }
        Err(error) => desk::failed(AT, &who, &error),
    }
}

async fn show_secrets(State(console): State<Arc<Console>>, User(who): User, Path(name): Path<String>) -> Response {
    let asked = name.clone();
    let look =
        move |app: &App, caller: &Caller, said: &mut Warnings| secrets::secrets(app, caller, &named(&asked)?, said);
    let (around, found) = console.look(&who, look).await;
    match found {
        Ok(secrets) => {
            let shown = SecretsDocument { instance: &name, secrets: &secrets };
            around.page(AT, &format!("Passwords of {name}"), "secrets.html.j2", shown)
        }
        Err(error) => around.failed(AT, &error),
    }
}
