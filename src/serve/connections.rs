//! How many connections there are, of all and of each address.

use std::{
    collections::HashMap,
    net::IpAddr,
    sync::{Arc, Mutex, PoisonError},
};

use super::Limits;
use crate::access::network_of;

/// Those that are open.
#[derive(Debug, Default)]
struct Open {
    all: usize,
    of: HashMap<IpAddr, usize>,
}

/// Counts connections.
#[derive(Debug, Clone, Default)]
pub struct Connections {
    open: Arc<Mutex<Open>>,
    proxy: Option<IpAddr>,
}

/// A connection that was let in; dropped, it is one less.
#[derive(Debug)]
pub struct Counted {
    of: IpAddr,
    open: Arc<Mutex<Open>>,
}

impl Connections {
    /// None yet; a proxy that is trusted has as many as this host.
    pub fn new(proxy: Option<IpAddr>) -> Self {
        Self { open: Arc::default(), proxy }
    }

    /// Lets a connection of an address in; none: there are too many.
    pub fn enter(&self, address: IpAddr, limits: &Limits) -> Option<Counted> {
        let (is_near, place) = (address.is_loopback() || self.proxy == Some(address), network_of(address));
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        let (all, most) = match is_near {
            true => (limits.connections, limits.of_loopback),
            false => (limits.connections.saturating_sub(limits.kept_for_loopback), limits.of_address),
        };
        let of = open.of.get(&place).copied().unwrap_or_default();
        if open.all >= all || of >= most {
            return None;
        }
        open.all += 1;
        open.of.insert(place, of + 1);
        Some(Counted { of: place, open: self.open.clone() })
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        open.all -= 1;
        match open.of.get_mut(&self.of) {
            Some(count) if *count > 1 => *count -= 1,
            _ => drop(open.of.remove(&self.of)),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::net::IpAddr;

    use super::{Connections, Limits};

    #[test]
    fn each_address_has_its_share_and_this_host_is_never_kept_out() {
        let limits =
            Limits { connections: 5, kept_for_loopback: 1, of_address: 2, of_loopback: 3, ..Limits::default() };
        let at = |address: &str| address.parse::<IpAddr>().unwrap();
        let connections = Connections::new(Some(at("192.0.2.9")));
        let enter = |address: &str| connections.enter(at(address), &limits);
        let (first, _second) = (enter("192.0.2.1"), enter("192.0.2.1"));
        assert!(first.is_some() && enter("192.0.2.1").is_none());
        let _third = (enter("2001:db8::1").unwrap(), enter("2001:db8::2").unwrap());
        assert!(enter("2001:db8::3").is_none(), "two of one network");
        assert!(enter("192.0.2.2").is_none(), "the last is kept");
        let own = enter("127.0.0.1").unwrap();
        assert!(enter("127.0.0.1").is_none(), "five in all");
        drop(own);
        assert!(enter("192.0.2.9").is_some(), "the proxy is as near");
        drop(first);
        assert!(enter("192.0.2.1").is_some());
        assert_eq!(connections.open.lock().unwrap().all, 3);
    }
}
