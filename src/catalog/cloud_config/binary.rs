//! Bytes that are no text (`!!binary`): JSON holds none, so the content of a file has them in base64.

use super::super::{
    diagnostic::Diagnostics,
    tree::{Key, Node, Value},
};
use base64::{Engine as _, engine::general_purpose::STANDARD};

/// Writes the content of files in base64, and notes bytes that are anywhere else.
pub(super) fn as_base64(entries: &mut [(Key, Node)], diagnostics: &mut Diagnostics) {
    for (key, node) in entries {
        if let ("write_files", Value::List(files)) = (key.text.as_str(), &mut node.value) {
            for file in files {
                if let Value::Map(entries) = &mut file.value {
                    content(entries);
                }
            }
        }
        refuse(node, &key.text, diagnostics);
    }
}

/// The content of one file, with the encoding that says so.
fn content(file: &mut Vec<(Key, Node)>) {
    let place = |file: &[(Key, Node)], wanted: &str| file.iter().position(|(key, _)| key.text == wanted);
    let Some(at) = place(file, "content") else { return };
    let Value::Binary(bytes) = &file[at].1.value else { return };
    let text = |text: &str| Value::Scalar { text: text.to_owned(), plain: false };
    let (packed, line) = (text(&STANDARD.encode(bytes)), file[at].1.line);
    match place(file, "encoding") {
        None => file.push((Key { text: "encoding".to_owned(), line }, Node { line, first: None, value: text("b64") })),
        Some(said) => match &file[said].1.value {
            Value::Scalar { text: word, .. } if matches!(word.as_str(), "gz" | "gzip") => {
                file[said].1.value = text("gz+b64");
            }
            Value::Scalar { text: word, .. } if word == "text/plain" => file[said].1.value = text("b64"),
            // Base64 of what is no text: nothing that cloud-init could read.
            _ => return,
        },
    }
    file[at].1.value = packed;
}

fn refuse(node: &Node, path: &str, diagnostics: &mut Diagnostics) {
    match &node.value {
        Value::Scalar { .. } => {}
        Value::Binary(_) => {
            let text = "holds bytes that are no text; only `content` of `write_files` may, without an `encoding` or with `gzip`";
            diagnostics.add(node.line, path, text);
        }
        Value::List(items) => {
            items.iter().enumerate().for_each(|(i, node)| refuse(node, &format!("{path}[{i}]"), diagnostics));
        }
        Value::Map(entries) => {
            entries.iter().for_each(|(key, node)| refuse(node, &format!("{path}.{}", key.text), diagnostics));
        }
    }
}
