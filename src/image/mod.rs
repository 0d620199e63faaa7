//! Base images: the disks that instances start from. Nothing unverified boots, and no tool opens a file before its header is read here.

pub mod archive;
mod bake;
mod build;
pub mod client;
mod digest;
pub mod download;
mod encrypt;
mod fetch;
mod files;
mod folder;
mod gate;
mod hold;
mod images;
mod import;
pub mod known;
pub mod leftovers;
mod lock;
mod memory;
mod prune;
pub mod pull;
mod registry;
pub mod restic;
mod store;
pub mod sums;
mod tools;
mod users;
mod warm;

pub use bake::{Packed, flatten};
pub use build::{BuildRequest, build, buildable};
pub use encrypt::{decrypted, encrypted};
pub use fetch::fetch;
pub use files::check_id;
pub use gate::{HEADER_MAX, Header, VIRTUAL_SIZE_MAX, gate};
pub use hold::{Hold, shared as hold};
pub use images::Images;
pub use import::{ArrivedDisk, Arriving, Declared, differs, import, receive};
pub use leftovers::{Leftover, leftovers};
pub use lock::{Lock, lock};
pub use memory::{Memory, SavedBy, check_memory, memory_name};
pub use prune::{Version, remove_version, superseded};
pub use registry::{
    Baked, Image, Origin, adopt, begin, damaged, get, is_there, list, refuse_used, remains, remove, set_tried,
    volume_name,
};
pub use store::{ImageStore, Stored, sidecar_name};
pub use warm::{keep_warm, place_for_memory};
