//! Bundles and blueprints.

use super::{gib, gib_fraction};
use crate::{
    lightsail::wire,
    view::{BlueprintView, BundleRow},
};

/// A bundle.
pub fn bundle(row: &BundleRow) -> wire::Bundle {
    #[allow(clippy::cast_precision_loss, reason = "prices end at a million")]
    let price = row.price.as_hundredths() as f64 / 100.0;
    wire::Bundle {
        price,
        cpu_count: row.vcpus,
        disk_size_in_gb: gib(row.disk),
        bundle_id: row.id.clone(),
        is_active: true,
        name: row.id.clone(),
        power: row.memory.as_mib(),
        ram_size_in_gb: gib_fraction(row.memory),
        transfer_per_month_in_gb: gib(row.transfer),
        supported_platforms: ["LINUX_UNIX"],
        public_ipv4_address_count: 1,
    }
}

/// A blueprint.
pub fn blueprint(view: BlueprintView) -> wire::Blueprint {
    wire::Blueprint {
        group: view.id.clone(),
        blueprint_id: view.id,
        name: view.title,
        kind: view.group,
        description: view.description,
        is_active: true,
        min_power: view.min_memory.as_mib(),
        version_code: view.version.clone(),
        version: view.version,
        platform: "LINUX_UNIX",
    }
}
