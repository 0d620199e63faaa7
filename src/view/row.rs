//! An instance as `lite list`, `show` and `cost` give it.

use std::net::{Ipv4Addr, Ipv6Addr};

use jiff::Timestamp;
use serde::{Serialize, Serializer};
use uuid::Uuid;

use super::{OpenService, SiteView, network_text, tags_map, time_text};
use crate::model::{Asked, Currency, InstanceState, Money, NetworkMode, Publication, Record, Service, Size, Tag};

/// An instance as a listing shows it. Its JSON form is part of `lite list --json` and `lite show --json`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ListRow {
    /// Name.
    pub name: String,
    /// Id.
    pub uuid: Uuid,
    /// State.
    pub state: InstanceState,
    /// `ok`, or in a word what is wrong; none where nothing checks it.
    pub health: Option<String>,
    /// Blueprint id.
    pub blueprint: String,
    /// Blueprint version at create.
    #[serde(skip)]
    pub blueprint_version: String,
    /// Digest of the image below its disk.
    #[serde(skip)]
    pub image_digest: String,
    /// Base image id.
    pub base: String,
    /// Bundle id.
    pub bundle: String,
    /// Virtual CPUs.
    pub vcpus: u32,
    /// Memory.
    #[serde(rename = "memory_bytes", serialize_with = "bytes")]
    pub memory: Size,
    /// Root disk.
    #[serde(rename = "disk_bytes", serialize_with = "bytes")]
    pub disk: Size,
    /// Address, if one is known.
    pub address: Option<Ipv4Addr>,
    /// Its IPv6 address, if it has one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub address6: Option<Ipv6Addr>,
    /// The static address that leads to it.
    pub static_address: Option<Ipv4Addr>,
    /// Network.
    #[serde(serialize_with = "network")]
    pub network: NetworkMode,
    /// Open ports.
    pub ports: Vec<Service>,
    /// Ports of the host that lead to it.
    pub published: Vec<Publication>,
    /// Domains that lead to it.
    pub sites: Vec<SiteView>,
    /// Price agreed at create.
    pub price: Money,
    /// Its currency.
    pub currency: Currency,
    /// The job that it is the machine of, and goes with.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub job: Option<String>,
    /// Tags.
    #[serde(serialize_with = "tags")]
    pub tags: Vec<Tag>,
    /// When it was made.
    #[serde(serialize_with = "time")]
    pub created_at: Timestamp,
    /// When its newest snapshot was asked for; none: it has none.
    #[serde(skip)]
    pub last_snapshot: Option<Timestamp>,
    /// The state without regard to what was changed by hand.
    #[serde(skip)]
    pub power: InstanceState,
    /// What its firewall lets in, ICMP included.
    #[serde(skip)]
    pub firewall: Vec<OpenService>,
    /// Transfer a month.
    #[serde(skip)]
    pub transfer: Size,
    /// How the API was asked for it.
    #[serde(skip)]
    pub asked: Option<Asked>,
}

impl ListRow {
    /// What the store knows, and what the host said.
    pub fn new(record: &Record, state: InstanceState, health: Option<String>) -> Self {
        let rules = record.rules();
        let mut ports: Vec<Service> = rules.iter().map(|rule| rule.service).collect();
        ports.retain(|service| *service != Service::Icmp);
        ports.dedup();
        let r = record.clone();
        Self {
            name: r.name.into(),
            uuid: r.uuid,
            state,
            health,
            blueprint: r.blueprint,
            blueprint_version: r.blueprint_version,
            image_digest: r.image_digest,
            base: r.base,
            bundle: r.bundle,
            vcpus: r.vcpus,
            memory: r.memory,
            disk: r.disk,
            address: r.address,
            address6: r.address6,
            static_address: None,
            network: r.network,
            ports,
            published: r.published,
            sites: Vec::new(),
            price: r.price,
            currency: r.currency,
            job: None,
            tags: r.tags,
            created_at: r.created_at,
            last_snapshot: None,
            power: state,
            firewall: OpenService::all(&rules),
            transfer: r.transfer,
            asked: r.asked,
        }
    }
}

pub(super) fn bytes<S: Serializer>(size: &Size, to: S) -> Result<S::Ok, S::Error> {
    to.serialize_u64(size.as_bytes())
}

pub(super) fn network<S: Serializer>(network: &NetworkMode, to: S) -> Result<S::Ok, S::Error> {
    to.serialize_str(&network_text(network))
}

pub(super) fn tags<S: Serializer>(tags: &[Tag], to: S) -> Result<S::Ok, S::Error> {
    tags_map(tags).serialize(to)
}

pub(super) fn time<S: Serializer>(time: &Timestamp, to: S) -> Result<S::Ok, S::Error> {
    to.serialize_str(&time_text(*time))
}

pub(super) fn some_time<S: Serializer>(time: &Option<Timestamp>, to: S) -> Result<S::Ok, S::Error> {
    time.map(time_text).serialize(to)
}

#[cfg(test)]
pub(crate) mod tests {
    use super::ListRow;
    use crate::model::{Currency, InstanceState, Money, NetworkMode, Service, Size, Tag};

    pub(crate) fn row(name: &str, state: InstanceState, bundle: &str, last: u8, hundredths: i64) -> ListRow {
        let app = bundle == "small";
        ListRow {
            name: name.to_owned(),
            uuid: uuid::Uuid::from_u128(u128::from(last)),
            state,
            health: app.then(|| "ok".to_owned()),
            blueprint: if app { "wordpress" } else { "debian-13" }.to_owned(),
            blueprint_version: "1".to_owned(),
            image_digest: "0123456789abcdef".repeat(4),
            base: "debian-13".to_owned(),
            bundle: bundle.to_owned(),
            vcpus: 2,
            memory: if app { Size::mib(2048) } else { Size::mib(512) },
            disk: Size::mib(if app { 60 } else { 20 } << 10),
            address: Some([192, 168, 150, last].into()),
            address6: None,
            static_address: None,
            network: NetworkMode::Nat,
            ports: if app { ["22/tcp", "80/tcp"].iter().flat_map(|p| Service::parse(p)).collect() } else { Vec::new() },
            published: Vec::new(),
            sites: Vec::new(),
            price: Money::hundredths(hundredths),
            currency: Currency::parse("USD").unwrap(),
            job: None,
            tags: if app { vec![Tag::parse("client=acme").unwrap(), Tag::parse("live").unwrap()] } else { Vec::new() },
            created_at: "2026-03-01T10:20:30Z".parse().unwrap(),
            last_snapshot: app.then(|| "2026-03-02T03:00:01Z".parse().unwrap()),
            power: state,
            firewall: Vec::new(),
            transfer: Size::mib(1 << 20),
            asked: None,
        }
    }

    pub(crate) fn two() -> Vec<ListRow> {
        vec![
            row("wordpress-1", InstanceState::Running, "small", 10, 1200),
            row("test", InstanceState::Stopped, "nano", 11, 500),
        ]
    }
}
