//! What goes on inside a guest, seen from the host: the report channel, the health check, the seed it starts from.

pub mod certificate;
pub mod collect;
pub mod health;
pub mod job;
pub mod keys;
pub mod lines;
pub mod output;
pub mod report;
pub mod seed;
pub mod ssh;
pub mod status;
pub mod tail;
