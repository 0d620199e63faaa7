//! The calls of all traits, for code that holds a hypervisor of a known type: `use lite::hypervisor::prelude::*`.

pub use super::{
    BlockJobs as _, Console as _, Domains as _, Filters as _, GuestAgent as _, Lifecycle as _, Links as _,
    Networks as _, Node as _, PacketFilter as _, Pools as _, ReverseProxy as _, Volumes as _,
};
