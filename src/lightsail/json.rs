//! What a request holds, read with limits.

use serde::de::DeserializeOwned;

use super::fault::{Answer, Fault};

/// How deep a value may lie.
const DEPTH: usize = 32;

/// Reads the body of a request: one object, which may be left out.
///
/// # Errors
/// It is too deep, no JSON, no object, or something in it has another type than it is to have.
pub fn read<T: DeserializeOwned>(body: &[u8]) -> Answer<T> {
    let body = if body.is_empty() { b"{}" } else { body };
    if deeper_than(DEPTH, body) {
        return Err(Fault::invalid(format!("the body is deeper than {DEPTH} levels")));
    }
    // A sequence would be read as a structure's fields in order.
    if body.iter().find(|b| !b.is_ascii_whitespace()) != Some(&b'{') {
        return Err(Fault::invalid("the body has to be a JSON object"));
    }
    serde_json::from_slice(body).map_err(|e| Fault::invalid(format!("the body cannot be read: {e}")))
}

/// Whether objects and lists lie deeper in each other. Strings are skipped.
fn deeper_than(most: usize, body: &[u8]) -> bool {
    let (mut depth, mut in_string, mut escaped) = (0_usize, false, false);
    for byte in body {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if in_string => escaped = true,
            b'"' => in_string = !in_string,
            b'{' | b'[' if !in_string => depth += 1,
            b'}' | b']' if !in_string => depth = depth.saturating_sub(1),
            _ => {}
        }
        if depth > most {
            return true;
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use super::read;

    #[derive(Debug, PartialEq, Deserialize)]
    struct Named {
        name: Option<String>,
    }

    #[test]
    fn a_body_is_an_object_of_bounded_depth() {
        let of = |body: &str| read::<Named>(body.as_bytes()).map(|named| named.name).map_err(|fault| fault.message);
        assert_eq!(of(""), Ok(None));
        assert_eq!(of(r#" {"name": "ü\"[[[[", "more": {"of": [null]}}"#), Ok(Some("ü\"[[[[".to_owned())));
        assert_eq!(of(r#"["a"]"#), Err("the body has to be a JSON object".to_owned()));
        for wrong in ["{", "{} x", r#"{"name": 1}"#, r#"{"name": "a", "name": "b"}"#, "\u{feff}{}", "null"] {
            assert!(of(wrong).is_err(), "{wrong}");
        }
        let deep = |n: usize| format!(r#"{{"x":{}{}}}"#, "[".repeat(n), "]".repeat(n));
        assert_eq!(of(&deep(31)), Ok(None));
        for n in [32, 10_000] {
            assert_eq!(of(&deep(n)), Err("the body is deeper than 32 levels".to_owned()), "{n}");
        }
    }
}
