//! User-data of several parts: a MIME message, as `cloud-init devel make-mime` and Terraform write it.

use mailparse::{ParsedMail, parse_mail};

use super::{
    MAX_BYTES, bad,
    form::{self, Form},
    packed,
};
use crate::model::{Error, Result, escaped};

/// Most parts.
const MOST_PARTS: usize = 64;

/// One part.
pub(super) struct Part {
    /// Its name as a file; without one, what cloud-init calls it.
    name: String,
    /// Its place, from 1.
    number: usize,
    /// Its type, in small letters.
    media_type: String,
    /// Its content, unpacked.
    pub(super) text: String,
}

impl Part {
    /// The kind of the part.
    pub(super) fn form(&self) -> Result<Form> {
        form::of_part(&self.media_type, &self.text)
    }

    /// The error with the part in front.
    pub(super) fn named_in(&self, mut error: Error) -> Error {
        error.message = format!("part {} (`{}`): {}", self.number, escaped(&self.name), error.message);
        error
    }
}

/// Whether a text starts with the header of a message. A cloud-config and a script start with `#`.
pub(super) fn is_message(text: &str) -> bool {
    let mut header = headers(text).lines().take_while(|line| !line.trim().is_empty());
    let starts = |line: &str, word: &str| line.get(..word.len()).is_some_and(|start| start.eq_ignore_ascii_case(word));
    !text.starts_with('#') && header.any(|line| starts(line, "mime-version:") || starts(line, "content-type:"))
}

/// A message without the line that a mailbox puts before it.
fn headers(text: &str) -> &str {
    let text = text.trim_start();
    match text.starts_with("From ") {
        true => text.split_once('\n').map_or("", |(_, rest)| rest),
        false => text,
    }
}

/// The parts of a message, in the order in which cloud-init runs them: by their names.
pub(super) fn parts(text: &str) -> Result<Vec<Part>> {
    let broken = |e: mailparse::MailParseError| bad("it is not a MIME message".to_owned()).cause(e);
    let message = parse_mail(headers(text).as_bytes()).map_err(broken)?;
    let mut parts = Vec::new();
    let mut left = MAX_BYTES;
    for mail in message.parts().filter(|part| !part.ctype.mimetype.starts_with("multipart/")) {
        let number = parts.len() + 1;
        if number > MOST_PARTS {
            return Err(bad(format!("it has more than {MOST_PARTS} parts")).hint("put scripts together"));
        }
        let mut part =
            Part { name: name(mail, number), number, media_type: mail.ctype.mimetype.clone(), text: String::new() };
        let body = mail.get_body_raw().map_err(broken).and_then(|body| packed::unpack(&body, left));
        part.text = body.map_err(|e| part.named_in(e))?;
        left -= part.text.len();
        parts.push(part);
    }
    if parts.is_empty() {
        return Err(bad("it is a MIME message without parts".to_owned()).hint(form::FORMS));
    }
    parts.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(parts)
}

/// The name that cloud-init gives a part.
fn name(mail: &ParsedMail<'_>, number: usize) -> String {
    let disposition = mail.get_content_disposition();
    let said = disposition.params.get("filename").or_else(|| mail.ctype.params.get("name"));
    said.filter(|name| !name.is_empty()).cloned().unwrap_or_else(|| format!("part-{number:03}"))
}
