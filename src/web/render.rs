//! Pages out of templates: what they hold is escaped, and what they do not know is a fault.

use std::{fmt::Write, sync::OnceLock};

use axum::{
    http::StatusCode,
    response::{Html, IntoResponse, Response},
};
use minijinja::{
    Environment, HtmlEscape, Output, State, UndefinedBehavior, Value, escape_formatter, syntax::SyntaxConfig,
    value::Serde,
};
use serde::Serialize;

use super::{assets, frame::Frame};
use crate::model::{Class, Code, Error, Size, visible};

/// A template, by its name.
macro_rules! templates {
    ($($name:literal),* $(,)?) => { [$(($name, include_str!(concat!("templates/", $name)))),*] };
}

/// The templates: one a page, the frame of all, and what several have.
const ALL: &[(&str, &str)] = &templates![
    "page.html.j2",
    "parts.html.j2",
    "login.html.j2",
    "second.html.j2",
    "second_factor.html.j2",
    "message.html.j2",
    "instances.html.j2",
    "instance.html.j2",
    "create.html.j2",
    "delete.html.j2",
    "secrets.html.j2",
    "operations.html.j2",
    "operation.html.j2",
    "own.html.j2",
    "firewall.html.j2",
    "metrics.html.j2",
    "row.html.j2",
    "list.html.j2",
    "figures.html.j2",
    "gone.html.j2",
    "sum.html.j2",
    "state.html.j2",
    "at-work.html.j2",
    "power.html.j2",
    "last.html.j2",
    "operation-state.html.j2",
    "operation-outcome.html.j2",
    "operation-progress.html.j2",
    "operation-steps.html.j2",
    "operation-ends.html.j2",
    "console.html.j2",
    "ssh.html.j2",
    "cost.html.j2",
    "alarms.html.j2",
    "alarm.html.j2",
    "alarms_of.html.j2",
    "balancer.html.j2",
    "contact.html.j2",
    "contacts.html.j2",
    "deleted.html.j2",
    "disk.html.j2",
    "disks.html.j2",
    "history.html.j2",
    "leads.html.j2",
    "logs.html.j2",
    "network.html.j2",
    "once.html.j2",
    "settings.html.j2",
    "snapshot.html.j2",
    "snapshots.html.j2",
    "storage.html.j2",
    "user.html.j2",
    "images.html.j2",
    "image.html.j2",
    "key_pair.html.j2",
    "key_pairs.html.j2",
    "remote.html.j2",
    "remotes.html.j2",
    "host.html.j2",
    "access.html.j2",
    "audit.html.j2",
];

fn environment() -> &'static Environment<'static> {
    static ENVIRONMENT: OnceLock<Environment<'static>> = OnceLock::new();
    ENVIRONMENT.get_or_init(|| {
        let mut environment = Environment::new();
        environment.set_undefined_behavior(UndefinedBehavior::Strict);
        environment.set_auto_escape_callback(|_| minijinja::AutoEscape::Html);
        if let Ok(syntax) = SyntaxConfig::builder().trim_blocks(true).lstrip_blocks(true).build() {
            environment.set_syntax(syntax);
        }
        environment.set_formatter(plain);
        environment.add_function("asset", |name: &str| assets::address(name));
        environment.add_filter("size", |bytes: u64| Size::bytes(bytes).to_string());
        environment.add_filter("about", |bytes: u64| Size::bytes(bytes).about());
        environment.add_filter("words", words);
        environment.add_filter("moment", |time: &str| time.replace('T', " ").replace('Z', " UTC"));
        environment.add_filter("took", took);
        for (name, text) in ALL {
            // Each is rendered by a test: none is faulty.
            let _ = environment.add_template(name, text);
        }
        environment
    })
}

/// Writes a value: text that could hide or reorder other text is written out, and all but what a filter here made is escaped.
fn plain(out: &mut Output, state: &mut State, value: &Value) -> Result<(), minijinja::Error> {
    match value.as_str().filter(|_| !value.is_safe()) {
        Some(text) => escape_formatter(out, state, &Value::from(visible(text, is_kept).into_owned())),
        None => escape_formatter(out, state, value),
    }
}

/// Line ends and tabs of what a guest or a tool wrote.
fn is_kept(c: char) -> bool {
    c == '\n' || c == '\t'
}

/// A sentence as the command line says it: what stands between two backticks is code.
fn words(text: &str) -> Value {
    let mut html = String::with_capacity(text.len() + 32);
    let mut parts = visible(text, is_kept).into_owned();
    // One backtick alone is a backtick.
    let odd = parts.matches('`').count() % 2 == 1;
    let last = if odd { parts.rfind('`').map(|at| parts.split_off(at)) } else { None };
    for (n, part) in parts.split('`').enumerate() {
        let (before, after) = if n % 2 == 1 { ("<code>", "</code>") } else { ("", "") };
        let _ = write!(html, "{before}{}{after}", HtmlEscape(part));
    }
    let _ = write!(html, "{}", HtmlEscape(last.as_deref().unwrap_or_default()));
    Value::from_safe_string(html)
}

/// How long something took: `0.2 s`, `29 s`, `4 min 5 s`.
fn took(milliseconds: u64) -> String {
    match milliseconds {
        0..10_000 => format!("{}.{} s", milliseconds / 1000, milliseconds % 1000 / 100),
        10_000..60_000 => format!("{} s", milliseconds / 1000),
        _ => format!("{} min {} s", milliseconds / 60_000, milliseconds % 60_000 / 1000),
    }
}

/// What a template gets.
#[derive(Serialize)]
struct Given<'a, T> {
    #[serde(flatten)]
    frame: &'a Frame<'a>,
    shown: T,
}

/// A page: its frame, its template, and what that shows.
pub fn page(status: StatusCode, frame: &Frame<'_>, template: &str, shown: impl Serialize) -> Response {
    let made = environment().get_template(template).and_then(|made| made.render(Serde(Given { frame, shown })));
    match made {
        Ok(text) => (status, Html(text)).into_response(),
        Err(error) => {
            // A fault of this program, which its tests are told.
            let why = if cfg!(debug_assertions) { format!("{error:#}\n") } else { String::new() };
            (StatusCode::INTERNAL_SERVER_ERROR, format!("this page cannot be made\n{why}")).into_response()
        }
    }
}

/// A part of a page, as it is in that; none: it cannot be made.
pub fn part(template: &str, given: &impl Serialize) -> Option<String> {
    environment().get_template(template).and_then(|made| made.render(Serde(given))).ok()
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
    page(StatusCode::NOT_FOUND, &Frame::outside("Nothing here"), "message.html.j2", shown)
}

/// How a request is answered that met an error.
pub fn status(error: &Error) -> StatusCode {
    match error.class {
        _ if error.code == Code::TooManyRequests => StatusCode::SERVICE_UNAVAILABLE,
        Class::Forbidden => StatusCode::FORBIDDEN,
        Class::NotFound => StatusCode::NOT_FOUND,
        Class::Busy => StatusCode::CONFLICT,
        Class::Unreachable => StatusCode::SERVICE_UNAVAILABLE,
        Class::InvalidInput | Class::Taken | Class::WrongState => StatusCode::BAD_REQUEST,
        Class::Failed | Class::NeedsAttention => StatusCode::INTERNAL_SERVER_ERROR,
    }
}

/// The page of an error.
pub fn failed(frame: &Frame<'_>, error: &Error) -> Response {
    let title = match error.class {
        Class::NotFound => "Nothing here",
        Class::Unreachable => "No answer",
        _ => "This was not done",
    };
    let frame = frame.titled(title);
    let hints = error.hint_texts();
    let shown = match frame.is_outside() {
        false => Message { text: &error.message, causes: &error.causes, hints: &hints },
        // Who is not known is told nothing of this host.
        true => Message { text: "This is not possible just now.", causes: &[], hints: &[] },
    };
    page(status(error), &frame, "message.html.j2", shown)
}

#[cfg(test)]
mod tests {
    use super::{ALL, environment, took, words};

    #[test]
    fn every_template_is_read() {
        for (name, _) in ALL {
            environment().get_template(name).unwrap();
        }
    }

    #[test]
    fn commands_are_code_and_all_else_is_text() {
        for (text, html) in [
            ("plain <b>", "plain &lt;b&gt;"),
            ("`lite list` lists", "<code>lite list</code> lists"),
            ("a `b` c `<i>`", "a <code>b</code> c <code>&lt;i&gt;</code>"),
            ("one ` alone", "one ` alone"),
            ("`a` and ` alone", "<code>a</code> and ` alone"),
            ("\u{202e}x\u{1b}", "\\u{202e}x\\u{1b}"),
        ] {
            assert_eq!(words(text).to_string(), html);
        }
    }

    #[test]
    fn times_are_as_long_as_they_need_to_be() {
        for (milliseconds, text) in [(0, "0.0 s"), (240, "0.2 s"), (29_900, "29 s"), (245_000, "4 min 5 s")] {
            assert_eq!(took(milliseconds), text);
        }
    }
}
