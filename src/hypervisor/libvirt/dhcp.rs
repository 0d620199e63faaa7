//! DHCP host entries of a network: addresses kept for hardware addresses, live and persistent.

use serde::Serialize;
use virt::{error::ErrorNumber, network::Network};
use virt_sys as sys;

use super::{
    connect::{LONG, Link, ORDINARY, no_nul},
    errors::{Outcome, Problem, is_unsupported},
    lookup,
};
use crate::{
    hypervisor::{DhcpHost, DhcpInfo},
    model::{Code, DhcpEntry, Error, Hint, Mac, NetworkDefinition, Result, Verb, escaped},
};

/// A `<host>` element.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename = "host")]
struct Entry {
    #[serde(rename = "@mac")]
    mac: String,
    #[serde(rename = "@name", skip_serializing_if = "String::is_empty")]
    name: String,
    #[serde(rename = "@ip")]
    ip: String,
}

impl Entry {
    fn of(host: &DhcpHost) -> Self {
        Self { mac: host.mac.to_string(), name: host.name.clone(), ip: host.address.to_string() }
    }

    /// The entry in our own words, if it can be one of lite's.
    fn host(&self) -> Option<DhcpHost> {
        Some(DhcpHost { mac: Mac::parse(&self.mac).ok()?, address: self.ip.parse().ok()?, name: self.name.clone() })
    }

    fn xml(&self) -> Result<String> {
        quick_xml::se::to_string(self)
            .map_err(|e| Error::new(Code::Internal, "a DHCP entry cannot be written").cause(e))
    }
}

/// One of the two copies of a network's definition, each changed and looked at by itself: a crash in between leaves them apart.
#[derive(Clone, Copy)]
enum Copy {
    Persistent,
    Live,
}

impl Copy {
    fn of(network: &Network) -> Outcome<Vec<Self>> {
        let mut copies = Vec::new();
        if network.is_persistent()? {
            copies.push(Self::Persistent);
        }
        if network.is_active()? {
            copies.push(Self::Live);
        }
        Ok(copies)
    }

    fn entries(self, network: &Network) -> Outcome<Vec<Entry>> {
        let xml = match self {
            Self::Live => network.xml_desc(0),
            Self::Persistent => match network.xml_desc(sys::VIR_NETWORK_XML_INACTIVE) {
                // The test driver shows the live copy only.
                Err(error) if is_unsupported(&error) => network.xml_desc(0),
                answer => answer,
            },
        };
        Ok(read(&xml?)?)
    }

    fn update(self, network: &Network, command: sys::virNetworkUpdateCommand, entry: &Entry) -> Outcome<()> {
        let flags = match self {
            Self::Persistent => sys::VIR_NETWORK_UPDATE_AFFECT_CONFIG,
            Self::Live => sys::VIR_NETWORK_UPDATE_AFFECT_LIVE,
        };
        Ok(network.update(command, sys::VIR_NETWORK_SECTION_IP_DHCP_HOST, -1, &entry.xml()?, flags)?)
    }
}

fn read(network_xml: &str) -> Result<Vec<Entry>> {
    let entry = |e: DhcpEntry| Entry { mac: e.mac, name: e.name, ip: e.ip };
    Ok(NetworkDefinition::parse(network_xml)?.hosts().map(entry).collect())
}

/// The addresses kept, in either copy.
pub fn all(link: &Link, network: &str) -> Result<Vec<DhcpInfo>> {
    no_nul(&[network])?;
    let name = network.to_owned();
    link.call(&format!("list the addresses of network `{}`", escaped(&name)), ORDINARY, move |c| {
        let Some(network) = lookup::network(c, &name)? else { return Ok(Vec::new()) };
        match Copy::of(&network)
            .and_then(|copies| copies.into_iter().map(|c| c.entries(&network)).collect::<Outcome<Vec<_>>>())
        {
            Ok(copies) => Ok(merged(&copies)),
            // It went while we looked.
            Err(Problem::Virt(error)) if error.code().is(ErrorNumber::NoNetwork) => Ok(Vec::new()),
            Err(problem) => Err(problem),
        }
    })
}

fn merged(copies: &[Vec<Entry>]) -> Vec<DhcpInfo> {
    let mut seen: Vec<DhcpInfo> = Vec::new();
    for entry in copies.iter().flatten() {
        let Some(host) = entry.host() else { continue };
        if !seen.iter().any(|s| s.host == host) {
            seen.push(DhcpInfo { host, whole: copies.iter().all(|copy| copy.contains(entry)) });
        }
    }
    seen.sort_by_key(|s| s.host.address);
    seen
}

/// Keeps the address for the hardware address. No small call: libvirt writes the network's firewall anew, some forty programs
/// one after the other, and on a busy machine half a second becomes ten. A daemon that hangs is given up on sooner.
pub fn ensure(link: &Link, network: &str, host: &DhcpHost) -> Result<()> {
    no_nul(&[network, &host.name])?;
    let (name, wanted) = (network.to_owned(), Entry::of(host));
    link.call(&format!("keep address {} on network `{}`", wanted.ip, escaped(&name)), LONG, move |c| {
        let Some(network) = lookup::network(c, &name)? else {
            return Err(Error::new(Code::NoNetwork, format!("libvirt has no network `{}`", escaped(&name)))
                .hint(Hint::new().run_with(Verb::Doctor, &[&"--fix"]).text(" makes what lite needs on this host"))
                .into());
        };
        for copy in Copy::of(&network)? {
            ensure_in(copy, &network, &wanted)?;
        }
        Ok(())
    })
}

fn ensure_in(copy: Copy, network: &Network, wanted: &Entry) -> Outcome<()> {
    let entries = copy.entries(network)?;
    if entries.contains(wanted) {
        return Ok(());
    }
    if let Some(other) = entries.iter().find(|e| e.ip == wanted.ip && e.mac != wanted.mac) {
        let text = format!("address {} is already kept for {}", wanted.ip, escaped(&other.mac));
        return Err(Error::new(Code::AddressTaken, text).into());
    }
    for old in entries.iter().filter(|e| e.mac == wanted.mac) {
        copy.update(network, sys::VIR_NETWORK_UPDATE_COMMAND_DELETE, old)?;
    }
    copy.update(network, sys::VIR_NETWORK_UPDATE_COMMAND_ADD_LAST, wanted)
}

/// Releases what is kept for the hardware address.
pub fn remove(link: &Link, network: &str, host: &DhcpHost) -> Result<()> {
    no_nul(&[network])?;
    let (name, mac) = (network.to_owned(), host.mac.to_string());
    link.call(&format!("release address {} on network `{}`", host.address, escaped(&name)), LONG, move |c| {
        let Some(network) = lookup::network(c, &name)? else { return Ok(()) };
        for copy in Copy::of(&network)? {
            for entry in copy.entries(&network)?.iter().filter(|e| e.mac == mac) {
                copy.update(&network, sys::VIR_NETWORK_UPDATE_COMMAND_DELETE, entry)?;
            }
        }
        Ok(())
    })
}

#[cfg(test)]
mod tests {
    use super::{Entry, merged, read};

    #[test]
    fn an_entry_in_one_copy_only_is_not_whole() {
        let entry = |n: u8| Entry { mac: format!("52:54:00:00:00:0{n}"), name: "a".into(), ip: format!("10.0.0.{n}") };
        let foreign = Entry { mac: String::new(), name: "printer".into(), ip: "10.0.0.9".into() };
        let seen = merged(&[vec![entry(2), entry(1), foreign], vec![entry(2)]]);
        assert_eq!(
            seen.iter().map(|s| (s.host.address.to_string(), s.whole)).collect::<Vec<_>>(),
            [("10.0.0.1".to_owned(), false), ("10.0.0.2".to_owned(), true)]
        );
        assert_eq!(merged(&[]), []);
    }

    #[test]
    fn writes_and_reads_an_entry() {
        let entry = Entry { mac: "52:54:00:aa:bb:cc".into(), name: "a&b".into(), ip: "192.168.1.2".into() };
        let xml = entry.xml().unwrap();
        assert_eq!(xml, r#"<host mac="52:54:00:aa:bb:cc" name="a&amp;b" ip="192.168.1.2"/>"#);
        let network = format!("<network><ip><dhcp><range start='1' end='2'/>{xml}</dhcp></ip></network>");
        assert_eq!(read(&network), Ok(vec![entry]));
    }
}
