//! Tags that PyYAML's safe loader knows and cloud-config has a use for (<https://yaml.org/type/>).

use std::borrow::Cow;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde_json::Value as Json;
use serde_yaml::granit_parser::Tag;

use super::{super::scalar, Value};

/// Where the tags of YAML 1.1 live.
const NAMESPACE: &str = "tag:yaml.org,2002:";

/// The name of a tag of YAML's own, or nothing.
fn name(tag: &Tag) -> Cow<'_, str> {
    tag.suffix_in_namespace(NAMESPACE).unwrap_or_default()
}

/// What a scalar with a tag means.
pub(super) fn scalar(tag: &Tag, text: String) -> Result<Value, String> {
    let name = name(tag);
    match (&*name, scalar::resolve(&text)) {
        ("str", _) => Ok(Value::Scalar { text, plain: false }),
        ("binary", _) => binary(&text),
        ("null", Json::Null) | ("bool", Json::Bool(_)) => Ok(Value::Scalar { text, plain: true }),
        ("int", Json::Number(n)) if n.is_i64() => Ok(Value::Scalar { text, plain: true }),
        ("float", Json::Number(n)) if n.is_f64() => Ok(Value::Scalar { text, plain: true }),
        ("null" | "bool" | "int" | "float", _) => Err(format!("the value is not what its tag `!!{name}` says")),
        _ => Err(unknown()),
    }
}

/// Accepts the tag of a list (`seq`) or mapping (`map`) that says what the value is anyhow.
pub(super) fn collection(tag: Option<&Cow<'_, Tag>>, own: &str) -> Result<(), String> {
    match tag.map(|tag| name(tag) == own) {
        None | Some(true) => Ok(()),
        Some(false) => Err(unknown()),
    }
}

fn unknown() -> String {
    "this tag is not known; `!!str`, `!!binary`, `!!int`, `!!float`, `!!bool`, `!!null`, `!!seq` and `!!map` are"
        .to_owned()
}

/// Bytes in base64. Where they are text they are as good as it.
fn binary(text: &str) -> Result<Value, String> {
    let packed: String = text.split_ascii_whitespace().collect();
    let bytes = STANDARD.decode(packed).map_err(|_| "`!!binary` holds no base64".to_owned())?;
    Ok(match String::from_utf8(bytes) {
        Ok(text) => Value::Scalar { text, plain: false },
        Err(e) => Value::Binary(e.into_bytes()),
    })
}
