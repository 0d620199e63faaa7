//! The definition of a domain.

use roxmltree::Node;

use super::{attribute, child, parse, text};
use crate::model::{Mac, Result, Size};

/// What lite reads in the persistent XML of a domain.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DomainDefinition {
    /// Its name, not checked: it may be foreign.
    pub name: String,
    /// Its memory; none if it is stated in another unit than libvirt's KiB.
    pub memory: Option<Size>,
    /// Its virtual CPUs.
    pub vcpus: Option<u32>,
    /// The elements of its metadata, one for each program that keeps something there.
    pub metadata: Vec<MetadataElement>,
    /// Where each of its disks is; none: a drive with nothing in it.
    pub disks: Vec<Option<DiskSource>>,
    /// Some file that is a disk of it has no word about what it lies on: whoever opens it looks into the file.
    pub has_open_chains: bool,
    /// Its network interfaces.
    pub interfaces: Vec<InterfaceDefinition>,
    /// Files on the host that its console and its channels are recorded to.
    pub recordings: Vec<String>,
}

/// An element of a domain's metadata.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MetadataElement {
    /// The namespace, which names the program.
    pub namespace: Option<String>,
    /// The element's name without a prefix.
    pub name: String,
    /// Its attribute `schema`.
    pub schema: Option<String>,
    /// Its text, without white space around it.
    pub text: String,
}

/// Where a disk is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DiskSource {
    /// A file of the host, by its path.
    File(String),
    /// A block device of the host, by its path.
    Block(String),
    /// A disk on the network, by its name there.
    Network(String),
    /// A volume of a pool, by its name there.
    Volume(String),
}

impl DiskSource {
    /// The path on the host, if it has one.
    pub fn path(&self) -> Option<&str> {
        match self {
            Self::File(path) | Self::Block(path) => Some(path),
            Self::Network(_) | Self::Volume(_) => None,
        }
    }

    /// The path, or the name.
    pub fn as_str(&self) -> &str {
        match self {
            Self::File(s) | Self::Block(s) | Self::Network(s) | Self::Volume(s) => s,
        }
    }
}

/// A network interface.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InterfaceDefinition {
    /// Its hardware address as it is written, in lower case; empty if there is none.
    pub mac: String,
    /// What it is connected to.
    pub source: Option<InterfaceSource>,
    /// Its name on the host; none while that is libvirt's to choose.
    pub target: Option<String>,
    /// Its port of the bridge is isolated from others that are.
    pub isolated: bool,
    /// The network filter it refers to.
    pub filter: Option<String>,
}

impl InterfaceDefinition {
    /// The hardware address, if it is a good one.
    pub fn mac(&self) -> Option<Mac> {
        Mac::parse(&self.mac).ok()
    }
}

/// What an interface is connected to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum InterfaceSource {
    /// A network of libvirt's.
    Network(String),
    /// A bridge of the host's.
    Bridge(String),
    /// Something else, by the first attribute that names it.
    Other(String),
}

impl InterfaceSource {
    /// The name of what it is connected to.
    pub fn as_str(&self) -> &str {
        match self {
            Self::Network(s) | Self::Bridge(s) | Self::Other(s) => s,
        }
    }
}

impl DomainDefinition {
    /// Reads the XML of a domain; `libvirt_xml` if it is none.
    pub fn parse(xml: &str) -> Result<Self> {
        let document = parse(xml)?;
        let root = document.root_element();
        let devices = child(root, "devices");
        let devices =
            |name: &'static str| devices.into_iter().flat_map(|d| d.children()).filter(move |n| n.has_tag_name(name));
        let metadata = child(root, "metadata").into_iter().flat_map(|m| m.children()).filter(Node::is_element);
        let logs = root.descendants().filter(|n| n.has_tag_name("log")).filter_map(|n| n.attribute("file"));
        let files = devices("channel").filter(|n| n.attribute("type") == Some("file"));
        let files = files.filter_map(|n| attribute(n, "source", "path"));
        Ok(Self {
            name: text(root, "name"),
            memory: child(root, "memory").and_then(memory),
            vcpus: text(root, "vcpu").parse().ok(),
            metadata: metadata.map(metadata_element).collect(),
            disks: devices("disk").map(disk_source).collect(),
            has_open_chains: devices("disk").any(is_open_chain),
            interfaces: devices("interface").map(interface).collect(),
            recordings: logs.map(str::to_owned).chain(files).collect(),
        })
    }

    /// The element of a program's in the metadata.
    pub fn metadata(&self, namespace: &str, name: &str) -> Option<&MetadataElement> {
        self.metadata.iter().find(|m| m.namespace.as_deref() == Some(namespace) && m.name == name)
    }

    /// Paths of its disks on the host.
    pub fn disk_paths(&self) -> impl Iterator<Item = &str> {
        self.disks.iter().flatten().filter_map(DiskSource::path)
    }
}

impl MetadataElement {
    /// Reads the element alone, as libvirt gives it: without its namespace. `libvirt_xml` if it is no XML.
    pub fn parse(xml: &str) -> Result<Self> {
        Ok(metadata_element(parse(xml)?.root_element()))
    }
}

/// libvirt writes KiB and says so.
fn memory(node: Node<'_, '_>) -> Option<Size> {
    let kib: u64 = node.text()?.trim().parse().ok().filter(|_| node.attribute("unit").unwrap_or("KiB") == "KiB")?;
    kib.checked_mul(1024).map(Size::bytes)
}

fn metadata_element(node: Node<'_, '_>) -> MetadataElement {
    MetadataElement {
        namespace: node.tag_name().namespace().map(str::to_owned),
        name: node.tag_name().name().to_owned(),
        schema: node.attribute("schema").map(str::to_owned),
        text: node.text().unwrap_or_default().trim().to_owned(),
    }
}

fn disk_source(disk: Node<'_, '_>) -> Option<DiskSource> {
    let source = child(disk, "source")?;
    let named = |key, kind: fn(String) -> DiskSource| source.attribute(key).map(|value| kind(value.to_owned()));
    named("file", DiskSource::File)
        .or_else(|| named("dev", DiskSource::Block))
        .or_else(|| named("name", DiskSource::Network))
        .or_else(|| named("volume", DiskSource::Volume))
}

fn is_open_chain(disk: Node<'_, '_>) -> bool {
    attribute(disk, "source", "file").is_some() && child(disk, "backingStore").is_none()
}

fn interface(node: Node<'_, '_>) -> InterfaceDefinition {
    let source = child(node, "source").and_then(|source| {
        let named = |key| source.attribute(key).map(str::to_owned);
        let other = || source.attributes().next().map(|a| InterfaceSource::Other(a.value().to_owned()));
        named("network")
            .map(InterfaceSource::Network)
            .or_else(|| named("bridge").map(InterfaceSource::Bridge))
            .or_else(other)
    });
    InterfaceDefinition {
        mac: attribute(node, "mac", "address").unwrap_or_default().to_ascii_lowercase(),
        source,
        target: attribute(node, "target", "dev"),
        isolated: attribute(node, "port", "isolated").as_deref() == Some("yes"),
        filter: attribute(node, "filterref", "filter"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_lite_looks_at_and_nothing_else() {
        let xml = "<domain type='kvm' id='3'><name>web</name><uuid>x</uuid>
            <metadata><a:instance xmlns:a='urn:a' schema='1'> {} </a:instance><b:other xmlns:b='urn:b'/></metadata>
            <memory unit='KiB'>1024</memory><vcpu placement='static'>2</vcpu>
            <devices><disk type='file'><source file='/pool/a' index='1'/><backingStore><source file='/base'/></backingStore></disk>
            <disk type='block'><source dev='/dev/b'/></disk><disk type='volume'><source pool='p' volume='v'/></disk>
            <disk type='network'><source protocol='rbd' name='pool/image'/></disk><disk device='cdrom'/>
            <interface><mac address='52:54:00:AA:BB:CC'/><source network='lite' portid='x' bridge='litebr0'/>
            <target dev='lt-1'/><port isolated='yes'/><filterref filter='f'><parameter name='IP' value='1'/></filterref></interface>
            <interface><source bridge='br0'/></interface><interface><source dev='eth0' mode='vepa'/></interface>
            <serial type='pty'><log file='/log/console' append='on'/></serial>
            <channel type='file'><source path='/log/report'/></channel><channel type='unix'><source path='/s'/></channel>
            </devices></domain>";
        let card = |mac: &str, source, filter: Option<&str>| InterfaceDefinition {
            mac: mac.to_owned(),
            source: Some(source),
            target: filter.map(|_| "lt-1".to_owned()),
            isolated: filter.is_some(),
            filter: filter.map(str::to_owned),
        };
        let element = |namespace: &str, name: &str, schema: Option<&str>, text: &str| MetadataElement {
            namespace: Some(namespace.to_owned()),
            name: name.to_owned(),
            schema: schema.map(str::to_owned),
            text: text.to_owned(),
        };
        let read = DomainDefinition::parse(xml).unwrap();
        assert_eq!(
            read,
            DomainDefinition {
                name: "web".into(),
                memory: Some(Size::mib(1)),
                vcpus: Some(2),
                metadata: vec![element("urn:a", "instance", Some("1"), "{}"), element("urn:b", "other", None, "")],
                disks: vec![
                    Some(DiskSource::File("/pool/a".into())),
                    Some(DiskSource::Block("/dev/b".into())),
                    Some(DiskSource::Volume("v".into())),
                    Some(DiskSource::Network("pool/image".into())),
                    None,
                ],
                has_open_chains: false,
                interfaces: vec![
                    card("52:54:00:aa:bb:cc", InterfaceSource::Network("lite".into()), Some("f")),
                    card("", InterfaceSource::Bridge("br0".into()), None),
                    card("", InterfaceSource::Other("eth0".into()), None),
                ],
                recordings: vec!["/log/console".into(), "/log/report".into()],
            }
        );
        assert_eq!(read.disk_paths().collect::<Vec<_>>(), ["/pool/a", "/dev/b"]);
        assert_eq!(DomainDefinition::parse("<").map_err(|e| e.code.as_str()), Err("libvirt_xml"));
        let open = xml.replace("<backingStore><source file='/base'/></backingStore>", "");
        assert!(DomainDefinition::parse(&open).unwrap().has_open_chains);
        let memory = |xml: &str| DomainDefinition::parse(xml).unwrap().memory;
        assert_eq!(memory("<domain><memory unit='MiB'>1</memory></domain>"), None);
    }
}
