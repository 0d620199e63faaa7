//! A guest's interface on the host.

/// A tap device: the end of a guest's network card that is on the host.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Tap {
    /// Its name.
    pub name: String,
    /// The bridge that it hangs on.
    pub bridge: Option<String>,
    /// Its port of the bridge is isolated from others that are.
    pub isolated: bool,
}
