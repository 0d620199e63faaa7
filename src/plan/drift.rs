//! How a domain differs from the record it was made from. Only what lite sets and a person can change by hand counts.

use roxmltree::{Document, Node};

use super::{METADATA_URI, Object, OwnedKind, Resources, record_of};
use crate::model::{Code, Drift, Mac, NetworkMode, Record, Result, Size};

/// Memory and virtual CPUs in the persistent XML of a domain; none if they are not there.
pub fn size_in_domain(xml: &str) -> Option<(Size, u32)> {
    let document = Document::parse(xml).ok()?;
    let root = document.root_element();
    Some((Size::bytes(memory_kib(child(root, "memory")?)?.checked_mul(1024)?), text(root, "vcpu").parse().ok()?))
}

/// Everything in which the persistent XML of a domain differs from the record. `network` is the NAT network's name.
pub fn drift(record: &Record, resources: &Resources, network: &str, xml: &str) -> Result<Vec<Drift>> {
    let document = Document::parse(xml)
        .map_err(|e| crate::model::Error::new(Code::LibvirtXml, "libvirt sent XML that cannot be read").cause(e))?;
    let root = document.root_element();
    let mut found =
        sizes(record, &text(root, "name"), child(root, "memory").and_then(memory_kib), text(root, "vcpu").parse().ok());
    found.extend(disks(root, resources));
    found.extend(interfaces(root, record, resources, network));
    if record_of(xml).as_ref() != Some(record) {
        let carried = root.descendants().any(|n| n.has_tag_name((METADATA_URI, "instance")));
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

fn disks(root: Node<'_, '_>, resources: &Resources) -> Vec<Drift> {
    let source = |disk: Node<'_, '_>| {
        let source = child(disk, "source")?;
        source
            .attributes()
            .find(|a| ["file", "dev", "name", "volume"].contains(&a.name()))
            .map(|a| a.value().to_owned())
    };
    let mut paths: Vec<String> =
        devices(root).filter(|n| n.has_tag_name("disk")).map(|d| source(d).unwrap_or_default()).collect();
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

fn interfaces(root: Node<'_, '_>, record: &Record, resources: &Resources, network: &str) -> Vec<Drift> {
    let cards: Vec<Node<'_, '_>> = devices(root).filter(|n| n.has_tag_name("interface")).collect();
    let mac = |card: &Node<'_, '_>| {
        child(*card, "mac").and_then(|m| m.attribute("address")).unwrap_or_default().to_ascii_lowercase()
    };
    let all = || cards.iter().map(mac).collect::<Vec<_>>().join(", ");
    let ours = |card: &&Node<'_, '_>| Mac::parse(&mac(card)).ok() == Some(record.mac);
    let Some(card) = cards.iter().find(ours) else {
        return vec![Drift::new("interface", record.mac, if cards.is_empty() { "missing".to_owned() } else { all() })];
    };
    let mut found = Vec::new();
    if cards.len() > 1 {
        found.push(Drift::new("interface", record.mac, all()));
    }
    let (attribute, wanted) = match &record.network {
        NetworkMode::Nat => ("network", network),
        NetworkMode::Bridge(bridge) => ("bridge", bridge.as_str()),
    };
    let source = child(*card, "source");
    if source.and_then(|s| s.attribute(attribute)) != Some(wanted) {
        let now = source.and_then(|s| s.attributes().next()).map_or("nothing", |a| a.value());
        found.push(Drift::new("network", wanted, now));
    }
    let filter = child(*card, "filterref").and_then(|f| f.attribute("filter"));
    if filter != Some(&resources.filter) {
        found.push(Drift::new("filter", &resources.filter, filter.unwrap_or("none: its ports are open")));
    }
    found
}

fn child<'a, 'i>(node: Node<'a, 'i>, name: &str) -> Option<Node<'a, 'i>> {
    node.children().find(|n| n.has_tag_name(name))
}

fn text(node: Node<'_, '_>, name: &str) -> String {
    child(node, name).and_then(|n| n.text()).unwrap_or_default().trim().to_owned()
}

fn devices<'a, 'i>(root: Node<'a, 'i>) -> impl Iterator<Item = Node<'a, 'i>> {
    child(root, "devices").into_iter().flat_map(|d| d.children())
}

/// libvirt writes KiB and says so.
fn memory_kib(node: Node<'_, '_>) -> Option<u64> {
    (node.attribute("unit").unwrap_or("KiB") == "KiB").then(|| node.text()?.trim().parse().ok()).flatten()
}
