//! Text for a terminal whose locale is not UTF-8: a character of several bytes would be shown as several others.

use std::{borrow::Cow, fmt::Write as _};

/// Text in ASCII alone. What has a common form there is written so, anything else as `\u{e9}`.
pub fn ascii(text: &str) -> Cow<'_, str> {
    if text.is_ascii() {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '…' => out.push_str("..."),
            '–' | '—' => out.push('-'),
            '‘' | '’' => out.push('\''),
            '“' | '”' => out.push('"'),
            '→' => out.push_str("->"),
            c if c.is_ascii() => out.push(c),
            c => out.extend(c.escape_unicode()),
        }
    }
    Cow::Owned(out)
}

/// A JSON document in ASCII alone: only its texts hold other characters.
pub fn ascii_json(text: &str) -> Cow<'_, str> {
    if text.is_ascii() {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        if c.is_ascii() {
            out.push(c);
        } else {
            // Writing into a string does not fail.
            for unit in c.encode_utf16(&mut [0; 2]) {
                let _ = write!(out, "\\u{unit:04x}");
            }
        }
    }
    Cow::Owned(out)
}

#[cfg(test)]
mod tests {
    use super::{ascii, ascii_json};

    #[test]
    fn nothing_of_several_bytes_is_left() {
        assert_eq!(ascii("a\n\u{1b}[1mb"), "a\n\u{1b}[1mb");
        assert_eq!(ascii("Müller – “日”… →"), "M\\u{fc}ller - \"\\u{65e5}\"... ->");
    }

    #[test]
    fn a_document_still_says_the_same() {
        let document = serde_json::json!({"title": "Müller 𝄞…"});
        let text = ascii_json(&document.to_string()).into_owned();
        assert!(text.is_ascii());
        assert_eq!(serde_json::from_str::<serde_json::Value>(&text).unwrap(), document);
    }
}
