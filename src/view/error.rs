//! How an error looks to a script.

use serde::Serialize;

use crate::model::Error;

/// The JSON shape of an error.
#[derive(Debug, Serialize)]
pub struct ErrorView<'a> {
    error: Body<'a>,
}

#[derive(Debug, Serialize)]
struct Body<'a> {
    code: &'a str,
    message: &'a str,
    causes: &'a [String],
    hints: Vec<&'a str>,
    exit_code: u8,
}

impl<'a> From<&'a Error> for ErrorView<'a> {
    fn from(error: &'a Error) -> Self {
        let Error { code, message, causes, hints, .. } = error;
        Self {
            error: Body {
                code: code.as_str(),
                message,
                causes,
                hints: hints.iter().map(|h| &**h).collect(),
                exit_code: error.exit_code(),
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::ErrorView;
    use crate::{
        model::{Code, Error},
        view::Versioned,
    };

    fn sample() -> Error {
        Error::new(
            Code::BundleTooSmall,
            "bundle `nano` is too small for `wordpress`: 0.5 GiB of memory, at least 1 GiB needed",
        )
        .hint("use `--bundle micro` or larger; `lite bundles` lists them")
    }

    #[test]
    fn json_holds_the_same_fields() {
        let json = serde_json::to_string(&Versioned::new(ErrorView::from(&sample()))).unwrap_or_default();
        let wanted = concat!(
            r#"{"schema":2,"error":{"code":"bundle_too_small","message":"bundle `nano` is too small for `wordpress`: "#,
            r#"0.5 GiB of memory, at least 1 GiB needed","causes":[],"#,
            r#""hints":["use `--bundle micro` or larger; `lite bundles` lists them"],"exit_code":2}}"#
        );
        assert_eq!(json, wanted);
    }
}
