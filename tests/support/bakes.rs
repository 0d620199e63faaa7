//! A bake that fails.

use std::{collections::BTreeMap, time::Duration};

use lite::{
    engine::{BakeRequest, Unobserved},
    image::{Image, Origin},
    model::Error,
};

use super::{changes, world::World};

/// A bake on the test driver, whose guest never says a word.
pub fn unsealed(world: &World, keep: bool) -> Error {
    changes::bake(&mut world.engine(), request(world, keep), &mut Unobserved).expect_err("the guest never seals")
}

/// A bake of nginx that is given up on at once.
pub fn request(world: &World, keep: bool) -> BakeRequest {
    let resolved = world.catalog.resolve("nginx", "nano", None).expect("resolved");
    let base = Image {
        id: "debian-13".into(),
        path: "/pool/base.qcow2".into(),
        digest: "00".into(),
        volume: "base.qcow2".into(),
        size: 0,
        virtual_size: 1 << 30,
        origin: Origin::Built,
        created_at: jiff::Timestamp::UNIX_EPOCH,
        source: None,
        baked: None,
        memory: None,
    };
    BakeRequest {
        blueprint: resolved.blueprint,
        bundle: resolved.bundle,
        base,
        parameters: BTreeMap::new(),
        ssh_keys: vec![],
        timeout: Duration::ZERO,
        keep,
    }
}
