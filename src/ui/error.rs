//! How an error looks: to a person, and to a script.

use serde::Serialize;

use super::{SCHEMA, Tone, clean};
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

/// The JSON shape of an error.
#[derive(Debug, Serialize)]
pub struct ErrorView<'a> {
    schema: u32,
    error: Body<'a>,
}

#[derive(Debug, Serialize)]
struct Body<'a> {
    code: &'a str,
    message: &'a str,
    causes: &'a [String],
    hints: &'a [String],
    exit_code: u8,
}

impl<'a> From<&'a Error> for ErrorView<'a> {
    fn from(error: &'a Error) -> Self {
        let Error { code, message, causes, hints, .. } = error;
        Self {
            schema: SCHEMA,
            error: Body { code: code.as_str(), message, causes, hints, exit_code: error.exit_code() },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{ErrorView, error_text};
    use crate::model::{Code, Error};

    fn sample() -> Error {
        Error::new(
            Code::BundleTooSmall,
            "bundle `nano` is too small for `wordpress`: 512 MiB of memory, at least 1 GiB needed",
        )
        .hint("use `--bundle micro` or larger; `lite bundles` lists them")
    }

    #[test]
    fn reads_as_in_the_design() {
        let wanted = "error: bundle `nano` is too small for `wordpress`: 512 MiB of memory, at least 1 GiB needed\n\
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

    #[test]
    fn json_holds_the_same_fields() {
        let json = serde_json::to_string(&ErrorView::from(&sample())).unwrap_or_default();
        let wanted = concat!(
            r#"{"schema":1,"error":{"code":"bundle_too_small","message":"bundle `nano` is too small for `wordpress`: "#,
            r#"512 MiB of memory, at least 1 GiB needed","causes":[],"#,
            r#""hints":["use `--bundle micro` or larger; `lite bundles` lists them"],"exit_code":2}}"#
        );
        assert_eq!(json, wanted);
    }
}
