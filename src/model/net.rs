//! Hardware addresses and ports.

use std::{
    fmt,
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
};

use serde::{Deserialize, Serialize};

use super::{Code, Error, Result, escaped};

/// A name that a network's DNS server answers for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DnsHost {
    /// The address, of either family.
    pub address: IpAddr,
    /// Its names, in lower case; a question for the address is answered with the first.
    pub names: Vec<String>,
}

/// A hardware address. Ours start with `52:54:00`, the prefix QEMU uses.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Mac([u8; 6]);

impl Mac {
    /// One of ours, from three random bytes.
    pub const fn ours(random: [u8; 3]) -> Self {
        Self([0x52, 0x54, 0x00, random[0], random[1], random[2]])
    }

    /// Parses six hexadecimal pairs separated by colons.
    pub fn parse(text: &str) -> Result<Self> {
        let bad = || Error::new(Code::InvalidMac, format!("`{}` is not a hardware address", escaped(text)));
        let mut bytes = [0; 6];
        let mut parts = text.split(':');
        for byte in &mut bytes {
            let part = parts.next().filter(|p| p.len() == 2).ok_or_else(bad)?;
            *byte = u8::from_str_radix(part, 16).map_err(|_| bad())?;
        }
        if parts.next().is_some() { Err(bad()) } else { Ok(Self(bytes)) }
    }

    /// The link-local IPv6 address that an interface gives itself for it (RFC 4291, modified EUI-64).
    pub fn link_local(self) -> Ipv6Addr {
        let [a, b, c, d, e, f] = self.0;
        Ipv6Addr::from([0xfe, 0x80, 0, 0, 0, 0, 0, 0, a ^ 2, b, c, 0xff, 0xfe, d, e, f])
    }
}

/// Whether a machine of a network can have this address: it is not unspecified, of the loopback, link-local, multicast, broadcast or
/// reserved.
pub fn is_machines(address: Ipv4Addr) -> bool {
    let [first, ..] = address.octets();
    !(address.is_loopback() || address.is_link_local() || first == 0 || first >= 224)
}

impl fmt::Display for Mac {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [a, b, c, d, e, g] = self.0;
        write!(f, "{a:02x}:{b:02x}:{c:02x}:{d:02x}:{e:02x}:{g:02x}")
    }
}

impl TryFrom<String> for Mac {
    type Error = Error;
    fn try_from(text: String) -> Result<Self> {
        Self::parse(&text)
    }
}

impl From<Mac> for String {
    fn from(mac: Mac) -> Self {
        mac.to_string()
    }
}

/// A transport protocol a port can be opened for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Protocol {
    /// TCP.
    Tcp,
    /// UDP.
    Udp,
}

impl Protocol {
    /// Its name in small letters, as in `80/tcp`; nftables, conntrack and the database have the same.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Tcp => "tcp",
            Self::Udp => "udp",
        }
    }
}

/// A port that is open to the network. Written `80/tcp`; `80` alone means TCP.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Port {
    /// 1 to 65535.
    pub number: u16,
    /// TCP or UDP.
    pub protocol: Protocol,
}

impl Port {
    /// Parses `80`, `80/tcp` or `53/udp`.
    pub fn parse(text: &str) -> Result<Self> {
        let bad = || {
            Error::new(Code::InvalidPort, format!("`{}` is not a port", escaped(text)))
                .hint("a port is a number from 1 to 65535 with `/tcp` or `/udp`, such as `80/tcp`")
        };
        let (number, protocol) = match text.split_once('/') {
            None | Some((_, "tcp")) => (text.split('/').next().unwrap_or(text), Protocol::Tcp),
            Some((number, "udp")) => (number, Protocol::Udp),
            Some(_) => return Err(bad()),
        };
        if number.is_empty() || number.len() > 5 || !number.bytes().all(|b| b.is_ascii_digit()) {
            return Err(bad());
        }
        match number.parse() {
            Ok(0) | Err(_) => Err(bad()),
            Ok(number) => Ok(Self { number, protocol }),
        }
    }
}

impl fmt::Display for Port {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.number, self.protocol.as_str())
    }
}

impl TryFrom<String> for Port {
    type Error = Error;
    fn try_from(text: String) -> Result<Self> {
        Self::parse(&text)
    }
}

impl From<Port> for String {
    fn from(port: Port) -> Self {
        port.to_string()
    }
}

/// A DHCP host entry: an address kept for a hardware address.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DhcpHost {
    /// Hardware address.
    pub mac: Mac,
    /// The address it always gets.
    pub address: Ipv4Addr,
    /// Host name told to the guest.
    pub name: String,
}
