//! Pages with forms of one shape: what they show is looked up, what was sent is read into what is wanted, and that is done. What is
//! refused is the same page again with what was typed.

use std::{collections::HashMap, sync::Arc};

use axum::{
    extract::{FromRequestParts, Path, Query as Asked, State},
    http::{StatusCode, request::Parts},
    response::Response,
    routing::{MethodRouter, get, post},
};
use serde::Serialize;

use super::{
    Console,
    desk::{self, begun},
    fault::{Fault, Faults},
    form::Fields,
    frame::{At, Warnings},
    session::User,
};
use crate::{
    app::{Accepted, App, Caller, session::Who},
    model::{Code, Error, Result, escaped},
};

/// What is done for a form, by whoever sent it.
pub type Work<T> = Box<dyn FnOnce(&App, &Who) -> Result<T> + Send>;

/// What a form asks for.
pub enum Wanted {
    /// A change: it leads to its operation, or back to the page.
    Change(Work<Accepted<()>>),
    /// The page again, with what would be done or what was found.
    Tell(Work<String>),
    /// The same, where somebody outside this host is asked for it.
    Ask(Work<String>),
    /// What is shown this once.
    Once(Work<Once>),
}

impl Wanted {
    /// A change.
    pub fn change<V: 'static>(work: impl FnOnce(&App, &Caller) -> Result<Accepted<V>> + Send + 'static) -> Self {
        Self::Change(Box::new(move |app, who| work(app, &who.caller).map(Accepted::unseen)))
    }

    /// A change that is done at once, and has no operation.
    pub fn at_once<V>(work: impl FnOnce(&App, &Caller) -> Result<V> + Send + 'static) -> Self {
        Self::own(move |app, who| work(app, &who.caller))
    }

    /// What is told on the page.
    pub fn tell(work: impl FnOnce(&App, &Caller) -> Result<String> + Send + 'static) -> Self {
        Self::Tell(Box::new(move |app, who| work(app, &who.caller)))
    }

    /// What is told on the page once somebody outside this host was asked.
    pub fn ask(work: impl FnOnce(&App, &Caller) -> Result<String> + Send + 'static) -> Self {
        Self::Ask(Box::new(move |app, who| work(app, &who.caller)))
    }

    /// What is shown this once.
    pub fn once(work: impl FnOnce(&App, &Caller) -> Result<Once> + Send + 'static) -> Self {
        Self::own_once(move |app, who| work(app, &who.caller))
    }

    /// What somebody does for itself, at once.
    pub fn own<V>(work: impl FnOnce(&App, &Who) -> Result<V> + Send + 'static) -> Self {
        Self::Change(Box::new(move |app, who| work(app, who).map(|_| Accepted::done(()))))
    }

    /// What is shown this once to who made it for itself.
    pub fn own_once(work: impl FnOnce(&App, &Who) -> Result<Once> + Send + 'static) -> Self {
        Self::Once(Box::new(work))
    }
}

/// What is shown once, and can be asked for no more.
#[derive(Serialize)]
pub struct Once {
    /// What it is.
    pub title: String,
    /// What to do with it.
    pub text: String,
    /// Each value with its label.
    pub rows: Vec<(&'static str, String)>,
    /// Lines to copy as they are.
    pub lines: Vec<String>,
}

/// A page with forms.
pub trait Sheet: Send + Sync + 'static {
    /// Its part of the console.
    const AT: At;
    /// Its template.
    const TEMPLATE: &'static str;
    /// What it shows beside its forms.
    type View: Serialize + Send + 'static;

    /// Its title; `name` is what its address names.
    fn title(name: &str) -> String;

    /// Whether a form wants a log-in of late: what it gives lasts.
    fn wants_fresh(_: &Fields) -> bool {
        false
    }

    /// Where a form leads that has no operation.
    fn back(name: &str, _: &Fields) -> String;

    /// Whether a form leads there all the same: its operation is the first of several.
    fn is_seen_there(_: &Fields) -> bool {
        false
    }

    /// What it shows.
    ///
    /// # Errors
    /// It cannot be looked up, or is not there.
    fn look(app: &App, caller: &Caller, name: &str, said: &mut Warnings) -> Result<Self::View>;

    /// The same, with what is somebody's own.
    ///
    /// # Errors
    /// As before.
    fn look_by(app: &App, who: &Who, name: &str, said: &mut Warnings) -> Result<Self::View> {
        Self::look(app, &who.caller, name, said)
    }

    /// What its forms begin with, by what stands after `?` in its address.
    fn begin(_: &HashMap<String, String>) -> Fields {
        Fields::default()
    }

    /// What its forms ask for; none: something is wrong, and told.
    fn wanted(name: &str, fields: &Fields, faults: &mut Faults) -> Option<Wanted>;
}

/// The page.
pub fn page<S: Sheet>() -> MethodRouter<Arc<Console>> {
    get(show::<S>)
}

/// Its forms.
pub fn posted<S: Sheet>() -> MethodRouter<Arc<Console>> {
    post(sent::<S>)
}

/// What the address of a page names; empty where that names nothing.
struct Named(String);

impl<S: Send + Sync> FromRequestParts<S> for Named {
    type Rejection = StatusCode;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> std::result::Result<Self, StatusCode> {
        match Option::<Path<String>>::from_request_parts(parts, state).await {
            Ok(name) => Ok(Self(name.map(|Path(name)| name).unwrap_or_default())),
            Err(_) => Err(StatusCode::NOT_FOUND),
        }
    }
}

/// What its template gets.
#[derive(Serialize)]
struct Shown<'a, V> {
    view: V,
    typed: &'a Fields,
    told: Option<&'a str>,
    is_fresh: bool,
    faults: Vec<Fault>,
}

async fn show<S: Sheet>(
    State(console): State<Arc<Console>>,
    User(who): User,
    Named(name): Named,
    Asked(asked): Asked<HashMap<String, String>>,
) -> Response {
    render::<S>(&console, &who, &name, &S::begin(&asked), Ok(None)).await
}

/// The page again, with what is wrong.
pub async fn refused<S: Sheet>(console: &Arc<Console>, who: &Arc<Who>, name: &str, faults: Vec<Fault>) -> Response {
    render::<S>(console, who, name, &Fields::default(), Err(faults)).await
}

async fn render<S: Sheet>(
    console: &Arc<Console>,
    who: &Arc<Who>,
    name: &str,
    fields: &Fields,
    came: std::result::Result<Option<String>, Vec<Fault>>,
) -> Response {
    let (asked, asks) = (name.to_owned(), who.clone());
    let (around, found) = console.look(who, move |app, _, said| S::look_by(app, &asks, &asked, said)).await;
    match found {
        Ok(view) => {
            let is_refused = came.is_err();
            let told = came.as_ref().ok().and_then(Option::as_deref);
            let faults = came.as_ref().err().cloned().unwrap_or_default();
            let shown = Shown { view, typed: fields, told, is_fresh: who.is_fresh, faults };
            around.form((S::AT, &S::title(name)), S::TEMPLATE, is_refused, shown)
        }
        Err(error) => around.failed(S::AT, &error),
    }
}

async fn sent<S: Sheet>(
    State(console): State<Arc<Console>>,
    User(who): User,
    Named(name): Named,
    fields: Fields,
) -> Response {
    let mut faults = Faults::default();
    let wanted = S::wanted(&name, &fields, &mut faults).filter(|_| faults.0.is_empty());
    let fresh = if S::wants_fresh(&fields) { who.require_fresh() } else { Ok(()) };
    let done = match (wanted, fresh) {
        (_, Err(error)) => Err(error),
        (None, _) => return render::<S>(&console, &who, &name, &fields, Err(faults.0)).await,
        (Some(wanted), _) => carry_out::<S>(&console, &who, &name, &fields, wanted).await,
    };
    match done {
        Ok(response) => response,
        Err(error) if error.code == Code::Forbidden => desk::failed(S::AT, &who, &error),
        Err(error) => {
            let faults = vec![Fault::placed(&error, &fields)];
            render::<S>(&console, &who, &name, &fields, Err(faults)).await
        }
    }
}

/// Does what is wanted, and leads to where it is seen.
async fn carry_out<S: Sheet>(
    console: &Arc<Console>,
    who: &Arc<Who>,
    name: &str,
    fields: &Fields,
    wanted: Wanted,
) -> Result<Response> {
    let (of, asks) = (console.clone(), who.clone());
    match wanted {
        Wanted::Change(work) => {
            let operation = console.change(who, move |app, _| work(app, &asks)).await?;
            Ok(begun(operation.filter(|_| !S::is_seen_there(fields)), &S::back(name, fields)))
        }
        Wanted::Tell(work) => {
            let told = console.workers.page(move || work(&of.app, &asks)).await?;
            Ok(render::<S>(console, who, name, fields, Ok(Some(told))).await)
        }
        Wanted::Ask(work) => {
            let told = console.workers.outside(&of.app, move |app| work(app, &asks)).await?;
            Ok(render::<S>(console, who, name, fields, Ok(Some(told))).await)
        }
        Wanted::Once(work) => {
            let once = console.workers.page(move || work(&of.app, &asks)).await?;
            let (around, _) = console.look(who, |_, _, _| Ok(())).await;
            let back = S::back(name, fields);
            Ok(around.page(S::AT, &once.title, "once.html.j2", OnceShown { once: &once, back: &back }))
        }
    }
}

/// What its template gets.
#[derive(Serialize)]
struct OnceShown<'a> {
    once: &'a Once,
    back: &'a str,
}

/// Refused unless a name was typed again, for what has no way back.
pub fn confirmed(name: &str, fields: &Fields, faults: &mut Faults) {
    let typed = fields.text("confirm");
    if typed != name {
        let error = Error::new(Code::Declined, format!("`{}` is not its name", escaped(typed)))
            .hint(format!("type `{}`, to say that this is the one", escaped(name)));
        faults.0.push(Fault::at("confirm", &error));
    }
}
