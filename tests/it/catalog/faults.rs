//! What is wrong with a file is told at once, with its line.

use super::*;

/// The lines of a `.faults` file beside the faulty one.
fn expected(text: &str) -> Vec<String> {
    text.lines().map(str::to_owned).collect()
}

#[test]
fn all_faults_of_a_blueprint_are_told_at_once() {
    assert_eq!(faults("etc/bad.yaml", BAD), expected(include_str!("../../fixtures/catalog/bad.faults")));
}

#[test]
fn all_faults_of_bundles_are_told_at_once() {
    assert_eq!(
        faults("bundles.yaml", BAD_BUNDLES),
        expected(include_str!("../../fixtures/catalog/bad-bundles.faults"))
    );
}

#[test]
fn a_health_check_needs_an_open_port() {
    let closed = WIKI.replace("443]", "444]");
    assert_eq!(
        check_with("wiki.yaml", &closed, &[source("wiki/install.sh", "")])
            .iter()
            .map(ToString::to_string)
            .collect::<Vec<_>>(),
        ["wiki.yaml:22: health: checks port 443, which `ports` does not open; add `443/tcp`"]
    );
}

/// The wiki with another health check.
fn checked_by(health: &str) -> Result<Option<Health>, Vec<String>> {
    let (start, rest) = WIKI.split_once("health:\n").expect("a check");
    let (_, end) = rest.split_once("output:\n").expect("an output");
    let files =
        [source("wiki.yaml", &format!("{start}health:\n{health}output:\n{end}")), source("wiki/install.sh", "")];
    match Catalog::load(&files) {
        Ok(catalog) => Ok(catalog.blueprint("wiki").expect("added").health.clone()),
        Err(error) => Err(error.causes),
    }
}

#[test]
fn a_health_check_may_be_a_command() {
    let command = |run: &str, timeout| Ok(Some(Health::Command { run: run.to_owned(), timeout }));
    assert_eq!(checked_by("  command: pg_isready -q\n"), command("pg_isready -q", 10));
    assert_eq!(checked_by("  command: |\n    cd /srv\n    test -e up\n"), command("cd /srv\ntest -e up\n", 10));
    assert_eq!(checked_by("  command: {run: 'test -e up', timeout: 45}\n"), command("test -e up", 45));
    let long = format!("  command: '{}'\n", "x".repeat(4097));
    let form = "is not a command; a command is a line of bash such as `pg_isready -q`, or some, at most 4096 bytes";
    let cases = [
        ("  command: ' '\n", "health.command: ` ` ".to_owned() + form),
        (long.as_str(), format!("health.command: `{}` {form}", "x".repeat(40))),
        ("  command: [a, b]\n", "health.command: must be a single value".to_owned()),
        ("  command:\n", "health.command: has no value".to_owned()),
        ("  command: {timeout: 5}\n", "health.command.run: is missing".to_owned()),
        (
            "  command: {run: id, timeout: 51}\n",
            "health.command.timeout: `51` is not a whole number from 1 to 50".to_owned(),
        ),
        ("  command: {run: id, time: 5}\n", "health.command.time: unknown key; did you mean `timeout`?".to_owned()),
        ("  comand: id\n", "health.comand: unknown key; did you mean `command`?".to_owned()),
    ];
    for (health, fault) in cases {
        let said = checked_by(health).expect_err(health);
        assert!(said.contains(&format!("wiki.yaml:23: {fault}")), "{said:?}");
    }
    let both = checked_by("  command: id\n  tcp: {port: 443}\n");
    assert_eq!(both, Err(vec!["wiki.yaml:22: health: needs one of `http`, `tcp` and `command`".to_owned()]));
}

#[test]
fn a_file_that_is_no_tame_document_is_refused() {
    let deep = format!("a: {}1{}\n", "[".repeat(20), "]".repeat(20));
    let large = format!("a: {}\n", "x".repeat(256 * 1024));
    let cases = [
        ("", "x.yaml:1: -: the file is empty"),
        ("a: b\n\u{0}", "x.yaml:2: -: a control character: this is not a text file"),
        (large.as_str(), "x.yaml:1: -: 262148 bytes, at most 262144 are allowed"),
        (deep.as_str(), "x.yaml:1: -: nested deeper than 16 levels"),
        ("a: &x 1\n", "x.yaml:1: -: anchors are not allowed; write the value out"),
        ("a: !!binary aGk=\n", "x.yaml:1: -: tags are not allowed; put quotes around a text"),
        ("<<: {a: 1}\n", "x.yaml:1: -: merge keys are not allowed; write the values out"),
        ("? [a]\n: 1\n", "x.yaml:1: -: a key has to be a plain word"),
        ("- 1\n", "x.yaml:1: -: must be a mapping (`key: value`)"),
        ("just text\n", "x.yaml:1: -: must be a mapping (`key: value`)"),
    ];
    for (text, fault) in cases {
        assert_eq!(faults("x.yaml", text), [fault], "{:?}", &text[..text.len().min(30)]);
    }
    for (text, start) in [
        ("a: [1\n", "x.yaml:1: -: not YAML: "),
        ("a: \"x\n", "x.yaml:1: -: not YAML: "),
        ("a:\n\t- b\n", "x.yaml:2: -: not YAML: "),
    ] {
        let found = faults("x.yaml", text);
        assert!(found.len() == 1 && found[0].starts_with(start), "{text:?}: {found:?}");
    }
}

#[test]
fn sources_have_to_be_text() {
    let error = SourceFile::from_bytes("a.yaml", vec![0xff]).expect_err("no text");
    assert_eq!(error.message, "a.yaml: this is not a text file");
}
