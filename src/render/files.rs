//! The files lite writes into a guest, all below [`DIR`] and for root alone.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use secrecy::ExposeSecret as _;
use serde_json::{Map, Value, json};

use super::types::{Former, Move, SeedInput};
use crate::{
    catalog::{Health, embedded_script},
    model::{Code, Error, Result},
};

/// Where lite keeps its files in a guest.
pub(super) const DIR: &str = "/var/lib/lite";
/// The report channel's device in a guest; its name is the virtio-serial port's.
pub(super) const PORT: &str = "/dev/virtio-ports/org.lite.report";

/// Keys of the user's that lite's runner obeys in place of cloud-init, after the blueprint's scripts.
pub(super) const BY_THE_RUNNER: [&str; 2] = ["runcmd", "power_state"];

/// `write_files` entries that hold no secret: the runner, the scripts, apt's patience with its lock. sshd's file is the one that
/// `ssh_pwauth: false` would write later; being there before sshd starts, it saves a restart.
pub(super) fn plain(input: &SeedInput<'_>) -> Result<Vec<Value>> {
    let mut files = vec![
        runner()?,
        json!({"path": "/etc/apt/apt.conf.d/90lite", "permissions": "0644", "content": "DPkg::Lock::Timeout \"300\";\n"}),
        json!({"path": "/etc/ssh/sshd_config.d/50-cloud-init.conf", "permissions": "0600", "content": "PasswordAuthentication no\n"}),
    ];
    let blueprint = input.blueprint;
    let scripts = [
        ("install", &blueprint.install),
        ("configure", &blueprint.configure),
        ("published", &blueprint.published),
        ("moved", &blueprint.moved),
    ];
    if input.is_template {
        files.push(embedded("lite-thaw.py")?);
    }
    for (name, script) in scripts {
        // Of no use but to a copy.
        let is_needed = name != "moved" || input.copied.is_some();
        if is_needed && !script.is_empty() {
            files.push(part(name, script));
        }
    }
    Ok(files)
}

/// `write_files` entries of an instance that came back with another address.
pub(super) fn moved(news: &Move<'_>) -> Result<Vec<Value>> {
    let place = |at: &Former| {
        let address = at.address.map(|address| address.to_string()).unwrap_or_default();
        json!({"name": at.name, "address": address})
    };
    let mut content = place(&news.now);
    content["uuid"] = json!(news.uuid);
    content["former"] = place(&news.former);
    let told = json!({"path": format!("{DIR}/moved.json"), "permissions": "0600", "content": content.to_string()});
    let script = (!news.script.is_empty()).then(|| part("moved", news.script));
    Ok([runner()?, told].into_iter().chain(script).collect())
}

fn runner() -> Result<Value> {
    embedded("lite-guest.py")
}

/// A program of lite's for guests.
fn embedded(name: &str) -> Result<Value> {
    let text = embedded_script(name)
        .ok_or_else(|| Error::new(Code::RenderFailed, format!("this build of lite lacks its guest runner `{name}`")))?;
    Ok(json!({"path": format!("{DIR}/{name}"), "permissions": "0755", "content": text}))
}

/// A part of the blueprint's.
fn part(name: &str, script: &str) -> Value {
    json!({"path": format!("{DIR}/{name}.sh"), "permissions": "0700", "content": script})
}

/// The values of this instance, which its runner reads. `own` is how many items of a list of the user's are not his.
pub(super) fn job(input: &SeedInput<'_>, own: &Map<String, Value>) -> Value {
    let secrets: Map<String, Value> = input
        .secrets
        .iter()
        .map(|(name, value)| (name.clone(), Value::String(value.expose_secret().to_owned())))
        .collect();
    let scripts = input.user_data.map_or_else(Vec::new, |user| user.scripts.clone());
    let health = match &input.blueprint.health {
        Some(Health::Command { run, timeout }) => json!({"run": run, "timeout": timeout}),
        _ => Value::Null,
    };
    let mut content = json!({
        "version": 1,
        "uuid": input.uuid,
        "name": input.name,
        "address": input.address.map(|a| a.address.to_string()).unwrap_or_default(),
        "params": input.params,
        "secrets": secrets,
        "runcmd": [],
        "scripts": scripts,
        "health": health,
        "own": own,
    });
    for key in BY_THE_RUNNER {
        if let Some(value) = input.user_data.and_then(|user| user.cloud_config.get(key)) {
            content[key] = value.clone();
        }
    }
    if let Some(former) = &input.copied {
        let address = former.address.map(|address| address.to_string()).unwrap_or_default();
        content["copied"] = json!({"name": former.name, "address": address});
    }
    if input.is_template {
        content["template"] = json!(true);
    } else if input.seal {
        content["seal"] = json!({"paths": input.blueprint.seal});
    } else if let Some(key) = input.ssh_keys.last() {
        content["login"] = json!({"user": input.blueprint.user, "key": key});
    }
    content
}

/// The same as a file. Base64 keeps the values out of sight of `grep` and of any YAML rule.
pub(super) fn instance(input: &SeedInput<'_>, own: &Map<String, Value>) -> Value {
    let content = job(input, own);
    json!({
        "path": format!("{DIR}/instance.json"),
        "permissions": "0600",
        "encoding": "b64",
        "content": STANDARD.encode(content.to_string()),
    })
}
