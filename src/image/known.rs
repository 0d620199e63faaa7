//! The base images lite knows by name: a data file, embedded.

use std::path::PathBuf;

use serde::Deserialize;

use super::sums::Algorithm;
use crate::model::{Code, Error, Result, escaped, nearest};

static DATA: &str = include_str!("images.yaml");

/// A base image lite knows where to find, and how to tell that it is the distribution's own.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Known {
    /// What a user types, such as `debian-13`.
    pub id: String,
    /// Where the image lies.
    pub url: String,
    /// The distribution's checksum file over it.
    pub sums_url: String,
    /// The detached signature over the checksum file, where the distribution publishes one.
    #[serde(default)]
    pub signature_url: Option<String>,
    /// The key ring that holds the distribution's key.
    #[serde(default)]
    pub keyring: Option<PathBuf>,
    /// The package that installs the key ring.
    #[serde(default)]
    pub keyring_package: Option<String>,
    /// The algorithm of the checksum file.
    pub algorithm: Algorithm,
    /// A pinned digest, `sha256:…` or `sha512:…`.
    #[serde(default)]
    pub digest: Option<String>,
    /// The format of the file, as QEMU calls it.
    pub format: String,
    /// Whether `lite image build` makes the same system from signed packages.
    #[serde(default)]
    pub buildable: bool,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Images {
    images: Vec<Known>,
}

/// All known images, in the order of the data file.
pub fn all() -> Result<Vec<Known>> {
    serde_yaml::from_str::<Images>(DATA)
        .map(|i| i.images)
        .map_err(|e| Error::new(Code::BrokenDataFile, "the embedded list of images cannot be read").cause(e))
}

/// The known image `id`; refused (exit 2) with the nearest known name.
pub fn find(id: &str) -> Result<Known> {
    let all = all()?;
    if let Some(known) = all.iter().find(|k| k.id == id) {
        return Ok(known.clone());
    }
    let ids: Vec<&str> = all.iter().map(|k| k.id.as_str()).collect();
    let error = Error::new(Code::UnknownImage, format!("no image is known as `{}`", escaped(id)));
    Err(match nearest(id, ids.iter().copied()) {
        Some(near) => error.hint(format!("did you mean `{near}`? lite image pull {near}")),
        None => error.hint(format!("known images: {}", ids.join(", "))),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_known_image_is_https_and_names_its_checksums() {
        let all = all().expect("the data file parses");
        assert_eq!(all.iter().map(|k| k.id.as_str()).collect::<Vec<_>>(), ["debian-12", "debian-13", "ubuntu-24.04"]);
        for known in &all {
            for url in [Some(&known.url), Some(&known.sums_url), known.signature_url.as_ref()].into_iter().flatten() {
                assert!(url.starts_with("https://"), "{url}");
            }
            assert_eq!(known.format, "qcow2");
            assert_eq!(known.signature_url.is_some(), known.keyring.is_some(), "{}", known.id);
            assert_eq!(known.keyring.is_some(), known.keyring_package.is_some(), "{}", known.id);
        }
    }

    #[test]
    fn a_near_miss_is_named() {
        let error = find("debian13").expect_err("unknown");
        assert_eq!(error.to_string(), "no image is known as `debian13`");
        assert_eq!(error.hints, ["did you mean `debian-13`? lite image pull debian-13"]);
        assert_eq!(error.exit_code(), 2);
    }
}
