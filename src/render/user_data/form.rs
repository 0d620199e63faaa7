//! What kind of user-data a text is, by how it begins
//! (<https://docs.cloud-init.io/en/latest/explanation/format/index.html>).

use super::bad;
use crate::model::Result;

/// What is accepted.
pub(super) const FORMS: &str = "the first line is `#cloud-config` or starts with `#!`";

/// A kind of user-data.
pub(super) enum Form<'a> {
    /// `#cloud-config`, without a byte order mark.
    CloudConfig(&'a str),
    /// `#!`.
    Script,
}

/// Kinds that lite does not take, by their first word, and what helps.
const OTHERS: [(&str, &str); 7] = [
    ("#include", "lite downloads nothing it cannot check: put the text itself into the file"),
    ("## template:", "fill the template in, and give the result"),
    ("#cloud-boothook", "use `bootcmd` in a `#cloud-config`"),
    ("#cloud-config-archive", "give its parts as one `#cloud-config`"),
    ("#cloud-config-jsonp", "give one `#cloud-config`"),
    ("#part-handler", "use `runcmd` in a `#cloud-config`"),
    ("#upstart-job", "write a systemd unit with `write_files` in a `#cloud-config`"),
];

/// The kind of a text. Like cloud-init it passes over blank lines, and takes what follows `#cloud-config` on its line for a comment.
pub(super) fn of(text: &str) -> Result<Form<'_>> {
    if text.starts_with("#!") {
        return Ok(Form::Script);
    }
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let blank = |line: &&str| line.trim().is_empty() || line.trim_end() == "---";
    let first = text.lines().find(|line| !blank(line)).unwrap_or_default().trim();
    let starts = |word: &str| first.get(..word.len()).is_some_and(|start| start.eq_ignore_ascii_case(word));
    if let Some((word, instead)) = OTHERS.iter().find(|(word, _)| starts(word)) {
        return Err(bad(format!("its first line is `{word}`")).hint(*instead));
    }
    match starts("#cloud-config") {
        true => Ok(Form::CloudConfig(text)),
        // Whatever else it is, it may hold a secret: nothing of it is shown.
        false => Err(bad("its first line is of no known form".to_owned()).hint(FORMS)),
    }
}
