//! What kind of user-data a text is, by how it begins
//! (<https://docs.cloud-init.io/en/latest/explanation/format/index.html>).

use super::bad;
use crate::model::{Result, escaped};

/// What is accepted.
pub(super) const FORMS: &str =
    "the first line is `#cloud-config`, starts with `#!`, or is the header of a MIME message with such parts";

/// How a script begins.
pub(super) const INTERPRETER: &str = "a script starts with, for example, `#!/bin/bash`";

/// What a part may be.
const TYPES: &str = "parts are `text/cloud-config` or `text/x-shellscript`";

/// A kind of user-data.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    /// `#cloud-config`.
    CloudConfig,
    /// `#!`.
    Script,
}

const DOWNLOADS: &str = "lite downloads nothing it cannot check: put the text itself into the file";

/// Kinds that lite does not take: first word, type as a MIME part, and what helps.
const OTHERS: [(&str, &str, &str); 8] = [
    ("#include-once", "text/x-include-once-url", DOWNLOADS),
    ("#include", "text/x-include-url", DOWNLOADS),
    ("## template:", "text/jinja2", "fill the template in, and give the result"),
    ("#cloud-boothook", "text/cloud-boothook", "use `bootcmd` in a `#cloud-config`"),
    ("#cloud-config-archive", "text/cloud-config-archive", "give its parts as one `#cloud-config`"),
    ("#cloud-config-jsonp", "text/cloud-config-jsonp", "give one `#cloud-config`"),
    ("#part-handler", "text/part-handler", "use `runcmd` in a `#cloud-config`"),
    ("#upstart-job", "text/upstart-job", "write a systemd unit with `write_files` in a `#cloud-config`"),
];

/// The kind of a text. Like cloud-init it passes over blank lines, and takes what follows `#cloud-config` on its line for a comment.
pub(super) fn of(text: &str) -> Result<Form> {
    if text.starts_with("#!") {
        return Ok(Form::Script);
    }
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let blank = |line: &&str| line.trim().is_empty() || line.trim_end() == "---";
    let first = text.lines().find(|line| !blank(line)).unwrap_or_default().trim();
    let starts = |word: &str| first.get(..word.len()).is_some_and(|start| start.eq_ignore_ascii_case(word));
    if let Some((word, _, instead)) = OTHERS.iter().find(|(word, ..)| starts(word)) {
        return Err(bad(format!("its first line is `{word}`")).hint(*instead));
    }
    match starts("#cloud-config") {
        true => Ok(Form::CloudConfig),
        // Whatever else it is, it may hold a secret: nothing of it is shown.
        false => Err(bad("its first line is of no known form".to_owned()).hint(FORMS)),
    }
}

/// The kind of a MIME part by its type, or, as with cloud-init, by its text where the type says nothing.
pub(super) fn of_part(media_type: &str, text: &str) -> Result<Form> {
    match media_type {
        "text/cloud-config" => Ok(Form::CloudConfig),
        "text/x-shellscript" if text.starts_with("#!") => Ok(Form::Script),
        "text/x-shellscript" => Err(bad("its first line does not start with `#!`".to_owned()).hint(INTERPRETER)),
        "text/plain"
        | "text/x-not-multipart"
        | "application/octet-stream"
        | "application/gzip"
        | "application/x-gzip" => of(text),
        other => {
            let instead = OTHERS.iter().find(|(_, name, _)| *name == other).map_or(TYPES, |(.., instead)| instead);
            Err(bad(format!("its type is `{}`", escaped(other))).hint(instead))
        }
    }
}
