//! No test is forgotten: each file below `tests/` is a module of a binary.

use std::{collections::BTreeSet, fs, path::Path};

/// The binaries, each a folder with a `main.rs`.
pub const BINARIES: [&str; 3] = ["it", "real", "bench"];

fn folder(name: &str) -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests").join(name)
}

/// Names of the Rust files in a folder, without their ending.
fn files(name: &str) -> BTreeSet<String> {
    let entries = fs::read_dir(folder(name)).expect("a folder").map(|e| e.expect("an entry").path());
    let rust = entries.filter(|p| p.extension().is_some_and(|e| e == "rs"));
    rust.map(|p| p.file_stem().expect("a name").to_string_lossy().into_owned()).collect()
}

/// Modules that a binary's `main.rs` declares: its own, and those of the shared support.
fn modules(main: &str) -> (BTreeSet<String>, BTreeSet<String>) {
    let declared = |prefix: &'static str| {
        let names = main.lines().filter_map(move |l| l.strip_prefix(prefix)?.strip_suffix(';'));
        names.map(str::to_owned).collect()
    };
    (declared("mod "), declared("    pub mod "))
}

#[test]
fn every_test_file_belongs_to_a_binary() {
    assert_eq!(files(""), BTreeSet::new(), "a binary of its own costs a link; put it into one of {BINARIES:?}");
    let mut shared = BTreeSet::new();
    for binary in BINARIES {
        let (own, support) = modules(&fs::read_to_string(folder(binary).join("main.rs")).expect("read"));
        let mut there = files(binary);
        there.remove("main");
        assert_eq!(own, there, "tests/{binary}/main.rs");
        for file in own {
            let source = fs::read_to_string(folder(binary).join(format!("{file}.rs"))).expect("read");
            let has = |sign: &str| source.lines().any(|line| line.trim_start().starts_with(sign));
            // One way of telling what a test is would be compiled out of the other runner without a word.
            let (right, wrong) =
                if binary == "real" { ("crate::tests![", "#[test]") } else { ("#[test]", "crate::tests![") };
            assert!(
                has(right) && !has(wrong),
                "tests/{binary}/{file}.rs: `{right}` tells what a test is, not `{wrong}`"
            );
        }
        shared.extend(support);
    }
    assert_eq!(shared, files("support"));
}
