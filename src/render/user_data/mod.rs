//! The user's own user-data file: `#cloud-config`, or a script.

mod form;
mod script;

use serde_json::{Map, Value};

use self::form::Form;
use super::types::{UserData, UserDataFor};
use crate::{
    catalog::{Diagnostics, Giver, TreeValue, parse_tree, read_cloud_config},
    model::{Code, Error, Result},
};

/// Largest user-data file, in bytes. The seed holds more; cloud-init's own datasources allow 16 to 64 KiB.
const MAX_BYTES: usize = 64 * 1024;

/// Reads a user-data file: `#cloud-config` (a mapping, with PyYAML's meaning of scalars) or a script with `#!`.
///
/// # Errors
/// Refused: more than 64 KiB, not UTF-8 text, another kind of user-data, a faulty document, keys that lite sets itself, values
/// that would take away what lite needs. All faults of a document are named at once.
pub fn parse_user_data(bytes: &[u8], of: UserDataFor<'_>) -> Result<UserData> {
    if bytes.len() > MAX_BYTES {
        return Err(bad(format!("it has {} bytes", bytes.len())).hint("user-data has at most 65536 bytes"));
    }
    let text = std::str::from_utf8(bytes).map_err(|_| bad("it is not UTF-8 text".to_owned()).hint(form::FORMS))?;
    match form::of(text)? {
        Form::Script => Ok(UserData { scripts: vec![script::check(text)?], ..UserData::default() }),
        Form::CloudConfig(text) => Ok(UserData { cloud_config: cloud_config(text, of)?, ..UserData::default() }),
    }
}

fn bad(why: String) -> Error {
    Error::new(Code::InvalidUserData, format!("the user-data file cannot be used: {why}"))
}

fn cloud_config(text: &str, of: UserDataFor<'_>) -> Result<Map<String, Value>> {
    let mut diagnostics = Diagnostics::new("user-data");
    let root = parse_tree(text, &mut diagnostics);
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
