//! How a domain differs from the record it was made from. Only what lite sets and a person can change by hand counts.

use super::{
    METADATA_URI,
    nft::port_name,
    owned::{OwnedKind, Owner, Place, attached},
    parts::Attached,
    record_in_domain,
};
use crate::model::{
    DiskSource, DomainDefinition, Drift, InterfaceDefinition, InterfaceSource, NetworkMode, Record, Result, Size,
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
    found.extend(interfaces(&domain.interfaces, record, network));
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

fn interfaces(interfaces: &[InterfaceDefinition], record: &Record, network: &str) -> Vec<Drift> {
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
    if !is_former(record, ours) {
        found.extend(port(record, ours));
    }
    found
}

/// Whether the stored definition of a domain is one of an earlier lite, as good until the instance is started anew: its firewall
/// is a filter of libvirt's, or it leaves to libvirt and QEMU to find out what its disks lie on.
pub fn is_former_definition(record: &Record, xml: &str) -> Result<bool> {
    let domain = DomainDefinition::parse(xml)?;
    let has_filter = domain.interfaces.iter().any(|i| i.mac() == Some(record.mac) && is_former(record, i));
    Ok(has_filter || domain.has_open_chains)
}

fn is_former(record: &Record, interface: &InterfaceDefinition) -> bool {
    interface.filter == OwnedKind::Filter.description().name(Owner::of(record))
}

/// The firewall knows a guest by its port on the bridge.
fn port(record: &Record, ours: &InterfaceDefinition) -> Vec<Drift> {
    let (wanted, isolated) = (port_name(record.uuid), record.network == NetworkMode::Nat);
    let mut found = Vec::new();
    if ours.target.as_ref() != Some(&wanted) {
        let now = ours.target.as_deref().unwrap_or("none: the firewall does not know it");
        found.push(Drift::new("port", wanted, now));
    }
    if ours.isolated != isolated {
        let word = |isolated| if isolated { "isolated" } else { "not isolated" };
        found.push(Drift::new("port", word(isolated), word(ours.isolated)));
    }
    found.extend(ours.filter.as_ref().map(|filter| Drift::new("filter", "none", filter)));
    found
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;
    use crate::{
        model::Name,
        plan::{
            domain::domain_xml,
            owned::{Attachment, Class, Description, Namespace, Object, Thing, attached_of, things},
            parts::{DiskPlace, DiskPort, DomainPlan, Slot},
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
            Attachment::Disk(DiskPort {
                device: "vdc",
                place: DiskPlace::Slot(Slot::RNG),
                is_qcow2: true,
                is_read_only: false,
            })
        }
        fn removal(&self, _: &Record) -> Option<String> {
            None
        }
    }

    fn further(place: Place<'_>) -> Thing {
        let object = Object::Volume { pool: place.pool.to_owned(), name: "further.qcow2".to_owned() };
        Thing { description: &FurtherDisk, object }
    }

    #[test]
    fn what_an_owned_thing_describes_is_in_the_domain_and_no_drift() {
        let record = Record { name: Name::parse("web-1").unwrap(), ..crate::plan::domain::tests::record() };
        let place = Place { pool: "lite", network: "lite", logs: "/l".as_ref() };
        let path = |volume: &str| Ok(format!("/pool/{volume}"));
        let own = attached_of(things(&record, place), path).unwrap();
        let all = things(&record, place).into_iter().chain([further(place)]).collect();
        let more = attached_of(all, path).unwrap();
        let xml = |attached| {
            let plan = DomainPlan {
                record: &record,
                attached,
                image: None,
                snapshot: None,
                network: "lite",
                kvm: false,
                arch: "x86_64",
                machine: None,
                unplugged: false,
                is_warm: false,
            };
            domain_xml(&plan).unwrap()
        };
        assert_eq!(drift_from(&record, &own, "lite", &xml(&own)), Ok(vec![]));
        assert_eq!(drift_from(&record, &more, "lite", &xml(&more)), Ok(vec![]));
        assert_eq!(
            drift_from(&record, &own, "lite", &xml(&more)),
            Ok(vec![Drift::new("disk", "none", "/pool/further.qcow2")])
        );
        assert_eq!(
            drift_from(&record, &more, "lite", &xml(&own)),
            Ok(vec![Drift::new("further disk", "further.qcow2", "not attached")])
        );
    }

    /// As lite defined it until its firewall was its own.
    #[test]
    fn a_former_definition_is_no_drift() {
        let record = crate::plan::domain::tests::record();
        let interface = |filter: Option<&str>, target: Option<&str>, isolated| InterfaceDefinition {
            mac: record.mac.to_string(),
            source: Some(InterfaceSource::Network("lite".to_owned())),
            target: target.map(str::to_owned),
            isolated,
            filter: filter.map(str::to_owned),
        };
        let drift = |one: InterfaceDefinition| interfaces(&[one], &record, "lite");
        let (own, tap) = (format!("lite-{}", record.uuid), port_name(record.uuid));
        assert_eq!(drift(interface(Some(&own), None, false)), []);
        assert_eq!(drift(interface(None, Some(&tap), true)), []);
        assert_eq!(
            drift(interface(Some("no-spoofing"), None, false)),
            [
                Drift::new("port", &tap, "none: the firewall does not know it"),
                Drift::new("port", "isolated", "not isolated"),
                Drift::new("filter", "none", "no-spoofing"),
            ]
        );
    }
}
