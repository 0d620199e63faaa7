//! Samples that break a rule are caught.

use super::*;

#[test]
fn a_bad_sample_is_caught_line_by_line() {
    let bad = r##"
use crate::{
    model::{Name, Size},
    engine::Ctx, // line 4
};
use super::super::store; // line 6
use std::{fmt, fs::File}; // line 7
/// crate::cli is only a comment, "crate::cli" too
const TEXT: &str = "crate::cli::X \" unsafe"; const RAW: &str = r#"crate::cli " unsafe"#;
fn f<'a>(c: char) -> bool { c == '"' || c == '\'' || jiff::Timestamp::now() > crate::ui::x() } // line 10
fn g() { unsafe { virt_sys::virFree() } } // line 11
#[cfg(test)]
use crate::cli::{A, B};
#[cfg(test)]
mod tests { use crate::cli::X; fn t() { std::env::var("A"); } }
use crate::cli as all; // line 16
use rand::{self, rng}; // line 17
"##;
    let found = faults("src/plan/inner.rs", bad);
    let mut lines: Vec<usize> = found.iter().filter_map(|f| f.split(':').nth(1)?.parse().ok()).collect();
    lines.sort_unstable();
    assert_eq!(lines, [4, 6, 7, 10, 10, 11, 11, 16, 17], "{found:#?}");
    assert!(faults("src/attic/mod.rs", "")[0].contains("not in the table"));
    assert!(faults("src/guest/x.rs", "use crate::store::{self};").len() == 1, "part of a room is not the room");
    assert!(faults("src/guest/x.rs", "use crate::store::create_private_dir;").is_empty());
    assert_eq!(
        faults("src/guest/x.rs", "fn f() { Instant::now(); std::thread::sleep(d); tokio::time::Instant::now() }").len(),
        2
    );
    assert!(faults("src/hypervisor/libvirt/x.rs", "use virt::domain::Domain; unsafe fn f() {}").is_empty());
    let (_, files) = without_tests(&tokens("#[cfg(test)]\npub(crate) mod testing;\nmod real;"));
    assert_eq!(files, ["testing"]);
}

#[test]
fn a_look_at_the_machine_beside_its_trait_is_caught() {
    let found = |file: &str, source: &str| direct_looks(file, source).len();
    let reads = r#"use std::{fs, io}; fn f() { fs::read("/proc/uptime"); std::process::Command::new("ls"); }"#;
    assert_eq!(found("src/guest/x.rs", reads), 2);
    assert_eq!(found("src/guest/x.rs", "#[cfg(test)] mod tests { use std::fs; }"), 0);
    assert_eq!(found("src/guest/x.rs", r#"fn f(m: &dyn Machine) { m.text("/proc/net/arp") }"#), 0);
    assert_eq!(found("src/engine/lock.rs", reads), 1, "a file of lite's own reads no other");
    assert_eq!(found("src/engine/lock.rs", r##"use std::fs; const A: &str = r#"/sys/x"#; // "/proc""##), 1);
    assert_eq!(found("src/hypervisor/local.rs", reads), 0);
}

#[test]
fn a_use_of_a_higher_floor_of_the_engine_is_caught() {
    let names =
        handed_on("mod lock; pub use audit::{Audit, audit}; pub use context::Ctx; pub use crate::model::Stage;");
    let found = |file: &str, source: &str| climbs(file, source, &names).len();
    assert_eq!(found("src/engine/lock.rs", "use super::{Ctx, journal::step};"), 1);
    assert_eq!(found("src/engine/journal.rs", "use super::{Ctx, Stage, lock::Lock}; use crate::engine::execute;"), 0);
    assert_eq!(found("src/engine/undo.rs", "fn f() { crate::engine::sagas::stop::stop(); super::follow::POLL; }"), 2);
    assert_eq!(found("src/engine/sagas/stop.rs", "use super::start; use crate::engine::{Audit, undo};"), 2);
    assert_eq!(found("src/engine/sagas/stop.rs", "use crate::engine::sagas::stop::POLL;"), 0);
    assert_eq!(found("src/engine/audit/facts.rs", "use super::local; use crate::engine::gc::AGE;"), 1);
    assert_eq!(found("src/engine/attic.rs", ""), 1);
}
