//! Digests of files.

use std::{fs::File, io::Read as _, path::Path};

use sha2::{Digest as _, Sha256};

use super::{files::io, gate::HEADER_MAX};
use crate::model::{Result, hex};

/// The SHA-256 of a file, in hex.
pub(super) fn digest_of(file: &Path) -> Result<String> {
    let failed = |e| io("read", file, e);
    File::open(file).and_then(|mut open| hash(&mut open)).map(|(_, digest)| digest).map_err(failed)
}

/// Hashes a file; gives its beginning as well.
pub(super) fn hash(file: &mut File) -> std::io::Result<(Vec<u8>, String)> {
    let (mut header, mut hasher, mut buffer) = (Vec::new(), Sha256::new(), vec![0; 1 << 16]);
    loop {
        let count = file.read(&mut buffer)?;
        let read = buffer.get(..count).unwrap_or_default();
        if read.is_empty() {
            break;
        }
        if (header.len() as u64) < HEADER_MAX {
            header.extend_from_slice(read);
        }
        hasher.update(read);
    }
    Ok((header, hex(&hasher.finalize())))
}
