//! Seeds with fixed inputs, and the reader they are for.
#![allow(dead_code, reason = "each test file uses its part")]

use std::{
    collections::BTreeMap,
    io::Write as _,
    process::{Command, Stdio},
};

use lite::{
    catalog::{Catalog, Resolved},
    model::{Mac, Name},
    render::{HostKey, Seed, SeedInput, UserData, UserDataFor, render},
};
use secrecy::SecretString;
use serde_json::Value;

pub const KEY: &str = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJdD7y3aLq454yWBdwLWbieU1ebz9/cu7/QEXn9OIeZJ";

/// User-data for an instance whose name lite chooses.
pub const FOR: UserDataFor<'static> = UserDataFor { name: None, account: "debian" };

pub fn resolved(blueprint: &str, bundle: &str, base: Option<&str>) -> Resolved {
    Catalog::embedded().expect("good").resolve(blueprint, bundle, base).expect("fits")
}

/// A seed with fixed inputs and one value for each parameter; `secret` is named `admin`.
pub fn seed(resolved: &Resolved, value: &str, secret: &str, user_data: Option<&UserData>) -> Seed {
    let params: BTreeMap<_, _> =
        resolved.blueprint.parameters.iter().map(|p| (p.name.clone(), value.to_owned())).collect();
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
        address: Some(lite::render::StaticAddress {
            address: std::net::Ipv4Addr::new(192, 168, 150, 10),
            prefix: 24,
            gateway: std::net::Ipv4Addr::new(192, 168, 150, 1),
            search: Some(lite::model::DOMAIN),
            ipv6: None,
        }),
        params: &params,
        secrets: &secrets,
        ssh_keys: &[KEY.to_owned()],
        host_key: &host_key,
        user_data,
        copied: None,
        seal: false,
        is_template: false,
    })
    .expect("renders")
}

/// Runs a program on an input; its standard output.
pub fn piped(program: &str, args: &[&str], input: &[u8]) -> Vec<u8> {
    let mut child =
        Command::new(program).args(args).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("starts");
    let mut stdin = child.stdin.take().expect("piped");
    let input = input.to_owned();
    let writer = std::thread::spawn(move || stdin.write_all(&input));
    let output = child.wait_with_output().expect("ends");
    writer.join().expect("ends").expect("writes");
    assert!(output.status.success(), "{program}: {}", output.status);
    output.stdout
}

/// What PyYAML, the reader in the guest, makes of a document.
pub fn pyyaml(text: &str) -> Value {
    let script = "import json,sys,yaml; json.dump(yaml.safe_load(sys.stdin.buffer.read().decode('utf-8')), sys.stdout)";
    serde_json::from_slice(&piped("python3", &["-c", script], text.as_bytes())).expect("JSON")
}

/// As [`pyyaml`], for many documents: starting Python is what costs.
pub fn pyyaml_all(texts: &[String]) -> Vec<Value> {
    let script = "import json,sys,yaml; json.dump([yaml.safe_load(t) for t in json.load(sys.stdin)], sys.stdout)";
    let texts = serde_json::to_vec(texts).expect("JSON");
    serde_json::from_slice(&piped("python3", &["-c", script], &texts)).expect("JSON")
}

pub fn written<'a>(document: &'a Value, path: &str) -> Option<&'a Value> {
    document["write_files"].as_array()?.iter().find(|f| f["path"] == path)
}

/// The instance's values as the guest gets them.
pub fn instance(document: &Value) -> Value {
    let script = "import base64,sys; sys.stdout.buffer.write(base64.b64decode(sys.stdin.read()))";
    let content = written(document, "/var/lib/lite/instance.json").and_then(|f| f["content"].as_str()).expect("there");
    serde_json::from_slice(&piped("python3", &["-c", script], content.as_bytes())).expect("JSON")
}
