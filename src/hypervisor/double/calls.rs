//! The calls of the double: libvirt's where the test driver has them, memory where not.

use uuid::Uuid;

use super::Double;
use crate::{
    hypervisor::{
        DhcpHost, DhcpSeen, DomainSample, DomainSeen, HostInfo, Hypervisor, NetworkSeen, PoolSeen, VolumeSeen,
    },
    model::{Code, Error, Mac, Result},
};

/// The uuid a filter's XML states.
fn filter_uuid(xml: &str) -> Result<String> {
    let document = roxmltree::Document::parse(xml)
        .map_err(|e| Error::new(Code::LibvirtRefusedXml, "the filter's XML is broken").cause(e))?;
    let stated = document.root_element().children().find(|n| n.has_tag_name("uuid"));
    Ok(stated.and_then(|n| n.text()).unwrap_or_default().to_ascii_lowercase())
}

impl Hypervisor for Double {
    fn host(&self) -> Result<HostInfo> {
        Ok(self.memory().host.clone())
    }
    fn domains(&self) -> Result<Vec<DomainSeen>> {
        self.inner.domains()?.into_iter().map(|d| self.sized(self.shown(d))).collect()
    }
    fn samples(&self) -> Result<Vec<DomainSample>> {
        let seen = self.inner.samples()?;
        Ok(seen.into_iter().map(|s| self.sampled(s)).collect())
    }
    fn domain(&self, uuid: Uuid) -> Result<Option<DomainSeen>> {
        Ok(self.inner.domain(uuid)?.map(|d| self.shown(d)))
    }
    fn domain_by_name(&self, name: &str) -> Result<Option<DomainSeen>> {
        Ok(self.inner.domain_by_name(name)?.map(|d| self.shown(d)))
    }
    fn domain_xml(&self, uuid: Uuid) -> Result<Option<String>> {
        self.inner.domain_xml(uuid)
    }
    fn domain_metadata(&self, uuid: Uuid, uri: &str) -> Result<Option<String>> {
        self.inner.domain_metadata(uuid, uri)
    }
    fn set_domain_metadata(&self, uuid: Uuid, uri: &str, prefix: &str, xml: &str) -> Result<()> {
        self.inner.set_domain_metadata(uuid, uri, prefix, xml)
    }
    fn ensure_domain(&self, xml: &str) -> Result<()> {
        self.inner.ensure_domain(xml)
    }
    fn rename_domain(&self, uuid: Uuid, name: &str) -> Result<()> {
        self.inner.rename_domain(uuid, name)
    }
    fn remove_domain(&self, uuid: Uuid) -> Result<()> {
        self.inner.remove_domain(uuid)?;
        self.forget_state(uuid);
        Ok(())
    }
    fn start(&self, uuid: Uuid) -> Result<()> {
        self.inner.start(uuid)?;
        self.forget_state(uuid);
        self.touch_logs(uuid)
    }
    fn launch(&self, uuid: Uuid, xml: &str) -> Result<()> {
        self.inner.launch(uuid, xml)?;
        self.forget_state(uuid);
        self.touch_logs(uuid)
    }
    fn update_interface(&self, uuid: Uuid, xml: &str) -> Result<()> {
        self.memory().interfaces.entry(uuid).or_default().push(xml.to_owned());
        Ok(())
    }
    fn shutdown(&self, uuid: Uuid) -> Result<()> {
        if self.memory().ignores_power_button { Ok(()) } else { self.inner.shutdown(uuid) }
    }
    fn reboot(&self, uuid: Uuid) -> Result<()> {
        self.running(uuid)
    }
    fn resume(&self, uuid: Uuid) -> Result<()> {
        self.running(uuid)?;
        self.forget_state(uuid);
        Ok(())
    }
    fn reset(&self, uuid: Uuid) -> Result<()> {
        self.running(uuid)
    }
    fn destroy(&self, uuid: Uuid) -> Result<()> {
        self.inner.destroy(uuid)?;
        self.forget_state(uuid);
        Ok(())
    }
    fn guest_address(&self, uuid: Uuid, mac: Mac) -> Result<Option<std::net::Ipv4Addr>> {
        self.inner.guest_address(uuid, mac)
    }
    fn console(&self, uuid: Uuid) -> Result<()> {
        self.running(uuid)
    }
    fn pool(&self, name: &str) -> Result<Option<PoolSeen>> {
        self.inner.pool(name)
    }
    fn ensure_pool(&self, name: &str, xml: &str) -> Result<()> {
        self.inner.ensure_pool(name, xml)
    }
    fn remove_pool(&self, name: &str) -> Result<()> {
        self.inner.remove_pool(name)
    }
    fn refresh_pool(&self, name: &str) -> Result<()> {
        self.inner.refresh_pool(name)
    }
    fn volumes(&self, pool: &str) -> Result<Vec<VolumeSeen>> {
        self.inner.volumes(pool)
    }
    fn volume(&self, pool: &str, name: &str) -> Result<Option<VolumeSeen>> {
        self.inner.volume(pool, name)
    }
    fn ensure_volume(&self, pool: &str, name: &str, xml: &str) -> Result<()> {
        self.inner.ensure_volume(pool, name, xml)
    }
    fn upload(&self, pool: &str, volume: &str, bytes: &[u8]) -> Result<()> {
        let Some(found) = self.inner.volume(pool, volume)? else {
            return Err(Error::new(Code::NoVolume, format!("libvirt has no volume `{volume}`")));
        };
        if bytes.len() as u64 > found.capacity {
            return Err(Error::new(
                Code::VolumeTooSmall,
                format!("{} bytes do not fit volume `{volume}`", bytes.len()),
            ));
        }
        self.memory().uploads.insert((pool.to_owned(), volume.to_owned()), bytes.to_vec());
        Ok(())
    }
    fn remove_volume(&self, pool: &str, name: &str) -> Result<()> {
        self.inner.remove_volume(pool, name)?;
        self.memory().uploads.remove(&(pool.to_owned(), name.to_owned()));
        Ok(())
    }
    fn networks(&self) -> Result<Vec<NetworkSeen>> {
        self.inner.networks()
    }
    fn network(&self, name: &str) -> Result<Option<NetworkSeen>> {
        self.inner.network(name)
    }
    fn ensure_network(&self, name: &str, xml: &str) -> Result<()> {
        self.inner.ensure_network(name, xml)
    }
    fn remove_network(&self, name: &str) -> Result<()> {
        self.inner.remove_network(name)
    }
    fn ensure_dhcp_host(&self, network: &str, host: &DhcpHost) -> Result<()> {
        self.inner.ensure_dhcp_host(network, host)
    }
    fn remove_dhcp_host(&self, network: &str, host: &DhcpHost) -> Result<()> {
        self.inner.remove_dhcp_host(network, host)
    }
    fn dhcp_hosts(&self, network: &str) -> Result<Vec<DhcpSeen>> {
        self.inner.dhcp_hosts(network)
    }
    fn filters(&self) -> Result<Vec<String>> {
        Ok(self.memory().filters.keys().cloned().collect())
    }
    fn ensure_filter(&self, name: &str, xml: &str) -> Result<()> {
        let stated = filter_uuid(xml)?;
        let mut memory = self.memory();
        match memory.filters.get(name).map(|old| filter_uuid(old)).transpose()? {
            Some(old) if old != stated => {
                Err(Error::new(Code::FilterExists, format!("network filter `{name}` exists already, with uuid {old}")))
            }
            _ => {
                memory.filters.insert(name.to_owned(), xml.to_owned());
                Ok(())
            }
        }
    }
    fn filter_xml(&self, name: &str) -> Result<Option<String>> {
        Ok(self.memory().filters.get(name).cloned())
    }
    fn remove_filter(&self, name: &str) -> Result<()> {
        if self.filter_in_use(name)? {
            return Err(Error::new(Code::LibvirtInUse, format!("network filter `{name}` is in use")));
        }
        self.memory().filters.remove(name);
        Ok(())
    }
}
