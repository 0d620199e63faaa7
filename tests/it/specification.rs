//! docs/SPECIFICATION.md: each promise names tests, and each of them exists.

use std::{collections::BTreeSet, fs, path::Path};

/// A promise: its number and the tests it names, as `binary::module::test`.
fn promises(text: &str) -> Vec<(String, Vec<String>)> {
    let mut found: Vec<(String, Vec<String>)> = Vec::new();
    for line in text.lines() {
        if let Some(number) = line.strip_prefix("- **").and_then(|l| l.split("**").next()) {
            found.push((number.to_owned(), Vec::new()));
        }
        let names = line.split('`').skip(1).step_by(2).filter(|w| w.contains("::"));
        if let Some((_, tests)) = found.last_mut() {
            tests.extend(names.map(str::to_owned));
        }
    }
    found
}

/// What is wrong with the promises, if only these tests exist.
fn faults(promises: &[(String, Vec<String>)], exists: &dyn Fn(&str, &str) -> bool) -> Vec<String> {
    let mut wrong = Vec::new();
    for (n, (number, tests)) in promises.iter().enumerate() {
        if *number != format!("P{}", n + 1) {
            wrong.push(format!("{number} stands where P{} is due", n + 1));
        }
        if tests.is_empty() {
            wrong.push(format!("{number} has no test"));
        }
        for test in tests {
            if !test.rsplit_once("::").is_some_and(|(file, name)| exists(file, name)) {
                wrong.push(format!("{number}: no test `{test}`"));
            }
        }
    }
    wrong
}

/// The tests of a file: functions right below `#[test]`, and those that it lists by `crate::tests!`.
fn tests_of(file: &Path) -> BTreeSet<String> {
    let source = fs::read_to_string(file).unwrap_or_default();
    let lines: Vec<&str> = source.lines().collect();
    let below = lines.windows(2).filter(|w| w[0].trim() == "#[test]");
    let below = below.filter_map(|w| w[1].trim().strip_prefix("fn ")?.split('(').next());
    let listed = source.split_once("\ncrate::tests![").and_then(|(_, rest)| rest.split_once("];"));
    let listed = listed.map_or("", |(names, _)| names).split(',').map(str::trim).filter(|name| !name.is_empty());
    below.chain(listed).map(str::to_owned).collect()
}

#[test]
fn every_promise_names_tests_that_exist() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let text = fs::read_to_string(root.join("docs/SPECIFICATION.md")).expect("read");
    let promises = promises(&text);
    assert_eq!(promises.len(), 57);
    let file = |module: &str| root.join("tests").join(format!("{}.rs", module.replace("::", "/")));
    let exists = |module: &str, name: &str| tests_of(&file(module)).contains(name);
    assert_eq!(faults(&promises, &exists), Vec::<String>::new());
}

#[test]
fn a_promise_without_a_test_is_found() {
    let text = "- **P1** Good. `a::b`\n- **P3** Bad.\n  `a::c` `not a test`\n- **P3** Worse.\n";
    let found = faults(&promises(text), &|file, name| (file, name) == ("a", "b"));
    assert_eq!(found, ["P3 stands where P2 is due", "P3: no test `a::c`", "P3 has no test"]);
}
