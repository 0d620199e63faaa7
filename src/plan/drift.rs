//! How a domain differs from the record it was made from. Only what lite sets and a person can change by hand counts.

use super::{
    METADATA_URI,
    owned::{Object, OwnedKind, Place, attached},
    parts::Attached,
    record_in_domain,
};
use crate::model::{
    DiskSource, DomainDefinition, Drift, InterfaceDefinition, InterfaceSource, Mac, NetworkMode, Record, Result, Size,
};

/// Memory and virtual CPUs in the persistent XML of a domain; none if they are not there.
pub fn size_in_domain(xml: &str) -> Option<(Size, u32)> {
    let domain = DomainDefinition::parse(xml).ok()?;
    domain.memory.zip(domain.vcpus)
}

/// Everything in which the persistent XML of a domain differs from the record and from what the instance owns.
///
/// # Errors
/// `libvirt_xml` if the XML cannot be read.
pub fn drift(record: &Record, place: Place<'_>, xml: &str) -> Result<Vec<Drift>> {
    let attached = attached(record, place, |volume| Ok(volume.to_owned()))?;
    drift_from(record, &attached, place.network, xml)
}

fn drift_from(record: &Record, attached: &Attached, network: &str, xml: &str) -> Result<Vec<Drift>> {
    let domain = DomainDefinition::parse(xml)?;
    let memory_kib = domain.memory.map(|m| m.as_bytes() >> 10);
    let mut found = sizes(record, &domain.name, memory_kib, domain.vcpus);
    found.extend(disks(&domain, attached));
    found.extend(interfaces(&domain.interfaces, record, attached, network));
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

fn disks(domain: &DomainDefinition, attached: &Attached) -> Vec<Drift> {
    let name = |disk: &Option<DiskSource>| disk.as_ref().map(|d| d.as_str().to_owned()).unwrap_or_default();
    let mut paths: Vec<String> = domain.disks.iter().map(name).collect();
    let mut found = Vec::new();
    for disk in &attached.disks {
        match paths.iter().position(|p| p.rsplit('/').next() == Some(&disk.volume)) {
            Some(at) => drop(paths.remove(at)),
            None => found.push(Drift::new(disk.word, &disk.volume, "not attached")),
        }
    }
    found.extend(paths.into_iter().map(|path| {
        let path = if path.is_empty() { "an empty drive".to_owned() } else { path };
        Drift::new("disk", "none", path)
    }));
    found
}

fn interfaces(interfaces: &[InterfaceDefinition], record: &Record, attached: &Attached, network: &str) -> Vec<Drift> {
    let all = || interfaces.iter().map(|i| i.mac.as_str()).collect::<Vec<_>>().join(", ");
    let Some(ours) = interfaces.iter().find(|i| i.mac() == Some(record.mac)) else {
        let now = if interfaces.is_empty() { "missing".to_owned() } else { all() };
        return vec![Drift::new("interface", record.mac, now)];
    };
    let mut found = Vec::new();
    let further = attached.further_interfaces.iter().map(|(_, host)| host.mac);
    let has = |wanted: Mac| interfaces.iter().filter(|i| i.mac() == Some(wanted)).count();
    found.extend(further.clone().filter(|mac| has(*mac) == 0).map(|mac| Drift::new("interface", mac, "missing")));
    if interfaces.len() > 1 + further.map(has).sum::<usize>() {
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
    if filter != Some(&attached.filter) {
        found.push(Drift::new("filter", &attached.filter, filter.unwrap_or("none: its ports are open")));
    }
    found
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;
    use crate::{
        model::{DhcpHost, Name},
        plan::{
            domain::domain_xml,
            owned::{Attachment, Class, Description, Namespace, Owner, Thing, attached_of, things},
            parts::{DiskPort, DomainPlan, Slot},
        },
    };

    /// A disk that no kind of this lite is.
    struct FurtherDisk;

    impl Description for FurtherDisk {
        fn noun(&self) -> &'static str {
            "further disk"
        }
        fn class(&self) -> Class {
            Class::Data
        }
        fn namespace(&self) -> Namespace {
            Namespace::Volume
        }
        fn name(&self, _: Owner<'_>) -> Option<String> {
            Some("further.qcow2".to_owned())
        }
        fn owner_in(&self, _: &str) -> Option<Uuid> {
            None
        }
        fn attachment(&self) -> Attachment {
            Attachment::Disk(DiskPort { device: "vdc", slot: Slot::RNG, is_qcow2: true, is_read_only: false })
        }
        fn removal(&self, _: &Record) -> Option<String> {
            None
        }
    }

    fn further(place: Place<'_>) -> Vec<Thing> {
        let volume = Object::Volume { pool: place.pool.to_owned(), name: "further.qcow2".to_owned() };
        let host = DhcpHost { mac: Mac::ours([9, 9, 9]), address: [192, 168, 150, 99].into(), name: "web".into() };
        let address = Object::DhcpHost { network: place.network.to_owned(), host };
        vec![
            Thing { description: &FurtherDisk, object: volume },
            Thing { description: OwnedKind::DhcpHost.description(), object: address },
        ]
    }

    #[test]
    fn what_an_owned_thing_describes_is_in_the_domain_and_no_drift() {
        let record = Record { name: Name::parse("web-1").unwrap(), ..crate::plan::domain::tests::record() };
        let place = Place { pool: "lite", network: "lite", logs: "/l".as_ref() };
        let path = |volume: &str| Ok(format!("/pool/{volume}"));
        let own = attached_of(&record, things(&record, place), path).unwrap();
        let all = things(&record, place).into_iter().chain(further(place)).collect();
        let more = attached_of(&record, all, path).unwrap();
        let xml = |attached| {
            let plan =
                DomainPlan { record: &record, attached, network: "lite", kvm: false, arch: "x86_64", machine: None };
            domain_xml(&plan).unwrap()
        };
        assert_eq!(drift_from(&record, &own, "lite", &xml(&own)), Ok(vec![]));
        assert_eq!(drift_from(&record, &more, "lite", &xml(&more)), Ok(vec![]));
        assert_eq!(
            drift_from(&record, &own, "lite", &xml(&more)),
            Ok(vec![
                Drift::new("disk", "none", "/pool/further.qcow2"),
                Drift::new("interface", record.mac, format!("{}, 52:54:00:09:09:09", record.mac)),
            ])
        );
        assert_eq!(
            drift_from(&record, &more, "lite", &xml(&own)),
            Ok(vec![
                Drift::new("further disk", "further.qcow2", "not attached"),
                Drift::new("interface", "52:54:00:09:09:09", "missing"),
            ])
        );
    }
}
