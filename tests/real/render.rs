//! Seeds: golden documents, PyYAML as the second reader, values that try to break out.

use std::collections::BTreeMap;

use lite::{
    catalog::{Catalog, Health},
    model::{Mac, Name},
    render::render_output,
};
use proptest::prelude::*;
use secrecy::ExposeSecret as _;
use serde_json::{Value, json};

use crate::support::seeds::{KEY, instance, pyyaml, pyyaml_all, resolved, seed, written};

use crate::support::need;

crate::tests![
    golden_documents,
    every_combination_renders_and_pyyaml_reads_the_same,
    secrets_are_only_where_they_must_be,
    the_guest_learns_the_command_of_its_health_check,
    a_hardware_address_of_digits_alone_stays_text,
    output_lines_are_filled_in,
    nasty_values_arrive_byte_for_byte,
];

fn golden(text: &str) -> String {
    // The scripts are files of their own; a golden document shows that they are there, not what they say.
    let mut document: Value = pyyaml(text);
    for file in document["write_files"].as_array_mut().into_iter().flatten() {
        let content = file["content"].as_str().unwrap_or_default();
        file["content"] = json!(format!(
            "{} bytes",
            if content.len() > 100 && file["encoding"].is_null() {
                "many".to_owned()
            } else {
                content.len().to_string()
            }
        ));
    }
    serde_json::to_string_pretty(&document).expect("JSON")
}

fn golden_documents() {
    need::programs(&["python3"]);
    let nginx = seed(&resolved("nginx", "small", None), "It works", "hunter2hunter2", None);
    insta::assert_snapshot!("nginx_user_data", golden(nginx.user_data.expose_secret()));
    insta::assert_snapshot!("nginx_scrubbed", golden(&nginx.user_data_scrubbed));
    insta::assert_snapshot!("meta_data", nginx.meta_data);
    insta::assert_snapshot!("network_config", nginx.network_config);
    let debian = seed(&resolved("debian-13", "nano", None), "", "hunter2hunter2", None);
    insta::assert_snapshot!("debian_user_data", golden(debian.user_data.expose_secret()));
}

fn every_combination_renders_and_pyyaml_reads_the_same() {
    need::programs(&["python3"]);
    let catalog = Catalog::embedded().expect("good");
    let mut documents = Vec::new();
    let (mut fits, mut refused) = (0, 0);
    for blueprint in catalog.blueprints.values() {
        for base in &blueprint.bases {
            for bundle in &catalog.bundles {
                let enough = bundle.memory >= blueprint.min_memory && bundle.disk >= blueprint.min_disk;
                let resolved = match catalog.resolve(&blueprint.id, &bundle.id, Some(base)) {
                    Ok(resolved) => resolved,
                    Err(e) => {
                        assert!(!enough && e.code.as_str() == "bundle_too_small", "{}: {e}", blueprint.id);
                        refused += 1;
                        continue;
                    }
                };
                assert!(enough, "{} on {}", blueprint.id, bundle.id);
                fits += 1;
                let seed = seed(&resolved, "no", "12:30", None);
                documents.extend([
                    seed.user_data.expose_secret().to_owned(),
                    seed.user_data_scrubbed,
                    seed.meta_data,
                    seed.network_config,
                ]);
            }
        }
    }
    let all: usize = catalog.blueprints.values().map(|b| b.bases.len() * catalog.bundles.len()).sum();
    assert_eq!((fits + refused, documents.len()), (all, fits * 4));
    assert!(fits > 100 && refused > 0, "{fits} fit, {refused} do not");
    documents.sort();
    documents.dedup();
    for (text, read) in documents.iter().zip(pyyaml_all(&documents)) {
        assert_eq!(serde_yaml::from_str::<Value>(text).ok(), Some(read));
    }
}

fn secrets_are_only_where_they_must_be() {
    need::programs(&["python3"]);
    let secret = "correct-horse-battery";
    let seed = seed(&resolved("nginx", "small", None), "T1tle", secret, None);
    let document = pyyaml(seed.user_data.expose_secret());
    assert_eq!(
        instance(&document),
        json!({
            "version": 1, "uuid": "01234567-89ab-4def-8123-456789abcdef", "name": "web-1", "address": "192.168.150.10",
            "params": {"title": "T1tle"}, "secrets": {"admin": secret}, "runcmd": [], "scripts": [],
            "health": null, "own": {}, "login": {"user": "debian", "key": KEY},
        })
    );
    assert_eq!(written(&document, "/var/lib/lite/instance.json").map(|f| &f["permissions"]), Some(&json!("0600")));
    for text in [&seed.user_data_scrubbed, &seed.meta_data, &seed.network_config, &format!("{seed:?}")] {
        assert!(
            !text.contains(secret) && !text.contains("OPENSSH PRIVATE KEY") && !text.contains("instance.json\n"),
            "{text}"
        );
    }
    let scrubbed = pyyaml(&seed.user_data_scrubbed);
    assert_eq!(scrubbed["bootcmd"], document["bootcmd"]);
    assert_eq!((&scrubbed["ssh_keys"], written(&scrubbed, "/var/lib/lite/instance.json")), (&Value::Null, None));
}

fn the_guest_learns_the_command_of_its_health_check() {
    need::programs(&["python3"]);
    let mut nginx = resolved("nginx", "small", None);
    nginx.blueprint.health = Some(Health::Command { run: "test \"$x\" = 'a: b'\n".to_owned(), timeout: 7 });
    let seed = seed(&nginx, "", "s", None);
    let asked = json!({"run": "test \"$x\" = 'a: b'\n", "timeout": 7});
    assert_eq!(instance(&pyyaml(seed.user_data.expose_secret()))["health"], asked);
    assert_eq!(written(&pyyaml(&seed.user_data_scrubbed), "/var/lib/lite/instance.json"), None);
}

fn a_hardware_address_of_digits_alone_stays_text() {
    need::programs(&["python3"]);
    let mut nginx = resolved("nginx", "small", None);
    nginx.blueprint.cloud_config.insert("mac".to_owned(), json!(Mac::ours([0x12, 0x34, 0x56])));
    let document = pyyaml(seed(&nginx, "", "s", None).user_data.expose_secret());
    assert_eq!(document["mac"], json!("52:54:00:12:34:56"));
}

fn output_lines_are_filled_in() {
    let nginx = resolved("nginx", "small", None);
    let lines =
        render_output(&nginx.blueprint, &Name::parse("web-1").expect("good"), "192.168.150.10", &BTreeMap::new());
    assert_eq!(lines, Ok(vec![("URL".to_owned(), "http://192.168.150.10/".to_owned())]));
    let nowhere = render_output(&nginx.blueprint, &Name::parse("web-1").expect("good"), "", &BTreeMap::new());
    assert_eq!(nowhere, Ok(vec![]));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, failure_persistence: None, ..ProptestConfig::default() })]

    /// 32 values at a time: starting Python is what costs.
        fn nasty_values_arrive_byte_for_byte(values in proptest::collection::vec(nasty(), 32)) {
        need::programs(&["python3"]);
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
        "no",
        "12:30",
        "1_000",
        "2024-01-01",
        "=",
        "<<",
        "~",
        "null",
        "0x1f",
        ".5",
        "- a",
        "a: b",
        "a #b",
        "#",
        "'",
        "\"",
        "|",
        ">",
        "%x",
        "@",
        "`id`",
        "$(id)",
        "${x}",
        "{{ x }}",
        "{% x %}",
        "!x",
        "&a",
        "*a",
        "---",
        "...",
        "\n",
        "\t",
        " ",
        "\\",
        "\n---\n",
        "é",
        "🦀",
        "\u{a0}",
        "x\n\n",
        "\n  y",
        "? ",
        "[",
        "]",
        "{",
        "}",
        ",",
        "''",
        "\"\"",
        "\\n",
        "EOF\n",
        "\u{200b}",
    ]);
    prop_oneof![
        words.clone().prop_map(str::to_owned),
        proptest::collection::vec(words, 0..6).prop_map(|w| w.concat()),
        "[ -~\n\t¡-ÿ]{0,40}".prop_map(|s| s.replace(|c: char| c.is_control() && !matches!(c, '\n' | '\t'), "")),
    ]
}
