//! The user's own user-data file.

use serde_json::Value;

use super::types::UserData;
use crate::{
    catalog::{Diagnostics, OWN_CLOUD_KEYS, parse_tree, to_json},
    model::{Code, Error, Result, escaped},
};

/// Largest user-data file, in bytes. The seed holds more; cloud-init's own datasources allow 16 to 64 KiB.
const MAX_BYTES: usize = 64 * 1024;

/// Reads a user-data file: `#cloud-config` (a mapping, with PyYAML's meaning of scalars) or a script with `#!`.
///
/// # Errors
/// Refused: more than 64 KiB, not UTF-8 text, another kind of user-data, a faulty document, a key that lite sets itself.
pub fn parse_user_data(bytes: &[u8]) -> Result<UserData> {
    if bytes.len() > MAX_BYTES {
        return Err(bad(format!("it has {} bytes", bytes.len())).hint("user-data has at most 65536 bytes"));
    }
    let text = std::str::from_utf8(bytes).map_err(|_| bad("it is not UTF-8 text".to_owned()).hint(FORM))?;
    let first = text.lines().next().unwrap_or_default();
    if first.starts_with("#!") {
        return script(text, first);
    }
    if first.trim_end() != "#cloud-config" {
        return Err(bad(format!("its first line is `{}`", escaped(first))).hint(FORM));
    }
    cloud_config(text)
}

const FORM: &str = "the first line is `#cloud-config` or starts with `#!`";

fn bad(why: String) -> Error {
    Error::new(Code::InvalidUserData, format!("the user-data file cannot be used: {why}"))
}

fn script(text: &str, first: &str) -> Result<UserData> {
    if text.contains('\0') {
        return Err(bad("it is not a text file".to_owned()).hint(FORM));
    }
    if text.contains('\r') {
        return Err(bad("its lines end with a carriage return".to_owned()).hint("convert it: `sed -i 's/\\r$//' FILE`"));
    }
    if !first[2..].trim_start().starts_with('/') {
        return Err(bad(format!("`{}` names no interpreter", escaped(first)))
            .hint("a script starts with, for example, `#!/bin/bash`"));
    }
    Ok(UserData::Script(text.to_owned()))
}

fn cloud_config(text: &str) -> Result<UserData> {
    let mut diagnostics = Diagnostics::new("user-data");
    let json = parse_tree(text, &mut diagnostics).map(|root| to_json(&root));
    if !diagnostics.list.is_empty() {
        return Err(diagnostics.sorted().into_iter().fold(bad("its YAML is faulty".to_owned()), Error::cause));
    }
    let map = match json {
        Some(Value::Object(map)) => map,
        _ => return Err(bad("it is not a mapping".to_owned()).hint("cloud-config is `key: value` at the top level")),
    };
    if let Some(key) = map.keys().find(|k| *k != "runcmd" && OWN_CLOUD_KEYS.contains(&k.as_str())) {
        return Err(bad(format!("lite sets `{key}` itself"))
            .hint(format!("leave `{key}` out; the other keys of cloud-config work as ever")));
    }
    if map.get("runcmd").is_some_and(|items| !commands(items)) {
        return Err(bad("`runcmd` is not a list of commands".to_owned()).hint("each item is a text or a list of texts"));
    }
    Ok(UserData::CloudConfig(map))
}

/// A list of strings and of lists of scalars.
fn commands(items: &Value) -> bool {
    let word = |v: &Value| matches!(v, Value::String(_) | Value::Number(_) | Value::Bool(_));
    items.as_array().is_some_and(|items| {
        items.iter().all(|item| match item {
            Value::String(_) => true,
            Value::Array(words) => !words.is_empty() && words.iter().all(word),
            _ => false,
        })
    })
}
