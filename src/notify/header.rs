//! A header of the user's that goes with each message to a webhook: a key that the receiver asks for.

use reqwest::header::{CONTENT_LENGTH, CONTENT_TYPE, HOST, HeaderName, HeaderValue, TRANSFER_ENCODING};

use crate::model::{Code, Error, Result};

/// Parses `NAME: VALUE`, the only line of its file. The value is marked as secret.
///
/// # Errors
/// [`Code::InvalidHeader`]; what is in the file is not told.
pub fn parse(text: &str) -> Result<(HeaderName, HeaderValue)> {
    let bad = |why: &str| {
        Error::new(Code::InvalidHeader, format!("the header is not one: {why}"))
            .hint("its file holds one line such as `Authorization: Bearer KEY`")
    };
    let line = text.strip_suffix('\n').unwrap_or(text);
    let line = line.strip_suffix('\r').unwrap_or(line);
    let (name, value) = line.split_once(':').ok_or_else(|| bad("there is no colon in it"))?;
    let name =
        HeaderName::from_bytes(name.trim().as_bytes()).map_err(|_| bad("what is before the colon is no name"))?;
    let mut value = HeaderValue::from_str(value.trim()).map_err(|_| bad("its value is not one line of text"))?;
    if value.is_empty() {
        return Err(bad("it has no value"));
    }
    let own = [CONTENT_LENGTH, CONTENT_TYPE, HOST, TRANSFER_ENCODING].contains(&name);
    if own || name.as_str().starts_with("webhook-") {
        return Err(bad(&format!("lite itself sets `{name}`")));
    }
    value.set_sensitive(true);
    Ok((name, value))
}

#[cfg(test)]
mod tests {
    use reqwest::header::AUTHORIZATION;

    use super::parse;

    #[test]
    fn a_header_is_one_line_and_none_of_lites_own() {
        let (name, value) = parse("Authorization:  Bearer s3cret \n").expect("a header");
        assert_eq!((name, value.to_str().ok(), value.is_sensitive()), (AUTHORIZATION, Some("Bearer s3cret"), true));
        for (text, why) in [
            ("", "there is no colon in it"),
            ("s3cret", "there is no colon in it"),
            ("a b: s3cret", "what is before the colon is no name"),
            ("X: ", "it has no value"),
            ("X: s3cret\nY: 2", "its value is not one line of text"),
            ("Host: s3cret", "lite itself sets `host`"),
            ("Webhook-Signature: s3cret", "lite itself sets `webhook-signature`"),
        ] {
            let error = parse(text).expect_err(text);
            assert_eq!(error.message, format!("the header is not one: {why}"), "{text:?}");
            assert_eq!((error.code.as_str(), error.exit_code()), ("invalid_header", 2));
        }
    }
}
