//! The gate in front of every image file: its header is read here, in Rust, before any tool opens the file.
//!
//! A qcow2 file may name other files (a backing file, an external data file), and QEMU opens whatever it names, as root
//! where root asked. Only a file that stands alone passes. Layout: QEMU's `docs/interop/qcow2`.

use std::path::Path;

use crate::model::{Code, Error, Result};

/// How much of a file the gate wants to see: the largest cluster, since header and extensions lie in the first one.
pub const HEADER_MAX: u64 = 2 << 20;

/// The largest disk accepted.
pub const VIRTUAL_SIZE_MAX: u64 = 64 << 40;

const MAGIC: &[u8; 4] = b"QFI\xfb";
const DIRTY: u64 = 1;
const CORRUPT: u64 = 1 << 1;
const EXTERNAL_DATA: u64 = 1 << 2;
const COMPRESSION: u64 = 1 << 3;
const EXTENDED_L2: u64 = 1 << 4;
const EXT_END: u32 = 0;
const EXT_EXTERNAL_DATA: u32 = 0x4441_5441;
const EXT_ENCRYPTION: u32 = 0x0537_be77;
const EXTENSIONS_MAX: usize = 64;

/// What a header that passed says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Header {
    /// 2 or 3.
    pub version: u32,
    /// Size of the disk inside, bytes.
    pub virtual_size: u64,
    /// Size of a cluster, bytes.
    pub cluster_size: u64,
    /// How many snapshots of its own it holds.
    pub snapshots: u32,
}

/// Checks the beginning of a file of `file_len` bytes. `header` is its first [`HEADER_MAX`] bytes, or all of it if it is shorter.
pub fn gate(header: &[u8], file_len: u64) -> Result<Header> {
    gate_over(header, file_len, None)
}

/// The same for the disk of a guest, which lies on the file `base` and on no other.
pub fn gate_over(header: &[u8], file_len: u64, base: Option<&Path>) -> Result<Header> {
    if !header.starts_with(MAGIC) {
        return Err(other_format(header));
    }
    let bytes = Bytes(header);
    let version = bytes.u32(4)?;
    if version != 2 && version != 3 {
        return Err(refused(format!("qcow2 version {version}, and only 2 and 3 exist")));
    }
    backing(&bytes, base)?;
    if bytes.u32(32)? != 0 {
        return Err(refused("it is encrypted"));
    }
    let extensions_at = if version == 3 { features(&bytes)? } else { 72 };

    let cluster_bits = bytes.u32(20)?;
    if !(9..=21).contains(&cluster_bits) {
        return Err(refused(format!("clusters of 2^{cluster_bits} bytes, allowed are 2^9 to 2^21")));
    }
    let cluster_size = 1_u64 << cluster_bits;
    let virtual_size = bytes.u64(24)?;
    if virtual_size == 0 || virtual_size > VIRTUAL_SIZE_MAX {
        return Err(refused(format!("a disk of {virtual_size} bytes, allowed are 1 byte to 64 TiB")));
    }
    extensions(&bytes, extensions_at, cluster_size)?;
    table("L1 table", bytes.u64(40)?, u64::from(bytes.u32(36)?).saturating_mul(8), cluster_size, file_len)?;
    let refcounts = u64::from(bytes.u32(56)?).saturating_mul(cluster_size);
    table("refcount table", bytes.u64(48)?, refcounts, cluster_size, file_len)?;
    Ok(Header { version, virtual_size, cluster_size, snapshots: bytes.u32(60)? })
}

/// Refuses every file that the header names to lie on, but `base`.
fn backing(bytes: &Bytes, base: Option<&Path>) -> Result<()> {
    let (at, length) = (bytes.u64(8)?, bytes.u32(16)?);
    let Some(base) = base else {
        if at == 0 && length == 0 {
            return Ok(());
        }
        return Err(Error::new(
            Code::ImageBackingFile,
            "the image has a backing file: it refers to another file on the host",
        )
        .hint("flatten it where it comes from: `qemu-img convert -f qcow2 -O qcow2 IN OUT`"));
    };
    let named = usize::try_from(at).ok().zip(usize::try_from(length).ok()).and_then(|(at, length)| {
        let end = at.checked_add(length)?;
        bytes.0.get(at..end)
    });
    match named == Some(base.as_os_str().as_encoded_bytes()) {
        true => Ok(()),
        false => Err(Error::failed(
            Code::ImageBackingFile,
            format!("the disk does not lie on `{}` as it was made: its guest, or somebody, changed it", base.display()),
        )),
    }
}

/// Checks the features of a version 3 header; gives its length.
fn features(bytes: &Bytes) -> Result<u64> {
    let incompatible = bytes.u64(72)?;
    if incompatible & EXTERNAL_DATA != 0 {
        return Err(external_data());
    }
    if incompatible & CORRUPT != 0 {
        return Err(refused("it is marked corrupt")
            .hint("repair it where it comes from: `qemu-img check -f qcow2 -r all FILE`"));
    }
    if incompatible & DIRTY != 0 {
        return Err(refused("it is marked dirty: it was not closed properly, or is in use")
            .hint("stop what uses it, then `qemu-img check -f qcow2 -r all FILE`"));
    }
    let unknown = incompatible & !(COMPRESSION | EXTENDED_L2);
    if unknown != 0 {
        return Err(refused(format!("unknown incompatible features {unknown:#x}")));
    }
    let length = u64::from(bytes.u32(100)?);
    if length < 104 || !length.is_multiple_of(8) {
        return Err(refused(format!("a header of {length} bytes, at least 104 and a multiple of 8 is allowed")));
    }
    if incompatible & COMPRESSION != 0 && (length < 112 || bytes.take::<1>(104)?[0] > 1) {
        return Err(refused("an unknown compression"));
    }
    Ok(length)
}

/// Walks the header extensions, which lie in the first cluster.
fn extensions(bytes: &Bytes, start: u64, cluster_size: u64) -> Result<()> {
    let mut at = start;
    for _ in 0..EXTENSIONS_MAX {
        if at.saturating_add(8) > cluster_size {
            return if at == cluster_size {
                Ok(())
            } else {
                Err(refused("header extensions beyond the first cluster"))
            };
        }
        let (kind, length) = (bytes.u32(at)?, u64::from(bytes.u32(at + 4)?));
        match kind {
            EXT_END => return Ok(()),
            EXT_EXTERNAL_DATA => return Err(external_data()),
            EXT_ENCRYPTION => return Err(refused("it is encrypted")),
            _ => at = at.saturating_add(8).saturating_add(length.next_multiple_of(8)),
        }
    }
    Err(refused(format!("more than {EXTENSIONS_MAX} header extensions")))
}

/// A table of the image has to lie inside the file, behind the header.
fn table(what: &str, at: u64, length: u64, cluster_size: u64, file_len: u64) -> Result<()> {
    let end = at.checked_add(length);
    if length == 0 || at == 0 || !at.is_multiple_of(cluster_size) || end.is_none_or(|end| end > file_len) {
        return Err(
            refused(format!("its {what} lies outside the file")).hint("the file may have been cut off: bring it again")
        );
    }
    Ok(())
}

/// Big-endian numbers out of the header; a header that ends too early is refused.
struct Bytes<'a>(&'a [u8]);

impl Bytes<'_> {
    fn take<const N: usize>(&self, at: u64) -> Result<[u8; N]> {
        usize::try_from(at)
            .ok()
            .and_then(|at| self.0.get(at..at.checked_add(N)?))
            .and_then(|slice| slice.try_into().ok())
            .ok_or_else(|| refused("its header is cut off").hint("bring the file again"))
    }

    fn u32(&self, at: u64) -> Result<u32> {
        self.take(at).map(u32::from_be_bytes)
    }

    fn u64(&self, at: u64) -> Result<u64> {
        self.take(at).map(u64::from_be_bytes)
    }
}

fn refused(what: impl std::fmt::Display) -> Error {
    Error::new(Code::ImageRefused, format!("not an image lite can use: {what}"))
}

fn external_data() -> Error {
    Error::new(Code::ImageExternalData, "the image has an external data file: it refers to another file on the host")
        .hint("flatten it where it comes from: `qemu-img convert -f qcow2 -O qcow2 IN OUT`")
}

/// Names what the file is instead.
fn other_format(header: &[u8]) -> Error {
    let text = String::from_utf8_lossy(header.get(..header.len().min(512)).unwrap_or_default())
        .trim_start()
        .to_ascii_lowercase();
    let (found, hint) = if header.is_empty() {
        ("an empty file", "bring the file again")
    } else if header.starts_with(b"KDMV") || header.starts_with(b"COWD") || text.starts_with("# disk descriptorfile") {
        ("a VMDK image", "convert it: `qemu-img convert -f vmdk -O qcow2 IN OUT`")
    } else if header.get(64..68) == Some(&[0x7f, 0x10, 0xda, 0xbe]) {
        ("a VDI image", "convert it: `qemu-img convert -f vdi -O qcow2 IN OUT`")
    } else if header.starts_with(b"vhdxfile") {
        ("a VHDX image", "convert it: `qemu-img convert -f vhdx -O qcow2 IN OUT`")
    } else if header.starts_with(b"conectix") {
        ("a VHD image", "convert it: `qemu-img convert -f vpc -O qcow2 IN OUT`")
    } else if text.starts_with("<!doctype") || text.starts_with("<html") || text.starts_with("<?xml") {
        ("a web page", "download the image itself, not the page that links to it")
    } else if header.starts_with(&[0x1f, 0x8b]) {
        ("a gzip archive", "unpack it: `gunzip FILE`")
    } else if header.starts_with(b"\xfd7zXZ\0") {
        ("an xz archive", "unpack it: `unxz FILE`")
    } else if header.starts_with(&[0x28, 0xb5, 0x2f, 0xfd]) {
        ("a zstd archive", "unpack it: `unzstd FILE`")
    } else if header.starts_with(b"PK\x03\x04") {
        ("a zip archive", "unpack it: `unzip FILE`")
    } else if header.get(510..512) == Some(&[0x55, 0xaa]) {
        ("a raw disk", "convert it: `qemu-img convert -f raw -O qcow2 IN OUT`")
    } else {
        ("something unknown", "bring a qcow2 file")
    };
    Error::new(Code::ImageFormat, format!("not a qcow2 image: it is {found}")).hint(hint)
}
