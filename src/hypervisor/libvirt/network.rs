//! Virtual networks.

use virt::{connect::Connect, error::ErrorNumber, network::Network};

use super::{
    connect::{LONG, Link, ORDINARY, no_nul},
    errors::{Outcome, present},
};
use crate::{
    hypervisor::NetworkSeen,
    model::{Result, escaped},
};

/// The network, if there is one of the name.
pub fn find(connection: &Connect, name: &str) -> Outcome<Option<Network>> {
    present(connection.lookup_network_by_name(name), ErrorNumber::NoNetwork)
}

fn read(network: &Network) -> Outcome<Option<NetworkSeen>> {
    let Some(xml) = present(network.xml_desc(0), ErrorNumber::NoNetwork)? else { return Ok(None) };
    let Some(active) = present(network.is_active(), ErrorNumber::NoNetwork)? else { return Ok(None) };
    Ok(Some(NetworkSeen { name: network.name()?, active, xml }))
}

/// All networks.
pub fn all(link: &Link) -> Result<Vec<NetworkSeen>> {
    link.call("list the networks", ORDINARY, |c| {
        let mut found = Vec::new();
        for network in c.list_all_networks(0)? {
            found.extend(read(&network)?);
        }
        Ok(found)
    })
}

/// One network by name.
pub fn get(link: &Link, name: &str) -> Result<Option<NetworkSeen>> {
    no_nul(&[name])?;
    let name = name.to_owned();
    link.call(&format!("look for network `{}`", escaped(&name)), ORDINARY, move |c| match find(c, &name)? {
        None => Ok(None),
        Some(network) => read(&network),
    })
}

/// Defines and starts it, with autostart.
pub fn ensure(link: &Link, name: &str, xml: &str) -> Result<()> {
    no_nul(&[name, xml])?;
    let (name, xml) = (name.to_owned(), xml.to_owned());
    link.call(&format!("make network `{}`", escaped(&name)), LONG, move |c| {
        let network = match find(c, &name)? {
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

fn define(connection: &Connect, name: &str, xml: &str) -> Outcome<Network> {
    match connection.define_network_xml(xml) {
        Ok(network) => Ok(network),
        // Another process may have been faster.
        Err(error) => find(connection, name)?.ok_or_else(|| error.into()),
    }
}

fn start(network: &Network) -> Outcome<()> {
    match network.create() {
        Err(_) if network.is_active()? => Ok(()),
        answer => Ok(answer?),
    }
}

/// Stops and undefines it.
pub fn remove(link: &Link, name: &str) -> Result<()> {
    no_nul(&[name])?;
    let name = name.to_owned();
    link.call(&format!("remove network `{}`", escaped(&name)), LONG, move |c| {
        let Some(network) = find(c, &name)? else { return Ok(()) };
        if network.is_active()? {
            network.destroy()?;
        }
        match network.undefine() {
            // A network without a definition is gone once it is stopped.
            Err(_) if find(c, &name)?.is_none() => Ok(()),
            answer => Ok(answer?),
        }
    })
}
