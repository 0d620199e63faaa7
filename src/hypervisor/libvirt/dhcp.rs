//! DHCP host entries of a network: addresses kept for hardware addresses, live and persistent.

use serde::Serialize;
use virt::{error::ErrorNumber, network::Network};
use virt_sys as sys;

use super::{
    connect::{LONG, Link, ORDINARY, no_nul},
    copies::Copy,
    errors::{Outcome, Problem},
    lookup,
};
use crate::{
    hypervisor::{DhcpHost, DhcpInfo},
    model::{Code, Error, Hint, Mac, NetworkDefinition, Result, Verb, escaped},
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

fn update(copy: Copy, network: &Network, command: sys::virNetworkUpdateCommand, entry: &Entry) -> Outcome<()> {
    copy.update(network, command, sys::VIR_NETWORK_SECTION_IP_DHCP_HOST, &entry.xml()?)
}

fn entries(copy: Copy, network: &Network) -> Outcome<Vec<Entry>> {
    Ok(written(copy.definition(network)?))
}

fn written(network: NetworkDefinition) -> Vec<Entry> {
    network.hosts().map(|e| Entry { mac: e.mac, name: e.name, ip: e.ip }).collect()
}

/// The addresses kept, in either copy.
pub fn all(link: &Link, network: &str) -> Result<Vec<DhcpInfo>> {
    no_nul(&[network])?;
    let name = network.to_owned();
    link.call(&format!("list the addresses of network `{}`", escaped(&name)), ORDINARY, move |c| {
        let Some(network) = lookup::network(c, &name)? else { return Ok(Vec::new()) };
        match Copy::of(&network)
            .and_then(|copies| copies.into_iter().map(|copy| entries(copy, &network)).collect::<Outcome<Vec<_>>>())
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
    let there = entries(copy, network)?;
    if there.contains(wanted) {
        return Ok(());
    }
    if let Some(other) = there.iter().find(|e| e.ip == wanted.ip && e.mac != wanted.mac) {
        let text = format!("address {} is already kept for {}", wanted.ip, escaped(&other.mac));
        return Err(Error::new(Code::AddressTaken, text).into());
    }
    for old in there.iter().filter(|e| e.mac == wanted.mac) {
        update(copy, network, sys::VIR_NETWORK_UPDATE_COMMAND_DELETE, old)?;
    }
    update(copy, network, sys::VIR_NETWORK_UPDATE_COMMAND_ADD_LAST, wanted)
}

/// Releases what is kept for the hardware address.
pub fn remove(link: &Link, network: &str, host: &DhcpHost) -> Result<()> {
    no_nul(&[network])?;
    let (name, mac) = (network.to_owned(), host.mac.to_string());
    link.call(&format!("release address {} on network `{}`", host.address, escaped(&name)), LONG, move |c| {
        let Some(network) = lookup::network(c, &name)? else { return Ok(()) };
        for copy in Copy::of(&network)? {
            for entry in entries(copy, &network)?.iter().filter(|e| e.mac == mac) {
                update(copy, &network, sys::VIR_NETWORK_UPDATE_COMMAND_DELETE, entry)?;
            }
        }
        Ok(())
    })
}

#[cfg(test)]
mod tests {
    use super::{Entry, merged, written};
    use crate::model::NetworkDefinition;

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
        assert_eq!(NetworkDefinition::parse(&network).map(written), Ok(vec![entry]));
    }
}
