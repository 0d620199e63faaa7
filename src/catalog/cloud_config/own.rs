//! Keys that lite sets itself, or that end the set-up before lite can judge it.

use serde_json::{Value, json};

use super::Giver;
use crate::model::escaped;

/// What becomes of a key.
pub(super) enum Verdict {
    /// It is the giver's.
    Free,
    /// It says what lite says: nothing is to be done.
    Same,
    /// It says something else; why it cannot.
    Refused(String),
}

/// Judges a key by what lite does with it.
pub(super) fn judge(key: &str, value: &Value, giver: Giver<'_>) -> Verdict {
    let Some((ours, why)) = ours(key, value, giver) else { return Verdict::Free };
    match giver {
        _ if ours.as_ref() == Some(value) => Verdict::Same,
        Giver::Blueprint => {
            Verdict::Refused("is set by lite itself; use `install` and `configure` for commands".to_owned())
        }
        Giver::User { .. } => Verdict::Refused(why),
    }
}

/// What lite sets, if that can be said the same way, and what a user may do instead; none: the key is free.
fn ours(key: &str, value: &Value, giver: Giver<'_>) -> Option<(Option<Value>, String)> {
    let same = |ours: Value, instead: &str| {
        let why = format!("is set by lite itself, to `{}`; {instead}", escaped(&plain(&ours)));
        Some((Some(ours), why))
    };
    let never = |instead: &str| Some((None, format!("is set by lite itself; {instead}")));
    match (key, giver) {
        ("hostname", Giver::User { name: Some(name), .. }) => same(json!(name), "name the instance so with `--name`"),
        ("hostname", _) => {
            let wanted = value.as_str().map_or_else(|| "NAME".to_owned(), escaped);
            never(&format!("name the instance so with `--name {wanted}`"))
        }
        ("preserve_hostname", _) => same(json!(false), "leave it out"),
        ("manage_etc_hosts", _) => same(json!("localhost"), "add lines to `/etc/hosts` by `runcmd`"),
        ("ssh_deletekeys", _) => same(json!(true), "leave it out"),
        ("ssh_genkeytypes", _) => same(json!(["ed25519"]), "leave it out"),
        ("ssh_keys", _) => never("it makes the host key, so that `lite ssh` knows it"),
        ("ssh_pwauth", _) => same(json!(false), "passwords cannot log in by SSH; give keys with `--ssh-key`"),
        ("disable_root", _) => same(json!(true), "log in as the account, which may use `sudo`"),
        ("user", Giver::User { account, .. }) => same(json!(account), "add accounts with `users`"),
        ("user", Giver::Blueprint) | ("system_info", _) => never("add accounts with `users`"),
        ("cloud_init_modules" | "cloud_config_modules" | "cloud_final_modules", _) => {
            never("the modules that have work to do run")
        }
        ("fqdn" | "power_state" | "runcmd", Giver::Blueprint) => never("it is a user's"),
        _ => None,
    }
}

/// A value as a user writes it.
fn plain(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}
