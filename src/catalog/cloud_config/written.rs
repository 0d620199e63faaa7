//! What cloud-init's schema wants as text is passed on as it is written: `permissions: 0644` is not the number 420.

use serde_json::{Map, Value as Json};

use super::super::{
    scalar,
    tree::{Node, Value},
};

/// Values of an account that are texts.
pub(super) const TEXT_OF_ACCOUNTS: [&str; 13] = [
    "name",
    "doas",
    "expiredate",
    "gecos",
    "groups",
    "hashed_passwd",
    "homedir",
    "inactive",
    "passwd",
    "plain_text_passwd",
    "primary_group",
    "selinux_user",
    "shell",
];

/// Paths of texts elsewhere; `*` is any item of a list or any key.
const TEXTS: [&str; 43] = [
    "apt.http_proxy",
    "apt.https_proxy",
    "apt.proxy",
    "apt.sources.*.filename",
    "apt.sources.*.key",
    "apt.sources.*.keyid",
    "apt.sources.*.keyserver",
    "apt.sources.*.source",
    "bootcmd.*",
    "bootcmd.*.*",
    "ca_certs.trusted.*",
    "chpasswd.list",
    "chpasswd.list.*",
    "chpasswd.users.*.name",
    "chpasswd.users.*.password",
    "final_message",
    "fqdn",
    "fs_setup.*.label",
    "groups.*",
    "groups.*.*",
    "hostname",
    "keyboard.*",
    "locale",
    "mount_default_fields.*",
    "mounts.*.*",
    "ntp.pools.*",
    "ntp.servers.*",
    "packages.*",
    "packages.*.*",
    "password",
    "power_state.condition.*",
    "power_state.message",
    "random_seed.data",
    "runcmd.*",
    "runcmd.*.*",
    "ssh_authorized_keys.*",
    "ssh_import_id.*",
    "timezone",
    "user",
    "users.*",
    "write_files.*.content",
    "write_files.*.owner",
    "write_files.*.permissions",
];

/// Paths of texts below an account.
const BELOW_ACCOUNTS: [&str; 4] =
    ["users.*.doas.*", "users.*.groups.*", "users.*.ssh_authorized_keys.*", "users.*.ssh_import_id.*"];

/// The value of a key of cloud-config.
pub(super) fn to_json(node: &Node, key: &str) -> Json {
    walk(node, &mut vec![key])
}

fn walk<'n>(node: &'n Node, path: &mut Vec<&'n str>) -> Json {
    match &node.value {
        Value::Scalar { text, plain: true } if scalar::is_null(text) || !is_text(path) => scalar::resolve(text),
        Value::Scalar { text, .. } => Json::String(text.clone()),
        // Refused before.
        Value::Binary(_) => Json::Null,
        Value::List(items) => Json::Array(items.iter().map(|item| below(item, "*", path)).collect()),
        Value::Map(entries) => {
            Json::Object(entries.iter().map(|(k, n)| (k.text.clone(), below(n, &k.text, path))).collect::<Map<_, _>>())
        }
    }
}

fn below<'n>(node: &'n Node, key: &'n str, path: &mut Vec<&'n str>) -> Json {
    path.push(key);
    let value = walk(node, path);
    path.pop();
    value
}

fn is_text(path: &[&str]) -> bool {
    let matches = |pattern: &&str| {
        let mut words = pattern.split('.');
        path.iter().all(|key| words.next().is_some_and(|word| word == "*" || word == *key)) && words.next().is_none()
    };
    matches!(path, ["users", "*", key] if TEXT_OF_ACCOUNTS.contains(key))
        || TEXTS.iter().chain(&BELOW_ACCOUNTS).any(matches)
}
