//! What is taken of whoever comes.

use std::time::Duration;

/// Limits, as values: a test takes short ones.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Connections at a time.
    pub connections: usize,
    /// How many of them are kept for this host: whoever fills the rest does not keep root out.
    pub kept_for_loopback: usize,
    /// Of one address that is not this host.
    pub of_address: usize,
    /// Of this host, and of the proxy that is trusted.
    pub of_loopback: usize,
    /// For the handshake of TLS.
    pub handshake: Duration,
    /// For a request's head, from its first byte; for the first of a connection from its beginning.
    pub head: Duration,
    /// For a request's body.
    pub body: Duration,
    /// For an answer.
    pub answer: Duration,
    /// Without a byte in either direction, and between two requests.
    pub idle: Duration,
    /// Between two looks whether the certificate is another.
    pub refresh: Duration,
    /// For operations to come to the end of their steps where the server stops.
    pub steps: Duration,
    /// Bytes of a request's head.
    pub head_bytes: usize,
    /// Lines of a request's head.
    pub head_lines: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections: 512,
            kept_for_loopback: 64,
            of_address: 64,
            of_loopback: 256,
            handshake: Duration::from_secs(5),
            head: Duration::from_secs(5),
            body: Duration::from_secs(15),
            answer: Duration::from_secs(30),
            idle: Duration::from_secs(60),
            refresh: Duration::from_secs(30),
            steps: Duration::from_secs(60),
            head_bytes: 16 * 1024,
            head_lines: 64,
        }
    }
}
