//! How an error looks to a person.

use super::{Tone, clean};
use crate::model::Error;

/// The text of an error, as in the design:
///
/// ```text
/// error: what, where
///   caused by: what lies beneath
///   hint: the next step
/// ```
pub fn error_text(error: &Error, color: bool) -> String {
    let mut out = format!("{} {}\n", Tone::Bad.paint("error:", color), clean(&error.message));
    for cause in &error.causes {
        push_lines(&mut out, &Tone::Dim.paint("caused by:", color), cause);
    }
    for hint in &error.hints {
        push_lines(&mut out, &Tone::Hint.paint("hint:", color), hint);
    }
    out
}

fn push_lines(out: &mut String, label: &str, text: &str) {
    for (nth, line) in text.trim_end().split('\n').enumerate() {
        let line = clean(line.trim_end_matches('\r'));
        let lead = if nth == 0 { format!("  {label} ") } else { "    ".to_owned() };
        out.push_str(format!("{lead}{line}").trim_end());
        out.push('\n');
    }
}

#[cfg(test)]
mod tests {
    use super::error_text;
    use crate::model::{Code, Error};

    fn sample() -> Error {
        Error::new(
            Code::BundleTooSmall,
            "bundle `nano` is too small for `wordpress`: 0.5 GiB of memory, at least 1 GiB needed",
        )
        .hint("use `--bundle micro` or larger; `lite bundles` lists them")
    }

    #[test]
    fn reads_as_in_the_design() {
        let wanted = "error: bundle `nano` is too small for `wordpress`: 0.5 GiB of memory, at least 1 GiB needed\n\
                      \x20 hint: use `--bundle micro` or larger; `lite bundles` lists them\n";
        assert_eq!(error_text(&sample(), false), wanted);
    }

    #[test]
    fn causes_keep_their_lines_and_lose_their_control_characters() {
        let error = Error::new(Code::Internal, "one\ntwo\u{1b}[2J").cause("first\r\n\nsecond\u{7}\n").cause("then");
        let wanted = "error: one\\ntwo\\u{1b}[2J\n  caused by: first\n\n    second\\u{7}\n  caused by: then\n";
        assert_eq!(error_text(&error, false), wanted);
    }

    #[test]
    fn the_labels_are_coloured() {
        let text = error_text(&Error::new(Code::Internal, "m").cause("c").hint("h"), true);
        let wanted =
            "\u{1b}[1m\u{1b}[31merror:\u{1b}[0m m\n  \u{1b}[2mcaused by:\u{1b}[0m c\n  \u{1b}[36mhint:\u{1b}[0m h\n";
        assert_eq!(text, wanted);
    }
}
