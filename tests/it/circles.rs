//! No two files of `src/` need each other, not over others either: a reader can read each after those below it.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::Path,
};

use crate::support::source::{paths, sources, tokens, without_tests};

/// Modules by their path below the crate, such as `image::lock`, each with those it names.
type Graph = BTreeMap<String, BTreeSet<String>>;

/// The module of a source file: `src/image/mod.rs` and `src/image.rs` are `image`.
fn module(file: &str) -> String {
    let stem = file.trim_start_matches("src/").trim_end_matches(".rs");
    stem.strip_suffix("/mod").unwrap_or(stem).replace('/', "::")
}

/// Which other modules a module names. One that lies in another, or around it, is no other: a folder's own file names
/// all that is in it.
fn named(module: &str, source: &str, modules: &BTreeSet<String>) -> BTreeSet<String> {
    let home: Vec<&str> = module.split("::").collect();
    let whole = |path: &[String]| -> Option<Vec<String>> {
        let climbs = path.iter().take_while(|s| *s == "super").count();
        let below = |keep: usize, rest: &[String]| -> Vec<String> {
            home[..keep].iter().map(|s| (*s).to_owned()).chain(rest.iter().cloned()).collect()
        };
        match path.first()?.as_str() {
            "crate" => Some(path[1..].to_vec()),
            "super" => Some(below(home.len().checked_sub(climbs)?, &path[climbs..])),
            _ => None,
        }
    };
    let nearest =
        |path: Vec<String>| (1..=path.len()).rev().map(|n| path[..n].join("::")).find(|known| modules.contains(known));
    let inside = |a: &str, b: &str| a.starts_with(&format!("{b}::"));
    let all = paths(&without_tests(&tokens(source)).0);
    let found = all.iter().filter_map(|(_, path)| whole(path)).filter_map(nearest);
    found.filter(|other| other != module && !inside(other, module) && !inside(module, other)).collect()
}

/// Modules that can be reached from themselves, with one that they name on the way.
fn circles(graph: &Graph) -> Vec<String> {
    let mut found = Vec::new();
    for (start, first) in graph {
        for step in first {
            let (mut seen, mut next) = (BTreeSet::from([step]), vec![step]);
            while let Some(at) = next.pop() {
                next.extend(graph.get(at).into_iter().flatten().filter(|to| seen.insert(to)));
            }
            if seen.contains(start) {
                found.push(format!("{start} -> {step} -> … -> {start}"));
            }
        }
    }
    found
}

#[test]
fn no_file_needs_one_that_needs_it() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let (mut files, mut tests) = (Vec::new(), BTreeSet::new());
    sources(&root.join("src"), &mut files, &mut tests);
    let files: BTreeMap<String, String> = files
        .iter()
        .filter(|f| !f.ancestors().any(|a| tests.contains(a)))
        .map(|f| {
            let name = f.strip_prefix(root).expect("inside").to_string_lossy().into_owned();
            (module(&name), fs::read_to_string(f).expect("read"))
        })
        .collect();
    let modules: BTreeSet<String> = files.keys().cloned().collect();
    let graph: Graph = files.iter().map(|(m, source)| (m.clone(), named(m, source, &modules))).collect();
    assert!(graph.values().map(BTreeSet::len).sum::<usize>() > 500, "the files are read");
    assert_eq!(circles(&graph), Vec::<String>::new());
}

#[test]
fn a_circle_over_three_files_is_found() {
    let sources = [
        ("a::one", "use super::two::Two; use crate::b;"),
        ("a::two", "use crate::a::{three::{self, Three}, Own};"),
        ("a::three", "fn f() { super::one::call() }"),
        ("b", "use crate::model::Name;"),
        ("model", ""),
        ("a", "mod one; use one::One;"),
    ];
    let modules: BTreeSet<String> = sources.iter().map(|(m, _)| (*m).to_owned()).collect();
    let graph: Graph = sources.iter().map(|(m, s)| ((*m).to_owned(), named(m, s, &modules))).collect();
    assert_eq!(
        circles(&graph),
        ["a::one -> a::two -> … -> a::one", "a::three -> a::one -> … -> a::three", "a::two -> a::three -> … -> a::two"]
    );
}
