//! How a domain differs from the record it was made from. Only what lite sets and a person can change by hand counts.

use super::{METADATA_URI, Object, OwnedKind, Resources, record_in_domain};
use crate::model::{
    DiskSource, DomainDefinition, Drift, InterfaceDefinition, InterfaceSource, NetworkMode, Record, Result, Size,
};

/// Memory and virtual CPUs in the persistent XML of a domain; none if they are not there.
pub fn size_in_domain(xml: &str) -> Option<(Size, u32)> {
    let domain = DomainDefinition::parse(xml).ok()?;
    domain.memory.zip(domain.vcpus)
}

/// Everything in which the persistent XML of a domain differs from the record. `network` is the NAT network's name.
pub fn drift(record: &Record, resources: &Resources, network: &str, xml: &str) -> Result<Vec<Drift>> {
    let domain = DomainDefinition::parse(xml)?;
    let memory_kib = domain.memory.map(|m| m.as_bytes() >> 10);
    let mut found = sizes(record, &domain.name, memory_kib, domain.vcpus);
    found.extend(disks(&domain, resources));
    found.extend(interfaces(&domain.interfaces, record, resources, network));
    if record_in_domain(&domain).as_ref() != Some(record) {
        let carried = domain.metadata(METADATA_URI, "instance").is_some();
        found.push(Drift::new(
            "record",
            "the database's",
            if carried { "another one in the domain's metadata" } else { "none in the domain's metadata" },
        ));
    }
    Ok(found)
}

/// The differences that a listing shows. None: not told.
pub fn sizes(record: &Record, name: &str, memory_kib: Option<u64>, vcpus: Option<u32>) -> Vec<Drift> {
    let mut found = Vec::new();
    if name != record.name.as_str() {
        found.push(Drift::new("name", &record.name, name));
    }
    if let Some(memory) = memory_kib.map(|kib| Size::bytes(kib << 10)).filter(|m| *m != record.memory) {
        found.push(Drift::new("memory", record.memory, memory));
    }
    if let Some(vcpus) = vcpus.filter(|v| *v != record.vcpus) {
        found.push(Drift::new("vcpus", record.vcpus, vcpus));
    }
    found
}

/// The difference of a thing beside the domain that is not on the host.
pub fn gone(kind: OwnedKind, object: &Object) -> Drift {
    let word = kind.description().word();
    match object {
        Object::DhcpHost { host, .. } => Drift::new(word, host.address, "not kept"),
        _ => Drift::new(word, object.name().unwrap_or_default(), "gone"),
    }
}

fn disks(domain: &DomainDefinition, resources: &Resources) -> Vec<Drift> {
    let name = |disk: &Option<DiskSource>| disk.as_ref().map(|d| d.as_str().to_owned()).unwrap_or_default();
    let mut paths: Vec<String> = domain.disks.iter().map(name).collect();
    let mut found = Vec::new();
    for (what, volume) in [("root disk", &resources.root), ("seed", &resources.seed)] {
        match paths.iter().position(|p| p.rsplit('/').next() == Some(volume)) {
            Some(at) => drop(paths.remove(at)),
            None => found.push(Drift::new(what, volume, "not attached")),
        }
    }
    found.extend(paths.into_iter().map(|path| {
        let path = if path.is_empty() { "an empty drive".to_owned() } else { path };
        Drift::new("disk", "none", path)
    }));
    found
}

fn interfaces(interfaces: &[InterfaceDefinition], record: &Record, resources: &Resources, network: &str) -> Vec<Drift> {
    let all = || interfaces.iter().map(|i| i.mac.as_str()).collect::<Vec<_>>().join(", ");
    let Some(ours) = interfaces.iter().find(|i| i.mac() == Some(record.mac)) else {
        let now = if interfaces.is_empty() { "missing".to_owned() } else { all() };
        return vec![Drift::new("interface", record.mac, now)];
    };
    let mut found = Vec::new();
    if interfaces.len() > 1 {
        found.push(Drift::new("interface", record.mac, all()));
    }
    let wanted = match &record.network {
        NetworkMode::Nat => InterfaceSource::Network(network.to_owned()),
        NetworkMode::Bridge(bridge) => InterfaceSource::Bridge(bridge.clone()),
    };
    if ours.source.as_ref() != Some(&wanted) {
        let now = ours.source.as_ref().map_or("nothing", InterfaceSource::as_str);
        found.push(Drift::new("network", wanted.as_str(), now));
    }
    let filter = ours.filter.as_deref();
    if filter != Some(&resources.filter) {
        found.push(Drift::new("filter", &resources.filter, filter.unwrap_or("none: its ports are open")));
    }
    found
}
