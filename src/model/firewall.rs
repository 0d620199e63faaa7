//! What the firewall of an instance lets in.

use std::{collections::BTreeSet, fmt};

use ipnet::IpNet;
use serde::{Deserialize, Serialize};

use super::{Code, Error, Port, Protocol, Result, escaped};

/// Most rules of one instance: a port, or a range of ports, and a source are one rule.
pub const MOST_RULES: usize = 60;

/// What is sent to: ports of a protocol, or ICMP. Written `80/tcp`, `8000-8010/udp` or `icmp`; `80` alone means TCP.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Service {
    /// Ports of TCP or UDP.
    Ports {
        /// The lowest, at least 1.
        first: u16,
        /// The highest, not below `first`.
        last: u16,
        /// TCP or UDP.
        protocol: Protocol,
    },
    /// ICMP, as of `ping`.
    Icmp,
}

impl Service {
    /// Parses `80`, `80/tcp`, `8000-8010/udp` or `icmp`.
    ///
    /// # Errors
    /// [`Code::InvalidPort`].
    pub fn parse(text: &str) -> Result<Self> {
        let bad = || {
            Error::new(Code::InvalidPort, format!("`{}` is not a port", escaped(text))).hint(
                "use a port from 1 to 65535 or a range, with `/tcp` or `/udp`, such as `443/tcp` or `8000-8010/udp`, \
                 or `icmp`",
            )
        };
        if text == "icmp" {
            return Ok(Self::Icmp);
        }
        let (range, protocol) = text.split_once('/').unwrap_or((text, "tcp"));
        let (first, last) = range.split_once('-').unwrap_or((range, range));
        let port = |number: &str| Port::parse(&format!("{number}/{protocol}")).map_err(|_| bad());
        let (first, last) = (port(first)?, port(last)?);
        if last.number < first.number {
            return Err(bad().cause("the range begins with its higher end"));
        }
        Ok(Self::Ports { first: first.number, last: last.number, protocol: first.protocol })
    }

    /// Whether all of `other` is part of this.
    pub fn has(self, other: Self) -> bool {
        match (self, other) {
            (Self::Icmp, Self::Icmp) => true,
            (Self::Ports { first, last, protocol }, Self::Ports { first: from, last: to, protocol: of }) => {
                protocol == of && first <= from && to <= last
            }
            _ => false,
        }
    }
}

impl From<Port> for Service {
    fn from(Port { number, protocol }: Port) -> Self {
        Self::Ports { first: number, last: number, protocol }
    }
}

impl fmt::Display for Service {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::Ports { first, last, protocol } if first < last => {
                write!(f, "{first}-{}", Port { number: last, protocol })
            }
            Self::Ports { first, protocol, .. } => Port { number: first, protocol }.fmt(f),
            Self::Icmp => f.write_str("icmp"),
        }
    }
}

impl TryFrom<String> for Service {
    type Error = Error;
    fn try_from(text: String) -> Result<Self> {
        Self::parse(&text)
    }
}

impl From<Service> for String {
    fn from(service: Service) -> Self {
        service.to_string()
    }
}

/// Parses who may send: `192.0.2.0/24`, `2001:db8::/32`, or one address.
///
/// # Errors
/// [`Code::InvalidSource`]: no network in CIDR form, or an address in it that is not its first.
pub fn source(text: &str) -> Result<IpNet> {
    let bad = || {
        Error::new(Code::InvalidSource, format!("`{}` is not a network", escaped(text)))
            .hint("a source is a network or an address, IPv4 or IPv6, such as `192.0.2.0/24` or `2001:db8::7`")
    };
    let network: IpNet = match text.contains('/') {
        true => text.parse().map_err(|_| bad())?,
        false => IpNet::from(text.parse::<std::net::IpAddr>().map_err(|_| bad())?),
    };
    let whole = network.trunc();
    if whole != network {
        return Err(Error::new(Code::InvalidSource, format!("`{network}` is an address in a network, not a network"))
            .hint(format!("the network is `{whole}`, the address alone `{}`", network.addr())));
    }
    Ok(network)
}

/// One rule: what is let in, and from where. Written `80/tcp`, or `80/tcp from 192.0.2.0/24`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Rule {
    /// What is let in.
    pub service: Service,
    /// From where; none: from anywhere.
    pub source: Option<IpNet>,
}

/// The rules of an instance, in the order of their ports.
pub type Rules = BTreeSet<Rule>;

impl Rule {
    const FROM: &str = " from ";

    /// The rules that an instance begins with: the ports of its blueprint, and ICMP.
    pub fn first(ports: &[Port]) -> Rules {
        let services = ports.iter().map(|port| Service::from(*port)).chain([Service::Icmp]);
        services.map(|service| Self { service, source: None }).collect()
    }
}

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.source {
            None => self.service.fmt(f),
            Some(source) => write!(f, "{}{}{source}", self.service, Self::FROM),
        }
    }
}

impl TryFrom<String> for Rule {
    type Error = Error;
    fn try_from(text: String) -> Result<Self> {
        let (service, from) =
            text.split_once(Self::FROM).map_or((&*text, None), |(service, from)| (service, Some(from)));
        Ok(Self { service: Service::parse(service)?, source: from.map(source).transpose()? })
    }
}

impl From<Rule> for String {
    fn from(rule: Rule) -> Self {
        rule.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn services_and_sources_have_one_form_each() {
        let read = |text: &str| Service::parse(text).map(|s| s.to_string());
        for (text, form) in [("80", "80/tcp"), ("53/udp", "53/udp"), ("1-65535", "1-65535/tcp"), ("7-7", "7/tcp")] {
            assert_eq!(read(text), Ok(form.to_owned()));
        }
        assert_eq!(read("icmp"), Ok("icmp".to_owned()));
        for text in ["0", "65536", "http", "90-80", "1-", "-1", "1-2-3", "80/sctp", "80/", "", "icmp/tcp", "+1", "80 "]
        {
            assert_eq!(read(text).map_err(|e| e.code), Err(Code::InvalidPort), "{text:?}");
        }
        let from = |text: &str| source(text).map(|s| s.to_string());
        assert_eq!(from("192.0.2.7"), Ok("192.0.2.7/32".to_owned()));
        assert_eq!(from("2001:db8::/32"), Ok("2001:db8::/32".to_owned()));
        for text in ["192.0.2.1/24", "192.0.2.0/33", "any", "", "192.0.2", "2001:db8::1/32"] {
            assert_eq!(from(text).map_err(|e| e.code), Err(Code::InvalidSource), "{text:?}");
        }
        let told = source("192.0.2.1/24").map_err(|e| e.hints.iter().map(ToString::to_string).collect::<Vec<_>>());
        assert_eq!(told, Err(vec!["the network is `192.0.2.0/24`, the address alone `192.0.2.1`".to_owned()]));
    }

    #[test]
    fn a_rule_is_read_as_it_is_written() {
        for text in ["80/tcp", "8000-8010/udp from 192.0.2.0/24", "icmp from 2001:db8::/32"] {
            assert_eq!(Rule::try_from(text.to_owned()).map(|r| r.to_string()), Ok(text.to_owned()));
        }
        let ports: Vec<_> = ["443", "22", "53/udp"].iter().flat_map(|p| Port::parse(p)).collect();
        let first: Vec<_> = Rule::first(&ports).iter().map(ToString::to_string).collect();
        assert_eq!(first, ["22/tcp", "53/udp", "443/tcp", "icmp"]);
        let has = |all: &str, part: &str| Ok::<_, Error>(Service::parse(all)?.has(Service::parse(part)?));
        assert_eq!(
            [has("1-90", "80"), has("80", "80-81"), has("80/udp", "80"), has("icmp", "icmp")],
            [Ok(true), Ok(false), Ok(false), Ok(true)]
        );
    }
}
