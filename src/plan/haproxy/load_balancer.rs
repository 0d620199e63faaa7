//! The part of the web front's configuration that is about load balancers.

use std::{fmt::Write, net::Ipv4Addr};

use uuid::Uuid;

use super::HEADERS;
use crate::{
    model::{LoadBalancer, Name, ProxyServer},
    plan::port_name,
};

/// A load balancer and its instances.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BalancerAt {
    /// The load balancer.
    pub balancer: LoadBalancer,
    /// The instances whose address is known, in the order of their names.
    pub targets: Vec<TargetAt>,
}

/// An instance behind a load balancer.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct TargetAt {
    /// Its name.
    pub name: Name,
    /// Its id.
    pub instance: Uuid,
    /// Its address.
    pub address: Ipv4Addr,
    /// It gets no new visitors.
    pub draining: bool,
}

/// How frontends of ports begin: HAProxy finds a backend by its name only where no frontend has that.
const FRONTEND: &str = "port:";

/// What the backend of a load balancer is called. No domain has a colon.
pub fn backend(name: &Name) -> String {
    format!("lb:{name}")
}

/// The backend of the load balancer at the port that domains share.
pub fn of_shared_port(all: &[BalancerAt]) -> Option<String> {
    let found = all.iter().find(|at| at.balancer.listen == Some(LoadBalancer::SHARED_PORT))?;
    Some(backend(&found.balancer.name))
}

/// The servers of a load balancer.
pub fn servers(at: &BalancerAt) -> impl Iterator<Item = ProxyServer> + '_ {
    at.targets.iter().map(|TargetAt { name, draining, .. }| ProxyServer {
        backend: backend(&at.balancer.name),
        name: name.to_string(),
        draining: *draining,
    })
}

/// A backend for each, and a frontend for each that has a port of the host. Whether a server drains is told while HAProxy
/// runs: a reload would hide who is connected to it.
pub fn sections(all: &[BalancerAt]) -> String {
    let mut text = String::new();
    // A String takes whatever is written to it.
    for at in all {
        let _ = section(&mut text, at);
    }
    text
}

fn section(text: &mut String, BalancerAt { balancer, targets }: &BalancerAt) -> std::fmt::Result {
    let LoadBalancer { name, instance_port, domain, listen, health_path, sticky, .. } = balancer;
    let own = backend(name);
    if let Some(port) = listen.filter(|port| *port != LoadBalancer::SHARED_PORT) {
        writeln!(
            text,
            "\nfrontend {FRONTEND}{name}\n\tbind 0.0.0.0:{port}\n\tbind [::]:{port} v6only\n\tdefault_backend {own}"
        )?;
    }
    let host = domain.as_ref().map_or_else(String::new, |domain| format!(" ver HTTP/1.1 hdr Host {domain}"));
    writeln!(
        text,
        "\nbackend {own}\n\
         \tbalance roundrobin\n\
         \toption httpchk\n\
         \thttp-check send meth GET uri {health_path}{host}\n\
         \thttp-check expect status 200-399\n\
         \ttimeout check 5s\n\
         \t# A request that an instance could not take goes to another; one that it may have begun only where that does no harm.\n\
         \tretries 3\n\
         \toption redispatch 1\n\
         \tretry-on conn-failure empty-response\n\
         \thttp-request disable-l7-retry unless METH_GET"
    )?;
    if *sticky {
        writeln!(text, "\tcookie LITELB insert indirect nocache httponly")?;
    }
    writeln!(text, "{HEADERS}\tdefault-server check inter 2s fastinter 500ms downinter 1s fall 2 rise 2")?;
    for TargetAt { name, instance, address, .. } in targets {
        let cookie = if *sticky { format!(" cookie {}", port_name(*instance)) } else { String::new() };
        writeln!(text, "\tserver {name} {address}:{instance_port}{cookie}")?;
    }
    Ok(())
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::model::{Domain, HealthPath, Target};

    pub fn at(domain: Option<&str>, listen: Option<u16>, sticky: bool, draining: bool) -> BalancerAt {
        let name = |text| Name::parse(text).unwrap();
        let instance = Uuid::from_u128(0xdead_beef);
        let balancer = LoadBalancer {
            id: Uuid::from_u128(1),
            name: name("shop"),
            instance_port: 8080,
            domain: domain.map(|d| Domain::parse(d).unwrap()),
            listen,
            health_path: HealthPath::parse("/health?a=1").unwrap(),
            sticky,
            targets: vec![Target { instance, draining }],
            created_at: jiff::Timestamp::UNIX_EPOCH,
        };
        BalancerAt {
            balancer,
            targets: vec![TargetAt { name: name("web-1"), instance, address: [192, 168, 150, 10].into(), draining }],
        }
    }

    #[test]
    fn a_load_balancer_is_a_backend_and_its_port_a_frontend() {
        let all = [at(Some("shop.example.org"), None, true, false), at(None, Some(8080), false, false)];
        insta::assert_snapshot!(sections(&all));
    }

    #[test]
    fn a_server_that_drains_is_told_and_not_rendered() {
        let [busy, draining] = [false, true].map(|draining| at(None, Some(8080), true, draining));
        assert_eq!(sections(&[busy]), sections(std::slice::from_ref(&draining)));
        let server = ProxyServer { backend: "lb:shop".to_owned(), name: "web-1".to_owned(), draining: true };
        assert_eq!(servers(&draining).collect::<Vec<_>>(), [server]);
    }
}
