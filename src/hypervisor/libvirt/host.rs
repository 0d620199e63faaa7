//! Facts about the host.

use roxmltree::Node as Element;
use virt::connect::Connect;

use super::{Libvirt, connect::LONG, errors::Outcome, ffi, xml};
use crate::{
    hypervisor::{HostInfo, Node},
    model::Result,
};

impl Node for Libvirt {
    fn hangs(&self) -> bool {
        self.link.was_hung()
    }

    /// Long: the first question after libvirtd started makes it probe every QEMU.
    fn host(&self) -> Result<HostInfo> {
        self.link.call("describe the host", LONG, |c| {
            let node = c.node_info()?;
            let guest = offer(&c.capabilities()?)?;
            let (memory_kib, memory_free_kib) = memory(c, node.memory)?;
            Ok(HostInfo {
                hostname: c.hostname()?,
                libvirt: version(c.lib_version()?),
                hypervisor: if c.driver_type()? == "QEMU" { version(c.hyp_version()?) } else { String::new() },
                arch: guest.arch,
                cpus: node.cpus,
                memory_kib,
                memory_free_kib,
                kvm_offered: guest.kvm,
                q35: guest.q35,
                emulator: guest.emulator,
            })
        })
    }
}

/// All memory, and what the kernel could give to a guest (free, buffers and page cache), in KiB and from one source:
/// `node_kib`, of the node's description, counts otherwise on some machines.
fn memory(connection: &Connect, node_kib: u64) -> Outcome<(u64, u64)> {
    // The test driver has no statistics.
    let Ok(stats) = ffi::memory_stats(connection) else { return Ok((node_kib, connection.free_memory()? / 1024)) };
    let sum =
        |names: &[&str]| stats.iter().filter(|(name, _)| names.contains(&name.as_str())).map(|(_, kib)| kib).sum();
    Ok((sum(&["total"]), sum(&["free", "buffers", "cached"])))
}

/// 11003000 is 11.3.0.
fn version(number: u32) -> String {
    format!("{}.{}.{}", number / 1_000_000, number / 1000 % 1000, number % 1000)
}

/// What the capabilities offer for the host's own architecture.
#[derive(Debug, Default, PartialEq, Eq)]
struct Offer {
    arch: String,
    kvm: bool,
    q35: bool,
    emulator: Option<String>,
}

fn offer(capabilities: &str) -> Result<Offer> {
    let document = xml::parse(capabilities)?;
    let root = document.root_element();
    let cpu = xml::child(root, "host").and_then(|host| xml::child(host, "cpu"));
    let arch = cpu.and_then(|cpu| xml::child(cpu, "arch")).and_then(|a| a.text()).unwrap_or_default().to_owned();
    let hvm = |guest: &Element<'_, '_>| xml::child(*guest, "os_type").and_then(|t| t.text()) == Some("hvm");
    let found = root
        .children()
        .filter(|n| n.has_tag_name("guest"))
        .filter(hvm)
        .filter_map(|guest| xml::child(guest, "arch"))
        .find(|a| a.attribute("name") == Some(&arch));
    let Some(guest) = found else { return Ok(Offer { arch, ..Offer::default() }) };
    let has =
        |tag: &str, test: &dyn Fn(Element<'_, '_>) -> bool| guest.descendants().any(|n| n.has_tag_name(tag) && test(n));
    Ok(Offer {
        kvm: has("domain", &|n| n.attribute("type") == Some("kvm")),
        q35: has("machine", &|n| n.text() == Some("q35") || n.text().is_some_and(|t| t.starts_with("pc-q35-"))),
        emulator: xml::child(guest, "emulator").and_then(|e| e.text()).map(str::to_owned),
        arch,
    })
}

#[cfg(test)]
mod tests {
    use super::{Offer, offer, version};

    #[test]
    fn reads_capabilities() {
        let xml = "<capabilities><host><cpu><arch>x86_64</arch></cpu></host>
            <guest><os_type>hvm</os_type><arch name='i686'><emulator>/wrong</emulator><domain type='qemu'/></arch></guest>
            <guest><os_type>hvm</os_type><arch name='x86_64'><emulator>/right</emulator>
            <machine canonical='pc-q35-10.0' maxCpus='4096'>q35</machine><domain type='qemu'/><domain type='kvm'/></arch></guest></capabilities>";
        let wanted = Offer { arch: "x86_64".into(), kvm: true, q35: true, emulator: Some("/right".into()) };
        assert_eq!(offer(xml), Ok(wanted));
        assert_eq!(offer("<capabilities/>"), Ok(Offer::default()));
        assert_eq!(offer("<").map_err(|e| e.code), Err(crate::model::Code::LibvirtXml));
    }

    #[test]
    fn reads_a_version() {
        assert_eq!(version(11_003_000), "11.3.0");
    }
}
