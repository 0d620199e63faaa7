//! The example of docs/blueprints.md.
#![allow(dead_code, reason = "each test binary uses its part")]

use super::host::Host;

/// Its text, as a reader copies it.
pub fn shelf() -> String {
    let page = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/blueprints.md")).expect("the page");
    page.split("```yaml\n").nth(1).and_then(|t| t.split("```").next()).expect("a blueprint").to_owned()
}

/// Puts it among the blueprints of a host.
pub fn add_shelf(host: &Host) {
    let folder = host.folder.path().join("blueprints");
    std::fs::create_dir_all(&folder).expect("a folder");
    std::fs::write(folder.join("shelf.yaml"), shelf()).expect("written");
}
