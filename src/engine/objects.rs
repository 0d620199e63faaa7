//! What lite has a host do for each sort of owned thing. `plan::owned` says which there are, and what they are to their owner.

use crate::{
    hypervisor::{Hypervisor, Machine},
    model::{Code, Error, Result},
    plan::Object,
};

/// How many numbers virtlogd gives the logs it rotates: `FILE.0` to `FILE.15`.
const ROTATIONS: u32 = 16;

/// Makes sure that it is there; `content`, if any, is written to a volume.
pub fn ensure(hv: &dyn Hypervisor, object: &Object, xml: &str, content: Option<&[u8]>) -> Result<()> {
    match object {
        Object::Domain { .. } => hv.ensure_domain(xml),
        Object::Volume { pool, name } => {
            hv.ensure_volume(pool, name, xml)?;
            content.map_or(Ok(()), |bytes| hv.upload(pool, name, bytes))
        }
        Object::Filter { name } => hv.ensure_filter(name, xml),
        Object::DhcpHost { network, host } => hv.ensure_dhcp_host(network, host),
        // The running domain makes its logs, and whoever works on an instance its lock.
        Object::Logs { .. } | Object::Lock { .. } => Ok(()),
    }
}

/// Makes sure that it is there, as a copy of another volume of its pool, `head` over its beginning. What is no volume has no copy.
pub fn clone(hv: &dyn Hypervisor, object: &Object, (from, xml): (&str, &str), head: Option<&[u8]>) -> Result<()> {
    match object {
        Object::Volume { pool, name } => {
            hv.clone_volume(pool, from, name, xml)?;
            head.map_or(Ok(()), |bytes| hv.upload(pool, name, bytes))
        }
        _ => Ok(()),
    }
}

/// Makes sure that it is gone.
pub fn remove(hv: &dyn Hypervisor, machine: &dyn Machine, object: &Object) -> Result<()> {
    match object {
        Object::Domain { uuid } => hv.remove_domain(*uuid),
        Object::Volume { pool, name } => hv.remove_volume(pool, name),
        Object::Filter { name } => hv.remove_filter(name),
        Object::DhcpHost { network, host } => hv.remove_dhcp_host(network, host),
        Object::Logs { files } => remove_logs(machine, files),
        // The file goes with the lock that is held.
        Object::Lock { .. } => Ok(()),
    }
}

/// Whether it is on the host, whole.
pub fn is_there(hv: &dyn Hypervisor, object: &Object) -> Result<bool> {
    match object {
        Object::Domain { uuid } => Ok(hv.domain(*uuid)?.is_some()),
        Object::Volume { pool, name } => Ok(hv.volume(pool, name)?.is_some()),
        Object::Filter { name } => Ok(hv.filter_xml(name)?.is_some()),
        Object::DhcpHost { network, host } => {
            let kept = hv.dhcp_hosts(network)?;
            Ok(kept.iter().any(|k| k.whole && k.host.mac == host.mac && k.host.address == host.address))
        }
        // Nothing depends on these.
        Object::Logs { .. } | Object::Lock { .. } => Ok(true),
    }
}

/// Removes log files and the older ones that virtlogd rotated.
fn remove_logs(machine: &dyn Machine, files: &[String]) -> Result<()> {
    for file in files {
        let rotated = (0..ROTATIONS).map(|n| format!("{file}.{n}"));
        for path in std::iter::once(file.clone()).chain(rotated) {
            match machine.remove_file(path.as_ref()) {
                Err(e) if e.kind() != std::io::ErrorKind::NotFound => {
                    return Err(Error::new(Code::LogNotRemoved, format!("cannot remove `{path}`")).cause(e));
                }
                _ => {}
            }
        }
    }
    Ok(())
}
