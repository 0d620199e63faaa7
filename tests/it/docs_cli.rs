//! `docs/cli.md` says what is so: each document it shows has the shape that is printed, and no command is forgotten.

mod documents;

use std::{collections::BTreeMap, path::Path};

use documents::documents;
use serde_json::Value;

fn page() -> String {
    std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/cli.md")).expect("the page")
}

/// The documents of the page: the commands of a row, and its shape.
fn rows() -> Vec<(String, String)> {
    let page = page();
    let table = page.split("\n| command | document |\n").nth(1).and_then(|t| t.split("\n\n").next()).expect("a table");
    let rows = table.lines().filter(|line| line.starts_with("| ") && !line.starts_with("|-"));
    rows.map(|line| {
        let (commands, rest) = line[2..].split_once(" | `").expect("two cells");
        (commands.to_owned(), rest.split('`').next().expect("a shape").to_owned())
    })
    .collect()
}

/// What a key of the page holds whose value is neither text nor null.
fn words(heading: &str) -> Vec<String> {
    let page = page();
    let line = page.lines().find_map(|l| l.strip_prefix(&format!("- {heading}: "))).expect("a line");
    line.split('`').skip(1).step_by(2).map(str::to_owned).collect()
}

/// The shape of a value: its keys, and what those of objects below hold.
fn shape(value: &Value, free: &[String]) -> String {
    let Value::Object(fields) = value else { panic!("no object: {value}") };
    let one = |(key, value): (&String, &Value)| match value {
        Value::Object(inner) if !free.contains(key) && !inner.is_empty() => format!("{key}: {}", shape(value, free)),
        Value::Array(items) => match items.first() {
            Some(Value::Object(_)) => format!("{key}: [{}]", shape(&items[0], free)),
            _ => key.clone(),
        },
        _ => key.clone(),
    };
    format!("{{{}}}", fields.iter().map(one).collect::<Vec<_>>().join(", "))
}

/// Every leaf of a value, by its key.
fn leaves<'a>(value: &'a Value, free: &[String], found: &mut Vec<(&'a str, &'a Value)>) {
    let Value::Object(fields) = value else { return };
    for (key, value) in fields {
        match value {
            Value::Object(_) if !free.contains(key) => leaves(value, free, found),
            Value::Array(items) if items.first().is_some_and(Value::is_object) => {
                items.iter().for_each(|item| leaves(item, free, found));
            }
            _ => found.push((key, value)),
        }
    }
}

/// A shape of the page with its keys in alphabetical order, as those of [`shape`] are.
fn sorted(text: &str) -> String {
    let mut rest = text;
    let sorted = object(&mut rest);
    assert_eq!(rest, "", "{text}");
    sorted
}

fn object(rest: &mut &str) -> String {
    let mut keys = BTreeMap::new();
    *rest = rest.strip_prefix('{').unwrap_or_else(|| panic!("no object: {rest}"));
    loop {
        let end = rest.find([',', ':', '}']).unwrap_or_else(|| panic!("no end: {rest}"));
        let (key, after) = rest.split_at(end);
        *rest = after;
        let mut below = String::new();
        if let Some(value) = rest.strip_prefix(": ") {
            *rest = value.strip_prefix('[').unwrap_or(value);
            let inner = object(rest);
            below = match value.starts_with('[') {
                true => format!(": [{inner}]"),
                false => format!(": {inner}"),
            };
            *rest = if value.starts_with('[') { rest.strip_prefix(']').expect("closed") } else { rest };
        }
        keys.insert(key.trim().to_owned(), below);
        match rest.strip_prefix(", ") {
            Some(next) => *rest = next,
            None => break,
        }
    }
    *rest = rest.strip_prefix('}').unwrap_or_else(|| panic!("not closed: {rest}"));
    format!("{{{}}}", keys.iter().map(|(k, below)| format!("{k}{below}")).collect::<Vec<_>>().join(", "))
}

#[test]
fn every_document_has_the_shape_that_is_shown() {
    let free = words("objects with keys of their own");
    let printed: Vec<(String, String)> =
        documents().iter().map(|(commands, value)| ((*commands).to_owned(), shape(value, &free))).collect();
    let shown: Vec<(String, String)> = rows().into_iter().map(|(commands, text)| (commands, sorted(&text))).collect();
    for (printed, shown) in printed.iter().zip(&shown) {
        assert_eq!(shown, printed);
    }
    assert_eq!(shown.len(), printed.len());
}

#[test]
fn every_value_is_of_the_type_that_is_said() {
    let free = words("objects with keys of their own");
    let text_too = words("text in another document");
    let (numbers, truths, lists) = (words("numbers"), words("true or false"), words("lists of text"));
    let documents = documents();
    let mut seen = std::collections::BTreeSet::new();
    for (commands, document) in &documents {
        let mut found = Vec::new();
        leaves(document, &free, &mut found);
        for (key, value) in found {
            let is_in = |list: &[String]| list.iter().any(|k| k == key || key.ends_with("_bytes") && k == "…_bytes");
            let wanted = match value {
                Value::Number(_) => is_in(&numbers),
                Value::Bool(_) => is_in(&truths),
                Value::Array(items) => is_in(&lists) && items.iter().all(Value::is_string),
                Value::Object(_) => is_in(&free),
                _ => is_in(&text_too) || ![&numbers, &truths, &lists, &free].into_iter().any(|list| is_in(list)),
            };
            assert!(wanted, "{commands}: `{key}` is {value}");
            seen.insert(if key.ends_with("_bytes") { "…_bytes" } else { key });
        }
    }
    for key in [numbers, truths, lists, free].concat() {
        assert!(seen.contains(key.as_str()), "`{key}` is in no document");
    }
}

#[test]
fn every_command_that_takes_json_is_in_the_table() {
    // What they print is not a document of lite's, or comes line by line.
    const WITHOUT: [&str; 6] = ["ssh", "console", "logs", "serve", "completion", "man"];
    let text: String = rows().into_iter().map(|(commands, _)| commands).collect::<Vec<_>>().join(" ");
    let command = lite::cli::command(80);
    for verb in command.get_subcommands().filter(|v| !WITHOUT.contains(&v.get_name())) {
        let name = verb.get_name();
        let below: Vec<String> = verb.get_subcommands().map(|s| format!("{name} {}", s.get_name())).collect();
        let all = if below.is_empty() || !verb.is_subcommand_required_set() {
            [vec![name.to_owned()], below].concat()
        } else {
            below
        };
        for command in all {
            let shown = text.contains(&format!("`{command}`")) || text.contains(&format!("`{command} "));
            assert!(shown, "`{command}` is not in the table of docs/cli.md");
        }
    }
}
