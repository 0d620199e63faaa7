//! Ports of instances that are published on the host.

use std::{fmt, net::IpAddr};

use ipnet::IpNet;
use serde::{Deserialize, Serialize};

use super::{Code, Error, Port, Protocol, Result, escaped};

/// A port of an instance and the port of the host that leads to it. Written `PORT[:HOSTPORT][/udp]`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PortPair {
    /// The instance's, 1 to 65535.
    pub guest_port: u16,
    /// The host's, 1 to 65535.
    pub port: u16,
    /// TCP or UDP.
    pub protocol: Protocol,
}

impl PortPair {
    /// Parses `443`, `443:8443` or `53:5353/udp`.
    ///
    /// # Errors
    /// [`Code::InvalidPort`].
    pub fn parse(text: &str) -> Result<Self> {
        let (ports, protocol) = text.split_once('/').unwrap_or((text, "tcp"));
        let (guest, host) = ports.split_once(':').unwrap_or((ports, ports));
        let port = |number: &str| {
            Port::parse(&format!("{number}/{protocol}")).map_err(|_| {
                Error::new(Code::InvalidPort, format!("`{}` is not a port to publish", escaped(text))).hint(
                    "use `PORT`, or `PORT:HOSTPORT` for another port of this host, from 1 to 65535, with `/udp` for UDP: \
                     `443`, `443:8443`, `53:5353/udp`",
                )
            })
        };
        let (guest, host) = (port(guest)?, port(host)?);
        Ok(Self { guest_port: guest.number, port: host.number, protocol: host.protocol })
    }
}

/// A port of the host that leads to an instance.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Publication {
    /// The host's address; none: each that it has.
    pub address: Option<IpAddr>,
    /// The host's port.
    pub port: u16,
    /// TCP or UDP.
    pub protocol: Protocol,
    /// The instance's port.
    pub guest_port: u16,
    /// From where; empty: from anywhere.
    pub sources: Vec<IpNet>,
}

impl Publication {
    /// The port of the host.
    pub fn host_port(&self) -> Port {
        Port { number: self.port, protocol: self.protocol }
    }

    /// The host's end: `8443/tcp`, or `203.0.113.7:8443/tcp`.
    pub fn end(&self) -> String {
        let port = self.host_port();
        match self.address {
            None => port.to_string(),
            Some(IpAddr::V4(address)) => format!("{address}:{port}"),
            Some(IpAddr::V6(address)) => format!("[{address}]:{port}"),
        }
    }

    /// Whether the host's ends are one, or one is part of the other.
    pub fn meets(&self, other: &Self) -> bool {
        let apart = self.address.is_some() && other.address.is_some() && self.address != other.address;
        !apart && (self.port, self.protocol) == (other.port, other.protocol)
    }
}

impl fmt::Display for Publication {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.end())?;
        if self.port == self.guest_port { Ok(()) } else { write!(f, " to {}", self.guest_port) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pairs_have_one_form() {
        let read = |text: &str| PortPair::parse(text).map(|p| (p.guest_port, p.port, p.protocol)).map_err(|e| e.code);
        assert_eq!(read("443"), Ok((443, 443, Protocol::Tcp)));
        assert_eq!(read("443:8443"), Ok((443, 8443, Protocol::Tcp)));
        assert_eq!(read("53:5353/udp"), Ok((53, 5353, Protocol::Udp)));
        for text in ["0", "65536", "http", "1:0", "1:2:3", "80/sctp", "", ":", "80:", "1-2"] {
            assert_eq!(read(text), Err(Code::InvalidPort), "{text:?}");
        }
    }

    #[test]
    fn ends_meet_where_one_packet_would_be_for_both() {
        let of = |address: Option<[u8; 4]>, port| Publication {
            address: address.map(Into::into),
            port,
            protocol: Protocol::Tcp,
            guest_port: 80,
            sources: vec![],
        };
        let (all, one) = (of(None, 8080), of(Some([192, 0, 2, 1]), 8080));
        assert_eq!(
            [all.to_string(), one.to_string(), of(None, 80).to_string()],
            ["8080/tcp to 80", "192.0.2.1:8080/tcp to 80", "80/tcp"]
        );
        assert_eq!(
            [all.meets(&one), one.meets(&all), one.meets(&one), all.meets(&of(None, 80))],
            [true, true, true, false]
        );
        assert!(!one.meets(&of(Some([192, 0, 2, 2]), 8080)));
        let six = Publication { address: "2001:db8::7".parse().ok(), ..one.clone() };
        assert_eq!(six.to_string(), "[2001:db8::7]:8080/tcp to 80");
        assert_eq!([all.meets(&six), one.meets(&six)], [true, false]);
    }
}
