//! Seeds: golden documents, PyYAML as the second reader, values that try to break out, the runner run for real.

use std::{
    collections::BTreeMap,
    io::Write as _,
    process::{Command, Stdio},
};

use lite::{
    catalog::{Catalog, Resolved},
    guest::seed::{SEED_BYTES, scrubbed_iso, seed_iso},
    model::{Mac, Name},
    render::{HostKey, Seed, SeedInput, UserData, parse_user_data, render, render_output},
};
use proptest::prelude::*;
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::{Value, json};

mod need;

const KEY: &str = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJdD7y3aLq454yWBdwLWbieU1ebz9/cu7/QEXn9OIeZJ";

fn resolved(blueprint: &str, bundle: &str, base: Option<&str>) -> Resolved {
    Catalog::embedded().expect("good").resolve(blueprint, bundle, base).expect("fits")
}

/// A seed with fixed inputs and one value for each parameter; `secret` is named `admin`.
fn seed(resolved: &Resolved, value: &str, secret: &str, user_data: Option<&UserData>) -> Seed {
    let params: BTreeMap<_, _> = resolved.blueprint.parameters.iter().map(|p| (p.name.clone(), value.to_owned())).collect();
    let secrets = BTreeMap::from([("admin".to_owned(), SecretString::from(secret))]);
    let host_key = HostKey {
        private: SecretString::from("-----BEGIN OPENSSH PRIVATE KEY-----\nAAAA\n-----END OPENSSH PRIVATE KEY-----\n"),
        public: KEY.to_owned(),
    };
    render(&SeedInput {
        blueprint: &resolved.blueprint,
        name: &Name::parse("web-1").expect("good"),
        uuid: uuid::Uuid::from_u128(0x0123_4567_89ab_4def_8123_4567_89ab_cdef),
        mac: Mac::ours([0xab, 0xcd, 0xef]),
        address: Some(std::net::Ipv4Addr::new(192, 168, 150, 10)),
        params: &params,
        secrets: &secrets,
        ssh_keys: &[KEY.to_owned()],
        host_key: &host_key,
        user_data,
    })
    .expect("renders")
}

/// Runs a program on an input; its standard output.
fn piped(program: &str, args: &[&str], input: &[u8]) -> Vec<u8> {
    let mut child = Command::new(program).args(args).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("starts");
    child.stdin.take().expect("piped").write_all(input).expect("writes");
    let output = child.wait_with_output().expect("ends");
    assert!(output.status.success(), "{program}: {}", output.status);
    output.stdout
}

/// What PyYAML, the reader in the guest, makes of a document.
fn pyyaml(text: &str) -> Value {
    let script = "import json,sys,yaml; json.dump(yaml.safe_load(sys.stdin.buffer.read().decode('utf-8')), sys.stdout)";
    serde_json::from_slice(&piped("python3", &["-c", script], text.as_bytes())).expect("JSON")
}

fn written<'a>(document: &'a Value, path: &str) -> Option<&'a Value> {
    document["write_files"].as_array()?.iter().find(|f| f["path"] == path)
}

/// The instance's values as the guest gets them.
fn instance(document: &Value) -> Value {
    let script = "import base64,sys; sys.stdout.buffer.write(base64.b64decode(sys.stdin.read()))";
    let content = written(document, "/var/lib/lite/instance.json").and_then(|f| f["content"].as_str()).expect("there");
    serde_json::from_slice(&piped("python3", &["-c", script], content.as_bytes())).expect("JSON")
}

fn golden(text: &str) -> String {
    // The scripts are files of their own; a golden document shows that they are there, not what they say.
    let mut document: Value = pyyaml(text);
    for file in document["write_files"].as_array_mut().into_iter().flatten() {
        let content = file["content"].as_str().unwrap_or_default();
        file["content"] = json!(format!("{} bytes", if content.len() > 100 && file["encoding"].is_null() { "many".to_owned() } else { content.len().to_string() }));
    }
    serde_json::to_string_pretty(&document).expect("JSON")
}

#[test]
fn golden_documents() {
    if !need::programs("golden_documents", &["python3"]) {
        return;
    }
    let nginx = seed(&resolved("nginx", "small", None), "It works", "hunter2hunter2", None);
    insta::assert_snapshot!("nginx_user_data", golden(nginx.user_data.expose_secret()));
    insta::assert_snapshot!("nginx_scrubbed", golden(&nginx.user_data_scrubbed));
    insta::assert_snapshot!("meta_data", nginx.meta_data);
    insta::assert_snapshot!("network_config", nginx.network_config);
    let debian = seed(&resolved("debian-13", "nano", None), "", "hunter2hunter2", None);
    insta::assert_snapshot!("debian_user_data", golden(debian.user_data.expose_secret()));
}

#[test]
fn every_combination_renders_and_pyyaml_reads_the_same() {
    if !need::programs("every_combination_renders_and_pyyaml_reads_the_same", &["python3"]) {
        return;
    }
    let catalog = Catalog::embedded().expect("good");
    let mut documents = Vec::new();
    for blueprint in catalog.blueprints.values() {
        for base in &blueprint.bases {
            for bundle in &catalog.bundles {
                let resolved = catalog.resolve(&blueprint.id, &bundle.id, Some(base)).expect("fits");
                let seed = seed(&resolved, "no", "12:30", None);
                documents.extend([seed.user_data.expose_secret().to_owned(), seed.user_data_scrubbed, seed.meta_data, seed.network_config]);
            }
        }
    }
    assert_eq!(documents.len(), (3 + 3) * 7 * 4);
    documents.sort();
    documents.dedup();
    for text in documents {
        assert_eq!(serde_yaml::from_str::<Value>(&text).ok(), Some(pyyaml(&text)));
    }
}

#[test]
fn secrets_are_only_where_they_must_be() {
    if !need::programs("secrets_are_only_where_they_must_be", &["python3"]) {
        return;
    }
    let secret = "correct-horse-battery";
    let seed = seed(&resolved("nginx", "small", None), "T1tle", secret, None);
    let document = pyyaml(seed.user_data.expose_secret());
    assert_eq!(instance(&document), json!({
        "version": 1, "uuid": "01234567-89ab-4def-8123-456789abcdef", "name": "web-1", "address": "192.168.150.10",
        "params": {"title": "T1tle"}, "secrets": {"admin": secret}, "runcmd": [], "script": null,
    }));
    assert_eq!(written(&document, "/var/lib/lite/instance.json").map(|f| &f["permissions"]), Some(&json!("0600")));
    for text in [&seed.user_data_scrubbed, &seed.meta_data, &seed.network_config, &format!("{seed:?}")] {
        assert!(!text.contains(secret) && !text.contains("PRIVATE KEY") && !text.contains("instance.json\n"), "{text}");
    }
    let scrubbed = pyyaml(&seed.user_data_scrubbed);
    assert_eq!(scrubbed["bootcmd"], document["bootcmd"]);
    assert_eq!((&scrubbed["ssh_keys"], written(&scrubbed, "/var/lib/lite/instance.json")), (&Value::Null, None));
}

#[test]
fn user_data_is_merged_after_the_blueprint() {
    if !need::programs("user_data_is_merged_after_the_blueprint", &["python3"]) {
        return;
    }
    let own = "#cloud-config\npackages: [htop]\nusers:\n  - name: ada\nbootcmd: [echo hi]\ntimezone: Europe/Berlin\n\
               runcmd:\n  - echo 1\n  - [touch, a b]\nwrite_files:\n  - {path: /etc/x, content: 'y', permissions: '0644'}\n";
    let user_data = parse_user_data(own.as_bytes()).expect("good");
    let seed = seed(&resolved("nginx", "small", None), "x", "s", Some(&user_data));
    let document = pyyaml(seed.user_data.expose_secret());
    assert_eq!(document["packages"], json!(["htop"]));
    assert_eq!(document["users"], json!(["default", {"name": "ada"}]));
    assert_eq!(document["bootcmd"].as_array().map(Vec::len), Some(3));
    assert_eq!(document["runcmd"], Value::Null);
    assert_eq!(instance(&document)["runcmd"], json!(["echo 1", ["touch", "a b"]]));
    assert_eq!(document["cloud_config_modules"], json!(["set_passwords", "timezone"]));
    assert_eq!(document["cloud_final_modules"], json!([
        "package_update_upgrade_install", "write_files_deferred", "scripts_per_once", "scripts_per_boot", "scripts_per_instance", "final_message"
    ]));
    assert!(written(&document, "/etc/x").is_some());
    assert_eq!(pyyaml(&seed.user_data_scrubbed)["bootcmd"], document["bootcmd"]);
    assert_eq!(pyyaml(&seed.user_data_scrubbed)["packages"], Value::Null);
}

#[test]
fn a_key_with_an_unknown_module_keeps_the_distributions_modules() {
    if !need::programs("a_key_with_an_unknown_module_keeps_the_distributions_modules", &["python3"]) {
        return;
    }
    let user_data = parse_user_data(b"#cloud-config\nwireguard: {interfaces: []}\n").expect("good");
    let document = pyyaml(seed(&resolved("debian-13", "nano", None), "", "s", Some(&user_data)).user_data.expose_secret());
    assert_eq!((&document["cloud_config_modules"], &document["locale"]), (&Value::Null, &json!("C.UTF-8")));
}

#[test]
fn user_data_that_cannot_be_used_is_refused() {
    let deep = format!("#cloud-config\na: {}{}\n", "[".repeat(20), "]".repeat(20));
    let long = format!("#cloud-config\na: {}\n", "x".repeat(65536));
    let cases: [(&[u8], &str); 14] = [
        (b"", "its first line is ``"),
        (b"#include\nhttp://x\n", "its first line is `#include`"),
        (b"## template: jinja\n#cloud-config\n", "its first line is `## template: jinja`"),
        (b"\x7fELF\xff", "it is not UTF-8 text"),
        (b"#!/bin/sh\n\0", "it is not a text file"),
        (b"#!/bin/sh\r\nid\r\n", "its lines end with a carriage return"),
        (b"#!\nid\n", "`#!` names no interpreter"),
        (long.as_bytes(), "it has 65554 bytes"),
        (deep.as_bytes(), "its YAML is faulty: user-data:2: -: nested deeper than 16 levels"),
        (b"#cloud-config\na: &x 1\nb: *x\n", "its YAML is faulty: user-data:2: -: anchors are not allowed; write the value out"),
        (b"#cloud-config\na: 1\na: 2\n", "its YAML is faulty: user-data:3: a: given twice; first on line 2"),
        (b"#cloud-config\n- a\n", "it is not a mapping"),
        (b"#cloud-config\nhostname: x\n", "lite sets `hostname` itself"),
        (b"#cloud-config\nruncmd: reboot\n", "`runcmd` is not a list of commands"),
    ];
    for (bytes, why) in cases {
        let said = parse_user_data(bytes).map_err(|e| (e.to_string(), e.exit_code()));
        assert_eq!(said, Err((format!("the user-data file cannot be used: {why}"), 2)));
    }
    assert_eq!(parse_user_data(b"#!/bin/sh\nid\n"), Ok(UserData::Script("#!/bin/sh\nid\n".to_owned())));
}

#[test]
fn scalars_of_user_data_mean_what_pyyaml_says() {
    if !need::programs("scalars_of_user_data_mean_what_pyyaml_says", &["python3"]) {
        return;
    }
    let words = "0644 0o644 1_000 0x1F 0b11 -0 +7 yes No ON off y n true TRUE null ~ 1.5 1e3 1.5e+3 .5 -.5 5. . - 1.2.3 08 0_7 -012 1e5.";
    let mut text = String::from("#cloud-config\n");
    for (i, word) in words.split(' ').filter(|w| *w != "-").enumerate() {
        text.push_str(&format!("k{i}: {word}\nq{i}: '{word}'\n"));
    }
    let Ok(UserData::CloudConfig(map)) = parse_user_data(text.as_bytes()) else { panic!("refused") };
    assert_eq!(Value::Object(map), pyyaml(&text));
}

#[test]
fn a_hardware_address_of_digits_alone_stays_text() {
    if !need::programs("a_hardware_address_of_digits_alone_stays_text", &["python3"]) {
        return;
    }
    let mut nginx = resolved("nginx", "small", None);
    nginx.blueprint.cloud_config.insert("mac".to_owned(), json!(Mac::ours([0x12, 0x34, 0x56])));
    let document = pyyaml(seed(&nginx, "", "s", None).user_data.expose_secret());
    assert_eq!(document["mac"], json!("52:54:00:12:34:56"));
}

#[test]
fn output_lines_are_filled_in() {
    let nginx = resolved("nginx", "small", None);
    let lines = render_output(&nginx.blueprint, &Name::parse("web-1").expect("good"), "192.168.150.10", &BTreeMap::new());
    assert_eq!(lines, Ok(vec![("URL".to_owned(), "http://192.168.150.10/".to_owned())]));
}

#[test]
fn seed_images_hold_the_documents() {
    if !need::programs("seed_images_hold_the_documents", &["/usr/sbin/blkid", "isoinfo"]) {
        return;
    }
    let seed = seed(&resolved("nginx", "small", None), "It works", "correct-horse-battery", None);
    let dir = tempfile::tempdir().expect("a folder");
    let images = [("full", seed_iso(&seed), seed.user_data.expose_secret()), ("scrubbed", scrubbed_iso(&seed), seed.user_data_scrubbed.as_str())];
    for (name, image, user_data) in images {
        let image = image.expect("fits");
        assert_eq!(image.len(), SEED_BYTES);
        let path = dir.path().join(name);
        std::fs::write(&path, &image).expect("writes");
        let path = path.to_str().expect("UTF-8");
        let label = piped("/usr/sbin/blkid", &["-p", "-s", "LABEL", "-s", "TYPE", "-o", "export", path], b"");
        let label = String::from_utf8_lossy(&label).to_lowercase();
        assert!(label.contains("label=cidata") && label.contains("type=iso9660"), "{label}");
        for kind in ["-R", "-J"] {
            for (file, text) in [("user-data", user_data), ("meta-data", &seed.meta_data), ("network-config", &seed.network_config)] {
                let got = piped("isoinfo", &["-i", path, kind, "-x", &format!("/{file}")], b"");
                assert!(got == text.as_bytes(), "{name} {kind} {file}: {} bytes, {} expected", got.len(), text.len());
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, failure_persistence: None, ..ProptestConfig::default() })]

    /// 32 values at a time: starting Python is what costs.
    #[test]
    fn nasty_values_arrive_byte_for_byte(values in proptest::collection::vec(nasty(), 32)) {
        if !need::programs("nasty_values_arrive_byte_for_byte", &["python3"]) {
            return Ok(());
        }
        let mut nginx = resolved("nginx", "small", None);
        nginx.blueprint.parameters.clear();
        nginx.blueprint.install = values.concat();
        nginx.blueprint.cloud_config.insert("values".to_owned(), json!(values));
        let document = pyyaml(seed(&nginx, "", &values[0], None).user_data.expose_secret());
        prop_assert_eq!(&document["values"], &json!(values));
        prop_assert_eq!(&instance(&document)["secrets"]["admin"], &json!(values[0]));
        if !nginx.blueprint.install.is_empty() {
            prop_assert_eq!(written(&document, "/var/lib/lite/install.sh").map(|f| &f["content"]), Some(&json!(nginx.blueprint.install)));
        }
    }
}

/// Text that YAML 1.1, templates or a shell could take for something else.
fn nasty() -> impl Strategy<Value = String> {
    let words = proptest::sample::select(vec![
        "no", "12:30", "1_000", "2024-01-01", "=", "<<", "~", "null", "0x1f", ".5", "- a", "a: b", "a #b", "#", "'", "\"", "|", ">", "%x",
        "@", "`id`", "$(id)", "${x}", "{{ x }}", "{% x %}", "!x", "&a", "*a", "---", "...", "\n", "\t", " ", "\\", "\n---\n", "é", "🦀", "\u{a0}",
        "x\n\n", "\n  y", "? ", "[", "]", "{", "}", ",", "''", "\"\"", "\\n", "EOF\n", "\u{200b}",
    ]);
    prop_oneof![
        words.clone().prop_map(str::to_owned),
        proptest::collection::vec(words, 0..6).prop_map(|w| w.concat()),
        "[ -~\n\t¡-ÿ]{0,40}".prop_map(|s| s.replace(|c: char| c.is_control() && !matches!(c, '\n' | '\t'), "")),
    ]
}
