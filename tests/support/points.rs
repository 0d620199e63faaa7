//! The points of death in the source, by place.

use std::{collections::BTreeSet, fs, path::Path};

/// `FILE:LINE` of each point below a folder.
pub fn points_below(folder: &Path) -> BTreeSet<String> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut found = BTreeSet::new();
    for entry in fs::read_dir(folder).expect("src").map(|e| e.expect("an entry").path()) {
        if entry.is_dir() {
            found.append(&mut points_below(&entry));
        } else {
            let file = entry.strip_prefix(root).expect("inside").display().to_string();
            let source = fs::read_to_string(&entry).expect("read");
            let lines = source.lines().enumerate().filter(|(_, line)| line.contains("kill_point::reached(\""));
            found.extend(lines.map(|(n, _)| format!("{file}:{}", n + 1)));
        }
    }
    found
}
