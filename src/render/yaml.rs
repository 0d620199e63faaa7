//! YAML out: a structure in, text out that PyYAML reads back unchanged, proved by reading it back.

use serde_json::Value;

use crate::model::{Code, Error, Result};

/// Serialises a document.
///
/// # Errors
/// Failed if the text does not read back as the same structure; a fault of this program, not of its input.
pub(super) fn emit(document: &Value) -> Result<String> {
    let broken = |why: String| {
        Error::new(Code::RenderFailed, "a cloud-init document does not read back as it was meant").cause(why)
    };
    let text = serde_yaml::to_string(document).map_err(|e| broken(e.to_string()))?;
    match serde_yaml::from_str::<Value>(&text) {
        Ok(back) if back == *document => Ok(text),
        Ok(_) => Err(broken("the structure differs".to_owned())),
        // The error's text may quote a value; its place is enough.
        Err(error) => Err(broken(error.location().map_or_else(String::new, |l| format!("line {}", l.line())))),
    }
}

/// Reads a document of lite's own.
///
/// # Errors
/// It is not one.
pub(super) fn read(text: &str) -> Result<Value> {
    serde_yaml::from_str(text)
        .map_err(|_| Error::new(Code::RenderFailed, "a cloud-init document of the database cannot be read"))
}

/// Serialises a document as `#cloud-config`.
pub(super) fn cloud_config(document: &Value) -> Result<String> {
    Ok(format!("#cloud-config\n{}", emit(document)?))
}
