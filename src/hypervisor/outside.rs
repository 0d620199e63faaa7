//! Ports, asked by this machine and by one that stands for the world: the network namespace of a thread, at the other end of a
//! link. Both are the kernel's to remove when the thread ends, also if the process is killed.

use std::{
    io::{self, ErrorKind},
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpStream, UdpSocket},
    path::Path,
    process::Command,
    sync::mpsc,
    thread,
    time::Duration,
};

use ipnet::IpNet;
use rustix::thread::{Pid, UnshareFlags, gettid, unshare_unsafe};

use super::{machine::Answer, program};
use crate::model::{Port, Protocol, escaped};

/// How the names of the links begin on this machine; lite's firewall knows them (`plan/nft/inet.nft`).
pub const NAME: &str = "lite-probe";
/// How long `ip` may take.
const LIMIT: Duration = Duration::from_secs(10);
/// Links that can be there at once: subnets of four addresses, of which a network with a prefix of 24 has so many.
const LINKS: u8 = 64;
/// How many names of links are tried: others may ask at the same time.
const TRIES: u8 = 8;

/// What comes of a connection to a port, begun in the network namespace of this thread.
///
/// # Errors
/// The system's own, other than that the port is not reached.
pub fn ask(address: IpAddr, port: Port, limit: Duration) -> io::Result<Answer> {
    let end = SocketAddr::new(address, port.number);
    let asked = match port.protocol {
        Protocol::Tcp => TcpStream::connect_timeout(&end, limit).map(drop),
        Protocol::Udp => ask_by_datagram(end, limit),
    };
    match asked.map_err(|e| (e.kind(), e)) {
        Ok(()) => Ok(Answer::Accepted),
        Err((ErrorKind::ConnectionRefused, _)) => Ok(Answer::Refused),
        Err((
            ErrorKind::TimedOut
            | ErrorKind::WouldBlock
            | ErrorKind::HostUnreachable
            | ErrorKind::NetworkUnreachable
            | ErrorKind::PermissionDenied,
            _,
        )) => Ok(Answer::Unreached),
        // It was made, and ended at once.
        Err((ErrorKind::ConnectionReset, _)) => Ok(Answer::Accepted),
        Err((_, error)) => Err(error),
    }
}

fn ask_by_datagram(end: SocketAddr, limit: Duration) -> io::Result<()> {
    let any = if end.is_ipv4() { IpAddr::V4(Ipv4Addr::UNSPECIFIED) } else { IpAddr::V6(Ipv6Addr::UNSPECIFIED) };
    let socket = UdpSocket::bind((any, 0))?;
    socket.set_read_timeout(Some(limit))?;
    socket.connect(end)?;
    socket.send(&[])?;
    socket.recv(&mut [0; 1]).map(drop)
}

/// What comes of a connection that a namespace of its own begins, with an address of `world`, a network that this machine has no
/// route to; `ip` is the program. Without an address it is to this machine's end of the link.
///
/// # Errors
/// A namespace or a link cannot be made, which takes root, or those of [`ask`].
pub fn ask_from_outside(
    ip: &Path,
    world: IpNet,
    (address, port): (Option<IpAddr>, Port),
    limit: Duration,
) -> io::Result<Answer> {
    let (tell_thread, thread_id) = mpsc::channel();
    let (tell_link, link) = mpsc::channel::<Link>();
    thread::scope(|scope| {
        let outside = thread::Builder::new().spawn_scoped(scope, move || {
            // SAFETY: only `UnshareFlags::FILES` takes files away from other threads.
            unsafe { unshare_unsafe(UnshareFlags::NEWNET) }?;
            let _ = tell_thread.send(gettid());
            let link = link.recv().map_err(|_| io::Error::other("there is no link"))?;
            batch(ip, &link.inside())?;
            ask(address.unwrap_or(link.host), port, limit)
        })?;
        // A thread that ended has its own error.
        let linked =
            thread_id.recv().map_or(Ok(()), |id| Link::make(ip, world, id).map(|link| drop(tell_link.send(link))));
        drop(tell_link);
        let answer = outside.join().unwrap_or_else(|_| Err(io::Error::other("the thread panicked")));
        linked.and(answer)
    })
}

/// A link between this machine and a namespace.
#[derive(Debug)]
struct Link {
    /// This machine's address.
    host: IpAddr,
    /// The other's.
    world: IpAddr,
}

impl Link {
    fn numbered(world: IpNet, number: u8) -> Self {
        let address = |last: u8| match world {
            IpNet::V4(net) => IpAddr::V4(Ipv4Addr::from(u32::from(net.network()) | u32::from(4 * number + last))),
            IpNet::V6(net) => IpAddr::V6(Ipv6Addr::from(u128::from(net.network()) | u128::from(4 * number + last))),
        };
        Self { host: address(1), world: address(2) }
    }

    /// One of its addresses with the prefix, as `ip` takes it. No other may have an IPv6 address of it, so that is not waited for.
    fn of(address: IpAddr) -> String {
        match address {
            IpAddr::V4(address) => format!("{address}/30"),
            IpAddr::V6(address) => format!("{address}/126 nodad"),
        }
    }

    /// Makes a link to the namespace of a thread. Its name is taken once, so that its addresses are too.
    fn make(ip: &Path, world: IpNet, thread: Pid) -> io::Result<Self> {
        let first = u8::try_from(thread.as_raw_nonzero().get() % i32::from(LINKS)).unwrap_or_default();
        let mut made = Err(io::Error::other("no link is free"));
        for number in (first..first + TRIES).map(|n| n % LINKS) {
            let link = Self::numbered(world, number);
            made = batch(ip, &link.outside(number, thread)).map(|()| link);
            if made.is_ok() {
                break;
            }
        }
        made
    }

    /// Lines for `ip -batch` on this machine.
    fn outside(&self, number: u8, thread: Pid) -> String {
        let (name, thread) = (format!("{NAME}{number}"), thread.as_raw_nonzero());
        let host = Self::of(self.host);
        format!(
            "link add name {name} type veth peer name eth0 netns {thread}\n\
             address add {host} dev {name}\nlink set dev {name} up\n"
        )
    }

    /// Lines for `ip -batch` in the namespace.
    fn inside(&self) -> String {
        let (host, world) = (self.host, Self::of(self.world));
        format!("address add {world} dev eth0\nlink set dev eth0 up\nroute add default via {host}\n")
    }
}

/// Runs lines of `ip`, in the namespace of this thread.
fn batch(ip: &Path, lines: &str) -> io::Result<()> {
    let mut command = Command::new(ip);
    command.args(["-batch", "-"]);
    let out = program::run(command, lines, LIMIT)?;
    if out.status.success() {
        return Ok(());
    }
    let said = String::from_utf8_lossy(&out.stderr);
    Err(io::Error::other(format!("`ip`: {}", escaped(said.lines().next().unwrap_or("it says nothing").trim()))))
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;

    use super::*;

    #[test]
    fn a_port_of_this_machine_is_asked() {
        let limit = Duration::from_secs(5);
        let here = IpAddr::V4(Ipv4Addr::LOCALHOST);
        let of = |number, protocol| Port { number, protocol };
        let tcp = TcpListener::bind((here, 0)).unwrap();
        let open = of(tcp.local_addr().unwrap().port(), Protocol::Tcp);
        assert_eq!(ask(here, open, limit).unwrap(), Answer::Accepted);
        drop(tcp);
        assert_eq!(ask(here, open, limit).unwrap(), Answer::Refused);
        let udp = UdpSocket::bind((here, 0)).unwrap();
        let open = of(udp.local_addr().unwrap().port(), Protocol::Udp);
        assert_eq!(ask(here, open, Duration::from_millis(1)).unwrap(), Answer::Unreached, "it says nothing");
        drop(udp);
        assert_eq!(ask(here, open, limit).unwrap(), Answer::Refused);
    }

    #[test]
    fn each_link_has_a_subnet_of_its_own() {
        let all = |world: &str| {
            let links = [0, 1, LINKS - 1].map(|n| Link::numbered(world.parse().unwrap(), n));
            links.map(|link| [Link::of(link.host), Link::of(link.world)].map(|text| text.replace(" nodad", "")))
        };
        let of = |base: &str, prefix: u8, ends: [[&str; 2]; 3]| {
            ends.map(|two| two.map(|end| format!("{base}{end}/{prefix}")))
        };
        assert_eq!(all("192.0.2.0/24"), of("192.0.2.", 30, [["1", "2"], ["5", "6"], ["253", "254"]]));
        assert_eq!(all("3fff:fff::/64"), of("3fff:fff::", 126, [["1", "2"], ["5", "6"], ["fd", "fe"]]));
    }
}
