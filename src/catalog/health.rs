//! The health check of a blueprint.

use super::{
    diagnostic::Diagnostics,
    reader::Fields,
    scripts,
    tree::{Node, Value},
    types::Health,
};
use crate::model::{Code, Error, Result, escaped};

/// How long a command may take, in seconds, unless the blueprint says.
const COMMAND_TIMEOUT: u16 = 10;

/// Reads `health`.
pub(crate) fn read(top: &Fields<'_>, diagnostics: &mut Diagnostics) -> Option<Health> {
    let fields = Fields::of(top.get("health")?, "health", &["http", "tcp", "command"], diagnostics)?;
    match (fields.get("http"), fields.get("tcp"), fields.get("command")) {
        (Some(node), None, None) => {
            http(&Fields::of(node, "health.http", &["port", "path", "status", "text"], diagnostics)?, diagnostics)
        }
        (None, Some(node), None) => {
            let tcp = Fields::of(node, "health.tcp", &["port", "banner"], diagnostics)?;
            let port = port(&tcp, diagnostics)?;
            Some(Health::Tcp { port, banner: tcp.optional_text("banner", diagnostics) })
        }
        (None, None, Some(node)) => command(node, &fields, diagnostics),
        _ => {
            diagnostics.add(fields.line, "health", "needs one of `http`, `tcp` and `command`");
            None
        }
    }
}

/// `command: TEXT`, or `command: {run: TEXT, timeout: SECONDS}`.
fn command(node: &Node, health: &Fields<'_>, diagnostics: &mut Diagnostics) -> Option<Health> {
    if !matches!(node.value, Value::Map(_)) {
        let run = health.parsed("command", diagnostics, script)?;
        return scripts::usable(node, "health.command", &run, diagnostics)
            .then_some(Health::Command { run, timeout: COMMAND_TIMEOUT });
    }
    let fields = Fields::of(node, "health.command", &["run", "timeout"], diagnostics)?;
    let run = fields.parsed("run", diagnostics, script).filter(|run| {
        fields.get("run").is_some_and(|node| scripts::usable(node, "health.command.run", run, diagnostics))
    });
    let timeout = fields.number_or("timeout", 1..=50, COMMAND_TIMEOUT.into(), diagnostics);
    Some(Health::Command { run: run?, timeout: timeout.and_then(|t| u16::try_from(t).ok())? })
}

/// A bash command of a health check.
pub(super) fn script(text: &str) -> Result<String> {
    if !text.trim().is_empty() && text.len() <= 4096 && !text.contains('\0') {
        return Ok(text.to_owned());
    }
    let said: String = text.chars().take(40).collect();
    Err(Error::new(Code::InvalidCommand, format!("`{}` is not a command", escaped(&said)))
        .hint("a command is a line of bash such as `pg_isready -q`, or some, at most 4096 bytes"))
}

fn http(fields: &Fields<'_>, diagnostics: &mut Diagnostics) -> Option<Health> {
    let port = port(fields, diagnostics);
    let path = fields.parsed("path", diagnostics, url_path);
    let status = fields.number_or("status", 100..=599, 200, diagnostics).and_then(|s| u16::try_from(s).ok());
    let text = fields.optional_text("text", diagnostics);
    Some(Health::Http { port: port?, path: path?, status: status?, text })
}

fn port(fields: &Fields<'_>, diagnostics: &mut Diagnostics) -> Option<u16> {
    fields.number("port", 1..=65535, diagnostics).and_then(|p| u16::try_from(p).ok())
}

pub(super) fn url_path(text: &str) -> Result<String> {
    if text.starts_with('/')
        && !text.starts_with("//")
        && text.len() <= 256
        && text.bytes().all(|b| b.is_ascii_graphic() && b != b'#')
    {
        return Ok(text.to_owned());
    }
    Err(Error::new(Code::InvalidPath, format!("`{}` is not a path", escaped(text)))
        .hint("a path starts with one `/` and holds printable ASCII without spaces and `#`, at most 256 characters"))
}
