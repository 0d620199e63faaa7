//! Which cloud-init modules run. Each costs time under emulation and may fail on a minimal image, so only those with work
//! to do are listed (<https://docs.cloud-init.io/en/latest/reference/modules.html>); names exist in 22.4 and later.

use serde_json::{Map, Value, json};

/// Where a module runs.
#[derive(Clone, Copy, PartialEq)]
enum Stage {
    Init,
    Config,
    Final,
}

use Stage::{Config, Final, Init};

/// Modules in cloud-init's own order, with the keys that give them work; no keys: always.
const MODULES: [(Stage, &str, &[&str]); 28] = [
    (Init, "seed_random", &["random_seed"]),
    (Init, "bootcmd", &[]),
    (Init, "write_files", &[]),
    (Init, "growpart", &[]),
    (Init, "resizefs", &[]),
    (Init, "disk_setup", &["disk_setup", "fs_setup", "device_aliases"]),
    (Init, "mounts", &["mounts", "mount_default_fields", "swap"]),
    (Init, "set_hostname", &[]),
    (Init, "update_hostname", &[]),
    (Init, "update_etc_hosts", &[]),
    (Init, "ca_certs", &["ca_certs", "ca-certs"]),
    (Init, "rsyslog", &["rsyslog"]),
    (Init, "users_groups", &[]),
    (Init, "ssh", &[]),
    (Config, "snap", &["snap"]),
    (Config, "ssh_import_id", &["ssh_import_id"]),
    (Config, "locale", &["locale", "locale_configfile"]),
    (Config, "set_passwords", &[]),
    (Config, "apt_configure", &["apt"]),
    (Config, "ntp", &["ntp"]),
    (Config, "timezone", &["timezone"]),
    (
        Final,
        "package_update_upgrade_install",
        &["packages", "package_update", "package_upgrade", "package_reboot_if_required"],
    ),
    (Final, "write_files_deferred", &["write_files"]),
    (Final, "scripts_per_once", &[]),
    (Final, "scripts_per_boot", &[]),
    (Final, "scripts_per_instance", &[]),
    (Final, "phone_home", &["phone_home"]),
    (Final, "final_message", &[]),
];

/// Keys that only parametrise modules which always run.
const PLAIN: [&str; 19] = [
    "hostname",
    "fqdn",
    "prefer_fqdn_over_hostname",
    "preserve_hostname",
    "manage_etc_hosts",
    "bootcmd",
    "write_files",
    "growpart",
    "resize_rootfs",
    "users",
    "groups",
    "ssh_authorized_keys",
    "allow_public_ssh_keys",
    "disable_root_opts",
    "chpasswd",
    "password",
    "final_message",
    "ssh_pwauth",
    "keyboard",
];

/// Keys of ours that PLAIN does not name.
const OURS: [&str; 4] = ["ssh_keys", "ssh_genkeytypes", "disable_root", "ssh_publish_hostkeys"];

/// Adds the three lists for a document, unless it has a key whose module is not known here: then the distribution's own lists
/// stay, and the system's locale is set so that none is generated.
pub(super) fn add(document: &mut Map<String, Value>, extra: &[&Map<String, Value>]) {
    let keys: Vec<&str> = extra.iter().flat_map(|m| m.keys().map(String::as_str)).collect();
    if keys.iter().any(|k| !known(k)) {
        document.entry("locale").or_insert_with(|| json!("C.UTF-8"));
        return;
    }
    for (key, stage) in [("cloud_init_modules", Init), ("cloud_config_modules", Config), ("cloud_final_modules", Final)]
    {
        let names: Vec<&str> = MODULES
            .iter()
            .filter(|(s, _, triggers)| {
                *s == stage && (triggers.is_empty() || triggers.iter().any(|t| keys.contains(t)))
            })
            .map(|(_, name, _)| *name)
            .collect();
        document.insert(key.to_owned(), json!(names));
    }
}

fn known(key: &str) -> bool {
    PLAIN.contains(&key) || OURS.contains(&key) || MODULES.iter().any(|(_, _, triggers)| triggers.contains(&key))
}
