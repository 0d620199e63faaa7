//! Runs operations: allocate, journal, do, undo, resume; holds the locks; reconciles with what libvirt says.
//!
//! ```text
//!            ┌── every step done ──────────────► succeeded
//! started ───┤── a step failed, undone ────────► failed
//!    │       └── an undo failed ───────────────► needs-attention ── lite repair ──► failed
//!    └── owner died (its lock is free) ── next lite command finishes or undoes ──► …
//! ```

mod accepted;
mod allocate;
mod audit;
mod auto_push;
mod auto_snapshots;
mod auto_verify;
mod brought_disks;
mod capacity;
mod certificates;
mod context;
mod disk;
mod disk_copy;
mod disks;
mod domain;
mod execute;
mod expired;
mod firewall;
mod follow;
mod forward;
mod gc;
mod generate;
mod growth;
mod guest_address;
mod handover;
mod hashed;
mod host;
mod host_shutdown;
mod image_journal;
mod image_leftovers;
mod image_operation;
mod image_pool;
mod images;
pub mod jobs;
mod journal;
mod links;
mod listeners;
mod listing;
mod lock;
mod making;
mod manifest;
mod names;
mod network;
mod objects;
mod off_site;
mod ours;
mod power;
mod progress;
mod provision;
mod proxy;
mod published;
mod pulls;
mod reach;
mod ready;
mod rebuild;
mod recipe;
mod recover;
mod remote;
pub mod removal;
mod replacement;
mod reports;
mod request;
mod resizing;
mod resolver;
pub mod restored_disks;
mod room;
pub mod sagas;
mod served;
mod snapshot_end;
mod snapshot_sidecar;
mod snapshot_source;
mod starting;
mod take_over;
mod undo;
mod upgrading;
mod warm;

pub use crate::model::{Observer, Stage, Unobserved};
pub use accepted::Accepted;
pub use audit::{Audit, Finding, Orphan, Removal, Scanned, Trouble, Unknown, audit};
pub use auto_push::push_due;
pub use auto_snapshots::make_due as make_due_snapshots;
pub use auto_verify::verify_due;
pub use capacity::Capacity;
pub use certificates::{
    forget as forget_certificates, obtain as obtain_certificate, renew as renew_certificates,
    unused as unused_certificates,
};
pub use context::Ctx;
pub use disk::{reserve as disk_reserve, space as disk_space, usage as disk_usage};
pub use expired::purge_due;
pub use firewall::{apply as apply_firewall, restore as restore_firewall};
pub use forward::{refusing, refusing_network};
pub use gc::{Found, SeenOrphan, collect, find_orphans, orphans};
pub use guest_address::{guest_address, learned, others};
pub use hashed::Content;
pub use host::{capacity, prepare_host, usage as host_usage};
pub use host_shutdown::shut_down_guests;
pub use image_pool::images_of;
pub use images::ensure_image;
pub use links::{repair as repair_links, restore as restore_links};
pub use listeners::listener;
pub use listing::{Listed, inspect, list, list_after};
pub use lock::{has_owner, held_locks, owner};
pub use manifest::{Exported, ExportedDisk, ExportedSecret, Manifest};
pub use names::{apply as apply_names, restore as restore_names};
pub use off_site::{OffSite, contents as remote_contents};
pub use ours::{OurDomain, our_domains, refuse_lost_state};
pub use power::Stopped;
pub use provision::Job;
pub use proxy::{
    Counted as BalancerCounted, counted as balancer_counted, restore as restore_proxy, runs as proxy_runs,
    statistics as balancer_statistics,
};
pub use published::{configure_published, configure_site, login};
pub use reach::{Reach, doubt};
pub use ready::Waited;
pub use rebuild::{Rebuilding, Rebuilt, lost_network, rebuild, refuse_while_busy};
pub use recipe::{bake_of, check_bakeable, check_warmable};
pub use recover::{recover, retry_attention};
pub use remote::{home as remote_home, lost as lost_remotes, open as open_remote};
pub use removal::Receipt;
pub use reports::{adopt_reports, reported_phase};
pub use request::{Brought, CopyOf, ImageChoice, Request};
pub use sagas::{
    bake::{BakeRequest, Outcome},
    create::{Created, create},
    delete::{check_deletable, delete, plan_delete},
    image::{ImageCtx, recover_images},
    redefine::{Redefinition, plan_redefinition, redefine},
    restart::{accept_stop, reset_unresponsive, restart, try_resume},
};
pub use served::{try_ports as try_web, try_site};
pub use starting::{USUAL_START, health_word, is_starting};
pub use take_over::{Waiting, abandoned, go_on, in_steps};
pub use warm::{Kind, warm_of};
