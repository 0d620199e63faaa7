//! The key `power_state`, which lite's runner obeys at the end of the set-up
//! (<https://docs.cloud-init.io/en/latest/reference/modules.html#power-state-change>).

use serde_json::{Map, Value as Json};

use super::super::{diagnostic::Diagnostics, tree::Node};

/// Notes what cannot be obeyed.
pub(super) fn check(node: &Node, wanted: &Map<String, Json>, path: &str, diagnostics: &mut Diagnostics) {
    if !wanted.contains_key("mode") {
        diagnostics.add(node.line, &format!("{path}.mode"), "is missing");
    }
    for (key, value) in wanted {
        if let Some(form) = refused(key, value) {
            diagnostics.add(node.line_of(key), &format!("{path}.{key}"), form);
        }
    }
}

/// What a value has to be, where it is something else.
fn refused(key: &str, value: &Json) -> Option<&'static str> {
    let (good, form) = match key {
        "mode" => (
            matches!(value.as_str(), Some("reboot" | "poweroff")),
            "must be `reboot` or `poweroff`; a machine that halts stays on",
        ),
        "delay" => (is_delay(value), "must be `now` or a number of minutes"),
        "message" => (value.is_string(), "must be a text"),
        "condition" => (is_condition(value), "must be `true`, `false` or a command"),
        // How long cloud-init waits for itself to end: lite's runner waits until it has.
        "timeout" => (value.is_number(), "must be a number of seconds"),
        _ => (false, "is not a key of `power_state`"),
    };
    (!good).then_some(form)
}

fn is_delay(value: &Json) -> bool {
    let minutes = |text: &str| !text.is_empty() && text.len() <= 6 && text.bytes().all(|b| b.is_ascii_digit());
    match value {
        Json::Number(number) => number.as_u64().is_some_and(|n| n < 1_000_000),
        Json::String(text) => text == "now" || minutes(text.strip_prefix('+').unwrap_or(text)),
        _ => false,
    }
}

fn is_condition(value: &Json) -> bool {
    match value {
        Json::Bool(_) | Json::String(_) => true,
        Json::Array(words) => !words.is_empty() && words.iter().all(Json::is_string),
        _ => false,
    }
}
