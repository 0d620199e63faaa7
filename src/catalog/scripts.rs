//! The scripts of a blueprint: held inline, named by file, or a list of both that makes one script.

use super::{
    diagnostic::{Diagnostic, Diagnostics},
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

/// A script held inline, or the text of the file it names.
fn part(node: &Node, path: &str, scripts: Scripts<'_>, diagnostics: &mut Diagnostics) -> String {
    let Some(said) = text(node, path, diagnostics) else { return String::new() };
    if !names_file(said) {
        return if usable(node, path, said, diagnostics) { said.to_owned() } else { String::new() };
    }
    let found = match scripts(said) {
        Some(Ok(text)) => match unusable(&text) {
            None => Ok(text),
            Some((line, why)) => Err(format!("`{}`: line {line}: {why}", escaped(said))),
        },
        Some(Err(why)) => Err(format!("`{}`: {why}", escaped(said))),
        None => {
            let key = path.split('[').next().unwrap_or(path);
            Err(format!("there is no script `{}`; hold it inline with `{key}: |`", escaped(said)))
        }
    };
    found.unwrap_or_else(|why| {
        diagnostics.add(node.line, path, why);
        String::new()
    })
}

/// Whether a text is the name of a file: one word that ends in `.sh`.
fn names_file(said: &str) -> bool {
    said.ends_with(".sh") && !said.contains(char::is_whitespace)
}

/// Whether bash could read the text of an inline script; if not, why.
pub(crate) fn usable(node: &Node, path: &str, script: &str, diagnostics: &mut Diagnostics) -> bool {
    let Some((n, why)) = unusable(script) else { return true };
    let (line, message) = in_file(node.line, node.first, n, why);
    diagnostics.add(line, path, message);
    false
}

/// The line of the file, and what is said of line `n` of a script: the lines of a block are the file's.
fn in_file(line: usize, first: Option<usize>, n: usize, why: &str) -> (usize, String) {
    match first {
        Some(first) => (first + n - 1, why.to_owned()),
        None => (line, format!("line {n} of the script: {why}")),
    }
}

/// A script that a blueprint's file holds itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InlineScript {
    file: String,
    line: usize,
    first: Option<usize>,
    key: String,
    /// Its text.
    pub text: String,
}

impl InlineScript {
    /// A fault in line `n` of the script, from 1, with its line in the file.
    pub fn fault(&self, n: usize, why: &str) -> Diagnostic {
        let (line, message) = in_file(self.line, self.first, n, why);
        Diagnostic { file: self.file.clone(), line, key: self.key.clone(), message, suggestion: None }
    }
}

/// The scripts that a file holds itself: parts of `install`, `configure`, `published`, `moved` and `upgrade`, and the command of the health check.
pub(crate) fn inline(file: &str, root: &Node) -> Vec<InlineScript> {
    let mut found = Vec::new();
    let mut add = |node: &Node, key: String| match &node.value {
        Value::Scalar { text, .. } if !names_file(text) => {
            let (file, text) = (file.to_owned(), text.clone());
            found.push(InlineScript { file, line: node.line, first: node.first, key, text });
        }
        _ => {}
    };
    for key in ["install", "configure", "published", "moved", "upgrade"] {
        match root.get(key) {
            Some(Node { value: Value::List(parts), .. }) => {
                parts.iter().enumerate().for_each(|(i, node)| add(node, format!("{key}[{i}]")));
            }
            Some(node) => add(node, key.to_owned()),
            None => {}
        }
    }
    let command = root.get("health").and_then(|health| health.get("command"));
    command.iter().for_each(|node| add(node, "health.command".to_owned()));
    let run = command.and_then(|command| command.get("run"));
    run.iter().for_each(|node| add(node, "health.command.run".to_owned()));
    found
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
