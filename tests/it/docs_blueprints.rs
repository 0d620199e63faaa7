//! `docs/blueprints.md` says what is so: its example is a good blueprint, its commands parse, its tables are complete.

use std::{path::Path, process::Command};

use lite::catalog::{self, Catalog, SourceFile};

fn text() -> String {
    std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/blueprints.md")).expect("the page")
}

fn example() -> String {
    let text = text();
    text.split("```yaml\n").nth(1).and_then(|t| t.split("```").next()).expect("a blueprint").to_owned()
}

#[test]
fn its_example_is_a_good_blueprint() {
    assert_eq!(catalog::check("shelf.yaml", &example()), []);
    let source = SourceFile { name: "shelf.yaml".to_owned(), text: example(), fault: None };
    let catalog = Catalog::load(&[source]).expect("good");
    let shelf = catalog.blueprint("shelf").expect("there");
    assert!(shelf.install.contains("packages() {") && shelf.install.contains("\npackages nginx openssl\n"));
    assert!(shelf.install.contains("\nserver {\n"), "the here-document ends where it should: {}", shelf.install);
}

/// Through the command line: checked, and rendered on each of its bases.
#[test]
fn its_example_renders() {
    let dir = tempfile::tempdir().expect("a folder");
    let file = dir.path().join("shelf.yaml");
    std::fs::write(&file, example()).expect("written");
    std::fs::write(dir.path().join("config.toml"), "").expect("written");
    let out = Command::new(env!("CARGO_BIN_EXE_lite"))
        .args(["blueprints", "test", "--render-only", "--record"])
        .arg(dir.path().join("verified.yaml"))
        .arg(&file)
        .env("LITE_CONFIG", dir.path().join("config.toml"))
        .env("LITE_STATE_DIR", dir.path().join("state"))
        .env("LITE_BLUEPRINTS", dir.path().join("none"))
        .output()
        .expect("lite runs");
    assert_eq!(out.status.code(), Some(0), "{}", String::from_utf8_lossy(&out.stderr));
    let table = "BLUEPRINT  VERSION  BASE       RESULT  SECONDS\nshelf      1        debian-13  render        0\n";
    assert_eq!(String::from_utf8_lossy(&out.stdout), table);
    let record = std::fs::read_to_string(dir.path().join("verified.yaml")).expect("recorded");
    let list = catalog::read_verified("verified.yaml", &record).expect("good");
    assert_eq!(list.len(), 1);
    assert_eq!(
        (list[0].blueprint.as_str(), list[0].how, &list[0].image),
        ("shelf", catalog::VerifiedBy::Render, &None)
    );
}

#[test]
fn its_commands_parse() {
    let text = text();
    let commands: Vec<&str> = text
        .lines()
        .filter_map(|l| l.strip_prefix("    ").map(|l| l.strip_prefix("sudo ").unwrap_or(l)))
        .filter(|l| l.starts_with("lite "))
        .collect();
    assert_eq!(commands.len(), 3, "{commands:?}");
    for line in commands {
        let words: Vec<&str> = line.split_whitespace().collect();
        lite::cli::command(80).try_get_matches_from(&words).unwrap_or_else(|e| panic!("{line}: {e}"));
    }
}

/// The keys of a blueprint are those that `check` knows: a word that is none makes it name the nearest of them.
#[test]
fn its_table_names_every_key() {
    let text = text();
    let table: Vec<&str> = text.lines().filter(|l| l.starts_with("| `")).collect();
    for key in [
        "id",
        "title",
        "description",
        "group",
        "version",
        "bases",
        "minimum",
        "ports",
        "parameters",
        "secrets",
        "cloud_config",
        "install",
        "configure",
        "published",
        "moved",
        "upgrade",
        "seal",
        "bake",
        "warm",
        "health",
        "output",
        "alarms",
        "user",
    ] {
        let faults = catalog::check("x.yaml", &format!("{key}x: 1\n"));
        let near = faults.iter().find(|f| f.key == format!("{key}x")).and_then(|f| f.suggestion.clone());
        assert_eq!(near.as_deref(), Some(key), "`{key}` is a key");
        assert!(table.iter().any(|l| l.contains(&format!("`{key}`"))), "`{key}` is in the table");
    }
}
