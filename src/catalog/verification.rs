//! Whether a blueprint, as it is now, was seen to boot.

use sha2::{Digest as _, Sha256};

use super::{
    types::{Blueprint, Catalog},
    verified::{Verified, VerifiedBy},
};
use crate::model::hex;

/// What is known of a blueprint on a base.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verification<'a> {
    /// Booted as it is.
    Boot(&'a Verified),
    /// Booted, and changed since.
    Changed(&'a Verified),
    /// Never booted. Every blueprint of a catalogue is at least rendered by the tests.
    Render,
}

impl Verification<'_> {
    /// A word for a listing.
    pub fn word(self) -> &'static str {
        match self {
            Self::Boot(_) => "boot",
            Self::Changed(_) => "changed",
            Self::Render => "render",
        }
    }
}

impl Blueprint {
    /// SHA-256, cut at 12 hex digits, of what a test of this blueprint depends on: what goes into the guest, and the check.
    pub fn parts_digest(&self) -> String {
        let parts = serde_json::json!([self.cloud_config, self.install, self.configure, self.health]);
        hex(&Sha256::digest(parts.to_string())[..6])
    }

    /// Parameters that the install part reads: they are part of what a baked image is.
    pub fn install_parameters(&self) -> Vec<&str> {
        let reads = |name: &str| self.install.contains(&format!("LITE_PARAM_{}", name.to_uppercase()));
        self.parameters.iter().map(|p| p.name.as_str()).filter(|n| reads(n)).collect()
    }
}

impl Catalog {
    /// What is known of a blueprint on one of its bases.
    pub fn verification(&self, blueprint: &Blueprint, base: &str) -> Verification<'_> {
        let parts = blueprint.parts_digest();
        let seen =
            self.verified.iter().rfind(|v| v.blueprint == blueprint.id && v.base == base && v.how == VerifiedBy::Boot);
        match seen {
            Some(v) if v.parts == parts && v.version == blueprint.version => Verification::Boot(v),
            Some(v) => Verification::Changed(v),
            None => Verification::Render,
        }
    }
}
