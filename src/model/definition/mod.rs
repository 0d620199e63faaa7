//! What lite reads in libvirt's definitions of domains and networks. One reader for each: everything else asks it.
//!
//! A definition is read in part and never written back: what lite does not know would be lost.

mod domain;
mod live;
mod network;
mod save_image;

pub use domain::{DiskSource, DomainDefinition, InterfaceDefinition, InterfaceSource, MetadataElement};
pub use live::{LiveDefinition, LiveDisk, Mirror};
pub use network::{DhcpEntry, DnsEntry, IpDefinition, NetworkDefinition};

pub use save_image::SaveImage;

use super::{Code, Error, Result};

/// Parses what libvirt sent; `libvirt_xml` if that is no XML.
fn parse(xml: &str) -> Result<roxmltree::Document<'_>> {
    roxmltree::Document::parse(xml)
        .map_err(|e| Error::new(Code::LibvirtXml, "libvirt sent XML that cannot be read").cause(e))
}

/// The child element of that name.
fn child<'a, 'i>(node: roxmltree::Node<'a, 'i>, name: &str) -> Option<roxmltree::Node<'a, 'i>> {
    node.children().find(|n| n.has_tag_name(name))
}

/// The text of the child element of that name; empty if there is none.
fn text(node: roxmltree::Node<'_, '_>, name: &str) -> String {
    child(node, name).and_then(|n| n.text()).unwrap_or_default().trim().to_owned()
}

/// The value of an attribute of the child element of that name.
fn attribute(node: roxmltree::Node<'_, '_>, name: &str, key: &str) -> Option<String> {
    child(node, name).and_then(|n| n.attribute(key)).map(str::to_owned)
}
