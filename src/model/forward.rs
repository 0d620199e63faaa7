//! How a network forwards its guests' packets.

use super::words;

words! {
    /// A mode of libvirt's networks that guests reach the world in.
    ForwardMode;
    /// libvirt translates the guests' addresses, and refuses every connection that begins outside.
    Nat = "nat",
    /// libvirt lets packets pass; lite translates addresses and says what comes in.
    Route = "route",
}
