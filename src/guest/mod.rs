//! What goes on inside a guest, seen from the host: the report channel, the health check, the seed it starts from.

pub mod health;
pub mod keys;
pub mod report;
pub mod seed;
pub mod tail;

use std::{net::Ipv4Addr, os::fd::RawFd, time::Duration};

/// Waits until a descriptor can be read (`true`) or `limit` has passed (`false`). A signal ends the wait early.
pub(crate) fn wait_readable(fd: RawFd, limit: Duration) -> std::io::Result<bool> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_io().enable_time().build()?;
    runtime.block_on(async {
        // SAFETY-free: `AsyncFd` only registers the number; the owner outlives this call.
        let fd = tokio::io::unix::AsyncFd::with_interest(fd, tokio::io::Interest::READABLE)?;
        match tokio::time::timeout(limit, fd.readable()).await {
            Ok(ready) => ready.map(|_| true),
            Err(_) => Ok(false),
        }
    })
}

/// Whether the host's kernel knows a hardware address for an IPv4 address: the guest has answered ARP.
pub fn answers_arp(address: Ipv4Addr) -> bool {
    let Ok(table) = std::fs::read_to_string("/proc/net/arp") else { return false };
    let wanted = address.to_string();
    // proc(5): columns IP address, HW type, Flags, HW address, Mask, Device; flag 0x2 is a complete entry.
    table.lines().skip(1).any(|line| {
        let mut columns = line.split_whitespace();
        columns.next() == Some(&wanted) && columns.nth(1) == Some("0x2")
    })
}
