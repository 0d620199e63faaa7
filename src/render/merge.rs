//! Merging of cloud-config mappings: what lite sets, then the blueprint, then the user.

use serde_json::{Map, Value};

/// Merges `over` into `base`: mappings key by key, lists one after the other, anything else replaced.
pub(super) fn merge(base: &mut Map<String, Value>, over: &Map<String, Value>) {
    for (key, value) in over {
        match (base.get_mut(key), value) {
            (Some(Value::Object(old)), Value::Object(new)) => merge(old, new),
            (Some(Value::Array(old)), Value::Array(new)) => old.extend(new.iter().cloned()),
            _ => {
                base.insert(key.clone(), value.clone());
            }
        }
    }
}

/// cloud-init makes the distribution's account only if `users` is absent or names `default`; `lite ssh` needs it.
pub(super) fn keep_default_user(document: &mut Map<String, Value>) {
    if let Some(Value::Array(users)) = document.get_mut("users") {
        let default = Value::String("default".to_owned());
        if !users.contains(&default) {
            users.insert(0, default);
        }
    }
}
