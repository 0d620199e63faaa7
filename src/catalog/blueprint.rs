//! A blueprint file: its shape and its rules (docs: `blueprints/*.yaml`).

use serde_json::{Map, Value as Json};

use super::{
    cloud_config::{self, Giver},
    diagnostic::Diagnostics,
    health, parts,
    reader::{Fields, parsed},
    scripts::{self, Scripts},
    template,
    tree::{Node, Value},
    types::{Blueprint, Group, Health},
};
use crate::model::{Code, Error, Port, Protocol, Result, Size, escaped};

const KEYS: [&str; 23] = [
    "id",
    "title",
    "description",
    "group",
    "version",
    "bases",
    "minimum",
    "ports",
    "parameters",
    "secrets",
    "cloud_config",
    "install",
    "configure",
    "published",
    "moved",
    "upgrade",
    "seal",
    "bake",
    "warm",
    "health",
    "output",
    "alarms",
    "user",
];

/// Accepts an id of a blueprint, bundle or base: names' characters and `.`, first and last a letter or digit.
pub(crate) fn id(text: &str) -> Result<String> {
    let bytes = text.as_bytes();
    let edge = |b: Option<&u8>| b.is_some_and(|b| b.is_ascii_lowercase() || b.is_ascii_digit());
    let inner = |b: &u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b"-.".contains(b);
    if bytes.len() > 63
        || !edge(bytes.first())
        || !edge(bytes.last())
        || !bytes.iter().all(inner)
        || text.contains("..")
    {
        return Err(Error::new(Code::InvalidId, format!("`{}` is not an id", escaped(text))).hint(
            "an id has 1 to 63 characters of a-z, 0-9, `-` and `.`, and starts and ends with a letter or digit",
        ));
    }
    Ok(text.to_owned())
}

/// Reads a blueprint. `user` is empty when the file states none.
pub(crate) fn read(root: &Node, files: Scripts<'_>, diagnostics: &mut Diagnostics) -> Option<Blueprint> {
    let before = diagnostics.list.len();
    let top = Fields::of(root, "", &KEYS, diagnostics)?;
    let id = top.parsed("id", diagnostics, id);
    let title = top.text("title", diagnostics);
    let description = top.text("description", diagnostics);
    let group = top.word("group", &["os", "app"], diagnostics);
    let version = top.text("version", diagnostics);
    let bases = bases(&top, diagnostics);
    let (min_memory, min_disk) = minimum(&top, diagnostics);
    let ports = ports(&top, diagnostics);
    let parameters = parts::parameters(&top, diagnostics);
    let names: Vec<&str> = parameters.iter().map(|p| p.name.as_str()).collect();
    let secrets = parts::secrets(&top, &names, diagnostics);
    let cloud_config = cloud_config(&top, diagnostics);
    let install = scripts::script(&top, "install", files, diagnostics);
    scripts::same_for_all(&top, &install, diagnostics);
    let configure = scripts::script(&top, "configure", files, diagnostics);
    let published = scripts::script(&top, "published", files, diagnostics);
    let moved = scripts::script(&top, "moved", files, diagnostics);
    let upgrade = scripts::script(&top, "upgrade", files, diagnostics);
    let seal = seal(&top, diagnostics);
    let is_baked = top.get("bake").is_none() || top.parsed("bake", diagnostics, yes_or_no) == Some(true);
    let starts_warm = top.get("warm").is_some() && top.parsed("warm", diagnostics, yes_or_no) == Some(true);
    let health = health::read(&top, diagnostics);
    health_port(&top, health.as_ref(), &ports, diagnostics);
    let output = output(&top, &names, diagnostics);
    let alarms = parts::alarms(&top, diagnostics);
    let user = if top.get("user").is_some() { top.parsed("user", diagnostics, account) } else { Some(String::new()) };
    if diagnostics.list.len() > before {
        return None;
    }
    Some(Blueprint {
        id: id?,
        title: title?.trim().to_owned(),
        description: description?.trim().to_owned(),
        group: if group? == "os" { Group::Os } else { Group::App },
        version: version?,
        bases,
        min_memory: min_memory?,
        min_disk: min_disk?,
        ports,
        parameters,
        secrets,
        cloud_config,
        install,
        configure,
        published,
        moved,
        upgrade,
        seal,
        never_baked: !is_baked,
        starts_warm,
        health,
        output,
        user: user?,
        alarms,
    })
}

fn bases(top: &Fields<'_>, diagnostics: &mut Diagnostics) -> Vec<String> {
    if top.need("bases", diagnostics).is_none() {
        return Vec::new();
    }
    let items = top.list("bases", diagnostics);
    if items.is_empty() {
        diagnostics.add(top.line, "bases", "names no base image");
    }
    items.iter().enumerate().filter_map(|(i, node)| parsed(node, &format!("bases[{i}]"), diagnostics, id)).collect()
}

/// Paths that a bake removes. None that a system needs: of those the distribution knows what belongs to one machine.
fn seal(top: &Fields<'_>, diagnostics: &mut Diagnostics) -> Vec<String> {
    let path = |text: &str| {
        let parts: Vec<&str> = text.strip_prefix('/').unwrap_or_default().split('/').collect();
        let plain =
            |part: &&str| !part.is_empty() && !part.starts_with("..") && part.chars().all(|c| c.is_ascii_graphic());
        match parts.len() >= 2 && parts.iter().all(|part| plain(part) && *part != ".") && !parts[0].contains('*') {
            true => Ok(text.to_owned()),
            false => Err(Error::new(Code::InvalidBlueprint, format!("`{}` cannot be sealed off", escaped(text)))
                .hint("a path from `/` down to a file or folder below `/etc`, `/opt` …, with `*` for any name: `/etc/app/*.key`")),
        }
    };
    let items = top.list("seal", diagnostics);
    items.iter().enumerate().filter_map(|(i, node)| parsed(node, &format!("seal[{i}]"), diagnostics, path)).collect()
}

fn yes_or_no(text: &str) -> Result<bool> {
    match text {
        "true" => Ok(true),
        "false" => Ok(false),
        _ => Err(Error::new(Code::InvalidBlueprint, format!("`{}` is neither `true` nor `false`", escaped(text)))),
    }
}

fn minimum(top: &Fields<'_>, diagnostics: &mut Diagnostics) -> (Option<Size>, Option<Size>) {
    let Some(node) = top.need("minimum", diagnostics) else { return (None, None) };
    let Some(fields) = Fields::of(node, "minimum", &["memory", "disk"], diagnostics) else { return (None, None) };
    (fields.parsed("memory", diagnostics, Size::parse), fields.parsed("disk", diagnostics, Size::parse))
}

fn ports(top: &Fields<'_>, diagnostics: &mut Diagnostics) -> Vec<Port> {
    top.need("ports", diagnostics);
    let mut ports = Vec::new();
    for (i, node) in top.list("ports", diagnostics).iter().enumerate() {
        let path = format!("ports[{i}]");
        match parsed(node, &path, diagnostics, Port::parse) {
            Some(port) if ports.contains(&port) => {
                diagnostics.add(node.line, &path, format!("`{port}` is listed twice"))
            }
            Some(port) => ports.push(port),
            None => {}
        }
    }
    ports
}

/// The account of the first login, by the rule of Debian's `adduser`.
pub(super) fn account(text: &str) -> Result<String> {
    let shaped = text.len() <= 32
        && text.starts_with(|c: char| c.is_ascii_lowercase() || c == '_')
        && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b"_-".contains(&b));
    if shaped {
        Ok(text.to_owned())
    } else {
        Err(Error::new(Code::InvalidUser, format!("`{}` is not an account name", escaped(text)))
            .hint("an account has 1 to 32 characters of a-z, 0-9, `_` and `-`, and starts with a letter"))
    }
}

fn cloud_config(top: &Fields<'_>, diagnostics: &mut Diagnostics) -> Map<String, Json> {
    let Some(fields) = top.entries("cloud_config", diagnostics) else { return Map::new() };
    cloud_config::read(fields.iter(), Giver::Blueprint, |key| fields.at(key), diagnostics)
}

fn health_port(top: &Fields<'_>, health: Option<&Health>, ports: &[Port], diagnostics: &mut Diagnostics) {
    let Some(Health::Http { port: number, .. } | Health::Tcp { port: number, .. }) = health else { return };
    let number = *number;
    if !ports.contains(&Port { number, protocol: Protocol::Tcp }) {
        let line = top.get("health").map_or(top.line, |n| n.line);
        diagnostics.add(
            line,
            "health",
            format!("checks port {number}, which `ports` does not open; add `{number}/tcp`"),
        );
    }
}

fn output(
    top: &Fields<'_>,
    params: &[&str],
    diagnostics: &mut Diagnostics,
) -> std::collections::BTreeMap<String, String> {
    let mut output = std::collections::BTreeMap::new();
    let Some(fields) = top.entries("output", diagnostics) else { return output };
    for (label, node) in fields.iter() {
        let path = fields.at(&label.text);
        let shaped = |b: u8| b.is_ascii_uppercase() || b.is_ascii_digit() || b == b'_';
        if label.text.is_empty() || label.text.len() > 12 || !label.text.bytes().all(shaped) {
            diagnostics.add(label.line, &path, "a label has 1 to 12 characters of A-Z, 0-9 and `_`");
        }
        let Value::Scalar { text: said, .. } = &node.value else {
            diagnostics.add(node.line, &path, "must be a single value");
            continue;
        };
        template::note(said, params, node.line, &path, diagnostics);
        output.insert(label.text.clone(), said.clone());
    }
    output
}
