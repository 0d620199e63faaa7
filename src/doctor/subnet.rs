//! A subnet that clashes with none of the host's routes.

use std::net::Ipv4Addr;

use ipnet::Ipv4Net;

use crate::model::{Code, Error, Result};

/// The first route that the subnet would clash with. A default route clashes with nothing; nor do its two halves, which
/// VPNs set in its place.
pub fn clash(subnet: Ipv4Net, routes: &[Ipv4Net]) -> Option<Ipv4Net> {
    routes.iter().copied().find(|r| r.prefix_len() > 1 && (r.contains(&subnet) || subnet.contains(r)))
}

/// A subnet for lite's network: the preferred one, refused if it clashes with a route, or else the first that is free of
/// 192.168.150.0/24 to 192.168.254.0/24 and 10.150.0.0/24 to 10.150.255.0/24.
pub fn choose_subnet(routes: &[Ipv4Net], preferred: Option<Ipv4Net>) -> Result<Ipv4Net> {
    if let Some(subnet) = preferred.map(|s| s.trunc()) {
        return match clash(subnet, routes) {
            None => Ok(subnet),
            Some(route) => {
                let error =
                    Error::new(Code::SubnetClash, format!("subnet {subnet} clashes with this host's route to {route}"));
                Err(match candidates().find(|c| clash(*c, routes).is_none()) {
                    Some(free) => error.hint(format!("use a free one: `LITE_SUBNET={free}`, or leave it out")),
                    None => error.hint("set `LITE_SUBNET` to a subnet that no route leads to; `ip route` lists them"),
                })
            }
        };
    }
    candidates().find(|c| clash(*c, routes).is_none()).ok_or_else(|| {
        Error::new(Code::NoSubnet, "this host has routes to every subnet lite would choose from")
            .hint("set `LITE_SUBNET` to a subnet that no route leads to; `ip route` lists them")
    })
}

fn candidates() -> impl Iterator<Item = Ipv4Net> {
    let private = (150..=254).map(|third| Ipv4Addr::new(192, 168, third, 0));
    let large = (0..=255).map(|third| Ipv4Addr::new(10, 150, third, 0));
    private.chain(large).map(|address| Ipv4Net::new_assert(address, 24))
}
