//! Who may come in: the forms of codes, passwords, sessions and keys, and what is decided about them. Pure: randomness and time are
//! arguments. Rows are `store::access`'s.

pub mod code;
pub mod half;
pub mod key;
pub mod password;
pub mod rate;
pub mod session;
pub mod totp;
pub mod tries;

use std::net::{IpAddr, Ipv6Addr};

use sha2::{Digest, Sha256};

use crate::model::hex;

/// What is kept of a secret that is random and long: its digest, by which it is looked up and from which nobody gets it.
pub fn digest(secret: &str) -> String {
    hex(&Sha256::digest(secret.as_bytes()))
}

/// Who counts together: whoever has one address of a network of IPv6 has them all.
pub fn network_of(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V4(_) => address,
        IpAddr::V6(address) if address.is_loopback() => address.into(),
        IpAddr::V6(address) => Ipv6Addr::from_bits(address.to_bits() & !u128::from(u64::MAX)).into(),
    }
}

/// Letters and digits that are not taken for one another: Crockford's, 5 bits each.
const ALPHABET: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";

/// Bytes in that alphabet, the last bits filled up with zeros.
fn letters(bytes: &[u8]) -> String {
    let (mut text, mut held, mut bits) = (String::new(), 0_u32, 0);
    for byte in bytes {
        held = held << 8 | u32::from(*byte);
        bits += 8;
        while bits >= 5 {
            bits -= 5;
            text.push(char::from(ALPHABET[(held >> bits & 31) as usize]));
        }
    }
    if bits > 0 {
        text.push(char::from(ALPHABET[(held << (5 - bits) & 31) as usize]));
    }
    text
}
