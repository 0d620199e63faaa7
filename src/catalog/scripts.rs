//! The scripts of a blueprint: held inline, named by file, or a list of both that makes one script.

use super::{
    diagnostic::Diagnostics,
    reader::{Fields, text},
    tree::{Node, Value},
};
use crate::model::escaped;

/// Where the text of a script named by a blueprint comes from.
/// The error says why a file that is there cannot be used.
pub(crate) type Scripts<'a> = &'a dyn Fn(&str) -> Option<Result<String, String>>;

/// The script below `key`: one part, or a list of parts joined in its order.
pub(crate) fn script(top: &Fields<'_>, key: &str, scripts: Scripts<'_>, diagnostics: &mut Diagnostics) -> String {
    let Some(node) = top.get(key) else { return String::new() };
    let Value::List(parts) = &node.value else { return part(node, key, scripts, diagnostics) };
    let mut whole = String::new();
    for (i, node) in parts.iter().enumerate() {
        whole.push_str(&part(node, &format!("{key}[{i}]"), scripts, diagnostics));
        if !whole.is_empty() && !whole.ends_with('\n') {
            whole.push('\n');
        }
    }
    whole
}

/// A script held inline, or the text of the file it names (one word that ends in `.sh`).
fn part(node: &Node, path: &str, scripts: Scripts<'_>, diagnostics: &mut Diagnostics) -> String {
    let Some(said) = text(node, path, diagnostics) else { return String::new() };
    let file = said.ends_with(".sh") && !said.contains(char::is_whitespace);
    let found = match file.then(|| scripts(said)) {
        None => Ok(said.to_owned()),
        Some(Some(found)) => found.map_err(|why| format!("`{}`: {why}", escaped(said))),
        Some(None) => {
            let key = path.split('[').next().unwrap_or(path);
            Err(format!("there is no script `{}`; hold it inline with `{key}: |`", escaped(said)))
        }
    };
    let checked = found.and_then(|text| match unusable(&text) {
        None => Ok(text),
        Some((line, why)) if file => Err(format!("`{}`: line {line}: {why}", escaped(said))),
        Some((line, why)) => Err(format!("line {line} of the script: {why}")),
    });
    checked.unwrap_or_else(|why| {
        diagnostics.add(node.line, path, why);
        String::new()
    })
}

/// What bash would stumble over in a text that an editor shows as good, with its line.
fn unusable(text: &str) -> Option<(usize, &'static str)> {
    let at = text.find(['\r', '\0', '\u{feff}'])?;
    let why = match text[at..].chars().next()? {
        '\r' => "ends with a carriage return; convert the file: `sed -i 's/\\r$//' FILE`",
        '\0' => "holds a NUL: this is not a text file",
        _ => "holds a byte order mark; save the file as UTF-8 without one",
    };
    Some((text[..at].matches('\n').count() + 1, why))
}

/// Variables of one instance in the part that is the same for all: an image baked with it would hold them for good.
pub(crate) fn same_for_all(top: &Fields<'_>, install: &str, diagnostics: &mut Diagnostics) {
    let line = top.get("install").map_or(top.line, |n| n.line);
    for name in ["LITE_NAME", "LITE_ADDRESS", "LITE_SECRET_"] {
        if install.contains(&format!("${name}")) || install.contains(&format!("${{{name}")) {
            let shown = name.trim_end_matches('_');
            diagnostics.add(
                line,
                "install",
                format!("uses `{shown}`, which differs per instance; move it to `configure`"),
            );
        }
    }
}
