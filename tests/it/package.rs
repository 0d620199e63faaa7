//! What the Debian package brings: packaging/.

use std::{fs, path::Path};

use lite::app::settings::{KEYS, Vars, resolve};

fn read(file: &str) -> String {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(file)).expect("read")
}

#[test]
fn its_configuration_changes_nothing_and_names_every_setting_with_its_default() {
    let packaged = read("packaging/config.toml");
    assert!(packaged.lines().all(|l| l.is_empty() || l.starts_with("# ")), "{packaged}");
    let lines = packaged.lines().filter_map(|l| l.strip_prefix("# "));
    let keys = lines.filter(|l| l.split_once(" = ").is_some_and(|(key, _)| KEYS.contains(&key))).collect::<Vec<_>>();
    let mut named: Vec<&str> = keys.iter().filter_map(|l| l.split(' ').next()).collect();
    named.sort_unstable();
    assert_eq!(named, KEYS);

    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("config.toml");
    let vars: Vars = [("LITE_CONFIG", file.as_os_str())].into_iter().collect();
    let with = |lines: &[&str]| {
        fs::write(&file, lines.join("\n")).expect("written");
        resolve(&vars).expect("settings")
    };
    let example = |line: &&&str| EXAMPLES.iter().any(|start| line.starts_with(start));
    let defaults: Vec<&str> = keys.iter().filter(|line| !example(line)).copied().collect();
    assert_eq!(with(&defaults), with(&[]));
    // The examples are good ones.
    assert_ne!(with(&keys), with(&[]));
}

/// Settings without a default that could be shown.
const EXAMPLES: [&str; 7] = ["acme_c", "subnet ", "disk_reserve ", "smtp_", "tls ", "names ", "trusted_proxy "];

#[test]
fn it_has_the_files_of_the_manifest() {
    let manifest: toml::Table = toml::from_str(&read("Cargo.toml")).expect("TOML");
    let deb = &manifest["package"]["metadata"]["deb"];
    let assets = deb["assets"].as_array().expect("assets");
    let sources = assets.iter().filter_map(|a| a[0].as_str()).filter(|s| !s.starts_with("target/") && !s.contains('*'));
    let others = [deb["changelog"].as_str().expect("a file"), "packaging/prerm"].map(str::to_owned);
    let units = deb["systemd-units"].as_array().expect("units").iter().filter_map(|unit| unit["unit-name"].as_str());
    let units: Vec<String> = units.map(|name| format!("packaging/lite.{name}.service")).collect();
    assert_eq!(units, ["lite-watch", "lite-serve", "lite-proxy"].map(|name| format!("packaging/lite.{name}.service")));
    for source in sources.map(str::to_owned).chain(others).chain(units) {
        assert!(Path::new(env!("CARGO_MANIFEST_DIR")).join(&source).is_file(), "{source}");
    }
    let version = format!("lite ({}-1) ", env!("CARGO_PKG_VERSION"));
    assert!(read("packaging/changelog").starts_with(&version), "{version}");
}
