//! The definition of a domain's run: what only a domain that runs has.

use roxmltree::Node;

use super::{attribute, child, parse};
use crate::model::Result;

/// The agent's channel.
const AGENT: &str = "org.qemu.guest_agent.0";

/// What lite reads in the live XML of a domain.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct LiveDefinition {
    /// Its disks.
    pub disks: Vec<LiveDisk>,
    /// It has a SCSI controller, where disks come and go.
    pub has_scsi: bool,
    /// An agent in the guest has opened its channel.
    pub has_agent: bool,
}

/// A disk of a domain that runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LiveDisk {
    /// The device in the guest, such as `vda`.
    pub device: String,
    /// The paths of its files: the disk itself first, each lies on the next.
    pub chain: Vec<String>,
    /// The copy that it is being mirrored to.
    pub mirror: Option<Mirror>,
}

/// A copy of a disk while its job runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mirror {
    /// Its path.
    pub path: String,
    /// It holds all that the disk holds, and gets each write.
    pub is_ready: bool,
}

impl LiveDefinition {
    /// Reads the live XML of a domain; `libvirt_xml` if it is none.
    pub fn parse(xml: &str) -> Result<Self> {
        let document = parse(xml)?;
        let devices = child(document.root_element(), "devices");
        let devices =
            |name: &'static str| devices.into_iter().flat_map(|d| d.children()).filter(move |n| n.has_tag_name(name));
        let is_agent = |n: &Node<'_, '_>| attribute(*n, "target", "name").as_deref() == Some(AGENT);
        let is_connected = |n: Node<'_, '_>| attribute(n, "target", "state").as_deref() == Some("connected");
        Ok(Self {
            disks: devices("disk").filter_map(disk).collect(),
            has_scsi: devices("controller").any(|n| n.attribute("type") == Some("scsi")),
            has_agent: devices("channel").filter(is_agent).any(is_connected),
        })
    }

    /// The disk of a device.
    pub fn disk(&self, device: &str) -> Option<&LiveDisk> {
        self.disks.iter().find(|disk| disk.device == device)
    }
}

fn disk(node: Node<'_, '_>) -> Option<LiveDisk> {
    let layers = std::iter::successors(Some(node), |layer| child(*layer, "backingStore"));
    Some(LiveDisk {
        device: attribute(node, "target", "dev")?,
        chain: layers.filter_map(|layer| attribute(layer, "source", "file")).collect(),
        mirror: child(node, "mirror").and_then(mirror),
    })
}

fn mirror(node: Node<'_, '_>) -> Option<Mirror> {
    let path = attribute(node, "source", "file").or_else(|| node.attribute("file").map(str::to_owned))?;
    Some(Mirror { path, is_ready: node.attribute("ready") == Some("yes") })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As libvirt 11.3 wrote it.
    #[test]
    fn reads_chains_and_mirrors_and_whether_there_is_an_agent() {
        let xml = |ready: &str, state: &str| {
            format!(
                "<domain type='qemu' id='3'><name>web</name><devices>
            <disk type='file' device='disk'><driver name='qemu' type='qcow2'/><source file='/pool/root' index='2'/>
            <backingStore type='file' index='1'><format type='qcow2'/><source file='/pool/base'/><backingStore/></backingStore>
            <mirror type='file' file='/pool/copy' format='qcow2' job='copy'{ready}><format type='qcow2'/>
            <source file='/pool/copy' index='4'/><backingStore type='file' index='5'><source file='/pool/base'/></backingStore>
            </mirror><target dev='vda' bus='virtio'/></disk>
            <disk type='file'><source file='/pool/seed'/><target dev='vdb'/></disk>
            <controller type='scsi' index='0' model='virtio-scsi'/><controller type='pci' index='1'/>
            <channel type='unix'><target type='virtio' name='org.qemu.guest_agent.0' state='{state}'/></channel>
            <channel type='file'><target type='virtio' name='org.lite.report' state='connected'/></channel>
            </devices></domain>"
            )
        };
        let wanted = |is_ready, has_agent| LiveDefinition {
            disks: vec![
                LiveDisk {
                    device: "vda".into(),
                    chain: vec!["/pool/root".into(), "/pool/base".into()],
                    mirror: Some(Mirror { path: "/pool/copy".into(), is_ready }),
                },
                LiveDisk { device: "vdb".into(), chain: vec!["/pool/seed".into()], mirror: None },
            ],
            has_scsi: true,
            has_agent,
        };
        assert_eq!(LiveDefinition::parse(&xml(" ready='yes'", "connected")), Ok(wanted(true, true)));
        assert_eq!(LiveDefinition::parse(&xml(" ready='abort'", "disconnected")), Ok(wanted(false, false)));
        assert_eq!(LiveDefinition::parse(&xml("", "connected")), Ok(wanted(false, true)));
        assert_eq!(LiveDefinition::parse("<").map_err(|e| e.code.as_str()), Err("libvirt_xml"));
    }
}
