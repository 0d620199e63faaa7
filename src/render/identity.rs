//! What a guest that goes on from saved memory is told: who it is.

use secrecy::{ExposeSecret as _, SecretString};
use serde_json::{Map, Value, json};

use super::{files, types::SeedInput};
use crate::model::{Code, Error, Result};

/// Who an instance is, as JSON. Holds secrets. None for one whose address nobody knows before, or that brings user-data of its own.
///
/// # Errors
/// Failed only if it cannot be written.
pub fn identity(input: &SeedInput<'_>) -> Result<Option<SecretString>> {
    let (Some(at), None) = (input.address, input.user_data) else { return Ok(None) };
    let job = files::job(input, &Map::new());
    let six = at.ipv6.as_ref();
    let document = json!({
        "job": job,
        "host_name": input.name,
        "host_key": {"private": input.host_key.private.expose_secret(), "public": input.host_key.public},
        "user": input.blueprint.user,
        "ssh_keys": input.ssh_keys,
        "network": {
            "mac": input.mac,
            "address": format!("{}/{}", at.address, at.prefix),
            "gateway": at.gateway,
            "search": at.search,
            "address6": six.map(|six| format!("{}/128", six.address)),
            "gateway6": six.map(|six| six.gateway),
        },
    });
    Ok(Some(SecretString::from(document.to_string())))
}

/// The line that a guest is told (read by `lite-thaw.py`): who it is, what time it is, in seconds since 1970, and random bytes in hex.
///
/// # Errors
/// Failed only where `identity` is none.
pub fn told(identity: &SecretString, now: f64, entropy: &SecretString) -> Result<SecretString> {
    let unreadable = |e| Error::new(Code::RenderFailed, "the identity of a guest cannot be read").cause(e);
    let mut all: Map<String, Value> = serde_json::from_str(identity.expose_secret()).map_err(unreadable)?;
    all.insert("time".to_owned(), json!(now));
    all.insert("entropy".to_owned(), json!(entropy.expose_secret()));
    Ok(SecretString::from(format!("{}\n", Value::Object(all))))
}
