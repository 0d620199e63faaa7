//! Pages out of templates: what they hold is escaped, and what they do not know is a fault.

use std::sync::OnceLock;

use axum::{
    http::StatusCode,
    response::{Html, IntoResponse, Response},
};
use minijinja::{Environment, UndefinedBehavior, value::Serde};
use serde::Serialize;

use super::assets;
use crate::model::{Class, Code, Error, Hint, Observer, Stage};

/// The templates: one a page, and the frame of all.
const ALL: [(&str, &str); 4] = [
    ("page.html.j2", include_str!("templates/page.html.j2")),
    ("login.html.j2", include_str!("templates/login.html.j2")),
    ("instances.html.j2", include_str!("templates/instances.html.j2")),
    ("message.html.j2", include_str!("templates/message.html.j2")),
];

fn environment() -> &'static Environment<'static> {
    static ENVIRONMENT: OnceLock<Environment<'static>> = OnceLock::new();
    ENVIRONMENT.get_or_init(|| {
        let mut environment = Environment::new();
        environment.set_undefined_behavior(UndefinedBehavior::Strict);
        environment.set_auto_escape_callback(|_| minijinja::AutoEscape::Html);
        environment.add_function("asset", |name: &str| assets::address(name));
        for (name, text) in ALL {
            // Each is rendered by a test: none is faulty.
            let _ = environment.add_template(name, text);
        }
        environment
    })
}

/// What every page has.
#[derive(Serialize)]
struct Frame<'a, T> {
    title: &'a str,
    user: Option<&'a str>,
    shown: T,
}

/// A page: its template, its title, who sees it, and what the template shows beside these.
pub fn page(
    status: StatusCode,
    template: &str,
    (title, user): (&str, Option<&str>),
    shown: impl Serialize,
) -> Response {
    let made = environment().get_template(template).and_then(|made| made.render(Serde(Frame { title, user, shown })));
    match made {
        Ok(text) => (status, Html(text)).into_response(),
        Err(_) => (StatusCode::INTERNAL_SERVER_ERROR, "this page cannot be made\n").into_response(),
    }
}

/// A message in place of a page.
#[derive(Serialize)]
struct Message<'a> {
    text: &'a str,
    causes: &'a [String],
    hints: &'a [String],
}

/// A page that is not there.
pub async fn nothing() -> Response {
    let shown = Message { text: "There is no such page.", causes: &[], hints: &[] };
    page(StatusCode::NOT_FOUND, "message.html.j2", ("Nothing here", None), shown)
}

/// The page of an error.
pub fn failed(user: Option<&str>, error: &Error) -> Response {
    let status = match error.class {
        _ if error.code == Code::TooManyRequests => StatusCode::SERVICE_UNAVAILABLE,
        Class::Forbidden => StatusCode::FORBIDDEN,
        Class::NotFound => StatusCode::NOT_FOUND,
        Class::Busy => StatusCode::CONFLICT,
        Class::Unreachable => StatusCode::SERVICE_UNAVAILABLE,
        Class::InvalidInput | Class::Taken | Class::WrongState => StatusCode::BAD_REQUEST,
        Class::Failed | Class::NeedsAttention => StatusCode::INTERNAL_SERVER_ERROR,
    };
    let hints = error.hint_texts();
    let shown = match user {
        Some(_) => Message { text: &error.message, causes: &error.causes, hints: &hints },
        // Who is not known is told nothing of this host.
        None => Message { text: "This is not possible just now.", causes: &[], hints: &[] },
    };
    page(status, "message.html.j2", ("This was not done", user), shown)
}

/// Keeps what is said beside what a page shows.
#[derive(Default)]
pub struct Warnings(pub Vec<String>);

impl Observer for Warnings {
    fn begin(&mut self, _: Stage) {}
    fn note(&mut self, _: &str) {}
    fn bytes(&mut self, _: u64, _: Option<u64>) {}
    fn finish(&mut self) {}
    fn fail(&mut self) {}
    fn status(&mut self, _: &str) {}
    fn warn(&mut self, warning: &Hint) {
        self.0.push(warning.to_string());
    }
}
