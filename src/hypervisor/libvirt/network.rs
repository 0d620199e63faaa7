//! Virtual networks.

use virt::{connect::Connect, error::ErrorNumber, network::Network};

use super::{
    Libvirt,
    connect::{LONG, ORDINARY, no_nul},
    copies::Copy,
    dhcp, dns,
    errors::{Outcome, present},
    lookup,
};
use crate::{
    hypervisor::{DhcpHost, DhcpInfo, DnsHost, DnsInfo, NetworkInfo, Networks},
    model::{Result, escaped},
};

fn read(network: &Network) -> Outcome<Option<NetworkInfo>> {
    let Some(xml) = present(network.xml_desc(0), ErrorNumber::NoNetwork)? else { return Ok(None) };
    let Some(active) = present(network.is_active(), ErrorNumber::NoNetwork)? else { return Ok(None) };
    Ok(Some(NetworkInfo { name: network.name()?, active, xml }))
}

impl Networks for Libvirt {
    fn network(&self, name: &str) -> Result<Option<NetworkInfo>> {
        no_nul(&[name])?;
        let name = name.to_owned();
        self.link.call(&format!("look for network `{}`", escaped(&name)), ORDINARY, move |c| {
            match lookup::network(c, &name)? {
                None => Ok(None),
                Some(network) => read(&network),
            }
        })
    }

    fn ensure_network(&self, name: &str, xml: &str) -> Result<()> {
        no_nul(&[name, xml])?;
        let (name, xml) = (name.to_owned(), xml.to_owned());
        self.link.call(&format!("make network `{}`", escaped(&name)), LONG, move |c| {
            let network = match lookup::network(c, &name)? {
                Some(network) => network,
                None => define(c, &name, &xml)?,
            };
            if !network.is_active()? {
                start(&network)?;
            }
            if !network.autostart()? {
                network.set_autostart(true)?;
            }
            Ok(())
        })
    }

    fn stored_network(&self, name: &str) -> Result<Option<String>> {
        no_nul(&[name])?;
        let name = name.to_owned();
        self.link.call(&format!("read the definition of network `{}`", escaped(&name)), ORDINARY, move |c| {
            match lookup::network(c, &name)? {
                Some(network) => Ok(present(Copy::Persistent.xml(&network), ErrorNumber::NoNetwork)?),
                None => Ok(None),
            }
        })
    }

    fn define_network(&self, name: &str, xml: &str) -> Result<()> {
        no_nul(&[name, xml])?;
        let xml = xml.to_owned();
        self.link.call(&format!("define network `{}`", escaped(name)), ORDINARY, move |c| {
            Ok(c.define_network_xml(&xml).map(drop)?)
        })
    }

    fn stop_network(&self, name: &str) -> Result<()> {
        no_nul(&[name])?;
        let name = name.to_owned();
        self.link.call(&format!("stop network `{}`", escaped(&name)), LONG, move |c| match lookup::network(c, &name)? {
            Some(network) if network.is_active()? => stop(&network),
            _ => Ok(()),
        })
    }

    fn ensure_dhcp_host(&self, network: &str, host: &DhcpHost) -> Result<()> {
        dhcp::ensure(&self.link, network, host)
    }

    fn remove_dhcp_host(&self, network: &str, host: &DhcpHost) -> Result<()> {
        dhcp::remove(&self.link, network, host)
    }

    fn dhcp_hosts(&self, network: &str) -> Result<Vec<DhcpInfo>> {
        dhcp::all(&self.link, network)
    }

    fn ensure_dns_host(&self, network: &str, host: &DnsHost) -> Result<()> {
        dns::ensure(&self.link, network, host)
    }

    fn remove_dns_host(&self, network: &str, host: &DnsHost) -> Result<()> {
        dns::remove(&self.link, network, host)
    }

    fn dns_hosts(&self, network: &str) -> Result<Vec<DnsInfo>> {
        dns::all(&self.link, network)
    }
}

fn define(connection: &Connect, name: &str, xml: &str) -> Outcome<Network> {
    match connection.define_network_xml(xml) {
        Ok(network) => Ok(network),
        // Another process may have been faster.
        Err(error) => lookup::network(connection, name)?.ok_or_else(|| error.into()),
    }
}

fn start(network: &Network) -> Outcome<()> {
    match network.create() {
        Err(_) if network.is_active()? => Ok(()),
        answer => Ok(answer?),
    }
}

fn stop(network: &Network) -> Outcome<()> {
    match network.destroy() {
        Err(_) if !network.is_active()? => Ok(()),
        answer => Ok(answer?),
    }
}
