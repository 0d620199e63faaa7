//! What clap says, in our words: one sentence, the nearest known word, exit 2.

use std::ffi::OsString;

use clap::{
    Command,
    error::{ContextKind, ContextValue, ErrorKind},
};

use crate::model::{Code, Error, escaped, nearest};

/// The error for arguments that do not parse. A value refused by one of our own parsers keeps its own error.
pub fn usage(error: &clap::Error, root: &Command, args: &[OsString]) -> Error {
    let source = std::error::Error::source(error);
    let arg = text(error, ContextKind::InvalidArg).unwrap_or_default();
    if let Some(own) = source.and_then(|s| s.downcast_ref::<Error>()) {
        let message =
            if arg.starts_with('-') { format!("`{}`: {}", word(&arg), own.message) } else { own.message.clone() };
        return Error { message, ..own.clone() };
    }
    let value = text(error, ContextKind::InvalidValue).unwrap_or_default();
    let verb = text(error, ContextKind::InvalidSubcommand).unwrap_or_default();
    let message = match error.kind() {
        ErrorKind::InvalidSubcommand => format!("there is no command `{}`", escaped(&verb)),
        ErrorKind::UnknownArgument => format!("unexpected argument `{}`", escaped(&arg)),
        ErrorKind::InvalidValue if value.is_empty() => format!("`{}` needs a value", word(&arg)),
        ErrorKind::InvalidValue | ErrorKind::ValueValidation => {
            format!("`{}` is not a value for `{}`", escaped(&value), word(&arg))
        }
        ErrorKind::MissingRequiredArgument => format!("missing {}", list(error, ContextKind::InvalidArg)),
        ErrorKind::MissingSubcommand | ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand => {
            "missing a command".to_owned()
        }
        ErrorKind::ArgumentConflict => match text(error, ContextKind::PriorArg) {
            Some(prior) if prior == arg => format!("`{}` is given more than once", word(&arg)),
            Some(prior) => format!("`{}` cannot be used with `{}`", word(&arg), word(&prior)),
            None => format!("`{}` cannot be used with the other arguments", word(&arg)),
        },
        ErrorKind::InvalidUtf8 => "an argument is not UTF-8".to_owned(),
        _ => first_line(error),
    };
    let refused = Error::new(Code::Usage, message);
    let refused = match source {
        Some(source) => refused.cause(escaped(&source.to_string())),
        None => refused,
    };
    let (command, path) = reached(root, args);
    let allowed = all(error, ContextKind::ValidValue);
    let near = match error.kind() {
        ErrorKind::InvalidSubcommand => {
            nearest(&verb, command.get_subcommands().map(Command::get_name)).map(str::to_owned)
        }
        ErrorKind::UnknownArgument if arg.starts_with("--") => {
            nearest(&word(&arg), flags(command).iter().map(String::as_str)).map(str::to_owned)
        }
        _ => nearest(&value, allowed.iter().map(String::as_str)).map(str::to_owned),
    };
    let choice = (!allowed.is_empty()).then(|| format!("the values are {}", list(error, ContextKind::ValidValue)));
    let hints =
        [near.map(|n| format!("did you mean `{n}`?")), choice, Some(format!("`{path} --help` shows how it is used"))];
    hints.into_iter().flatten().fold(refused, Error::hint)
}

/// The command that the arguments lead to, and how to write it.
fn reached<'a>(root: &'a Command, args: &[OsString]) -> (&'a Command, String) {
    let (mut command, mut path) = (root, root.get_name().to_owned());
    for arg in args.iter().skip(1).take_while(|a| *a != "--") {
        if let Some(next) = arg.to_str().and_then(|a| command.find_subcommand(a)) {
            command = next;
            path = format!("{path} {}", next.get_name());
        }
    }
    (command, path)
}

fn flags(command: &Command) -> Vec<String> {
    let own = command.get_arguments().filter_map(clap::Arg::get_long);
    own.map(|f| format!("--{f}")).collect()
}

/// `--timeout` out of `--timeout <TIME>`.
fn word(arg: &str) -> String {
    escaped(arg.split([' ', '=']).next().unwrap_or(arg))
}

fn first_line(error: &clap::Error) -> String {
    let text = error.to_string();
    let line = text.lines().next().unwrap_or_default();
    escaped(line.strip_prefix("error: ").unwrap_or(line))
}

fn all(error: &clap::Error, kind: ContextKind) -> Vec<String> {
    match error.get(kind) {
        Some(ContextValue::String(one)) => vec![one.clone()],
        Some(ContextValue::Strings(many)) => many.clone(),
        _ => Vec::new(),
    }
}

fn text(error: &clap::Error, kind: ContextKind) -> Option<String> {
    all(error, kind).into_iter().next()
}

fn list(error: &clap::Error, kind: ContextKind) -> String {
    all(error, kind).iter().map(|a| format!("`{}`", escaped(a))).collect::<Vec<_>>().join(", ")
}
