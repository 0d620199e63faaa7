//! Bundles and blueprints, by their own ids and by those that scripts for Lightsail have.

use super::{gib, gib_fraction};
use crate::{
    lightsail::wire,
    view::{BlueprintView, BundleRow},
};

/// What Lightsail's ids of bundles end with.
const GENERATION: &str = "_3_0";

/// Whether an id names the bundle or blueprint of this id: it is the same, or the one that scripts for Lightsail have for it, such as
/// `nano_3_0` for `nano` and `debian_12` for `debian-12`.
pub fn is_alias(given: &str, id: &str) -> bool {
    let underscored = id.replace(|c: char| !c.is_ascii_alphanumeric(), "_");
    given == id || given == underscored || given.strip_suffix(GENERATION) == Some(underscored.as_str())
}

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

#[cfg(test)]
mod tests {
    use super::is_alias;

    #[test]
    fn ids_of_lightsails_scripts_are_known() {
        for (given, id) in [
            ("nano", "nano"),
            ("nano_3_0", "nano"),
            ("2xlarge_3_0", "2xlarge"),
            ("debian_12", "debian-12"),
            ("ubuntu_24_04", "ubuntu-24.04"),
        ] {
            assert!(is_alias(given, id), "{given}");
        }
        for (given, id) in [("nano_2_0", "nano"), ("_3_0", ""), ("micro_3_0", "nano"), ("debian_1", "debian-12")] {
            assert!(!is_alias(given, id) || id.is_empty(), "{given}");
        }
    }
}
