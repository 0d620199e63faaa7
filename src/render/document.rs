//! The `#cloud-config` of an instance, built as a structure.

use secrecy::{ExposeSecret as _, SecretString};
use serde_json::{Map, Value, json};
use uuid::Uuid;

use super::{
    files::{self, DIR, PORT},
    merge, modules, regional,
    types::{Move, Published, Seed, SeedInput, StaticAddress, StaticAddress6},
    yaml,
};
use crate::model::{Mac, Name, Result};

/// Renders the seed of an instance.
///
/// # Errors
/// Failed only if a document does not read back as it was meant.
pub fn render(input: &SeedInput<'_>) -> Result<Seed> {
    let mut full = base(input);
    full.insert(
        "ssh_keys".to_owned(),
        json!({
            "ed25519_private": input.host_key.private.expose_secret(),
            "ed25519_public": input.host_key.public,
        }),
    );
    let mut written = files::plain(input)?;
    let place = written.len();
    written.push(Value::Null);
    full.insert("write_files".to_owned(), Value::Array(written));

    let mut user = input.user_data.map_or_else(Map::new, |user| user.cloud_config.clone());
    for key in files::BY_THE_RUNNER {
        user.remove(key);
    }
    let mut wanted = input.blueprint.cloud_config.clone();
    merge::merge(&mut wanted, &user);
    let needs = regional::needs(&wanted);
    merge::merge(&mut full, &needs);
    merge::merge(&mut full, &wanted);
    full.remove("keyboard");
    merge::keep_default_user(&mut full);
    let own = before_the_users(&full, &user);
    if let Some(file) = full.get_mut("write_files").and_then(|files| files.get_mut(place)) {
        *file = files::instance(input, &own);
    }
    modules::add(&mut full, &[&needs, &wanted]);

    Ok(Seed {
        user_data: SecretString::from(yaml::cloud_config(&Value::Object(full))?),
        user_data_scrubbed: scrubbed(input, &user)?,
        meta_data: meta_data(input.uuid, input.name, None)?,
        network_config: match input.is_template {
            true => yaml::emit(&json!({"network": {"config": "disabled"}}))?,
            false => network_config(input.mac, input.address)?,
        },
    })
}

/// `meta-data` of an instance. cloud-init reads it at every boot and keeps what it does not know, for the guest's runner to find
/// in `/run/cloud-init/instance-data.json`: the name that the instance is published under.
///
/// # Errors
/// Failed only if the document does not read back as it was meant.
pub fn meta_data(uuid: Uuid, name: &Name, published: Option<&Published>) -> Result<String> {
    let mut document = json!({"instance-id": uuid, "local-hostname": name});
    if let Some(published) = published {
        document["lite_published"] = published.to_json();
    }
    yaml::emit(&document)
}

/// user-data for later boots, of a guest that has another name now, or another id: cloud-init would make new host keys for that.
///
/// # Errors
/// `render_failed` if it is no document of lite's.
pub fn renamed(user_data: &str, name: &Name) -> Result<String> {
    let Value::Object(mut document) = yaml::read(user_data)? else { return Ok(user_data.to_owned()) };
    document.insert("hostname".to_owned(), json!(name));
    document.insert("ssh_deletekeys".to_owned(), json!(false));
    yaml::cloud_config(&Value::Object(document))
}

/// user-data for an instance that came back with another address. cloud-init writes files once for each id, so its guest finds the news
/// once, with the blueprint's part `moved` and a runner that knows both.
///
/// # Errors
/// `render_failed` if it is no document of lite's.
pub fn with_move(user_data: &str, news: &Move<'_>) -> Result<String> {
    let Value::Object(mut document) = yaml::read(user_data)? else { return Ok(user_data.to_owned()) };
    let new = files::moved(news)?;
    let mut all = match document.remove("write_files") {
        Some(Value::Array(all)) => all,
        _ => Vec::new(),
    };
    all.retain(|file| new.iter().all(|one| one["path"] != file["path"]));
    all.extend(new);
    document.insert("write_files".to_owned(), Value::Array(all));
    yaml::cloud_config(&Value::Object(document))
}

/// How many items of each list of the user's stand before his own. cloud-init counts them all, and he knows only his.
fn before_the_users(full: &Map<String, Value>, user: &Map<String, Value>) -> Map<String, Value> {
    let length = |v: Option<&Value>| v.and_then(Value::as_array).map(Vec::len);
    let before = |key: &str| Some(length(full.get(key))? - length(user.get(key))?).filter(|n| *n > 0);
    user.keys().filter_map(|key| Some((key.clone(), json!(before(key)?)))).collect()
}

/// What holds on every boot.
fn base(input: &SeedInput<'_>) -> Map<String, Value> {
    let document = json!({
        "hostname": input.name,
        "preserve_hostname": false,
        "manage_etc_hosts": "localhost",
        "disable_root": true,
        "ssh_pwauth": false,
        "ssh_genkeytypes": ["ed25519"],
        "ssh_authorized_keys": input.ssh_keys,
        "bootcmd": bootcmd(),
    });
    let Value::Object(mut map) = document else { return Map::new() };
    // Nobody logs in to a template; the schema takes no empty list.
    if input.ssh_keys.is_empty() {
        map.remove("ssh_authorized_keys");
    }
    map
}

/// Runs on every boot, first of all modules: says that cloud-init is at work, and asks systemd to start the runner once
/// cloud-init is through. The runner does the set-up and reports; nothing polls.
fn bootcmd() -> Value {
    let said = r#"{"event":"stage","stage":"cloud-init"}"#;
    let mut start =
        vec!["systemd-run".to_owned(), "--no-block".to_owned(), "--collect".to_owned(), "--unit=lite-guest".to_owned()];
    for property in [
        "After=cloud-final.service",
        "Before=apt-daily.service",
        "Before=apt-daily-upgrade.service",
        "StandardOutput=journal+console",
        "StandardError=journal+console",
        "KillMode=process",
        "TasksMax=infinity",
    ] {
        start.push(format!("--property={property}"));
    }
    start.extend(["/usr/bin/python3", "-IS", &format!("{DIR}/lite-guest.py")].map(str::to_owned));
    json!([format!("if [ -e {PORT} ]; then echo '{said}' > {PORT}; fi"), start])
}

/// Keys of others that a module heeds on every boot.
const EVERY_BOOT: [&str; 5] = ["bootcmd", "fqdn", "growpart", "prefer_fqdn_over_hostname", "resize_rootfs"];

/// user-data for later boots. Modules that run once per instance do not run again, so their keys may go; what runs on every
/// boot stays: our `bootcmd` and the user's.
fn scrubbed(input: &SeedInput<'_>, user: &Map<String, Value>) -> Result<String> {
    let mut document = base(input);
    for extra in [&input.blueprint.cloud_config, user] {
        let every_boot = extra.iter().filter(|(k, _)| EVERY_BOOT.contains(&k.as_str()));
        merge::merge(&mut document, &every_boot.map(|(k, v)| (k.clone(), v.clone())).collect());
    }
    document.insert("write_files".to_owned(), Value::Array(files::plain(input)?));
    modules::add(&mut document, &[]);
    yaml::cloud_config(&Value::Object(document))
}

/// netplan's format, version 2 (<https://docs.cloud-init.io/en/latest/reference/network-config-format-v2.html>). The name is
/// set as well: of cloud-init's renderers, those for networkd and ifupdown match on it. Without an address of its own the guest
/// asks by DHCP.
///
/// # Errors
/// Failed only if the document does not read back as it was meant.
pub fn network_config(mac: Mac, address: Option<StaticAddress>) -> Result<String> {
    let mut interface = json!({"match": {"macaddress": mac}, "set-name": "eth0", "dhcp4": true, "dhcp6": false});
    if let Some(StaticAddress { address, prefix, gateway, search, ipv6 }) = address {
        interface["dhcp4"] = json!(false);
        interface["accept-ra"] = json!(false);
        interface["addresses"] = json!([format!("{address}/{prefix}")]);
        interface["routes"] = json!([{"to": "0.0.0.0/0", "via": gateway}]);
        match ipv6 {
            // No IPv6 link-local address either: the firewall lets none through, and waiting for it costs a boot two seconds.
            None => interface["link-local"] = json!([]),
            Some(StaticAddress6 { address: six, gateway: router }) => {
                interface["addresses"] = json!([format!("{address}/{prefix}"), format!("{six}/128")]);
                interface["routes"] = json!([
                    {"to": "0.0.0.0/0", "via": gateway},
                    {"to": "::/0", "via": router, "on-link": true},
                ]);
            }
        }
        interface["nameservers"] = json!({"addresses": [gateway]});
        if let Some(domain) = search {
            interface["nameservers"]["search"] = json!([domain]);
        }
    }
    yaml::emit(&json!({"version": 2, "ethernets": {"eth0": interface}}))
}
