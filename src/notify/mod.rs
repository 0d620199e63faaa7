//! What leaves the host: payload, signature, schedule and grouping (pure), and the client that sends.

pub mod address;
pub mod client;
pub mod format;
pub mod group;
pub mod header;
pub mod mail;
pub mod outbox;
pub mod payload;
pub mod schedule;
pub mod signature;
