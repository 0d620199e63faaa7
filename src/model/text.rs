//! Bytes as text.

/// Bytes in hex, lower case: how digests are written everywhere.
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|b| format!("{b:02x}")).collect()
}
