//! cloud-init's own judgement of what lite renders.

use std::{collections::BTreeMap, process::Command};

use lite::{
    catalog::Catalog,
    model::{Mac, Name},
    render::{HostKey, SeedInput, UserData, parse_user_data, render},
};
use secrecy::{ExposeSecret as _, SecretString};

use crate::support::{need, seeds::FOR};

crate::tests![
    cloud_init_accepts_every_document,
    cloud_init_judges_at_all,
    old_spellings_are_valid_once_lite_has_read_them,
];

/// Every document of every blueprint on every base, and one with a good deal of a user's own.
fn documents() -> Vec<String> {
    let catalog = Catalog::embedded().expect("good");
    let own = "#cloud-config\npackages: [htop]\nusers:\n  - name: ada\nbootcmd: [echo hi]\ntimezone: Europe/Berlin\nruncmd: [id]\n\
               apt: {conf: 'APT::Get::Assume-Yes \"true\";'}\nntp: {enabled: true}\nwrite_files:\n  - {path: /etc/x, content: 'y'}\n";
    let own = parse_user_data(own.as_bytes(), FOR).expect("good");
    let host_key = lite::guest::keys::new_host_key().expect("a key");
    let mut documents = Vec::new();
    for blueprint in catalog.blueprints.values() {
        for base in &blueprint.bases {
            let bundle = catalog.smallest_bundle(blueprint).expect("one fits");
            let resolved = catalog.resolve(&blueprint.id, &bundle.id, Some(base)).expect("fits");
            for user_data in [None, Some(&own)] {
                documents.extend(rendered(&resolved, &host_key, user_data));
            }
        }
    }
    documents
}

fn rendered(resolved: &lite::catalog::Resolved, host_key: &HostKey, user_data: Option<&UserData>) -> [String; 2] {
    let params: BTreeMap<_, _> =
        resolved.blueprint.parameters.iter().map(|p| (p.name.clone(), "no".to_owned())).collect();
    let HostKey { public, .. } = host_key;
    let seed = render(&SeedInput {
        blueprint: &resolved.blueprint,
        name: &Name::parse("web-1").expect("good"),
        uuid: uuid::Uuid::from_u128(1),
        mac: Mac::ours([1, 2, 3]),
        address: None,
        params: &params,
        secrets: &BTreeMap::from([("admin".to_owned(), SecretString::from("12:30"))]),
        ssh_keys: std::slice::from_ref(public),
        host_key,
        user_data,
        copied: None,
        seal: false,
        is_template: false,
    })
    .expect("renders");
    [seed.user_data.expose_secret().to_owned(), seed.user_data_scrubbed]
}

fn judged(text: &str) -> String {
    let dir = tempfile::tempdir().expect("a folder");
    let path = dir.path().join("user-data");
    std::fs::write(&path, text).expect("writes");
    let output = Command::new("cloud-init").args(["schema", "-c"]).arg(&path).output().expect("runs");
    let said = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    format!("{} {}", output.status.code().unwrap_or(-1), said.trim().replace(&path.display().to_string(), "FILE"))
}

fn cloud_init_accepts_every_document() {
    need::programs(&["cloud-init"]);
    let mut documents = documents();
    let bases: usize = Catalog::embedded().expect("good").blueprints.values().map(|b| b.bases.len()).sum();
    assert_eq!(documents.len(), bases * 4);
    // The same text on several bases is judged once: each judgement starts Python.
    documents.sort();
    documents.dedup();
    assert!(documents.len() >= Catalog::embedded().expect("good").blueprints.len(), "{}", documents.len());
    for text in documents {
        assert_eq!(judged(&text), "0 Valid cloud-config: FILE", "{text}");
    }
}

fn cloud_init_judges_at_all() {
    need::programs(&["cloud-init"]);
    let verdict = judged("#cloud-config\npackages: 5\n");
    assert!(verdict.starts_with("1 ") && verdict.contains("packages: 5 is not of type 'array'"), "{verdict}");
}

/// Debian 12's cloud-init calls the hyphened keys of accounts invalid, and heeds them.
fn old_spellings_are_valid_once_lite_has_read_them() {
    need::programs(&["cloud-init"]);
    let old = "#cloud-config\napt_update: true\napt_upgrade: true\napt_reboot_if_required: false\nssh-authorized-keys: [ssh-ed25519 AAAA]\n\
               ssh-import-id: [gh:ada]\nwrite-files: [{path: /etc/x}]\nca-certs: {remove-defaults: true}\ngrub-dpkg: {enabled: false}\nusers:\n  \
               - {name: ada, lock-passwd: true, ssh-authorized-keys: [ssh-ed25519 AAAA], no-create-home: true, primary-group: a, plain-text-passwd: x}\n";
    let verdict = judged(old);
    assert!(verdict.starts_with("1 ") && verdict.contains("users.0"), "{verdict}");
    let read = parse_user_data(old.as_bytes(), FOR).expect("good").cloud_config;
    let text = format!("#cloud-config\n{}", serde_json::Value::Object(read));
    assert_eq!(judged(&text), "0 Valid cloud-config: FILE", "{text}");
}
