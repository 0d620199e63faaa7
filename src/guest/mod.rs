//! The guest room: what the host knows of a guest from outside: its reports, its health, its keys, its seed.

pub mod health;
pub mod keys;
pub mod report;
pub mod seed;
