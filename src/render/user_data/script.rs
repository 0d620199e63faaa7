//! A script that is user-data.

use super::{
    bad,
    form::{FORMS, INTERPRETER},
};
use crate::model::{Result, escaped};

/// The script, if it can run.
pub(super) fn check(text: &str) -> Result<String> {
    let first = text.lines().next().unwrap_or_default();
    if text.contains('\0') {
        return Err(bad("it is not a text file".to_owned()).hint(FORMS));
    }
    if text.contains('\r') {
        return Err(bad("its lines end with a carriage return".to_owned()).hint("convert it: `sed -i 's/\\r$//' FILE`"));
    }
    if !first[2..].trim_start().starts_with('/') {
        return Err(bad(format!("`{}` names no interpreter", escaped(first))).hint(INTERPRETER));
    }
    Ok(text.to_owned())
}
