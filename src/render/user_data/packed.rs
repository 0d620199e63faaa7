//! User-data as other clouds take it: compressed with gzip, in base64, or compressed and then in base64.

use std::{borrow::Cow, io::Read as _};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use flate2::read::MultiGzDecoder;

use super::{MAX_BYTES, bad, form::FORMS};
use crate::model::Result;

/// How gzip's data begin.
const GZIP: [u8; 2] = [0x1f, 0x8b];

/// The text, of at most `left` bytes: what other parts leave of the whole.
pub(super) fn unpack(bytes: &[u8], left: usize) -> Result<String> {
    let large =
        |text: String| Err(bad(text).hint(format!("user-data has at most {MAX_BYTES} bytes, also when unpacked")));
    // Base64 adds a third, and line feeds.
    if bytes.len() > 2 * MAX_BYTES {
        return large(format!("it has {} bytes", bytes.len()));
    }
    let mut bytes = from_base64(bytes).map_or(Cow::Borrowed(bytes), Cow::Owned);
    if bytes.starts_with(&GZIP) {
        let mut plain = Vec::new();
        MultiGzDecoder::new(&*bytes)
            .take(left as u64 + 1)
            .read_to_end(&mut plain)
            .map_err(|e| bad("it is compressed with gzip, and damaged".to_owned()).cause(e))?;
        if plain.len() > left {
            return large("unpacked it is too large".to_owned());
        }
        bytes = Cow::Owned(plain);
    }
    if bytes.len() > left {
        return large(format!("it has {} bytes", bytes.len()));
    }
    String::from_utf8(bytes.into_owned()).map_err(|_| bad("it is not UTF-8 text".to_owned()).hint(FORMS))
}

/// What base64 holds, if that is text or compressed: no other form of user-data is made of base64's letters alone.
fn from_base64(bytes: &[u8]) -> Option<Vec<u8>> {
    let packed: Vec<u8> = bytes.iter().copied().filter(|b| !b.is_ascii_whitespace()).collect();
    let plain = STANDARD.decode(packed).ok().filter(|plain| !plain.is_empty())?;
    (plain.starts_with(&GZIP) || std::str::from_utf8(&plain).is_ok()).then_some(plain)
}
