//! The calls of the double: those that the test driver lacks are its own, the others are passed on.

use std::{io::Read, net::Ipv4Addr, path::Path};

use uuid::Uuid;

use super::{Double, shape};
use crate::{
    hypervisor::{
        Console, ConsoleStream, DhcpHost, DhcpInfo, DnsHost, DnsInfo, DomainInfo, DomainSample, DomainState, Domains,
        Filters, HostInfo, Lifecycle, Links, NetworkInfo, Networks, Node, PacketFilter, PoolInfo, Pools, ReverseProxy,
        Upload, VolumeInfo, Volumes, delegate::calls_of,
    },
    model::{
        Code, DomainDefinition, Error, LoadedTable, Mac, NetworkDefinition, ProxyConfiguration, ProxyServer,
        ProxyStatistics, Result, Ruleset, SaveImage, Tap,
    },
};

/// Passes calls on to the test driver.
macro_rules! passed_on {
    ($(fn $call:ident($($arg:ident: $type:ty),*) -> $answer:ty;)*) => {
        $(fn $call(&self, $($arg: $type),*) -> Result<$answer> {
            self.inner.$call($($arg),*)
        })*
    };
}

/// Passes all calls of a trait on to the test driver.
macro_rules! passed_on_whole {
    ($trait:ident { $($calls:tt)* }) => {
        impl $trait for Double {
            passed_on! { $($calls)* }
        }
    };
}
calls_of!(PacketFilter, passed_on_whole);
calls_of!(ReverseProxy, passed_on_whole);

impl Networks for Double {
    passed_on! {
        fn network(name: &str) -> Option<NetworkInfo>;
        fn ensure_network(name: &str, xml: &str) -> ();
        fn stored_network(name: &str) -> Option<String>;
        fn define_network(name: &str, xml: &str) -> ();
        fn ensure_dhcp_host(network: &str, host: &DhcpHost) -> ();
        fn remove_dhcp_host(network: &str, host: &DhcpHost) -> ();
        fn dhcp_hosts(network: &str) -> Vec<DhcpInfo>;
        fn ensure_dns_host(network: &str, host: &DnsHost) -> ();
        fn remove_dns_host(network: &str, host: &DnsHost) -> ();
        fn dns_hosts(network: &str) -> Vec<DnsInfo>;
    }

    /// The bridge goes, as on a host.
    fn stop_network(&self, name: &str) -> Result<()> {
        let seen = self.inner.network(name)?.map(|seen| NetworkDefinition::parse(&seen.xml)).transpose()?;
        self.inner.stop_network(name)?;
        let bridge = seen.and_then(|network| network.bridge);
        for tap in self.memory().taps.iter_mut().filter(|tap| tap.bridge == bridge) {
            (tap.bridge, tap.isolated) = (None, false);
        }
        Ok(())
    }
}

impl Pools for Double {
    passed_on! {
        fn ensure_pool(name: &str, xml: &str) -> ();
    }

    fn pool(&self, name: &str) -> Result<Option<PoolInfo>> {
        let (seen, free) = (self.inner.pool(name)?, self.memory().pool_free);
        Ok(seen.map(|pool| PoolInfo { available: free.unwrap_or(pool.available), ..pool }))
    }
}

impl Node for Double {
    fn host(&self) -> Result<HostInfo> {
        Ok(self.memory().host.clone())
    }
}

impl Domains for Double {
    passed_on! {
        fn domain_xml(uuid: Uuid) -> Option<String>;
        fn domain_metadata(uuid: Uuid, uri: &str) -> Option<String>;
        fn set_domain_metadata(uuid: Uuid, uri: &str, prefix: &str, xml: &str) -> ();
        fn rename_domain(uuid: Uuid, name: &str) -> ();
    }

    fn ensure_domain(&self, xml: &str) -> Result<()> {
        if shape::is_new(xml) { self.inner.ensure_domain(xml) } else { self.inner.define_unvalidated(xml) }
    }

    fn guest_addresses(&self, uuid: Uuid, _: Mac) -> Result<Vec<Ipv4Addr>> {
        Ok(self.memory().addresses.get(&uuid).cloned().unwrap_or_default())
    }

    fn domains(&self) -> Result<Vec<DomainInfo>> {
        self.inner.domains()?.into_iter().map(|d| self.sized(self.shown(d))).collect()
    }

    fn samples(&self) -> Result<Vec<DomainSample>> {
        let seen = self.inner.samples()?;
        Ok(seen.into_iter().map(|s| self.sampled(s)).collect())
    }

    fn domain(&self, uuid: Uuid) -> Result<Option<DomainInfo>> {
        Ok(self.inner.domain(uuid)?.map(|d| self.shown(d)))
    }

    fn remove_domain(&self, uuid: Uuid) -> Result<()> {
        self.inner.remove_domain(uuid)?;
        self.forget_state(uuid);
        self.memory().devices.forget(uuid);
        Ok(())
    }
}

impl Lifecycle for Double {
    fn start(&self, uuid: Uuid) -> Result<()> {
        self.inner.start(uuid)?;
        self.forget_state(uuid);
        self.memory().devices.forget(uuid);
        self.touch_logs(uuid)
    }

    /// The test driver knows no such start: what runs is called paused.
    fn start_paused(&self, uuid: Uuid, xml: &str) -> Result<()> {
        DomainDefinition::parse(xml)?;
        self.inner.start(uuid)?;
        self.show(uuid, DomainState::Paused);
        Ok(())
    }

    fn shutdown(&self, uuid: Uuid) -> Result<()> {
        let ignored = self.memory().ignored_presses;
        if ignored > 0 {
            self.memory().ignored_presses = ignored - 1;
            return Ok(());
        }
        self.inner.shutdown(uuid)
    }

    fn reboot(&self, uuid: Uuid) -> Result<()> {
        self.running(uuid)
    }

    fn suspend(&self, uuid: Uuid) -> Result<()> {
        self.running(uuid)?;
        self.show(uuid, DomainState::Paused);
        Ok(())
    }

    fn resume(&self, uuid: Uuid) -> Result<()> {
        self.running(uuid)?;
        self.forget_state(uuid);
        Ok(())
    }

    fn reset(&self, uuid: Uuid) -> Result<()> {
        self.running(uuid)
    }

    fn attach_device(&self, uuid: Uuid, xml: &str) -> Result<()> {
        self.plug(uuid, xml)
    }

    /// Whatever it says: the double has no card.
    fn update_device(&self, uuid: Uuid, xml: &str) -> Result<()> {
        self.running(uuid)?;
        if xml.starts_with("<interface") { Ok(()) } else { Err(Error::new(Code::LibvirtXml, "no interface")) }
    }

    fn detach_device(&self, uuid: Uuid, xml: &str) -> Result<()> {
        self.unplug(uuid, xml)
    }

    fn resize_disk(&self, uuid: Uuid, device: &str, bytes: u64) -> Result<()> {
        self.resize_live(uuid, device, bytes)
    }

    /// The file is the double's own memory of the domain's XML.
    fn save_memory(&self, uuid: Uuid, path: &str) -> Result<()> {
        self.running(uuid)?;
        let xml = self.inner.domain_xml(uuid)?.unwrap_or_default();
        let head = SaveImage { xml: xml.clone(), cookie: None, stream_at: 0 }.head(&xml)?;
        let written = std::fs::write(path, [head, b"memory".to_vec()].concat());
        written.map_err(|e| Error::new(Code::Internal, format!("cannot write `{path}`")).cause(e))?;
        self.destroy(uuid)
    }

    /// What was put over the head of the volume of this path says who goes on.
    fn restore_memory(&self, path: &str) -> Result<()> {
        let name = path.rsplit('/').next().unwrap_or_default();
        let head = self.memory().uploads.iter().find(|((_, volume), _)| volume == name).map(|(_, bytes)| bytes.clone());
        let head =
            head.ok_or_else(|| Error::new(Code::InvalidSavedMemory, format!("nothing was written to `{name}`")))?;
        let name = DomainDefinition::parse(&SaveImage::parse(&head)?.xml)?.name;
        let found = self.inner.domains()?.into_iter().find(|domain| domain.name == name);
        let uuid = found.ok_or_else(|| Error::new(Code::NoDomain, format!("libvirt has no domain `{name}`")))?.uuid;
        self.inner.start(uuid)?;
        self.show(uuid, DomainState::Paused);
        self.touch_logs(uuid)
    }

    fn destroy(&self, uuid: Uuid) -> Result<()> {
        self.inner.destroy(uuid)?;
        self.forget_state(uuid);
        self.end_work(uuid);
        self.memory().devices.forget(uuid);
        Ok(())
    }
}

impl Console for Double {
    /// A guest that says nothing. As libvirt's, it is open once.
    fn open_console(&self, uuid: Uuid) -> Result<ConsoleStream> {
        self.running(uuid)?;
        let input = self.memory().keys.open(uuid)?;
        Ok(ConsoleStream { output: Box::new(std::io::empty()), input: Box::new(input) })
    }

    /// A guest that answers what was set.
    fn open_channel(&self, uuid: Uuid, _: &str) -> Result<ConsoleStream> {
        self.running(uuid)?;
        let answer = self.memory().channel_answer.clone();
        Ok(ConsoleStream { output: Box::new(std::io::Cursor::new(answer)), input: Box::new(std::io::sink()) })
    }
}

/// An error for a source that ended early.
fn fewer(volume: &str) -> Error {
    Error::failed(Code::FileUnreadable, format!("cannot read what was to be written to volume `{volume}`"))
}

impl Double {
    /// The capacity of a volume, which must be there and hold `length` bytes.
    fn must_hold(&self, pool: &str, volume: &str, length: u64) -> Result<u64> {
        let Some(found) = self.inner.volumes(pool)?.into_iter().find(|v| v.name == volume) else {
            return Err(Error::new(Code::NoVolume, format!("libvirt has no volume `{volume}`")));
        };
        if length > found.capacity {
            return Err(Error::new(Code::VolumeTooSmall, format!("{length} bytes do not fit volume `{volume}`")));
        }
        Ok(found.capacity)
    }
}

impl Volumes for Double {
    passed_on! {
        fn ensure_volume(pool: &str, name: &str, xml: &str) -> ();
    }

    fn volumes(&self, pool: &str) -> Result<Vec<VolumeInfo>> {
        Ok(self.inner.volumes(pool)?.into_iter().map(|seen| self.as_large_as_it_is(seen)).collect())
    }

    fn volume(&self, pool: &str, name: &str) -> Result<Option<VolumeInfo>> {
        Ok(self.inner.volume(pool, name)?.map(|seen| self.as_large_as_it_is(seen)))
    }

    fn resize_volume(&self, pool: &str, name: &str, bytes: u64) -> Result<()> {
        self.grow(pool, name, bytes)
    }

    fn upload(&self, pool: &str, volume: &str, bytes: &[u8]) -> Result<()> {
        self.must_hold(pool, volume, bytes.len() as u64)?;
        self.memory().uploads.insert((pool.to_owned(), volume.to_owned()), bytes.to_vec());
        Ok(())
    }
    fn upload_from(&self, pool: &str, volume: &str, upload: Upload<'_>) -> Result<()> {
        self.must_hold(pool, volume, upload.length)?;
        let mut bytes = Vec::new();
        upload.source.take(upload.length).read_to_end(&mut bytes).map_err(|e| fewer(volume).cause(e))?;
        if bytes.len() as u64 != upload.length {
            return Err(fewer(volume));
        }
        self.upload(pool, volume, &bytes)
    }
    fn download(&self, pool: &str, volume: &str) -> Result<Box<dyn Read + Send>> {
        let capacity = self.must_hold(pool, volume, 0)?;
        let bytes = self.uploaded(pool, volume).unwrap_or_default();
        let zeros = Zeros.take(capacity.saturating_sub(bytes.len() as u64));
        Ok(Box::new(std::io::Cursor::new(bytes).chain(zeros)))
    }
    fn clone_volume(&self, pool: &str, source: &str, name: &str, xml: &str) -> Result<()> {
        if self.inner.volume(pool, name)?.is_some() {
            return Ok(());
        }
        self.inner.clone_volume(pool, source, name, xml)?;
        let content = self.uploaded(pool, source);
        self.memory().uploads.extend(content.map(|bytes| ((pool.to_owned(), name.to_owned()), bytes)));
        Ok(())
    }
    fn remove_volume(&self, pool: &str, name: &str) -> Result<()> {
        self.inner.remove_volume(pool, name)?;
        self.forget_size(name);
        self.memory().uploads.remove(&(pool.to_owned(), name.to_owned()));
        Ok(())
    }
}

/// The uuid a filter's XML states.
fn filter_uuid(xml: &str) -> Result<String> {
    let document = roxmltree::Document::parse(xml)
        .map_err(|e| Error::new(Code::LibvirtRefusedXml, "the filter's XML is broken").cause(e))?;
    let stated = document.root_element().children().find(|n| n.has_tag_name("uuid"));
    Ok(stated.and_then(|n| n.text()).unwrap_or_default().to_ascii_lowercase())
}

impl Filters for Double {
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

impl Links for Double {
    fn taps(&self) -> Result<Vec<Tap>> {
        Ok(self.memory().taps.clone())
    }

    fn links(&self) -> Result<Vec<Tap>> {
        self.taps()
    }

    fn attach_tap(&self, tap: &Tap) -> Result<()> {
        self.set_tap(tap);
        Ok(())
    }
}

/// What a volume holds beyond what was written (`std::io::repeat` writes byte by byte where nothing is optimised).
struct Zeros;

impl Read for Zeros {
    fn read(&mut self, buf: &mut [u8]) -> std::io::Result<usize> {
        buf.fill(0);
        Ok(buf.len())
    }
}
