//! The larger parts of a blueprint: parameters, secrets, alarms.

use super::{
    diagnostic::Diagnostics,
    params,
    reader::{Fields, text},
    template,
    tree::Node,
    types::{AlarmSpec, Parameter, ParameterType, SecretSpec},
};
use crate::model::{Code, Error, Metric, Result, escaped};

/// Letters and digits.
const ALPHANUMERIC: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";

/// The name of a parameter or secret: it becomes part of a shell variable's name.
pub(super) fn variable(text: &str) -> bool {
    (1..=32).contains(&text.len())
        && text.starts_with(|c: char| c.is_ascii_lowercase())
        && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_')
}

/// The entries below `key`, each with its name checked.
fn named<'a>(top: &Fields<'a>, key: &str, diagnostics: &mut Diagnostics) -> Vec<(&'a str, &'a Node, String)> {
    let Some(fields) = top.entries(key, diagnostics) else { return Vec::new() };
    let mut entries = Vec::new();
    for (name, node) in fields.iter() {
        let path = fields.at(&name.text);
        if !variable(&name.text) {
            diagnostics.add(
                name.line,
                &path,
                "a name has 1 to 32 characters of a-z, 0-9 and `_`, and starts with a letter",
            );
        }
        entries.push((name.text.as_str(), node, path));
    }
    entries
}

pub(crate) fn parameters(top: &Fields<'_>, diagnostics: &mut Diagnostics) -> Vec<Parameter> {
    let mut list = Vec::new();
    for (name, node, path) in named(top, "parameters", diagnostics) {
        let Some(fields) = Fields::of(node, &path, &["type", "description", "pattern", "not", "default"], diagnostics)
        else {
            continue;
        };
        let kind = match fields.word("type", &["text", "integer", "boolean"], diagnostics) {
            Some("integer") => ParameterType::Integer,
            Some("boolean") => ParameterType::Boolean,
            _ => ParameterType::Text,
        };
        let description = fields.text("description", diagnostics).unwrap_or_default();
        let pattern = fields.get("pattern").and_then(|_| fields.parsed("pattern", diagnostics, pattern));
        let items = fields.list("not", diagnostics).iter().enumerate();
        let at = fields.at("not");
        let not = items.filter_map(|(i, n)| text(n, &format!("{at}[{i}]"), diagnostics).map(str::to_owned)).collect();
        let default = fields.optional_text("default", diagnostics);
        let parameter = Parameter { name: name.to_owned(), kind, description, pattern, not, default };
        if let (Some(default), Some(node)) = (&parameter.default, fields.get("default"))
            && let Err(error) = params::check(&parameter, default)
        {
            diagnostics.refused(node.line, &fields.at("default"), &error);
        }
        list.push(parameter);
    }
    list
}

fn pattern(text: &str) -> Result<String> {
    let bad = |why: String| {
        Error::new(Code::InvalidPattern, format!("`{}` is not a pattern: {why}", escaped(text)))
            .hint("a pattern is a regular expression for the whole value, such as `[a-z]+`, at most 256 characters")
    };
    if text.len() > 256 {
        return Err(bad("too long".to_owned()));
    }
    params::compile(text).map_err(|error| bad(escaped(&error.to_string())))?;
    Ok(text.to_owned())
}

pub(crate) fn secrets(top: &Fields<'_>, params: &[&str], diagnostics: &mut Diagnostics) -> Vec<SecretSpec> {
    let mut list = Vec::new();
    for (name, node, path) in named(top, "secrets", diagnostics) {
        let Some(fields) = Fields::of(node, &path, &["description", "user", "length", "alphabet", "show"], diagnostics)
        else {
            continue;
        };
        let description = fields.text("description", diagnostics).unwrap_or_default();
        let user = fields.optional_text("user", diagnostics);
        if let (Some(user), Some(node)) = (&user, fields.get("user")) {
            template::note(user, params, node.line, &fields.at("user"), diagnostics);
        }
        let length = fields.number_or("length", 20..=256, 24, diagnostics).unwrap_or(24);
        let alphabet = match fields.get("alphabet") {
            Some(_) => fields.parsed("alphabet", diagnostics, alphabet).unwrap_or_default(),
            None => ALPHANUMERIC.to_owned(),
        };
        let show = fields.get("show").is_some() && fields.word("show", &["true", "false"], diagnostics) == Some("true");
        list.push(SecretSpec { name: name.to_owned(), description, user, length, alphabet, show });
    }
    list
}

/// A named alphabet, or the characters themselves. At least 16, so that 20 characters hold 80 bits.
fn alphabet(text: &str) -> Result<String> {
    match text {
        "alphanumeric" => return Ok(ALPHANUMERIC.to_owned()),
        "hex" => return Ok("0123456789abcdef".to_owned()),
        _ => {}
    }
    let mut distinct: Vec<u8> = text.bytes().collect();
    distinct.sort_unstable();
    distinct.dedup();
    if distinct.len() < 16 || distinct.len() != text.len() || !text.bytes().all(|b| b.is_ascii_graphic()) {
        return Err(Error::new(Code::InvalidAlphabet, format!("`{}` is not an alphabet", escaped(text)))
            .hint("an alphabet is `alphanumeric`, `hex`, or at least 16 different printable ASCII characters"));
    }
    Ok(text.to_owned())
}

pub(crate) fn alarms(top: &Fields<'_>, diagnostics: &mut Diagnostics) -> Vec<AlarmSpec> {
    let keys = ["metric", "when", "datapoints", "of", "period_minutes", "missing"];
    let mut list = Vec::new();
    for (i, node) in top.list("alarms", diagnostics).iter().enumerate() {
        let Some(fields) = Fields::of(node, &format!("alarms[{i}]"), &keys, diagnostics) else { continue };
        let metrics: Vec<&'static str> = Metric::all_of(false).map(Metric::as_str).collect();
        let metric = fields.word("metric", &metrics, diagnostics);
        let when = fields.parsed("when", diagnostics, condition);
        let datapoints = fields.number("datapoints", 1..=1440, diagnostics);
        let of = fields.number("of", 1..=1440, diagnostics);
        let period = fields.number_or("period_minutes", 1..=1440, 1, diagnostics);
        let missing = match fields.get("missing") {
            Some(_) => fields.word("missing", &["missing", "ignore", "breaching", "notBreaching"], diagnostics),
            None => Some("missing"),
        };
        let (Some(metric), Some(when), Some(datapoints), Some(of), Some(period_minutes), Some(missing)) =
            (metric, when, datapoints, of, period, missing)
        else {
            continue;
        };
        if datapoints > of || of * period_minutes > 24 * 60 {
            diagnostics.add(
                fields.line,
                &fields.at("of"),
                "needs `datapoints` <= `of`, and `of` periods of at most 24 hours together",
            );
        }
        list.push(AlarmSpec {
            metric: metric.to_owned(),
            when,
            datapoints,
            of,
            period_minutes,
            missing: missing.to_owned(),
        });
    }
    list
}

/// A comparator, a space and a decimal number, as the monitor reads it.
fn condition(text: &str) -> Result<String> {
    let number = |n: &str| {
        let (whole, decimals) = n.split_once('.').unwrap_or((n, "0"));
        [whole, decimals].iter().all(|d| (1..=15).contains(&d.len()) && d.bytes().all(|b| b.is_ascii_digit()))
    };
    match text.split_once(' ') {
        Some((">" | ">=" | "<" | "<=", threshold)) if number(threshold) => Ok(text.to_owned()),
        _ => Err(Error::new(Code::InvalidCondition, format!("`{}` is not a condition", escaped(text)))
            .hint("a condition is one of `>`, `>=`, `<`, `<=`, a space and a number, such as `>= 90`")),
    }
}
