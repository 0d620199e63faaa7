//! What goes on inside a guest, seen from the host: the report channel, the health check, the seed it starts from.

pub mod health;
pub mod keys;
pub mod lines;
pub mod report;
pub mod seed;
pub mod ssh;
pub mod status;
pub mod tail;

use std::net::{Ipv4Addr, UdpSocket};

/// Whether the guest answers ARP for its address, as the host's kernel sees it. Asks, so that the kernel comes to know.
pub fn answers_arp(address: Ipv4Addr) -> bool {
    if known_by_arp(address) {
        return true;
    }
    // Any packet makes the kernel ask; port 9 is "discard" (RFC 863), and the guest's firewall drops it.
    if let Ok(socket) = UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0)) {
        let _ = socket.send_to(&[0], (address, 9));
    }
    false
}

fn known_by_arp(address: Ipv4Addr) -> bool {
    let Ok(table) = std::fs::read_to_string("/proc/net/arp") else { return false };
    let wanted = address.to_string();
    // proc(5): columns IP address, HW type, Flags, HW address, Mask, Device; flag 0x2 is a complete entry.
    table.lines().skip(1).any(|line| {
        let mut columns = line.split_whitespace();
        columns.next() == Some(&wanted) && columns.nth(1) == Some("0x2")
    })
}
