//! What a disk lies on, written out in full: neither libvirt nor QEMU looks into a file for that, which a guest may write.

use serde::Serialize;

/// The element `backingStore` of a disk; an empty one ends the chain.
#[derive(Serialize)]
pub(super) struct BackingStore {
    #[serde(rename = "@type", skip_serializing_if = "Option::is_none")]
    kind: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    format: Option<Format>,
    #[serde(skip_serializing_if = "Option::is_none")]
    source: Option<Source>,
    #[serde(rename = "backingStore", skip_serializing_if = "Option::is_none")]
    next: Option<Box<BackingStore>>,
}

#[derive(Serialize)]
struct Format {
    #[serde(rename = "@type")]
    kind: &'static str,
}

#[derive(Serialize)]
struct Source {
    #[serde(rename = "@file")]
    file: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    seclabel: Option<Seclabel>,
}

#[derive(Serialize)]
struct Seclabel {
    #[serde(rename = "@model")]
    model: &'static str,
    #[serde(rename = "@relabel")]
    relabel: &'static str,
}

impl BackingStore {
    /// The end of a chain.
    pub fn none() -> Self {
        Self { kind: None, format: None, source: None, next: None }
    }

    /// An image of ours. QEMU may read it by its mode; libvirt would make QEMU's account its owner, who may write.
    pub fn image(path: &str) -> Self {
        Self::file(path, Some(Seclabel { model: "dac", relabel: "no" }), Self::none())
    }

    /// A snapshot of ours, which lies on an image. Nobody but root may read it, so libvirt lets QEMU's account in.
    pub fn snapshot(path: &str, image: &str) -> Self {
        Self::file(path, None, Self::image(image))
    }

    fn file(path: &str, seclabel: Option<Seclabel>, next: Self) -> Self {
        Self {
            kind: Some("file"),
            format: Some(Format { kind: "qcow2" }),
            source: Some(Source { file: path.to_owned(), seclabel }),
            next: Some(Box::new(next)),
        }
    }
}
