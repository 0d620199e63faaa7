//! The memory of a machine that goes with an image, saved for others to go on from.

use std::{
    fs::OpenOptions,
    os::unix::fs::{MetadataExt, OpenOptionsExt},
    path::Path,
};

use serde::{Deserialize, Serialize};

use super::{
    digest::hash,
    files::{NOFOLLOW, io},
};
use crate::model::{Code, Error, Hint, Result, Verb};

/// The memory of a machine that ran on an image, saved for others to go on from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Memory {
    /// Size of the file, bytes.
    pub size: u64,
    /// SHA-256 of the file, in hex.
    pub digest: String,
    /// Virtual CPUs of the machine.
    pub vcpus: u32,
    /// Its memory, bytes.
    pub memory: u64,
    /// What it was saved by: nothing else reads it.
    pub by: SavedBy,
    /// A machine went on from it once, on trial: else it is not used.
    pub tried: bool,
}

/// What saved the memory of a machine. One that differs in anything may read it wrongly, and say nothing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SavedBy {
    /// Version of QEMU.
    pub qemu: String,
    /// Version of libvirt.
    pub libvirt: String,
    /// Architecture.
    pub arch: String,
    /// The machine is q35, and not libvirt's default.
    pub q35: bool,
    /// With KVM a digest of what the CPU and the kernel are; none: QEMU emulates the CPU.
    pub cpu: Option<String>,
}

/// Name of the volume with the memory of a machine that runs on an image.
pub fn memory_name(image_volume: &str) -> String {
    format!("{}.sav", image_volume.strip_suffix(".qcow2").unwrap_or(image_volume))
}

/// Checks the memory that goes with the image at `path`, byte by byte.
///
/// # Errors
/// `invalid_saved_memory` where it is not what was saved, or others may write to it.
pub fn check_memory(id: &str, path: &str, memory: &Memory) -> Result<()> {
    let path = memory_name(path);
    let failed = |e| io("read", Path::new(&path), e);
    let bad = |why: &str| {
        Error::new(Code::InvalidSavedMemory, format!("the memory of image `{id}` is not used: {why}"))
            .hint(Hint::from("make it anew: ").run_with(Verb::ImageRemove, &[&id]))
    };
    let mut file = OpenOptions::new().read(true).custom_flags(NOFOLLOW).open(&path).map_err(failed)?;
    let found = file.metadata().map_err(failed)?;
    if !found.is_file() || found.mode() & 0o022 != 0 {
        return Err(bad("others may write to it"));
    }
    if found.len() != memory.size {
        return Err(bad("it is not as long as it was"));
    }
    match hash(&mut file).map_err(failed)?.1 == memory.digest {
        true => Ok(()),
        false => Err(bad("it is not what was saved")),
    }
}
