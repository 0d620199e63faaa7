//! What `repair` did, and what `repair --rebuild` read back.

use serde::Serialize;

/// The document of `repair`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RepairView {
    /// Whether nothing was changed.
    pub dry_run: bool,
    /// A sentence for each thing that was done, such as an operation that was finished; in a dry run for each that would be.
    pub actions: Vec<String>,
}

/// The document of `repair --rebuild --dry-run`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RebuildPlan {
    /// Always true.
    pub dry_run: bool,
    /// Whether the database is damaged and would be set aside.
    pub damaged: bool,
    /// Names of the instances that would be read back.
    pub instances: Vec<String>,
    /// Names of the remotes that would be known again.
    pub remotes: Vec<String>,
    /// Names of the load balancers that would be made again.
    pub load_balancers: Vec<String>,
    /// Names of the static addresses that would be kept again.
    pub static_addresses: Vec<String>,
}

/// The document of `repair --rebuild`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RebuildView {
    /// Where the damaged database lies now; none if there was none.
    pub set_aside: Option<String>,
    /// The instances read back.
    pub rebuilt: Vec<RebuiltView>,
    /// Names of the snapshots read back, without their secrets.
    pub snapshots: Vec<String>,
    /// Disks read back, under names made of their ids: those that they had are lost.
    pub disks: Vec<String>,
    /// The remotes known again, by name.
    pub remotes: Vec<String>,
    /// The load balancers made again, by name.
    pub load_balancers: Vec<String>,
    /// The static addresses kept again, by name.
    pub static_addresses: Vec<String>,
    /// Why something could not be read back, a sentence each.
    pub refused: Vec<String>,
}

/// An instance that was read back from its domain.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RebuiltView {
    /// Its name.
    pub name: String,
    /// What was only in the database, and is lost.
    pub lost: Vec<&'static str>,
    /// What was read from an older database.
    pub salvaged: Vec<&'static str>,
}
