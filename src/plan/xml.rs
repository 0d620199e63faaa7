//! One way to write XML: typed structs through quick-xml, so that every value is escaped.

use serde::Serialize;

use crate::model::{Code, Error, Result};

/// Writes a document whose root element is `root`, indented by two spaces.
pub(super) fn write<T: Serialize>(root: &str, value: &T) -> Result<String> {
    let fail = |e: quick_xml::SeError| Error::new(Code::XmlError, format!("cannot write <{root}>")).cause(e);
    let mut text = String::new();
    let mut serializer = quick_xml::se::Serializer::with_root(&mut text, Some(root)).map_err(fail)?;
    serializer.indent(' ', 2);
    value.serialize(serializer).map_err(fail)?;
    text.push('\n');
    Ok(text)
}

/// An element without content.
#[derive(Debug, Serialize)]
pub(super) struct Empty {}

/// An element with text alone.
#[derive(Debug, Serialize)]
pub(super) struct Text {
    #[serde(rename = "$text")]
    text: String,
}

impl Text {
    /// An element holding `value`.
    pub(super) fn of(value: impl ToString) -> Self {
        Self { text: value.to_string() }
    }
}

/// A number with its unit.
#[derive(Debug, Serialize)]
pub(super) struct Amount {
    #[serde(rename = "@unit")]
    unit: &'static str,
    #[serde(rename = "$text")]
    value: u64,
}

impl Amount {
    /// A count of KiB.
    pub(super) fn kib(value: u64) -> Self {
        Self { unit: "KiB", value }
    }

    /// A count of bytes.
    pub(super) fn bytes(value: u64) -> Self {
        Self { unit: "bytes", value }
    }
}
