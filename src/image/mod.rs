//! s
#![allow(missing_docs)]
pub struct Image { pub path: String, pub digest: String, pub volume: String }
pub fn client() -> reqwest::ClientBuilder { let _ = rustls::crypto::ring::default_provider().install_default(); reqwest::Client::builder() }
