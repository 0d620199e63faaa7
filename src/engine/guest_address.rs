//! The address of a guest, and which of those that are told of it may be believed.

use std::net::Ipv4Addr;

use uuid::Uuid;

use super::Ctx;
use crate::{
    doctor,
    hypervisor::{Hypervisor, Machine},
    model::{Mac, Record, Result, is_machines},
    store::Store,
};

/// The address of an instance's guest: the reserved one, or what libvirt is told of it, if that may be believed.
pub fn guest_address(ctx: &Ctx, record: &Record) -> Result<Option<Ipv4Addr>> {
    match record.address {
        Some(address) => Ok(Some(address)),
        None => {
            let others = others(&ctx.store, record.uuid)?;
            learned(&*ctx.hypervisor, &*ctx.machine, &others, record.uuid, record.mac)
        }
    }
}

/// The addresses that are reserved for other instances.
pub fn others(store: &Store, uuid: Uuid) -> Result<Vec<Ipv4Addr>> {
    let all = store.instances()?.into_iter().map(|i| i.record);
    Ok(all.filter(|r| r.uuid != uuid).filter_map(|r| r.address).collect())
}

/// What libvirt is told of a guest nobody reserved an address for: by the host's ARP table, and by the guest itself, who may
/// say anything. None if nothing of it can be the guest's.
pub fn learned(
    hypervisor: &dyn Hypervisor,
    machine: &dyn Machine,
    others: &[Ipv4Addr],
    uuid: Uuid,
    mac: Mac,
) -> Result<Option<Ipv4Addr>> {
    let told = hypervisor.guest_addresses(uuid, mac)?;
    // What is asked of the machine below is asked only where there is an address to judge.
    if !told.iter().copied().any(is_machines) {
        return Ok(None);
    }
    let gateways = doctor::gateways(machine)?;
    // Who answers for an address has it, whatever a guest says.
    let is_anothers = |a| machine.neighbour(a).is_some_and(|answers| answers != mac);
    let taken = |a| others.contains(&a) || gateways.contains(&a) || machine.is_own(a) || is_anothers(a);
    Ok(believed(&told, &taken))
}

/// The first address that a guest may have: one of a machine, which nobody else has. Every address that is learned passes here.
fn believed(told: &[Ipv4Addr], taken: &dyn Fn(Ipv4Addr) -> bool) -> Option<Ipv4Addr> {
    told.iter().copied().find(|a| is_machines(*a) && !taken(*a))
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use super::believed;
    use crate::hypervisor::{LocalMachine, Machine as _};

    fn told(all: &[&str]) -> Vec<Ipv4Addr> {
        all.iter().map(|a| a.parse().expect("an address")).collect()
    }

    #[test]
    fn what_no_guest_can_have_is_never_believed() {
        let never = ["0.0.0.0", "0.1.2.3", "127.0.0.1", "127.9.9.9", "169.254.169.254", "224.0.0.1", "239.1.2.3"];
        let never = told(&[&never[..], &["240.0.0.1", "255.255.255.255"]].concat());
        assert_eq!(believed(&never, &|_| false), None);
        let [gateway, neighbour, guest] = ["192.168.1.1", "192.168.1.20", "192.168.1.50"];
        let taken = told(&[gateway, neighbour]);
        let all = [&never[..], &taken, &told(&[guest, "192.168.1.51"])].concat();
        assert_eq!(believed(&all, &|a| taken.contains(&a)), told(&[guest]).first().copied());
    }

    #[test]
    fn the_machine_knows_its_own() {
        let machine = LocalMachine::of("qemu:///system");
        assert_eq!(["127.0.0.1", "198.51.100.7"].map(|a| machine.is_own(told(&[a])[0])), [true, false]);
    }
}
