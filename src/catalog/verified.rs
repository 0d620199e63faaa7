//! How a blueprint was verified: booted with its health check seen, or rendered alone. Kept in `verified.yaml`, which
//! `lite blueprints test` writes.

use serde::{Deserialize, Serialize};

use crate::model::{Code, Error, Hint, Result, Verb, escaped};

const HEAD: &str = "\
# What `lite blueprints test` saw. `boot`: booted, and its health check passed; `render`: rendered and checked alone.
# `parts` is the digest of what went into the guest: a blueprint that changed since shows as such.
";

/// How far a test went.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum VerifiedBy {
    /// Rendered and checked against every rule.
    Render,
    /// Booted, and its health check passed.
    Boot,
}

/// One test of one blueprint on one base.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Verified {
    /// Blueprint id.
    pub blueprint: String,
    /// Its version then.
    pub version: String,
    /// Base image id.
    pub base: String,
    /// How far the test went.
    pub how: VerifiedBy,
    /// When.
    pub date: jiff::civil::Date,
    /// SHA-256 of the base image that was booted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub image: Option<String>,
    /// Seconds from nothing to an application that answers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seconds: Option<u64>,
    /// What [`Blueprint::parts_digest`] was.
    pub parts: String,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    verified: Vec<Verified>,
}

/// Reads a `verified.yaml`.
///
/// # Errors
/// Refused if the file is not one, with the place.
pub fn read_verified(name: &str, text: &str) -> Result<Vec<Verified>> {
    serde_yaml::from_str::<File>(text).map(|file| file.verified).map_err(|e| {
        Error::new(Code::InvalidVerified, format!("`{}` is not a list of tests", escaped(name)))
            .cause(e.to_string().lines().next().unwrap_or_default())
            .hint(Hint::new().run(Verb::BlueprintsTest).text(" writes this file; remove it to start anew"))
    })
}

/// Adds a test to a list: it takes the place of an earlier one of the same blueprint and base, unless it went less far and
/// the blueprint is the same.
pub fn add_verified(list: &mut Vec<Verified>, new: Verified) {
    let same = |v: &Verified| v.blueprint == new.blueprint && v.base == new.base;
    if list.iter().any(|v| same(v) && v.parts == new.parts && v.how > new.how) {
        return;
    }
    list.retain(|v| !same(v));
    list.push(new);
    list.sort_by(|a, b| (&a.blueprint, &a.base).cmp(&(&b.blueprint, &b.base)));
}

/// A `verified.yaml`.
///
/// # Errors
/// Failed only if a value cannot be written as YAML.
pub fn write_verified(list: &[Verified]) -> Result<String> {
    let file = File { verified: list.to_vec() };
    let text = serde_yaml::to_string(&file)
        .map_err(|e| Error::failed(Code::InvalidVerified, "the tests cannot be written").cause(e))?;
    Ok(format!("{HEAD}{text}"))
}
