//! Base images: the disks that instances start from. Nothing unverified boots, and no tool opens a file before its header is read here.

mod build;
pub mod client;
pub mod download;
mod gate;
mod import;
pub mod known;
pub mod leftovers;
mod progress;
pub mod pull;
mod registry;
pub mod sums;
mod tools;

pub use build::{BuildRequest, build, buildable};
pub use gate::{HEADER_MAX, Header, VIRTUAL_SIZE_MAX, gate};
pub use import::import;
pub use leftovers::{Leftover, leftovers};
pub use progress::{Progress, Silent};
pub use registry::{Image, Lock, Origin, adopt, begin, get, list, lock, remove, volume_name};
