//! Rules for the kernel's packet filter.

/// The tables of one network, as one transaction of nftables.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ruleset {
    /// The name that the tables have.
    pub table: String,
    /// The tables that are there once it is loaded, in the order of their families.
    pub tables: Vec<LoadedTable>,
    /// The transaction, in the language of `nft`.
    pub text: String,
}

/// A table of lite's in the kernel.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct LoadedTable {
    /// Its address family: `bridge` or `inet`.
    pub family: String,
    /// The digest of the rules that it was loaded with.
    pub digest: String,
}

impl LoadedTable {
    /// What the name of an empty chain begins with that tells the digest of its table: nft 1.0.6 leaves the comment of a
    /// table out of its JSON.
    pub const MARK: &str = "digest_";
}
