//! `#cloud-config`.

use serde_json::{Map, Value};

use super::{super::types::UserDataFor, bad};
use crate::{
    catalog::{Diagnostics, Dialect, Giver, TreeValue, parse_tree, read_cloud_config},
    model::{Error, Result},
};

/// The keys of a document.
pub(super) fn read(text: &str, of: UserDataFor<'_>) -> Result<Map<String, Value>> {
    let mut diagnostics = Diagnostics::new("user-data");
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let root = parse_tree(text, Dialect::Full, &mut diagnostics);
    let faulty = |diagnostics: Diagnostics, why: String| diagnostics.sorted().into_iter().fold(bad(why), Error::cause);
    let entries = match root.map(|root| root.value) {
        _ if !diagnostics.list.is_empty() => return Err(faulty(diagnostics, "its YAML is faulty".to_owned())),
        Some(TreeValue::Map(entries)) => entries,
        _ => return Err(bad("it is not a mapping".to_owned()).hint("cloud-config is `key: value` at the top level")),
    };
    let giver = Giver::User { name: of.name.map(|n| n.as_str()), account: of.account };
    let map = read_cloud_config(entries.iter(), giver, str::to_owned, &mut diagnostics);
    match diagnostics.list.len() {
        0 => Ok(map),
        1 => Err(faulty(diagnostics, "a value is refused".to_owned())),
        n => Err(faulty(diagnostics, format!("{n} values are refused"))),
    }
}
