//! The one-line templates of a blueprint's `output` and of its secrets' `user`: minijinja, strict, with a limit on work.

use std::{collections::BTreeMap, sync::LazyLock};

use minijinja::{Environment, Error, UndefinedBehavior, context};

use super::diagnostic::Diagnostics;
use crate::model::check_template;

/// Steps a template may take.
const FUEL: u64 = 10_000;

/// One for all templates: making it costs more than rendering one.
static ENVIRONMENT: LazyLock<Environment<'static>> = LazyLock::new(|| {
    let mut env = Environment::new();
    env.set_undefined_behavior(UndefinedBehavior::Strict);
    env.set_fuel(Some(FUEL));
    env
});

/// Renders a template over `address`, `name` and `params`. The text is not escaped: it is for a terminal, not for a file.
///
/// # Errors
/// minijinja's; its Display names the variable and never a value.
pub(crate) fn render(
    template: &str,
    name: &str,
    address: &str,
    params: &BTreeMap<String, String>,
) -> Result<String, Error> {
    ENVIRONMENT.render_str(template, context! { name, address, params })
}

/// What a template of a blueprint with these parameters gets wrong: unknown names first, then anything that stops it.
fn lint(template: &str, params: &[&str]) -> Vec<(String, Option<String>)> {
    let parsed = match ENVIRONMENT.template_from_str(template) {
        Ok(parsed) => parsed,
        Err(error) => return vec![(format!("not a template: {}", first_line(&error)), None)],
    };
    if let Err(why) = check_template(template) {
        return vec![(why, None)];
    }
    let known: Vec<String> = ["address", "name"]
        .iter()
        .map(|n| (*n).to_owned())
        .chain(params.iter().map(|p| format!("params.{p}")))
        .collect();
    let mut used: Vec<String> = parsed.undeclared_variables(true).into_iter().collect();
    used.sort();
    let unknown: Vec<_> = used
        .iter()
        .filter(|variable| !known.contains(variable))
        .map(|variable| {
            (variable.clone(), crate::model::nearest(variable, known.iter().map(String::as_str)).map(str::to_owned))
        })
        .collect();
    if !unknown.is_empty() {
        return unknown.into_iter().map(|(v, near)| (format!("`{v}` is not known to a template"), near)).collect();
    }
    let sample = params.iter().map(|p| ((*p).to_owned(), "x".to_owned())).collect();
    match render(template, "name", "192.0.2.1", &sample) {
        Ok(_) => Vec::new(),
        Err(error) => vec![(format!("does not render: {}", first_line(&error)), None)],
    }
}

/// Whether nothing is wrong with a template of a blueprint with these parameters.
pub(super) fn is_plain(template: &str, params: &[&str]) -> bool {
    lint(template, params).is_empty()
}

/// Notes what [`lint`] finds as diagnostics of a key.
pub(crate) fn note(template: &str, params: &[&str], line: usize, path: &str, diagnostics: &mut Diagnostics) {
    for (message, near) in lint(template, params) {
        diagnostics.add(line, path, message);
        if let Some(diagnostic) = diagnostics.list.last_mut() {
            diagnostic.suggestion = near;
        }
    }
}

fn first_line(error: &Error) -> String {
    let text = error.to_string();
    let first = text.lines().next().unwrap_or_default();
    crate::model::escaped(first.split(" (in <string>").next().unwrap_or(first))
}
