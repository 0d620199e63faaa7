//! What is to be made, as data: XML descriptions and the steps of each operation, each with its undo. Pure.

mod backing;
mod channels;
mod copy;
mod devices;
mod domain;
mod drift;
mod forward;
mod haproxy;
mod link;
mod names;
mod network;
mod nft;
mod owned;
mod parts;
mod portable;
mod record;
mod sequence;
mod step;
mod storage;
mod xml;

pub use channels::THAW_CHANNEL;
pub use copy::{PausedPlan, copy_target_xml, paused_xml};
pub use devices::{given_disk_xml, plugged_xml, scsi_controller_xml};
pub use domain::{
    METADATA_PREFIX, METADATA_URI, disks_in_domain, domain_xml, metadata_xml, record_in_domain, record_of,
};
pub use drift::{drift, is_former_definition, size_in_domain, sizes};
pub use forward::with_forward_mode;
pub use haproxy::{BalancerAt, SiteAt, TargetAt, balancer_backend, proxy, proxy_folder};
pub use link::{LINK, link_drift, wanted_tap};
pub use names::{NameChanges, dns_hosts, full_name, name_changes, named_instance};
pub use network::{Subnet, network_xml, subnet_of};
pub use nft::{FromWorld, Nat, OfInstance, StaticAddressOf, port_name, ruleset};
pub use owned::{
    Attachment, Class, Description, Namespace, Object, OwnedKind, Owner, Place, ROOT_DEVICE, Sources, attached,
    console_log, disk_volume, disk_volume_number, is_marked, is_of_instance, is_promised, log_owner, next_disk_volume,
    next_root_disk, owner_of, report_log, root_disk, root_disk_number, saved_memory, seed, snapshot_copies,
    snapshot_disk, snapshot_part, snapshot_sidecar, snapshot_volumes, volumes_of_any,
};
pub use parts::{Attached, AttachedDisk, DiskPlace, DiskPort, DomainPlan, Slot};
pub use portable::portable_xml;
pub use record::{Chosen, Identity};
pub use sequence::{Memory, create, create_warm, delete, keep, redefine, remove, remove_logs};
pub use step::{DiskCopy, Step};
pub use storage::{copied_xml, empty_xml, image_xml, overlay_xml, pool_xml, seed_xml};
