//! What comes from outside never reaches a terminal as anything but text.

use std::borrow::Cow;

/// Whether printing this character could move the cursor, change colours, or reorder or hide text.
fn dangerous(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{ad}' | '\u{61c}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}'
            | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}')
}

fn escape(text: &str, keep: impl Fn(char) -> bool) -> Cow<'_, str> {
    if !text.chars().any(|c| dangerous(c) && !keep(c)) {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len() + 16);
    for c in text.chars() {
        if dangerous(c) && !keep(c) { out.extend(c.escape_default()) } else { out.push(c) }
    }
    Cow::Owned(out)
}

/// One line of text: control, bidirectional and invisible characters are written as `\n`, `\u{1b}` and so on.
pub fn clean(text: &str) -> Cow<'_, str> {
    escape(text, |_| false)
}

/// Several lines of text: as [`clean`], but line ends and tabs stay.
pub fn clean_lines(text: &str) -> Cow<'_, str> {
    escape(text, |c| c == '\n' || c == '\t')
}

#[cfg(test)]
mod tests {
    use super::{clean, clean_lines};

    #[test]
    fn control_characters_are_written_out() {
        assert_eq!(clean("a\u{1b}[31mb\r\n\t\u{7f}\u{9b}c"), r"a\u{1b}[31mb\r\n\t\u{7f}\u{9b}c");
        assert_eq!(clean("abc\u{202e}gpj.exe\u{200b}\u{2028}"), r"abc\u{202e}gpj.exe\u{200b}\u{2028}");
        assert_eq!(clean("Müller – 日本"), "Müller – 日本");
    }

    #[test]
    fn lines_stay_lines() {
        assert_eq!(clean_lines("one\n\ttwo\u{7}\r\n"), "one\n\ttwo\\u{7}\\r\n");
    }
}
