//! Names that a network's DNS server answers for, live and persistent.

use std::net::IpAddr;

use serde::Serialize;
use virt::{error::ErrorNumber, network::Network};
use virt_sys as sys;

use super::{
    connect::{Link, ORDINARY, no_nul},
    copies::Copy,
    errors::{Outcome, Problem},
    lookup,
};
use crate::{
    hypervisor::DnsInfo,
    model::{Code, DnsEntry, DnsHost, Error, Hint, Result, Verb, escaped},
};

/// A `<host>` element of `<dns>`.
#[derive(Serialize)]
#[serde(rename = "host")]
struct Element {
    #[serde(rename = "@ip")]
    ip: String,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    hostname: Vec<String>,
}

fn xml(address: IpAddr, names: &[String]) -> Result<String> {
    let element = Element { ip: address.to_string(), hostname: names.to_vec() };
    quick_xml::se::to_string(&element)
        .map_err(|e| Error::new(Code::Internal, "an entry of the DNS server cannot be written").cause(e))
}

/// None without an address: lite makes none such.
fn host(entry: DnsEntry) -> Option<DnsHost> {
    Some(DnsHost { address: entry.ip.parse().ok()?, names: entry.names })
}

fn hosts(copy: Copy, network: &Network) -> Outcome<Vec<DnsHost>> {
    Ok(copy.definition(network)?.names.into_iter().filter_map(host).collect())
}

fn add(copy: Copy, network: &Network, host: &DnsHost) -> Outcome<()> {
    let xml = xml(host.address, &host.names)?;
    copy.update(network, sys::VIR_NETWORK_UPDATE_COMMAND_ADD_LAST, sys::VIR_NETWORK_SECTION_DNS_HOST, &xml)
}

/// By its address alone: libvirt takes an entry that has one of the names for a second one to be removed, and refuses.
fn delete(copy: Copy, network: &Network, host: &DnsHost) -> Outcome<()> {
    let xml = xml(host.address, &[])?;
    copy.update(network, sys::VIR_NETWORK_UPDATE_COMMAND_DELETE, sys::VIR_NETWORK_SECTION_DNS_HOST, &xml)
}

/// Whether an entry is of the same names with an address of the other family, as an instance with both has it.
fn is_counterpart(other: &DnsHost, wanted: &DnsHost) -> bool {
    other.names == wanted.names && other.address.is_ipv4() != wanted.address.is_ipv4()
}

/// The entries, of either copy.
pub fn all(link: &Link, network: &str) -> Result<Vec<DnsInfo>> {
    no_nul(&[network])?;
    let name = network.to_owned();
    link.call(&format!("list the names of network `{}`", escaped(&name)), ORDINARY, move |c| {
        let Some(network) = lookup::network(c, &name)? else { return Ok(Vec::new()) };
        match Copy::of(&network)
            .and_then(|copies| copies.into_iter().map(|copy| hosts(copy, &network)).collect::<Outcome<Vec<_>>>())
        {
            Ok(copies) => Ok(merged(&copies)),
            // It went while we looked.
            Err(Problem::Virt(error)) if error.code().is(ErrorNumber::NoNetwork) => Ok(Vec::new()),
            Err(problem) => Err(problem),
        }
    })
}

fn merged(copies: &[Vec<DnsHost>]) -> Vec<DnsInfo> {
    let mut seen: Vec<DnsInfo> = Vec::new();
    for host in copies.iter().flatten() {
        if !seen.iter().any(|s| s.host == *host) {
            seen.push(DnsInfo { host: host.clone(), whole: copies.iter().all(|copy| copy.contains(host)) });
        }
    }
    seen.sort_by_key(|s| s.host.address);
    seen
}

/// Makes the server answer for these names. libvirt writes a file and sends dnsmasq a signal; nothing is started anew.
pub fn ensure(link: &Link, network: &str, host: &DnsHost) -> Result<()> {
    no_nul(&[network])?;
    let (name, wanted) = (network.to_owned(), host.clone());
    let call = format!("give {} a name on network `{}`", wanted.address, escaped(&name));
    link.call(&call, ORDINARY, move |c| {
        let Some(network) = lookup::network(c, &name)? else {
            return Err(Error::new(Code::NoNetwork, format!("libvirt has no network `{}`", escaped(&name)))
                .hint(Hint::new().run_with(Verb::Doctor, &[&"--fix"]).text(" makes what lite needs on this host"))
                .into());
        };
        for copy in Copy::of(&network)? {
            let there = hosts(copy, &network)?;
            if there.contains(&wanted) {
                continue;
            }
            // libvirt refuses it too, and does not say which.
            let in_the_way = |h: &&DnsHost| {
                let meets = h.address == wanted.address || h.names.iter().any(|n| wanted.names.contains(n));
                meets && !is_counterpart(h, &wanted)
            };
            if let Some(other) = there.iter().find(in_the_way) {
                let names = escaped(&other.names.join(" "));
                let text = format!("network `{}` answers for `{names}` with {} already", escaped(&name), other.address);
                return Err(Error::new(Code::NameTaken, text).into());
            }
            add(copy, &network, &wanted)?;
        }
        Ok(())
    })
}

/// Makes the server forget exactly this entry.
pub fn remove(link: &Link, network: &str, host: &DnsHost) -> Result<()> {
    no_nul(&[network])?;
    let (name, old) = (network.to_owned(), host.clone());
    let call = format!("take the name of {} from network `{}`", old.address, escaped(&name));
    link.call(&call, ORDINARY, move |c| {
        let Some(network) = lookup::network(c, &name)? else { return Ok(()) };
        for copy in Copy::of(&network)? {
            if hosts(copy, &network)?.contains(&old) {
                delete(copy, &network, &old)?;
            }
        }
        Ok(())
    })
}

#[cfg(test)]
mod tests {
    use super::{DnsHost, merged, xml};

    fn host(last: u8, name: &str) -> DnsHost {
        DnsHost { address: [10, 0, 0, last].into(), names: vec![format!("{name}.x"), name.to_owned()] }
    }

    #[test]
    fn an_entry_is_written() {
        assert_eq!(
            xml(host(2, "a&b").address, &host(2, "a&b").names).unwrap(),
            r#"<host ip="10.0.0.2"><hostname>a&amp;b.x</hostname><hostname>a&amp;b</hostname></host>"#
        );
        assert_eq!(xml(host(2, "a").address, &[]).unwrap(), r#"<host ip="10.0.0.2"/>"#);
    }

    #[test]
    fn an_entry_in_one_copy_only_is_not_whole() {
        let seen = merged(&[vec![host(3, "c"), host(2, "b")], vec![host(3, "c")]]);
        let told: Vec<_> = seen.iter().map(|s| (s.host.names[1].as_str(), s.whole)).collect();
        assert_eq!(told, [("b", false), ("c", true)]);
        assert_eq!(merged(&[]), []);
    }
}
