//! `/instances/NAME/network`: ports of the host, domains and static addresses that lead to an instance.

use std::net::{IpAddr, Ipv4Addr};

use ipnet::IpNet;
use serde::Serialize;

use super::{
    super::{
        fault::Faults,
        form::Fields,
        frame::{At, Warnings},
        sheet::{Sheet, Wanted},
    },
    instance::{self, named, unknown_action},
};
use crate::{
    app::{
        App, Caller,
        instance::{
            change::{self, Change},
            publish::{Publish, Unpublish},
            site::PublishSite,
        },
        static_ip,
    },
    model::{
        Code, Domain, Error, Name, Port, PortPair, Protocol, Publication, Result, Service, Unobserved, escaped, source,
    },
    view::{SiteView, StaticIpRow},
};

/// What leads to an instance.
pub struct OfInstance;

/// What it shows.
#[derive(Serialize)]
pub struct View {
    name: String,
    published: Vec<Lead>,
    sites: Vec<SiteView>,
    ip: Option<StaticIpRow>,
    /// Static addresses that lead elsewhere or nowhere.
    others: Vec<StaticIpRow>,
}

/// A port of the host that leads to it.
#[derive(Serialize)]
struct Lead {
    port: Port,
    text: String,
    sources: Vec<IpNet>,
}

impl From<Publication> for Lead {
    fn from(one: Publication) -> Self {
        Self { port: one.host_port(), text: one.to_string(), sources: one.sources }
    }
}

impl Sheet for OfInstance {
    const AT: At = At::Instances;
    const TEMPLATE: &'static str = "leads.html.j2";
    type View = View;

    fn title(name: &str) -> String {
        format!("Network of {name}")
    }

    fn back(name: &str, _: &Fields) -> String {
        instance::under(name, "network")
    }

    fn look(app: &App, caller: &Caller, name: &str, said: &mut Warnings) -> Result<View> {
        let one = instance::one(app, caller, &named(name)?, said)?;
        let ips = static_ip::list(app, caller, &mut Unobserved)?;
        let (mut own, others): (Vec<_>, Vec<_>) = ips.into_iter().partition(|ip| ip.instance.as_deref() == Some(name));
        let published = one.row.published.into_iter().map(Lead::from).collect();
        Ok(View { name: name.to_owned(), published, sites: one.row.sites, ip: own.pop(), others })
    }

    fn wanted(name: &str, fields: &Fields, faults: &mut Faults) -> Option<Wanted> {
        let of = faults.take("action", named(name))?;
        match fields.text("action") {
            "publish" => published(of, fields, faults),
            "domain" => domain(of, fields, faults),
            "unpublish" => unpublished(of, fields, faults),
            "attach-ip" => {
                let ip = faults.parse(fields, "ip", named)?;
                Some(attached(ip, of))
            }
            "detach-ip" => faults.parse(fields, "ip", named).map(detached),
            other => unknown_action(other, faults),
        }
    }
}

/// A static address leads to an instance.
pub fn attached(ip: Name, instance: Name) -> Wanted {
    Wanted::change(move |app, caller| static_ip::attach(app, caller, (&ip, &instance), (false, false), &mut Unobserved))
}

/// It leads nowhere.
pub fn detached(ip: Name) -> Wanted {
    Wanted::change(move |app, caller| static_ip::detach(app, caller, &ip, (false, false), &mut Unobserved))
}

fn changed<C: Change + Send + 'static>(of: Name, what: C) -> Wanted {
    Wanted::change(move |app, caller| change::accept(app, caller, &what, (&of, false), &mut Unobserved))
}

fn published(of: Name, fields: &Fields, faults: &mut Faults) -> Option<Wanted> {
    let pairs = match fields.text("ports") {
        "" => Err(Error::new(Code::InvalidPort, "no port is given").hint("such as `443`, `443:8443` or `53/udp`")),
        text => text.split_whitespace().map(PortPair::parse).collect(),
    };
    let pairs = faults.take("ports", pairs);
    let address = faults.parse_some(fields, "address", host_address);
    let sources = sources(fields, "sources", faults);
    Some(changed(of, Publish { pairs: pairs?, address: address?, sources: sources? }))
}

fn domain(of: Name, fields: &Fields, faults: &mut Faults) -> Option<Wanted> {
    let domain = faults.parse(fields, "domain", Domain::parse);
    let port = faults.parse_some(fields, "port", web_port);
    let sources = sources(fields, "from", faults);
    Some(changed(of, PublishSite { domain: domain?, guest_port: port?.unwrap_or(80), sources: sources? }))
}

fn unpublished(of: Name, fields: &Fields, faults: &mut Faults) -> Option<Wanted> {
    let (mut ports, mut domains) = (Vec::new(), Vec::new());
    if fields.sent("lead_domain") {
        domains.push(faults.parse(fields, "lead_domain", Domain::parse)?);
    } else {
        // Without a port everything would go.
        ports.push(faults.parse(fields, "lead_port", Service::parse)?);
    }
    Some(changed(of, Unpublish { ports, domains }))
}

/// Networks, spaces or commas between them.
pub fn sources(fields: &Fields, field: &str, faults: &mut Faults) -> Option<Vec<IpNet>> {
    let all = fields.text(field).split([' ', ',']).filter(|text| !text.is_empty());
    faults.take(field, all.map(source).collect())
}

/// A TCP port of an instance that speaks HTTP.
///
/// # Errors
/// [`Code::InvalidPort`].
pub fn web_port(text: &str) -> Result<u16> {
    Port::parse(text).and_then(|port| match port.protocol {
        Protocol::Tcp => Ok(port.number),
        Protocol::Udp => Err(Error::new(Code::InvalidPort, "a domain leads to a TCP port").hint("leave out `/udp`")),
    })
}

/// An address of this host.
fn host_address(text: &str) -> Result<IpAddr> {
    text.parse().map_err(|_| {
        Error::new(Code::InvalidAddress, format!("`{}` is no address", escaped(text)))
            .hint("use one such as `203.0.113.7`, or leave it empty for all of this host")
    })
}

/// An address that is to be kept.
///
/// # Errors
/// [`Code::InvalidAddress`].
pub fn ipv4(text: &str) -> Result<Ipv4Addr> {
    text.parse().map_err(|_| {
        Error::new(Code::InvalidAddress, format!("`{}` is no IPv4 address", escaped(text)))
            .hint("use one such as `203.0.113.7`, or leave it empty for a free one of the instances' network")
    })
}
