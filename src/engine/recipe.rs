//! What a baked image is made of: the same parts give the same key.

use std::collections::BTreeMap;

use serde_json::json;
use sha2::{Digest, Sha256};

use crate::{
    catalog::{Blueprint, embedded_script},
    image::Baked,
    model::{Code, Error, Result, hex},
};

/// Rises when a bake of the same parts comes out otherwise.
const RECIPE: u32 = 1;

/// Refused where a blueprint has nothing to bake, or an install part that is not the same for each instance.
///
/// # Errors
/// Refused, with the reason.
pub fn check_bakeable(blueprint: &Blueprint) -> Result<()> {
    let refuse = |why: &str| Err(Error::new(Code::NotBakeable, format!("`{}` cannot be baked: {why}", blueprint.id)));
    if blueprint.install.is_empty() {
        return refuse("it has no install part").map_err(|e| e.hint("its instances are as fast without"));
    }
    if blueprint.never_baked {
        return refuse("its install part makes what only one machine may have (`bake: false`)")
            .map_err(|e| e.hint("each of its instances installs it at first boot"));
    }
    match ["LITE_SECRET_", "LITE_NAME", "LITE_ADDRESS"].iter().find(|word| blueprint.install.contains(**word)) {
        None => Ok(()),
        Some(word) => refuse(&format!("its install part reads `${word}`, which differs from instance to instance"))
            .map_err(|e| e.hint("move that to the configure part")),
    }
}

/// Refuses a blueprint whose instances cannot go on from saved memory.
///
/// # Errors
/// `not_bakeable`: it does not say that they can, or what it installs cannot be baked.
pub fn check_warmable(blueprint: &Blueprint) -> Result<()> {
    if !blueprint.starts_warm {
        let why =
            format!("`{}` cannot start warm: its blueprint does not say that it may (`warm: true`)", blueprint.id);
        return Err(Error::new(Code::NotBakeable, why).hint("its instances start as they do now"));
    }
    if blueprint.install.is_empty() { Ok(()) } else { check_bakeable(blueprint) }
}

/// What a baked image of this blueprint on this base is made of; none where it cannot be baked. `digest` is the base's.
///
/// # Errors
/// Failed only if this build lacks its runner.
pub fn bake_of(
    blueprint: &Blueprint,
    base: &str,
    digest: &str,
    parameters: &BTreeMap<String, String>,
) -> Result<Option<Baked>> {
    if check_bakeable(blueprint).is_err() {
        return Ok(None);
    }
    let runner = embedded_script("lite-guest.py")
        .ok_or_else(|| Error::new(Code::RenderFailed, "this build of lite lacks its guest runner `lite-guest.py`"))?;
    let read = blueprint.install_parameters();
    let parameters: BTreeMap<_, _> =
        parameters.iter().filter(|(k, _)| read.contains(&k.as_str())).map(|(k, v)| (k.clone(), v.clone())).collect();
    // serde_json keeps the keys of a mapping in order: the same parts make the same text.
    let parts = json!({
        "recipe": RECIPE,
        "base": digest,
        "blueprint": blueprint.id,
        "version": blueprint.version,
        "install": blueprint.install,
        "cloud_config": blueprint.cloud_config,
        "parameters": parameters,
        "disk": blueprint.min_disk,
        "user": blueprint.user,
        "runner": hex(&Sha256::digest(runner.as_bytes())),
    });
    let mut parts = parts;
    if !blueprint.seal.is_empty() {
        parts["seal"] = json!(blueprint.seal);
    }
    Ok(Some(Baked {
        key: hex(&Sha256::digest(parts.to_string())),
        blueprint: blueprint.id.clone(),
        version: blueprint.version.clone(),
        base: base.to_owned(),
        parameters,
    }))
}
