//! The README says what is so: its blueprint is good, its prices are the catalogue's, its commands parse.

use std::path::Path;

use lite::catalog::{self, Catalog};

fn readme() -> String {
    std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("README.md")).expect("the README")
}

#[test]
fn its_blueprint_has_no_fault() {
    let text = readme();
    let yaml = text.split("```yaml\n").nth(1).and_then(|t| t.split("```").next()).expect("a blueprint");
    assert_eq!(catalog::check("hello.yaml", yaml), []);
}

#[test]
fn its_prices_are_those_of_the_catalogue() {
    let text = readme();
    let table: Vec<&str> =
        text.lines().skip_while(|l| !l.starts_with("| bundle")).skip(2).take_while(|l| l.starts_with('|')).collect();
    let catalog = Catalog::embedded().expect("the catalogue");
    let rows: Vec<String> = catalog
        .bundles
        .iter()
        .map(|b| {
            let price = b.price.to_string();
            let price = price.strip_suffix(".00").unwrap_or(&price);
            format!("| {} | {} | {} | {} | {} | {price} |", b.id, b.vcpus, b.memory, b.disk, b.transfer)
        })
        .collect();
    assert_eq!(table, rows);
}

#[test]
fn its_commands_parse() {
    let text = readme();
    let commands: Vec<&str> = text
        .lines()
        .filter_map(|l| l.strip_prefix("    ").map(|l| l.strip_prefix("sudo ").unwrap_or(l)))
        .filter(|l| l.starts_with("lite "))
        .collect();
    assert_eq!(commands.len(), 10, "{commands:?}");
    for line in commands {
        let words: Vec<&str> = line.split_whitespace().collect();
        lite::cli::command(80).try_get_matches_from(&words).unwrap_or_else(|e| panic!("{line}: {e}"));
    }
}
