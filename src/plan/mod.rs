//! What is to be made, as data: XML descriptions and the steps of each operation, each with its undo. Pure.

mod devices;
mod domain;
mod drift;
mod filter;
mod names;
mod network;
mod step;
mod storage;
mod xml;

pub use domain::{
    DomainPlan, METADATA_PREFIX, METADATA_URI, disks_in_domain, domain_xml, launch_xml, metadata_xml, record_of,
};
pub use drift::{drift, size_in_domain, sizes};
pub use filter::filter_xml;
pub use names::{Resources, filter_is_ours, log_is_ours, volume_is_ours};
pub use network::{Subnet, network_xml, subnet_of};
pub use step::{Step, create, delete, redefine};
pub use storage::{overlay_xml, pool_xml, seed_xml};
