//! Bundles, blueprints and regions.

use crate::{
    app::{blueprint, bundle},
    lightsail::{
        call::Call,
        fault::Answer,
        map::catalog as map,
        pages::page,
        wire::{Blueprints, Bundles, GetCatalog, GetRegions, Region, Regions, Zone},
    },
    model::Unobserved,
};

/// The bundles, smallest first.
pub fn bundles(call: &Call<'_>, input: GetCatalog) -> Answer<Bundles> {
    let (mut rows, _) = bundle::list(call.app(), call.caller, &mut Unobserved)?;
    if input.app_category.is_some() {
        rows.clear();
    }
    let all = rows.iter().map(map::bundle).enumerate().collect();
    let at = (input.page_token.as_deref(), call.shared.page_size);
    let (bundles, next_page_token) = page("bundles", all, |(n, _)| format!("{n:04}"), at)?;
    Ok(Bundles { bundles: bundles.into_iter().map(|(_, one)| one).collect(), next_page_token })
}

/// The blueprints, by id.
pub fn blueprints(call: &Call<'_>, input: GetCatalog) -> Answer<Blueprints> {
    let mut all = blueprint::list(call.app(), call.caller, &mut Unobserved)?;
    if input.app_category.is_some() {
        all.clear();
    }
    let at = (input.page_token.as_deref(), call.shared.page_size);
    let (page, next_page_token) = page("blueprints", all, |one| one.id.clone(), at)?;
    Ok(Blueprints { blueprints: page.into_iter().map(map::blueprint).collect(), next_page_token })
}

/// The regions of this host.
pub fn regions(call: &Call<'_>, input: GetRegions) -> Answer<Regions> {
    let with_zones = input.include_availability_zones.unwrap_or(false);
    let region = |name: &String| Region {
        name: name.clone(),
        display_name: name.clone(),
        description: "a host that lite runs on".to_owned(),
        availability_zones: match with_zones {
            true => vec![Zone { zone_name: format!("{name}a"), state: "available" }],
            false => Vec::new(),
        },
    };
    Ok(Regions { regions: call.shared.regions().iter().map(region).collect() })
}
