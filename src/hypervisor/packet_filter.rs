//! lite's own rules in the packet filter of the machine that runs the guests.

use crate::model::{LoadedTable, Result, Ruleset};

/// The packet filter (nftables).
pub trait PacketFilter: Send + Sync {
    /// Loads the tables of a network in one transaction, in place of those that are there.
    fn load_rules(&self, ruleset: &Ruleset) -> Result<()>;
    /// The tables of this name that are loaded, in the order of their families.
    fn loaded_rules(&self, table: &str) -> Result<Vec<LoadedTable>>;
}
