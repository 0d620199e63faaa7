//! The file that libvirt saves the memory of a domain to, and its head with the domain in it. Pure.
//!
//! libvirt has no call that goes on from such a file as another domain: it refuses another name, uuid or hardware address. The head is
//! therefore written anew here, and the stream of QEMU's behind it is left as it is (libvirt, `qemu_saveimage.h`, version 2).

use crate::model::{Code, Error, Result};

/// The first bytes of a file that is whole.
const MAGIC: [u8; 16] = *b"LibvirtQemudSave";
/// The only version there is; QEMU's driver has written it since 2011.
const VERSION: u32 = 2;
/// Magic, version, length of the data, whether it ran, format, place of the cookie, and 14 numbers that nobody uses.
const FIXED: usize = 16 + 4 * 5 + 4 * 14;
/// Longest data that is read: XML of a domain, and the cookie.
const LONGEST: u32 = 4 << 20;
/// Bytes of the data of every head that lite writes: those of two domains are as long, so that one can be put over the other.
pub const ROOM: usize = 64 << 10;

/// Bytes of a head that lite writes.
pub const HEAD: usize = FIXED + ROOM;

/// A head.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SaveImage {
    /// The domain, as it ran.
    pub xml: String,
    /// What libvirt knows of it beside that; none: nothing.
    pub cookie: Option<String>,
    /// Where QEMU's stream begins, from the start of the file.
    pub stream_at: u64,
}

impl SaveImage {
    /// How many bytes of a file have to be there to read the length of its head.
    pub const FIXED: usize = FIXED;

    /// How long the head of a file is, by its first [`Self::FIXED`] bytes.
    ///
    /// # Errors
    /// `invalid_saved_memory`: it is none of libvirt's, of another version, not whole, or compressed.
    pub fn length(fixed: &[u8]) -> Result<usize> {
        if fixed.len() < FIXED || !fixed.starts_with(&MAGIC) {
            return Err(invalid("it does not begin as such a file does"));
        }
        let number = |n: usize| -> u32 {
            let at = MAGIC.len() + 4 * n;
            u32::from_ne_bytes([fixed[at], fixed[at + 1], fixed[at + 2], fixed[at + 3]])
        };
        match (number(0), number(1), number(3)) {
            (VERSION, length, 0) if (2..=LONGEST).contains(&length) => Ok(FIXED + length as usize),
            (VERSION, _, 0) => Err(invalid("the length of its domain is none")),
            (VERSION, _, format) => Err(invalid(format!("it is compressed (format {format})"))),
            (version, ..) => Err(invalid(format!("its version is {version}, and {VERSION} is known"))),
        }
    }

    /// Reads a whole head.
    ///
    /// # Errors
    /// `invalid_saved_memory`.
    pub fn parse(head: &[u8]) -> Result<Self> {
        let length = Self::length(head)?;
        let data = head.get(FIXED..length).ok_or_else(|| invalid("it ends within its head"))?;
        let at = MAGIC.len() + 4 * 4;
        let cookie = u32::from_ne_bytes([head[at], head[at + 1], head[at + 2], head[at + 3]]) as usize;
        let text = |bytes: &[u8]| -> Result<String> {
            let end = bytes.iter().position(|byte| *byte == 0).ok_or_else(|| invalid("its domain has no end"))?;
            String::from_utf8(bytes[..end].to_vec()).map_err(|_| invalid("its domain is no text"))
        };
        let cookie = match cookie {
            0 => None,
            _ => Some(text(data.get(cookie..).ok_or_else(|| invalid("its cookie lies behind its end"))?)?),
        };
        Ok(Self { xml: text(data)?, cookie, stream_at: length as u64 })
    }

    /// The head of another domain for the same stream: [`HEAD`] bytes, and the domain stays paused.
    ///
    /// # Errors
    /// `invalid_saved_memory` where domain and cookie do not fit.
    pub fn head(&self, xml: &str) -> Result<Vec<u8>> {
        let (xml, cookie) = (xml.as_bytes(), self.cookie.as_deref().unwrap_or_default().as_bytes());
        let cookie_at = if cookie.is_empty() { 0 } else { xml.len() + 1 };
        if xml.len() + cookie.len() + 2 > ROOM {
            return Err(invalid("its domain is longer than its head has room for"));
        }
        let number = |n: usize| u32::try_from(n).unwrap_or(u32::MAX).to_ne_bytes();
        let mut head = Vec::with_capacity(HEAD);
        head.extend(MAGIC);
        // It did not run, is not compressed.
        for n in [VERSION as usize, ROOM, 0, 0, cookie_at] {
            head.extend(number(n));
        }
        head.resize(FIXED, 0);
        head.extend(xml);
        head.push(0);
        head.extend(cookie);
        head.resize(HEAD, 0);
        Ok(head)
    }
}

fn invalid(why: impl Into<String>) -> Error {
    Error::new(Code::InvalidSavedMemory, format!("this is no saved memory of a domain: {}", why.into()))
}

#[cfg(test)]
mod tests {
    use super::{FIXED, HEAD, SaveImage};

    /// A head as libvirt 11.3 writes it, with its own padding.
    fn libvirts(format: u32) -> Vec<u8> {
        let mut head = b"LibvirtQemudSave".to_vec();
        let (xml, cookie) = ("<domain/>\0", "<cookie/>\0");
        let length = u32::try_from(xml.len() + cookie.len() + 1024).unwrap();
        for n in [2, length, 1, format, u32::try_from(xml.len()).unwrap()] {
            head.extend(n.to_ne_bytes());
        }
        head.resize(FIXED, 0);
        head.extend(xml.bytes().chain(cookie.bytes()));
        head.resize(FIXED + length as usize, 0);
        head
    }

    #[test]
    fn a_head_is_read_and_written_for_another_domain() {
        let head = libvirts(0);
        assert_eq!(SaveImage::length(&head[..FIXED]).unwrap(), head.len());
        let read = SaveImage::parse(&head).unwrap();
        let stream_at = head.len() as u64;
        assert_eq!(read, SaveImage { xml: "<domain/>".to_owned(), cookie: Some("<cookie/>".to_owned()), stream_at });
        let written = read.head("<domain type='qemu'/>").unwrap();
        assert_eq!(written.len(), HEAD);
        let again = SaveImage { xml: "<domain type='qemu'/>".to_owned(), stream_at: HEAD as u64, ..read.clone() };
        assert_eq!(SaveImage::parse(&written).unwrap(), again);
        // Nobody lets it run on but lite.
        assert_eq!(written[24..28], 0u32.to_ne_bytes());
        let bare = SaveImage { cookie: None, ..read };
        assert_eq!(SaveImage::parse(&bare.head("<a/>").unwrap()).unwrap().cookie, None);
    }

    #[test]
    fn what_is_no_head_is_refused() {
        let message = |bytes: &[u8]| SaveImage::parse(bytes).map(drop).map_err(|e| (e.code.as_str(), e.message));
        let said = |why: &str| Err(("invalid_saved_memory", format!("this is no saved memory of a domain: {why}")));
        assert_eq!(message(b""), said("it does not begin as such a file does"));
        let mut partial = libvirts(0);
        partial[12..16].copy_from_slice(b"Part");
        assert_eq!(message(&partial), said("it does not begin as such a file does"));
        assert_eq!(message(&libvirts(3)), said("it is compressed (format 3)"));
        let mut other = libvirts(0);
        other[16..20].copy_from_slice(&3u32.to_ne_bytes());
        assert_eq!(message(&other), said("its version is 3, and 2 is known"));
        let mut long = libvirts(0);
        long[20..24].copy_from_slice(&u32::MAX.to_ne_bytes());
        assert_eq!(message(&long), said("the length of its domain is none"));
        let head = libvirts(0);
        assert_eq!(message(&head[..head.len() - 1]), said("it ends within its head"));
        let mut behind = libvirts(0);
        behind[32..36].copy_from_slice(&9999u32.to_ne_bytes());
        assert_eq!(message(&behind), said("its cookie lies behind its end"));
        let mut endless = libvirts(0);
        endless[FIXED..].fill(b'x');
        assert_eq!(message(&endless), said("its domain has no end"));
        let too_long = SaveImage::parse(&head).unwrap().head(&"x".repeat(65_530)).map(drop);
        assert!(too_long.is_err_and(|e| e.message.ends_with("than its head has room for")));
    }
}
