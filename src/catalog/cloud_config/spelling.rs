//! Spellings of cloud-config that cloud-init calls deprecated, some versions even invalid, in today's spelling
//! (<https://docs.cloud-init.io/en/latest/reference/modules.html>).

use std::collections::HashMap;

use super::{
    super::{
        diagnostic::Diagnostics,
        tree::{Key, Node, Value},
    },
    written::TEXT_OF_ACCOUNTS,
};

/// Keys of the document: the old word and today's.
const OLD: [(&str, &str); 8] = [
    ("apt_update", "package_update"),
    ("apt_upgrade", "package_upgrade"),
    ("apt_reboot_if_required", "package_reboot_if_required"),
    ("ca-certs", "ca_certs"),
    ("grub-dpkg", "grub_dpkg"),
    ("ssh-authorized-keys", "ssh_authorized_keys"),
    ("ssh-import-id", "ssh_import_id"),
    ("write-files", "write_files"),
];

/// Keys of an account that [`TEXT_OF_ACCOUNTS`] does not name.
const OF_ACCOUNTS: [&str; 9] = [
    "create_groups",
    "lock_passwd",
    "no_create_home",
    "no_log_init",
    "no_user_group",
    "ssh_authorized_keys",
    "ssh_import_id",
    "ssh_redirect_user",
    "sudo",
];

/// The entries of a document in today's spelling. A key that is there in both is a diagnostic.
pub(super) fn today<'n>(
    entries: impl Iterator<Item = &'n (Key, Node)>,
    diagnostics: &mut Diagnostics,
) -> Vec<(Key, Node)> {
    let mut renamed = renamed(entries, |key| OLD.iter().find(|(old, _)| *old == key).map(|(_, new)| *new), diagnostics);
    for (key, node) in &mut renamed {
        match (key.text.as_str(), &mut node.value) {
            ("users", Value::List(accounts)) => {
                accounts.iter_mut().for_each(|account| rename_in(account, of_account, diagnostics));
            }
            ("ca_certs", _) => rename_in(node, of_certificates, diagnostics),
            _ => {}
        }
    }
    renamed
}

/// Renames the keys of a mapping; leaves anything else.
fn rename_in(node: &mut Node, new: fn(&str) -> Option<&'static str>, diagnostics: &mut Diagnostics) {
    if let Value::Map(entries) = &mut node.value {
        *entries = renamed(entries.iter(), new, diagnostics);
    }
}

/// Today's word for a key below `ca_certs`.
fn of_certificates(key: &str) -> Option<&'static str> {
    (key == "remove-defaults").then_some("remove_defaults")
}

/// Today's word for a hyphened key of an account.
fn of_account(key: &str) -> Option<&'static str> {
    let new = key.replace('-', "_");
    (new != key).then(|| OF_ACCOUNTS.iter().chain(&TEXT_OF_ACCOUNTS).find(|k| **k == new)).flatten().copied()
}

fn renamed<'n>(
    entries: impl Iterator<Item = &'n (Key, Node)>,
    new: impl Fn(&str) -> Option<&'static str>,
    diagnostics: &mut Diagnostics,
) -> Vec<(Key, Node)> {
    let mut lines: HashMap<String, usize> = HashMap::new();
    let mut list = Vec::new();
    for (key, node) in entries {
        let text = new(&key.text).map_or_else(|| key.text.clone(), str::to_owned);
        match lines.insert(text.clone(), key.line) {
            Some(first) => diagnostics.add(key.line, &key.text, format!("is `{text}`, which is on line {first} too")),
            None => list.push((Key { text, line: key.line }, node.clone())),
        }
    }
    list
}
