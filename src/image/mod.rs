//! Base images: the disks that instances start from. Nothing unverified boots, and no tool opens a file before its header is read here.

mod build;
mod gate;
mod import;
mod progress;
mod registry;
mod tools;

pub use build::{BuildRequest, buildable, build};
pub use gate::{HEADER_MAX, Header, VIRTUAL_SIZE_MAX, gate};
pub use import::import;
pub use progress::{Progress, Silent};
pub use registry::{Image, Lock, Origin, adopt, begin, get, list, lock, remove};

/// A client for HTTPS.
pub fn client() -> reqwest::ClientBuilder {
    // An error means that a provider is installed already.
    let _ = rustls::crypto::ring::default_provider().install_default();
    reqwest::Client::builder()
}
