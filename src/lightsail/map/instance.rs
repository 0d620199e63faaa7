//! Instances.

use jiff::tz::Offset;

use super::{add_on, catalog::is_alias, firewall, gib, gib_fraction, storage};
use crate::{
    lightsail::{place::Place, wire},
    model::{InstanceState, ResourceKind},
    view::{ListRow, StorageRow},
};

/// The key pair by which lite itself logs in.
pub const DEFAULT_KEY: &str = "LightsailDefaultKeyPair";

/// What a row does not say of an instance.
pub struct Beside<'a> {
    /// Where it is.
    pub place: &'a Place,
    /// What its blueprint is called.
    pub title: String,
    /// Who logs in.
    pub user: String,
    /// The disks and snapshots there are.
    pub storage: &'a [StorageRow],
    /// With how it is.
    pub health: bool,
    /// How far the host's clock is from UTC.
    pub offset: Offset,
}

/// The state in Lightsail's number and word; none: nobody knows.
pub fn state(state: InstanceState) -> Option<wire::State> {
    let (code, name) = match state {
        InstanceState::Creating => (0, "pending"),
        InstanceState::Running | InstanceState::Unresponsive | InstanceState::Failed | InstanceState::Drifted => {
            (16, "running")
        }
        InstanceState::Deleting => (32, "shutting-down"),
        InstanceState::Kept => (48, "terminated"),
        InstanceState::Stopping => (64, "stopping"),
        InstanceState::Stopped
        | InstanceState::Crashed
        | InstanceState::Lost
        | InstanceState::Paused
        | InstanceState::Snapshotting => (80, "stopped"),
        InstanceState::Unknown => return None,
    };
    Some(wire::State { code, name })
}

/// The state of an instance.
pub fn state_of(row: &ListRow) -> Option<wire::State> {
    // What was changed by hand is no state of its own there.
    state(if row.state == InstanceState::Drifted { row.power } else { row.state })
}

/// How its application is, in Lightsail's word.
fn health(word: Option<&str>) -> &'static str {
    match word {
        Some("ok") => "ok",
        Some("starting" | "setting-up") => "initializing",
        Some(word) if word.starts_with("unknown") => "insufficient-data",
        Some(_) => "impaired",
        None => "not-applicable",
    }
}

/// Which kinds of addresses an instance has: as it was asked for, or as its network has them.
pub fn addresses_of(row: &ListRow) -> String {
    let asked = row.asked.as_ref().and_then(|asked| asked.addresses.clone());
    asked.unwrap_or_else(|| if row.address6.is_some() { "dualstack" } else { "ipv4" }.to_owned())
}

/// An instance that stands as it does.
pub fn instance(row: &ListRow, state: wire::State, beside: &Beside<'_>) -> wire::Instance {
    let place = beside.place;
    let given =
        beside.storage.iter().filter(|one| one.kind == ResourceKind::Disk && one.instance.as_ref() == Some(&row.name));
    let disks = std::iter::once(storage::root_disk(row, place)).chain(given.map(|one| storage::given_disk(one, place)));
    let health = beside.health.then(|| wire::HealthStatus { status: health(row.health.as_deref()) });
    let asked = row.asked.clone().unwrap_or_default();
    // What it was asked for as, as long as it is that.
    let told = |asked: String, id: &str| if is_alias(&asked, id) { asked } else { id.to_owned() };
    wire::Instance {
        name: row.name.clone(),
        arn: place.arn("Instance", row.uuid),
        support_code: place.support_code(row.uuid),
        created_at: row.created_at.into(),
        location: place.in_zone(),
        resource_type: "Instance",
        // Those by which lite does something would be news to who set the others.
        tags: row.tags.iter().filter(|tag| !tag.is_reserved()).map(wire::Tag::from).collect(),
        add_ons: add_on::add_ons(&row.tags, beside.offset),
        blueprint_id: told(asked.blueprint, &row.blueprint),
        blueprint_name: beside.title.clone(),
        bundle_id: told(asked.bundle, &row.bundle),
        is_static_ip: row.static_address.is_some(),
        private_ip_address: row.address,
        public_ip_address: row.static_address.or(row.address),
        ipv6_addresses: row.address6.into_iter().collect(),
        ip_address_type: addresses_of(row),
        hardware: wire::Hardware {
            cpu_count: row.vcpus,
            disks: disks.collect(),
            ram_size_in_gb: gib_fraction(row.memory),
        },
        networking: wire::Networking {
            monthly_transfer: wire::MonthlyTransfer { gb_per_month_allocated: gib(row.transfer) },
            ports: firewall::infos(&row.firewall),
        },
        state,
        username: beside.user.clone(),
        ssh_key_name: asked.key_pair.unwrap_or_else(|| DEFAULT_KEY.to_owned()),
        instance_status: health,
    }
}

#[cfg(test)]
mod tests {
    use super::{health, state};
    use crate::model::InstanceState;

    #[test]
    fn each_state_is_one_of_lightsails() {
        let of = |one: InstanceState| state(one).map(|state| (state.code, state.name));
        let all: Vec<_> = InstanceState::ALL.iter().map(|one| (one.as_str(), of(*one))).collect();
        let running = Some((16, "running"));
        let stopped = Some((80, "stopped"));
        assert_eq!(
            all,
            [
                ("creating", Some((0, "pending"))),
                ("deleting", Some((32, "shutting-down"))),
                ("running", running),
                ("stopping", Some((64, "stopping"))),
                ("stopped", stopped),
                ("kept", Some((48, "terminated"))),
                ("unresponsive", running),
                ("paused", stopped),
                ("snapshotting", stopped),
                ("crashed", stopped),
                ("failed", running),
                ("drifted", running),
                ("lost", stopped),
                ("unknown", None),
            ]
        );
        let words = [None, Some("ok"), Some("starting"), Some("unknown: x"), Some("failing"), Some("failed")];
        assert_eq!(
            words.map(health),
            ["not-applicable", "ok", "initializing", "insufficient-data", "impaired", "impaired"]
        );
    }
}
