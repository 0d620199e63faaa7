//! YAML 1.1 scalars as PyYAML resolves them, because cloud-init in the guest reads with PyYAML
//! (`yaml/resolver.py`, <https://yaml.org/type/>). Dates and base-60 numbers stay text.

use serde_json::{Number, Value as Json};

/// Whether a plain scalar is YAML's null.
pub(crate) fn is_null(text: &str) -> bool {
    matches!(text, "" | "~" | "null" | "Null" | "NULL")
}

/// What a plain scalar means.
pub(crate) fn resolve(text: &str) -> Json {
    if is_null(text) {
        return Json::Null;
    }
    match text {
        "true" | "True" | "TRUE" | "yes" | "Yes" | "YES" | "on" | "On" | "ON" => return Json::Bool(true),
        "false" | "False" | "FALSE" | "no" | "No" | "NO" | "off" | "Off" | "OFF" => return Json::Bool(false),
        _ => {}
    }
    integer(text)
        .map(|n| Json::Number(n.into()))
        .or_else(|| float(text))
        .unwrap_or_else(|| Json::String(text.to_owned()))
}

/// Decimal, `0` octal, `0x` and `0b`, with a sign and underscores.
fn integer(text: &str) -> Option<i64> {
    let (sign, digits) = match text.strip_prefix('-') {
        Some(rest) => (-1, rest),
        None => (1, text.strip_prefix('+').unwrap_or(text)),
    };
    if !digits.starts_with(|c: char| c.is_ascii_digit()) {
        return None;
    }
    let clean = digits.replace('_', "");
    let magnitude = if let Some(hex) = clean.strip_prefix("0x") {
        i64::from_str_radix(hex, 16)
    } else if let Some(binary) = clean.strip_prefix("0b") {
        i64::from_str_radix(binary, 2)
    } else if clean.len() > 1 && clean.starts_with('0') {
        i64::from_str_radix(&clean[1..], 8)
    } else {
        clean.parse()
    };
    magnitude.ok().map(|m| sign * m)
}

/// A number with a point; PyYAML takes an exponent only with a point and a sign.
fn float(text: &str) -> Option<Json> {
    let body = text.strip_prefix(['-', '+']).unwrap_or(text);
    let (whole, rest) = body.split_once('.')?;
    let (decimals, exponent) = match rest.split_once(['e', 'E']) {
        Some((decimals, exponent)) => (decimals, Some(exponent.strip_prefix(['-', '+'])?)),
        None => (rest, None),
    };
    let digits = |t: &str| t.bytes().all(|b| b.is_ascii_digit());
    let shaped = digits(whole) && digits(decimals) && exponent.is_none_or(|e| !e.is_empty() && digits(e));
    if !shaped || (whole.is_empty() && decimals.is_empty()) || (whole.is_empty() && body.len() != text.len()) {
        return None;
    }
    text.trim_start_matches('+').parse().ok().and_then(Number::from_f64).map(Json::Number)
}
