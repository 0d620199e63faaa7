//! `lite blueprints check`.

use serde::Serialize;

/// A fault of a data file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct FaultView {
    /// File.
    pub file: String,
    /// Line, from 1; none where the file as a whole is meant.
    pub line: Option<u64>,
    /// Key, such as `parameters[0].name`.
    pub key: Option<String>,
    /// What is wrong, and the allowed form.
    pub message: String,
}

/// The document of `blueprints check` where no file has a fault.
#[derive(Debug, Serialize)]
pub struct CheckDocument<'a> {
    /// How many files were checked.
    pub files: usize,
    /// Their faults.
    pub faults: &'a [FaultView],
}
