//! s
#![allow(missing_docs)]
pub mod client;
pub mod download;
pub mod known;
pub mod pull;
pub mod sums;
pub struct Image { pub path: String, pub digest: String, pub volume: String }
pub fn client() -> reqwest::ClientBuilder { let _ = rustls::crypto::ring::default_provider().install_default(); reqwest::Client::builder() }
