//! The keys `locale` and `keyboard`, whose values end up in files of Debian's.

use serde_json::{Map, Value as Json};

use super::super::{diagnostic::Diagnostics, tree::Node};

/// Whether a text names a locale of UTF-8, in the words of `/etc/locale.gen`.
pub(super) fn is_locale(text: &str) -> bool {
    if matches!(text, "C.UTF-8" | "C" | "POSIX") {
        return true;
    }
    let (name, modifier) = text.split_once('@').map_or((text, None), |(name, modifier)| (name, Some(modifier)));
    let Some((language, territory)) = name.strip_suffix(".UTF-8").and_then(|name| name.split_once('_')) else {
        return false;
    };
    let all = |text: &str, is: fn(&u8) -> bool| text.bytes().all(|b| is(&b));
    (2..=3).contains(&language.len())
        && all(language, u8::is_ascii_lowercase)
        && territory.len() == 2
        && all(territory, u8::is_ascii_uppercase)
        && modifier.is_none_or(|m| (1..=16).contains(&m.len()) && all(m, u8::is_ascii_lowercase))
}

/// Notes what is no setting of a keyboard (keyboard(5)).
pub(super) fn check_keyboard(node: &Node, wanted: &Map<String, Json>, path: &str, diagnostics: &mut Diagnostics) {
    if !wanted.contains_key("layout") {
        diagnostics.add(node.line, &format!("{path}.layout"), "is missing");
    }
    for (key, value) in wanted {
        let said = match key.as_str() {
            "layout" | "model" | "variant" | "options" if value.as_str().is_some_and(is_setting) => continue,
            "layout" | "model" | "variant" | "options" => "must be a name such as `de`, or some with `,` between",
            _ => "is not a key of `keyboard`",
        };
        diagnostics.add(node.line_of(key), &format!("{path}.{key}"), said);
    }
}

fn is_setting(text: &str) -> bool {
    text.len() <= 200 && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"_,:()+-".contains(&b))
}
