//! The user's own user-data: what is accepted, what it means, how it is merged.

use lite::render::{UserData, parse_user_data};
use secrecy::ExposeSecret as _;
use serde_json::{Value, json};

use crate::support::seeds::{FOR, instance, pyyaml, resolved, seed, written};

use crate::support::need;

crate::tests![
    user_data_is_merged_after_the_blueprint,
    a_key_with_an_unknown_module_keeps_the_distributions_modules,
    a_locale_and_a_keyboard_come_with_their_files_and_packages,
    user_data_that_cannot_be_used_is_refused,
    scalars_of_user_data_mean_what_pyyaml_says,
];

fn user_data_is_merged_after_the_blueprint() {
    need::programs(&["python3"]);
    let own = "#cloud-config\npackages: [htop]\nusers:\n  - name: ada\nbootcmd: [echo hi]\ntimezone: Europe/Berlin\npower_state: {mode: reboot}\n\
               runcmd:\n  - echo 1\n  - [touch, a b]\nwrite_files:\n  - {path: /etc/x, content: 'y', permissions: '0644'}\n";
    let user_data = parse_user_data(own.as_bytes(), FOR).expect("good");
    let seed = seed(&resolved("nginx", "small", None), "x", "s", Some(&user_data));
    let document = pyyaml(seed.user_data.expose_secret());
    assert_eq!(document["packages"], json!(["htop"]));
    assert_eq!(document["users"], json!(["default", {"name": "ada"}]));
    assert_eq!(document["bootcmd"].as_array().map(Vec::len), Some(3));
    assert_eq!((&document["runcmd"], &document["power_state"]), (&Value::Null, &Value::Null));
    assert_eq!(instance(&document)["power_state"], json!({"mode": "reboot"}));
    assert_eq!(instance(&document)["runcmd"], json!(["echo 1", ["touch", "a b"]]));
    let own = document["write_files"].as_array().map_or(0, |files| files.len() - 1);
    assert_eq!(instance(&document)["own"], json!({"bootcmd": 2, "users": 1, "write_files": own}));
    assert_eq!(document["cloud_config_modules"], json!(["set_passwords", "timezone"]));
    assert_eq!(
        document["cloud_final_modules"],
        json!([
            "package_update_upgrade_install",
            "write_files_deferred",
            "scripts_per_once",
            "scripts_per_boot",
            "scripts_per_instance",
            "final_message"
        ])
    );
    assert!(written(&document, "/etc/x").is_some());
    assert_eq!(pyyaml(&seed.user_data_scrubbed)["bootcmd"], document["bootcmd"]);
    assert_eq!(pyyaml(&seed.user_data_scrubbed)["packages"], Value::Null);
}

fn a_key_with_an_unknown_module_keeps_the_distributions_modules() {
    need::programs(&["python3"]);
    let user_data = parse_user_data(b"#cloud-config\nwireguard: {interfaces: []}\n", FOR).expect("good");
    let document =
        pyyaml(seed(&resolved("debian-13", "nano", None), "", "s", Some(&user_data)).user_data.expose_secret());
    assert_eq!((&document["cloud_config_modules"], &document["locale"]), (&Value::Null, &json!("C.UTF-8")));
}

fn a_locale_and_a_keyboard_come_with_their_files_and_packages() {
    need::programs(&["python3"]);
    let own = b"#cloud-config\nlocale: de_DE.UTF-8\nkeyboard: {layout: de, variant: nodeadkeys}\npackages: [htop]\n";
    let user_data = parse_user_data(own, FOR).expect("good");
    let rendered = seed(&resolved("debian-13", "nano", None), "", "s", Some(&user_data));
    let document = pyyaml(rendered.user_data.expose_secret());
    let file = |path: &str| written(&document, path).map(|file| (file["content"].clone(), file["append"].clone()));
    let keyboard =
        "XKBMODEL=\"pc105\"\nXKBLAYOUT=\"de\"\nXKBVARIANT=\"nodeadkeys\"\nXKBOPTIONS=\"\"\nBACKSPACE=\"guess\"\n";
    assert_eq!(file("/etc/locale.gen"), Some((json!("de_DE.UTF-8 UTF-8\n"), json!(true))));
    assert_eq!(file("/etc/default/keyboard"), Some((json!(keyboard), json!(false))));
    assert_eq!((&document["packages"], &document["keyboard"]), (&json!(["console-setup", "htop"]), &Value::Null));
    assert_eq!(document["cloud_config_modules"], json!(["locale", "set_passwords"]));
    assert_eq!(instance(&document)["own"]["packages"], 1);
    assert_eq!(written(&pyyaml(&rendered.user_data_scrubbed), "/etc/locale.gen"), None);
    let user_data = parse_user_data(b"#cloud-config\nlocale: C.UTF-8\n", FOR).expect("good");
    let document =
        pyyaml(seed(&resolved("debian-13", "nano", None), "", "s", Some(&user_data)).user_data.expose_secret());
    assert_eq!((written(&document, "/etc/locale.gen"), &document["locale"]), (None, &json!("C.UTF-8")));
}

fn user_data_that_cannot_be_used_is_refused() {
    let deep = format!("#cloud-config\na: {}{}\n", "[".repeat(20), "]".repeat(20));
    let long = format!("#cloud-config\na: {}\n", "x".repeat(65536));
    let cases: [(&[u8], &str); 14] = [
        (b"", "its first line is of no known form"),
        (b"root:$6$secret:1\n", "its first line is of no known form"),
        (b"#include\nhttp://x\n", "its first line is `#include`"),
        (b"## template: jinja\n#cloud-config\n", "its first line is `## template:`"),
        (b"\x7fELF\xff", "it is not UTF-8 text"),
        (b"#!/bin/sh\n\0", "it is not a text file"),
        (b"#!/bin/sh\r\nid\r\n", "its lines end with a carriage return"),
        (b"#!\nid\n", "`#!` names no interpreter"),
        (long.as_bytes(), "it has 65554 bytes"),
        (deep.as_bytes(), "its YAML is faulty: user-data:2: -: nested deeper than 16 levels"),
        (b"#cloud-config\na: 1\na: 2\n", "its YAML is faulty: user-data:3: a: given twice; first on line 2"),
        (b"#cloud-config\n- a\n", "it is not a mapping"),
        (
            b"#cloud-config\nhostname: x\n",
            "a value is refused: user-data:2: hostname: is set by lite itself; name the instance so with `--name x`",
        ),
        (b"#cloud-config\nruncmd: reboot\n", "a value is refused: user-data:2: runcmd: must be a list (`- item`)"),
    ];
    for (bytes, why) in cases {
        let said = parse_user_data(bytes, FOR).map_err(|e| (e.to_string(), e.exit_code()));
        assert_eq!(said, Err((format!("the user-data file cannot be used: {why}"), 2)));
    }
    assert_eq!(
        parse_user_data(b"#!/bin/sh\nid\n", FOR),
        Ok(UserData { scripts: vec!["#!/bin/sh\nid\n".to_owned()], ..UserData::default() })
    );
}

fn scalars_of_user_data_mean_what_pyyaml_says() {
    need::programs(&["python3"]);
    let words = "0644 0o644 1_000 0x1F 0b11 -0 +7 yes No ON off y n true TRUE null ~ 1.5 1e3 1.5e+3 .5 -.5 5. . - 1.2.3 08 0_7 -012 1e5.";
    let mut text = String::from("#cloud-config\n");
    for (i, word) in words.split(' ').filter(|w| *w != "-").enumerate() {
        text.push_str(&format!("k{i}: {word}\nq{i}: '{word}'\n"));
    }
    let user_data = parse_user_data(text.as_bytes(), FOR).expect("good");
    assert_eq!(Value::Object(user_data.cloud_config), pyyaml(&text));
}
