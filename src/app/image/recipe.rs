//! What an image is baked of: whether it is what would be baked today, and which command bakes one.

use std::collections::BTreeMap;

use crate::{
    catalog::{Blueprint, Catalog, Resolved},
    engine::{self, bake_of},
    image::{self, Baked, Image, Images},
    model::{Action, Code, Result, Size, Verb},
};

/// The command that makes the next create of a blueprint faster; none where it cannot be baked.
pub fn advice(
    default_base: Option<&String>,
    resolved: &Resolved,
    parameters: &BTreeMap<String, String>,
) -> Option<Action> {
    let blueprint = &resolved.blueprint;
    let baked = bake_of(blueprint, &resolved.base, "", parameters).ok().flatten()?;
    let differs = |(name, value): &(&String, &String)| {
        blueprint.parameters.iter().any(|p| p.name == **name && p.default.as_ref() != Some(*value))
    };
    let mut action = Action::new(Verb::ImageBake, &[&blueprint.id]);
    if default_base != Some(&resolved.base) {
        action.arguments.extend(["--base".to_owned(), resolved.base.clone()]);
    }
    let set = baked.parameters.iter().filter(differs).flat_map(|(name, _)| ["--set".to_owned(), format!("{name}=…")]);
    action.arguments.extend(set);
    Some(action)
}

/// Whether a baked image is what would be baked today.
pub fn is_current(catalog: &Catalog, images: &Images, (baked, image): (&Baked, &Image)) -> Result<bool> {
    let Some(blueprint): Option<&Blueprint> = catalog.blueprints.get(&baked.blueprint) else { return Ok(false) };
    if !blueprint.bases.contains(&baked.base) {
        return Ok(false);
    }
    let base = match image::get(images, &baked.base) {
        Ok(Some(base)) => base,
        Ok(None) => return Ok(false),
        // What cannot be told of is not out of date.
        Err(e) if e.code == Code::ImageDamaged => return Ok(true),
        Err(e) => return Err(e),
    };
    let today = bake_of(blueprint, &baked.base, &base.digest, &baked.parameters)?;
    let Some(memory) = &image.memory else { return Ok(today.is_some_and(|today| today.key == baked.key)) };
    // That of a machine which lies on what would be taken today.
    let below = match today {
        Some(today) => image::get(images, &today.id())?,
        None => Some(base),
    };
    let Some(below) = below.filter(|_| blueprint.starts_warm) else { return Ok(false) };
    let (vcpus, size, disk) = (memory.vcpus, Size::bytes(memory.memory), Size::bytes(image.virtual_size));
    let kind = engine::Kind { blueprint, image: &below, vcpus, memory: size, disk };
    Ok(engine::warm_of(kind)?.key == baked.key)
}
