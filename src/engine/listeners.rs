//! Which process of the host listens on a port, by the tables of the kernel.

use std::{
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
    path::Path,
};

use crate::{
    hypervisor::Machine,
    model::{Protocol, Publication, escaped},
};

/// The port that the host's administrator logs in by. A service on all addresses keeps it on the others.
pub const SSH: u16 = 22;

/// The process that gets what is sent to a port of the host, such as `nginx` (process 812); none: nobody listens there.
/// `exact`: on this address alone, not on all. `ipv6`: what is sent there by IPv6 is led away too.
pub fn listener(machine: &dyn Machine, at: &Publication, exact: bool, ipv6: bool) -> Option<String> {
    let (tables, state) = match at.protocol {
        Protocol::Tcp => (["tcp", "tcp6"], "0A"),
        // A datagram's socket that waits for anybody.
        Protocol::Udp => (["udp", "udp6"], "07"),
    };
    let meets = |address: IpAddr| match address {
        _ if address.is_loopback() => false,
        _ if address.is_unspecified() => !exact,
        IpAddr::V6(address) if !ipv6 || address.is_unicast_link_local() => false,
        address => at.address.is_none_or(|wanted| wanted == address),
    };
    tables.iter().find_map(|table| {
        let text = machine.text(&format!("/proc/net/{table}")).ok()?;
        let inode = text.lines().skip(1).find_map(|line| {
            let socket = Socket::read(line)?;
            (socket.state == state && socket.port == at.port && meets(socket.address)).then_some(socket.inode)
        })?;
        Some(owner(machine, inode).unwrap_or_else(|| "a process of this host".to_owned()))
    })
}

/// A line of `/proc/net/tcp` and its like (proc(5)).
struct Socket<'a> {
    address: IpAddr,
    port: u16,
    state: &'a str,
    inode: &'a str,
}

impl<'a> Socket<'a> {
    fn read(line: &'a str) -> Option<Self> {
        let columns: Vec<&str> = line.split_whitespace().collect();
        let (address, port) = columns.get(1)?.split_once(':')?;
        Some(Self {
            address: parse_address(address)?,
            port: u16::from_str_radix(port, 16).ok()?,
            state: columns.get(3)?,
            inode: columns.get(9)?,
        })
    }
}

/// Words of 32 bits, each as this machine's memory has it.
fn parse_address(text: &str) -> Option<IpAddr> {
    let word = |n: usize| u32::from_str_radix(text.get(8 * n..8 * n + 8)?, 16).ok().map(u32::to_ne_bytes);
    if text.len() == 8 {
        return Some(Ipv4Addr::from(word(0)?).into());
    }
    let bytes: Vec<u8> = (0..4).map(word).collect::<Option<Vec<_>>>()?.concat();
    Some(Ipv6Addr::from(<[u8; 16]>::try_from(bytes).ok()?).to_canonical())
}

/// The process that has a socket open: of several the one that started first, which the others are workers of.
fn owner(machine: &dyn Machine, inode: &str) -> Option<String> {
    let socket = format!("socket:[{inode}]");
    let has = |process: &Path| {
        let open = machine.entries(&process.join("fd")).unwrap_or_default();
        open.iter().any(|fd| machine.link(fd).is_ok_and(|to| to.as_os_str() == socket.as_str()))
    };
    let all = machine.entries(Path::new("/proc")).ok()?;
    let process = all.iter().filter(|p| number(p).is_some() && has(p)).min_by_key(|p| started(machine, p))?;
    let name = machine.text(&process.join("comm").display().to_string()).ok()?;
    Some(format!("`{}` (process {})", escaped(&name), number(process)?))
}

/// When a process started, in ticks of the clock since the host's start: field 22 of `/proc/PID/stat` (proc(5)).
fn started(machine: &dyn Machine, process: &Path) -> u64 {
    let stat = machine.text(&process.join("stat").display().to_string()).unwrap_or_default();
    // The second field, in brackets, is the process's own word.
    let fields = stat.rsplit_once(')').map_or("", |(_, fields)| fields);
    fields.split_whitespace().nth(19).and_then(|ticks| ticks.parse().ok()).unwrap_or(u64::MAX)
}

fn number(process: &Path) -> Option<u32> {
    process.file_name()?.to_str()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_of_the_kernel_is_read() {
        let line =
            "   0: 0202000A:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000  0  0 31337 1 0 100 0 0 10 0";
        let socket = Socket::read(line).unwrap();
        assert_eq!((socket.port, socket.state, socket.inode), (8080, "0A", "31337"));
        if cfg!(target_endian = "little") {
            assert_eq!(socket.address, IpAddr::from([10, 0, 2, 2]));
            let mapped = parse_address("0000000000000000FFFF00000202000A");
            assert_eq!(mapped, Some(IpAddr::from([10, 0, 2, 2])));
        }
        assert_eq!(parse_address(&"0".repeat(32)), Some(Ipv6Addr::UNSPECIFIED.into()));
        assert!(Socket::read("sl local_address").is_none() && parse_address("0000é").is_none());
    }
}
