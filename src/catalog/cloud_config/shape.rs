//! The types of keys that lite adds to, relies on, or that a blueprint has too: another type would take entries away.

use serde_json::Value as Json;

use super::{
    super::{
        diagnostic::Diagnostics,
        tree::{Node, Value},
    },
    power_state, regional,
};
use crate::model::{DnsName, TimeZone, escaped};

/// Where lite keeps its files in a guest.
const OURS: &str = "/var/lib/lite";

#[derive(Clone, Copy, PartialEq)]
enum Shape {
    /// A list of texts and of lists of texts.
    Commands,
    /// A list of files.
    Files,
    /// A list of accounts.
    Accounts,
    /// A list of texts.
    Texts,
    /// Any list.
    List,
    /// Any mapping.
    Mapping,
    /// A text.
    Text,
    /// Yes or no.
    Switch,
    /// A name of DNS.
    DnsName,
    /// A time zone.
    TimeZone,
    /// What ends the set-up.
    PowerState,
    /// A language and its territory.
    Locale,
    /// The settings of a keyboard.
    Keyboard,
}

const SHAPES: [(&str, Shape); 32] = [
    ("apt", Shape::Mapping),
    ("bootcmd", Shape::Commands),
    ("ca_certs", Shape::Mapping),
    ("chpasswd", Shape::Mapping),
    ("device_aliases", Shape::Mapping),
    ("disk_setup", Shape::Mapping),
    ("final_message", Shape::Text),
    ("fqdn", Shape::DnsName),
    ("fs_setup", Shape::List),
    ("growpart", Shape::Mapping),
    ("keyboard", Shape::Keyboard),
    ("locale", Shape::Locale),
    ("mount_default_fields", Shape::List),
    ("mounts", Shape::List),
    ("package_reboot_if_required", Shape::Switch),
    ("package_update", Shape::Switch),
    ("package_upgrade", Shape::Switch),
    ("packages", Shape::List),
    ("password", Shape::Text),
    ("phone_home", Shape::Mapping),
    ("power_state", Shape::PowerState),
    ("random_seed", Shape::Mapping),
    ("rsyslog", Shape::Mapping),
    ("runcmd", Shape::Commands),
    ("snap", Shape::Mapping),
    ("ssh", Shape::Mapping),
    ("ssh_authorized_keys", Shape::Texts),
    ("ssh_import_id", Shape::Texts),
    ("swap", Shape::Mapping),
    ("timezone", Shape::TimeZone),
    ("users", Shape::Accounts),
    ("write_files", Shape::Files),
];

fn shape(key: &str) -> Option<Shape> {
    SHAPES.iter().find(|(k, _)| *k == key).map(|(_, shape)| *shape)
}

/// Whether a key of known type holds nothing: it counts as absent, or it would take away what others gave.
pub(super) fn is_empty(key: &str, value: &Json) -> bool {
    let empty = match value {
        Json::Null => true,
        Json::String(text) => text.is_empty(),
        Json::Array(items) => items.is_empty(),
        Json::Object(map) => map.is_empty(),
        _ => false,
    };
    empty && shape(key).is_some()
}

/// Notes what is of another type than cloud-init takes.
pub(super) fn check(key: &str, node: &Node, value: &Json, path: &str, diagnostics: &mut Diagnostics) {
    let wanted = match (shape(key), value) {
        (None, _) => return,
        (Some(Shape::Mapping), Json::Object(_))
        | (Some(Shape::Text), Json::String(_))
        | (Some(Shape::Switch), Json::Bool(_)) => return,
        (Some(Shape::PowerState), Json::Object(wanted)) => return power_state::check(node, wanted, path, diagnostics),
        (Some(Shape::Keyboard), Json::Object(wanted)) => {
            return regional::check_keyboard(node, wanted, path, diagnostics);
        }
        (Some(Shape::Locale), Json::String(name)) if regional::is_locale(name) => return,
        (Some(Shape::DnsName), Json::String(name)) if DnsName::parse(name).is_ok() => return,
        (Some(Shape::TimeZone), Json::String(name)) if TimeZone::parse(name).is_ok() => return,
        (Some(shape), Json::Array(values)) => match item_check(shape) {
            Some(check) => return items(node, values, path, diagnostics, check),
            None => wanted(shape),
        },
        (Some(shape), _) => wanted(shape),
    };
    diagnostics.add(node.line, path, format!("must be {wanted}"));
}

/// What a key of this type has to be.
fn wanted(shape: Shape) -> &'static str {
    match shape {
        Shape::Mapping | Shape::PowerState | Shape::Keyboard => "a mapping (`key: value`)",
        Shape::Text => "a single value",
        Shape::Switch => "`true` or `false`",
        Shape::Locale => "a locale such as `de_DE.UTF-8`, or `C.UTF-8`",
        Shape::TimeZone => "a time zone such as `Europe/Berlin`",
        Shape::DnsName => "a full name in DNS such as `mail.example.org`",
        _ => "a list (`- item`)",
    }
}

/// A check of one item: its node, its value, its path.
type ItemCheck = fn(&Node, &Json, &str, &mut Diagnostics);

fn item_check(shape: Shape) -> Option<ItemCheck> {
    match shape {
        Shape::List => Some(|_, _, _, _| {}),
        Shape::Texts => Some(text),
        Shape::Commands => Some(command),
        Shape::Files => Some(file),
        Shape::Accounts => Some(account),
        Shape::Mapping
        | Shape::Text
        | Shape::Switch
        | Shape::DnsName
        | Shape::TimeZone
        | Shape::PowerState
        | Shape::Locale
        | Shape::Keyboard => None,
    }
}

fn items(node: &Node, values: &[Json], path: &str, diagnostics: &mut Diagnostics, check: ItemCheck) {
    let Value::List(nodes) = &node.value else { return };
    for (i, (node, value)) in nodes.iter().zip(values).enumerate() {
        check(node, value, &format!("{path}[{i}]"), diagnostics);
    }
}

fn text(node: &Node, value: &Json, path: &str, diagnostics: &mut Diagnostics) {
    if !value.is_string() {
        diagnostics.add(node.line, path, "must be a text");
    }
}

fn command(node: &Node, value: &Json, path: &str, diagnostics: &mut Diagnostics) {
    let good = match value {
        Json::String(_) => true,
        Json::Array(words) => !words.is_empty() && words.iter().all(Json::is_string),
        _ => false,
    };
    if !good {
        diagnostics.add(node.line, path, "must be a text or a list of texts; put quotes around what holds `: `");
    }
}

fn file(node: &Node, value: &Json, path: &str, diagnostics: &mut Diagnostics) {
    if !value.is_object() {
        return diagnostics.add(node.line, path, "must be a mapping with `path` and `content`");
    }
    let (line, at) = (node.line_of("path"), format!("{path}.path"));
    match value.get("path").and_then(Json::as_str) {
        Some(said) if !said.starts_with('/') => diagnostics.add(line, &at, "must be an absolute path"),
        Some(said) if std::path::Path::new(said).starts_with(OURS) || said.split('/').any(|part| part == "..") => {
            diagnostics.add(
                line,
                &at,
                format!("must not be below `{OURS}`, where lite keeps its own files, nor hold `..`"),
            );
        }
        Some(_) => {}
        None => diagnostics.add(line, &at, "is missing"),
    }
    if let Some(mode) = value.get("permissions").filter(|m| !m.as_str().is_some_and(is_mode)) {
        let said = mode.as_str().map_or_else(|| mode.to_string(), escaped);
        diagnostics.add(
            node.line_of("permissions"),
            &format!("{path}.permissions"),
            format!("`{said}` is not a file mode such as `0644`"),
        );
    }
    for key in ["owner", "content"] {
        if value.get(key).is_some_and(|v| !v.is_string() && !v.is_null()) {
            diagnostics.add(node.line_of(key), &format!("{path}.{key}"), "must be a text");
        }
    }
}

fn is_mode(text: &str) -> bool {
    let digits = text.strip_prefix("0o").unwrap_or(text);
    (3..=5).contains(&digits.len()) && digits.bytes().all(|b| (b'0'..=b'7').contains(&b))
}

fn account(node: &Node, value: &Json, path: &str, diagnostics: &mut Diagnostics) {
    match value {
        Json::String(_) => {}
        Json::Object(map) => {
            if !["name", "snapuser"].iter().any(|key| map.get(*key).is_some_and(Json::is_string)) {
                diagnostics.add(node.line_of("name"), &format!("{path}.name"), "is missing");
            }
            if let Some(keys) = map.get("ssh_authorized_keys")
                && !keys.as_array().is_some_and(|keys| keys.iter().all(Json::is_string))
            {
                let at = format!("{path}.ssh_authorized_keys");
                diagnostics.add(
                    node.line_of("ssh_authorized_keys"),
                    &at,
                    "must be a list of texts (`- ssh-ed25519 …`)",
                );
            }
        }
        _ => diagnostics.add(node.line, path, "must be a name, or a mapping with `name`"),
    }
}
