//! What a user sets with `--set`, checked against a blueprint.

use std::collections::BTreeMap;

use regex_lite::Regex;

use super::types::{Blueprint, Parameter, ParameterType};
use crate::model::{Code, Error, Hint, Result, Verb, escaped, nearest};

/// Longest value of a parameter, in characters.
const MAX_VALUE: usize = 1024;

/// A pattern for whole values.
pub(crate) fn compile(pattern: &str) -> std::result::Result<Regex, regex_lite::Error> {
    Regex::new(&format!("^(?:{pattern})$"))
}

/// Every parameter of the blueprint with its value: what was set, else its default.
///
/// # Errors
/// Refused: a name that is not a parameter, a secret, a name set twice, a value that breaks its rule, a missing value.
pub fn resolve_params(blueprint: &Blueprint, set: &[(String, String)]) -> Result<BTreeMap<String, String>> {
    let mut values = BTreeMap::new();
    for (name, value) in set {
        let parameter = find(blueprint, name)?;
        check(parameter, value)?;
        if values.insert(name.clone(), value.clone()).is_some() {
            return Err(
                Error::new(Code::DuplicateParameter, format!("parameter `{name}` is set twice")).hint("set it once")
            );
        }
    }
    for parameter in &blueprint.parameters {
        match (values.contains_key(&parameter.name), &parameter.default) {
            (true, _) => {}
            (false, Some(default)) => {
                values.insert(parameter.name.clone(), default.clone());
            }
            (false, None) => return Err(missing(blueprint, parameter)),
        }
    }
    Ok(values)
}

/// What is wrong with the values for a blueprint's parameters, each by its name: where all are asked for at once, all is told.
pub fn parameter_faults(blueprint: &Blueprint, set: &[(String, String)]) -> Vec<(String, Error)> {
    let fault = |parameter: &Parameter| {
        let checked = match set.iter().find(|(name, _)| *name == parameter.name) {
            Some((_, value)) => check(parameter, value),
            None if parameter.default.is_some() => Ok(()),
            None => Err(missing(blueprint, parameter)),
        };
        Some((parameter.name.clone(), checked.err()?))
    };
    blueprint.parameters.iter().filter_map(fault).collect()
}

fn missing(blueprint: &Blueprint, parameter: &Parameter) -> Error {
    let message = format!("`{}` needs a value for `{}`: {}", blueprint.id, parameter.name, parameter.description);
    Error::new(Code::MissingParameter, message).hint(format!("add `--set {}=…`", parameter.name))
}

fn find<'a>(blueprint: &'a Blueprint, name: &str) -> Result<&'a Parameter> {
    if let Some(found) = blueprint.parameters.iter().find(|p| p.name == name) {
        return Ok(found);
    }
    if blueprint.secrets.iter().any(|s| s.name == name) {
        return Err(Error::new(
            Code::SecretGiven,
            format!("`{name}` of `{}` is a secret and cannot be set", blueprint.id),
        )
        .hint(
            Hint::from("leave it out: it is generated, and ").run_with(Verb::Secrets, &[&"NAME"]).text(" shows it"),
        ));
    }
    let error = Error::new(Code::UnknownParameter, format!("`{}` has no parameter `{}`", blueprint.id, escaped(name)));
    let known = blueprint.parameters.iter().map(|p| p.name.as_str());
    let error = match nearest(name, known) {
        Some(near) => error.hint(format!("did you mean `{near}`?")),
        None => error,
    };
    Err(error.hint(Hint::new().run_with(Verb::BlueprintsShow, &[&(blueprint.id)]).text(" lists its parameters")))
}

/// Whether a value may be given to a parameter.
pub(crate) fn check(parameter: &Parameter, value: &str) -> Result<()> {
    let refuse = |what: String, form: &str| Err(Error::new(Code::InvalidParameter, what).hint(form));
    let name = &parameter.name;
    let length = value.chars().count();
    if length > MAX_VALUE {
        return refuse(format!("`{name}` has {length} characters"), "a value has at most 1024 characters");
    }
    if value.chars().any(unprintable) {
        return refuse(
            format!("`{name}` holds a control character: `{}`", escaped(value)),
            "a value is printable text; line feed and tab are allowed",
        );
    }
    let typed = match parameter.kind {
        ParameterType::Text => true,
        ParameterType::Integer => value.parse::<i64>().is_ok() && !value.starts_with('+'),
        ParameterType::Boolean => matches!(value, "true" | "false"),
    };
    if !typed {
        let form =
            if parameter.kind == ParameterType::Integer { "a whole number such as `5`" } else { "`true` or `false`" };
        return refuse(format!("`{name}` cannot be `{}`", escaped(value)), &format!("the value is {form}"));
    }
    if parameter.not.iter().any(|n| n == value) {
        return refuse(
            format!("`{name}` cannot be `{}`: that name is taken", escaped(value)),
            "choose another; the name is the system's own",
        );
    }
    let Some(pattern) = &parameter.pattern else { return Ok(()) };
    match compile(pattern) {
        Ok(regex) if regex.is_match(value) => Ok(()),
        Ok(_) => {
            refuse(format!("`{name}` cannot be `{}`", escaped(value)), &format!("the value must match `{pattern}`"))
        }
        // A faulty pattern is a diagnostic of its file and named there.
        Err(_) => Ok(()),
    }
}

/// C0 without line feed and tab, DEL, C1, the line and paragraph separators, and the byte-order mark: PyYAML refuses or changes them.
fn unprintable(c: char) -> bool {
    (c.is_control() && !matches!(c, '\n' | '\t'))
        || matches!(c, '\u{2028}' | '\u{2029}' | '\u{feff}' | '\u{fffe}' | '\u{ffff}')
}
