//! What lite needs of a host that runs virtual machines, in our own words: one trait for each kind of libvirt's objects.
//! `libvirt/` is the only place that uses `virt`.
//!
//! Every call has a deadline. An error is never "absent": `Ok(None)` means the host answered that it is not there.
//! `ensure_*` calls are repeatable: they make it present and are content if it is. `remove_*` calls are too: they make it
//! absent and are content if it is.

mod block_jobs;
mod console;
#[cfg(feature = "testing")]
mod delegate;
mod domains;
#[cfg(feature = "testing")]
pub mod double;
mod filters;
#[cfg(feature = "testing")]
pub mod flaky;
mod guest_agent;
mod haproxy;
mod ip;
pub mod libvirt;
mod links;
mod local;
mod machine;
mod networks;
mod nft;
mod node;
mod outside;
mod packet_filter;
pub mod prelude;
mod program;
mod reverse_proxy;
mod runner;
mod samples;
mod storage;
mod tail;

pub use block_jobs::{BlockJob, BlockJobKind, BlockJobs};
pub use console::{Console, ConsoleStream};
pub use domains::{DomainInfo, DomainSize, DomainState, Domains, Lifecycle, StateReason};
pub use filters::Filters;
pub use guest_agent::GuestAgent;
pub use haproxy::Haproxy;
pub use links::Links;
pub use local::{LocalMachine, is_local};
pub use machine::{Answer, FileInfo, FileTail, FolderChanges, Machine, Space};
pub use networks::{DhcpInfo, DnsInfo, NetworkInfo, Networks};
pub use node::{HostInfo, Node};
pub use outside::NAME as OUTSIDE_LINK;
pub use packet_filter::PacketFilter;
pub use reverse_proxy::ReverseProxy;
pub use samples::{DiskSample, DomainSample, MemorySample};
pub use storage::{PoolInfo, Pools, Upload, VolumeInfo, Volumes};

pub use crate::model::{DhcpHost, DnsHost};

/// A host that runs virtual machines: all of the traits together.
pub trait Hypervisor:
    Node
    + Domains
    + Lifecycle
    + BlockJobs
    + GuestAgent
    + Console
    + Pools
    + Volumes
    + Networks
    + Filters
    + PacketFilter
    + Links
    + ReverseProxy
{
}

impl<H> Hypervisor for H where
    H: Node
        + Domains
        + Lifecycle
        + BlockJobs
        + GuestAgent
        + Console
        + Pools
        + Volumes
        + Networks
        + Filters
        + PacketFilter
        + Links
        + ReverseProxy
        + ?Sized
{
}
