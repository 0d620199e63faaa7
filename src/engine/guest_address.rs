//! The address of a guest, and which of those that are told of it may be believed.

use std::{net::Ipv4Addr, time::Duration};

use uuid::Uuid;

use super::Ctx;
use crate::{
    clock::Clock,
    doctor,
    hypervisor::{Hypervisor, Machine},
    model::{Code, Error, Mac, Record, Result, is_machines},
    store::Store,
};

/// How long a machine has to answer ARP. On a LAN that takes a millisecond.
const ANSWERS: Duration = Duration::from_secs(1);
/// How often the kernel's table is looked at meanwhile.
const LOOK_AGAIN: Duration = Duration::from_millis(50);
/// Most addresses of a guest that are judged: each may take that time.
const MOST: usize = 8;

/// The address of an instance's guest: the reserved one, or what libvirt is told of it, if that may be believed.
pub fn guest_address(ctx: &Ctx, record: &Record) -> Result<Option<Ipv4Addr>> {
    match record.address {
        Some(address) => Ok(Some(address)),
        None => {
            let others = others(&ctx.store, record.uuid)?;
            let guest = (record.uuid, record.mac);
            learned(&*ctx.hypervisor, &*ctx.machine, &*ctx.clock, &others, guest)
        }
    }
}

/// The addresses that are reserved for other instances.
pub fn others(store: &Store, uuid: Uuid) -> Result<Vec<Ipv4Addr>> {
    let all = store.instances()?.into_iter().map(|i| i.record);
    Ok(all.filter(|r| r.uuid != uuid).filter_map(|r| r.address).collect())
}

/// Refuses an address for a new instance that somebody has: another instance, the host, a router, or who answers for it.
///
/// # Errors
/// `address_in_use`, with whose it is.
pub fn check_stated(ctx: &Ctx, address: Ipv4Addr) -> Result<()> {
    let refuse = |whose: &str| {
        Err(Error::new(Code::AddressInUse, format!("the address {address} is {whose}")).hint("choose another"))
    };
    let instances = ctx.store.instances()?;
    if let Some(other) = instances.iter().find(|i| i.record.address == Some(address)) {
        return refuse(&format!("instance `{}`'s", other.record.name));
    }
    if ctx.machine.is_own(address.into()) {
        return refuse("the host's own");
    }
    if doctor::gateways(&*ctx.machine)?.contains(&address) {
        return refuse("a router's of the host");
    }
    // Another machine's neighbours are not to be seen from here.
    let is_seen = ctx.machine.runs_guests() && doctor::is_direct(&*ctx.machine, address)?;
    match is_seen.then(|| who_answers(&mut || ctx.machine.neighbour(address), &*ctx.clock)).flatten() {
        Some(mac) => refuse(&format!("taken: {mac} answers for it")),
        None => Ok(()),
    }
}

/// What libvirt is told of a guest nobody reserved an address for: by the host's ARP table, and by the guest itself, who may
/// say anything. None if nothing of it can be the guest's.
pub fn learned(
    hypervisor: &dyn Hypervisor,
    machine: &dyn Machine,
    clock: &dyn Clock,
    others: &[Ipv4Addr],
    (uuid, mac): (Uuid, Mac),
) -> Result<Option<Ipv4Addr>> {
    let told = hypervisor.guest_addresses(uuid, mac)?;
    // What is asked of the machine below is asked only where there is an address to judge.
    if !told.iter().copied().any(is_machines) {
        return Ok(None);
    }
    let gateways = doctor::gateways(machine)?;
    let is_guests = |a| {
        let is_taken = others.contains(&a) || gateways.contains(&a) || machine.is_own(a.into());
        // Who answers for an address has it, whatever a guest says. Behind a router nobody here can see who does.
        let answers = || who_answers(&mut || machine.neighbour(a), clock) == Some(mac);
        !is_taken && (!doctor::is_direct(machine, a).unwrap_or(true) || answers())
    };
    Ok(believed(&told, &is_guests))
}

/// Who answers for an address of a network that the host is on. The first look only makes the kernel ask, so it concludes nothing.
fn who_answers(look: &mut dyn FnMut() -> Option<Mac>, clock: &dyn Clock) -> Option<Mac> {
    let end = clock.instant() + ANSWERS;
    loop {
        let known = look();
        if known.is_some() || clock.instant() >= end {
            return known;
        }
        clock.sleep(LOOK_AGAIN);
    }
}

/// The first address that is the guest's, of those of machines. Every address that is learned passes here.
fn believed(told: &[Ipv4Addr], is_guests: &dyn Fn(Ipv4Addr) -> bool) -> Option<Ipv4Addr> {
    told.iter().copied().filter(|a| is_machines(*a)).take(MOST).find(|a| is_guests(*a))
}

#[cfg(test)]
mod tests {
    use std::{
        cell::Cell,
        net::Ipv4Addr,
        sync::Mutex,
        time::{Duration, Instant},
    };

    use jiff::Timestamp;

    use super::{believed, who_answers};
    use crate::{
        clock::Clock,
        hypervisor::{LocalMachine, Machine as _},
        model::Mac,
    };

    /// A clock on which time passes only by waiting.
    struct Waits(Mutex<Instant>);

    impl Clock for Waits {
        fn now(&self) -> Timestamp {
            Timestamp::UNIX_EPOCH
        }

        fn instant(&self) -> Instant {
            *self.0.lock().expect("no panic")
        }

        fn sleep(&self, duration: Duration) {
            *self.0.lock().expect("no panic") += duration;
        }
    }

    #[test]
    fn a_first_look_concludes_nothing() {
        let (clock, mac) = (Waits(Mutex::new(Instant::now())), Mac::parse("52:54:00:00:00:01").expect("an address"));
        let mut looks = 0;
        let mut answered_at_the_third = || {
            looks += 1;
            (looks == 3).then_some(mac)
        };
        assert_eq!(who_answers(&mut answered_at_the_third, &clock), Some(mac));
        let begun = clock.instant();
        assert_eq!(who_answers(&mut || None, &clock), None);
        assert_eq!(clock.instant() - begun, Duration::from_secs(1));
    }

    fn told(all: &[&str]) -> Vec<Ipv4Addr> {
        all.iter().map(|a| a.parse().expect("an address")).collect()
    }

    #[test]
    fn what_no_guest_can_have_is_never_believed() {
        let never = ["0.0.0.0", "0.1.2.3", "127.0.0.1", "127.9.9.9", "169.254.169.254", "224.0.0.1", "239.1.2.3"];
        let never = told(&[&never[..], &["240.0.0.1", "255.255.255.255"]].concat());
        assert_eq!(believed(&never, &|_| true), None);
        let [gateway, neighbour, guest] = ["192.168.1.1", "192.168.1.20", "192.168.1.50"];
        let taken = told(&[gateway, neighbour]);
        let all = [&never[..], &taken, &told(&[guest, "192.168.1.51"])].concat();
        assert_eq!(believed(&all, &|a| !taken.contains(&a)), told(&[guest]).first().copied());
        let many = vec![told(&[guest])[0]; 100];
        let judged = Cell::new(0);
        assert_eq!(believed(&many, &|_| judged.replace(judged.get() + 1) > 100), None);
        assert_eq!(judged.get(), 8, "a guest that tells many costs no more");
    }

    #[test]
    fn the_machine_knows_its_own() {
        let machine = LocalMachine::of("qemu:///system");
        assert_eq!(["127.0.0.1", "198.51.100.7"].map(|a| machine.is_own(told(&[a])[0].into())), [true, false]);
    }
}
