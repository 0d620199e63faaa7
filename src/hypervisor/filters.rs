//! Network filters (nwfilter).

use crate::model::Result;

/// Network filters.
pub trait Filters: Send + Sync {
    /// Names of all network filters.
    fn filters(&self) -> Result<Vec<String>>;
    /// Defines a filter; redefines one of the same uuid, which the XML must state. Active guests get the change at once.
    /// `filter_exists` if the name belongs to another uuid.
    fn ensure_filter(&self, name: &str, xml: &str) -> Result<()>;
    /// The filter's XML.
    fn filter_xml(&self, name: &str) -> Result<Option<String>>;
    /// Undefines a filter; `libvirt_in_use` while a running guest uses it.
    fn remove_filter(&self, name: &str) -> Result<()>;
}
