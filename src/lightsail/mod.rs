//! The Lightsail API: what its clients sign and send, answered by the use cases of `app`.
//!
//! Requests come in by [`answer`], from whatever listens. Nothing here listens, reads the environment or looks at the host.

pub mod fault;
pub mod operations;
pub mod sigv4;

mod again;
mod call;
mod dispatch;
mod json;
mod map;
mod nouns;
mod pages;
mod past;
mod place;
mod rates;
mod sts;
mod wire;

pub use call::Api;
pub use dispatch::answer;
