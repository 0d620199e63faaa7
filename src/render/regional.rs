//! What the keys `locale` and `keyboard` need on Debian, where cloud-init leaves it to others.

use serde_json::{Map, Value, json};

/// Locales that the C library brings; no other is there before it was generated.
const BUILT_IN: [&str; 3] = ["C.UTF-8", "C", "POSIX"];

/// The files and packages that a document needs, as keys of cloud-config.
///
/// `locale-gen`, which cloud-init runs, makes on Debian only what `/etc/locale.gen` names. A keyboard is set by its file before
/// its package comes, which keeps the file: cloud-init's own module wants the package before, and fails on Debian 12 with it.
pub(super) fn needs(document: &Map<String, Value>) -> Map<String, Value> {
    let mut files = Vec::new();
    let mut needs = Map::new();
    if let Some(locale) = document.get("locale").and_then(Value::as_str).filter(|l| !BUILT_IN.contains(l)) {
        files.push(file("/etc/locale.gen", &format!("{locale} UTF-8\n"), true));
    }
    if let Some(keyboard) = document.get("keyboard") {
        files.push(file("/etc/default/keyboard", &keyboard_file(keyboard), false));
        needs.insert("packages".to_owned(), json!(["console-setup"]));
    }
    if !files.is_empty() {
        needs.insert("write_files".to_owned(), Value::Array(files));
    }
    needs
}

fn file(path: &str, content: &str, append: bool) -> Value {
    json!({"path": path, "permissions": "0644", "content": content, "append": append})
}

/// keyboard(5). The catalog lets through only letters, digits and a few signs.
fn keyboard_file(keyboard: &Value) -> String {
    let settings = [("model", "pc105"), ("layout", ""), ("variant", ""), ("options", "")];
    let line = |(key, default): &(&str, &str)| {
        let value = keyboard.get(*key).and_then(Value::as_str).unwrap_or(default);
        format!("XKB{}=\"{value}\"\n", key.to_uppercase())
    };
    settings.iter().map(line).chain(["BACKSPACE=\"guess\"\n".to_owned()]).collect()
}
