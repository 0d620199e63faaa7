//! `/instances/NAME`: one in full, and what is done to it.

use std::{sync::Arc, time::Duration};

use axum::{
    extract::{Path, State},
    response::Response,
    routing::{MethodRouter, get, post},
};
use serde::Serialize;

use super::super::{
    Console,
    desk::{self, begun},
    fault::Fault,
    form::Fields,
    frame::{At, Warnings},
    session::User,
};
use crate::{
    app::{
        App, Caller,
        instance::{
            change,
            delete::Delete,
            power::{Reboot, Start, Stop},
            protect::Protect,
            secrets, show,
        },
        operation,
        session::Who,
    },
    model::{Code, Error, Name, Observer, Result, Tag, Unobserved, escaped},
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
            _ => Err(Error::new(Code::UnknownWord, format!("there is nothing to do called `{}`", escaped(word)))),
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
    operations: &'a [OperationRow],
    is_protected: bool,
}

fn look(app: &App, caller: &Caller, name: &Name, said: &mut dyn Observer) -> Result<(ShowView, Vec<OperationRow>)> {
    let one = show::show(app, caller, std::slice::from_ref(name), said)?.pop();
    let one = one.ok_or_else(|| Error::new(Code::NoSuchInstance, format!("there is no instance `{name}`")))?;
    let (back, most) = OPERATIONS;
    let mut operations = operation::list(app, caller, back, &mut Unobserved)?;
    operations.retain(|operation| operation.instance == Some(one.row.uuid));
    operations.truncate(most);
    Ok((one, operations))
}

fn is_protected(one: &ShowView) -> bool {
    one.row.tags.iter().any(Tag::protects)
}

async fn show_one(State(console): State<Arc<Console>>, User(who): User, Path(name): Path<String>) -> Response {
    let asked = name.clone();
    let (around, found) = console.look(&who, move |app, caller, said| look(app, caller, &named(&asked)?, said)).await;
    match found {
        Ok((one, operations)) => {
            let shown =
                Shown { is_protected: is_protected(&one), outputs: &one.outputs, one: &one, operations: &operations };
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
