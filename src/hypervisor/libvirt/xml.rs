//! Reading of the XML that libvirt answers with. Never written back: it is read in part.

use roxmltree::{Document, Node};

use crate::model::{Code, Error, Result};

/// Parses what libvirt sent.
pub fn parse(xml: &str) -> Result<Document<'_>> {
    Document::parse(xml).map_err(|e| Error::new(Code::LibvirtXml, "libvirt sent XML that cannot be read").cause(e))
}

/// The child element of that name.
pub fn child<'a, 'i>(node: Node<'a, 'i>, name: &str) -> Option<Node<'a, 'i>> {
    node.children().find(|c| c.has_tag_name(name))
}

/// The text of the element at a path below the root; empty if there is none.
pub fn text_at(xml: &str, path: &[&str]) -> Result<String> {
    let document = parse(xml)?;
    let found = path.iter().try_fold(document.root_element(), |node, name| child(node, name));
    Ok(found.and_then(|n| n.text()).unwrap_or_default().trim().to_owned())
}

/// An attribute of the root element.
pub fn root_attribute(xml: &str, name: &str) -> Result<Option<String>> {
    Ok(parse(xml)?.root_element().attribute(name).map(str::to_owned))
}
