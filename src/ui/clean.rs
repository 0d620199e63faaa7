//! What comes from outside never reaches a terminal as anything but text.

use std::borrow::Cow;

use crate::model::visible;

/// One line of text: control, bidirectional and invisible characters are written as `\n`, `\u{1b}` and so on.
pub fn clean(text: &str) -> Cow<'_, str> {
    visible(text, |_| false)
}

/// Several lines of text: as [`clean`], but line ends and tabs stay.
pub fn clean_lines(text: &str) -> Cow<'_, str> {
    visible(text, |c| c == '\n' || c == '\t')
}

#[cfg(test)]
mod tests {
    use super::{clean, clean_lines};

    #[test]
    fn control_characters_are_written_out() {
        assert_eq!(clean("a\u{1b}[31mb\r\n\t\u{7f}\u{9b}c"), r"a\u{1b}[31mb\r\n\t\u{7f}\u{9b}c");
        assert_eq!(clean("abc\u{202e}gpj.exe\u{200b}\u{2028}"), r"abc\u{202e}gpj.exe\u{200b}\u{2028}");
        for c in ['\u{ad}', '\u{61c}', '\u{fff9}', '\u{fffb}', '\u{e0000}', '\u{e007f}'] {
            assert_eq!(clean(&c.to_string()), c.escape_default().to_string());
        }
        assert_eq!(clean("Müller – 日本"), "Müller – 日本");
    }

    #[test]
    fn lines_stay_lines() {
        assert_eq!(clean_lines("one\n\ttwo\u{7}\r\n"), "one\n\ttwo\\u{7}\\r\n");
    }
}
