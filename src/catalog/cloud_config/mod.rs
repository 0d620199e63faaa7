//! The cloud-config that others hand in: a blueprint's `cloud_config`, a user's `#cloud-config`. Judged by type, key by key,
//! before anything is changed, since cloud-init in the guest only warns.

mod binary;
mod own;
mod power_state;
mod regional;
mod shape;
mod spelling;
mod written;

use serde_json::{Map, Value as Json};

use super::{
    diagnostic::Diagnostics,
    tree::{Key, Node},
};

/// Whose document it is, and what lite sets for the instance it is for.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Giver<'a> {
    /// A blueprint's: it is for every instance.
    Blueprint,
    /// A user's, for one instance.
    User {
        /// The instance's name; none: lite chooses it.
        name: Option<&'a str>,
        /// The account of the first login.
        account: &'a str,
    },
}

/// The keys of a document that hold something, in today's spelling and with texts as they are written. `path` names a key in
/// diagnostics.
pub(crate) fn read<'n>(
    entries: impl Iterator<Item = &'n (Key, Node)>,
    giver: Giver<'_>,
    path: impl Fn(&str) -> String,
    diagnostics: &mut Diagnostics,
) -> Map<String, Json> {
    let mut map = Map::new();
    let mut entries = spelling::today(entries, diagnostics);
    binary::as_base64(&mut entries, diagnostics);
    for (key, node) in entries {
        let at = path(&key.text);
        let value = written::to_json(&node, &key.text);
        match own::judge(&key.text, &value, giver) {
            own::Verdict::Free => {}
            own::Verdict::Same => continue,
            own::Verdict::Refused(why) => {
                diagnostics.add(key.line, &at, why);
                continue;
            }
        }
        if shape::is_empty(&key.text, &value) {
            continue;
        }
        shape::check(&key.text, &node, &value, &at, diagnostics);
        map.insert(key.text, value);
    }
    map
}
