//! Domains that lead to an instance.

use std::{net::IpAddr, time::Duration};

use ipnet::IpNet;

use super::{
    change::Change,
    leads::{open_port, view_of},
};
use crate::{
    app::{Accepted, Right},
    engine::{
        self, Ctx,
        sagas::site::{self, Difference},
    },
    hypervisor::{Answer, Machine},
    model::{
        Code, Domain, Error, Hint, Instance, Name, NetworkMode, Observer, OperationKind, Port, Protocol, Publication,
        Result, Site, Verb, is_behind_router,
    },
    view::{PublishedView, SiteView},
};

/// How long a guest on this host may take to answer.
const GUEST: Duration = Duration::from_secs(1);

/// Publishes a domain.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PublishSite {
    /// The domain.
    pub domain: Domain,
    /// The instance's port, which speaks HTTP.
    pub guest_port: u16,
    /// From where; empty: from anywhere.
    pub sources: Vec<IpNet>,
}

impl PublishSite {
    fn wanted(&self) -> Site {
        Site { domain: self.domain.clone(), guest_port: self.guest_port, sources: self.sources.clone() }
    }

    /// A site that the instance has already is changed: its certificate stays.
    fn difference(&self, ctx: &Ctx, instance: &Instance, now: &[Site]) -> Result<Difference> {
        let wanted = self.wanted();
        if now.contains(&wanted) {
            return Ok(Difference::default());
        }
        if instance.record.network != NetworkMode::Nat {
            let name = &instance.record.name;
            return Err(Error::new(Code::NotPublishable, format!("instance `{name}` is on a network of its own"))
                .hint("let the domain lead to its address there"));
        }
        open_port(instance, self.guest_port, Protocol::Tcp)?;
        let removed: Vec<Site> = now.iter().filter(|site| site.domain == wanted.domain).cloned().collect();
        if removed.is_empty() {
            check_domain(ctx, &self.domain)?;
        }
        Ok(Difference { added: vec![wanted], removed })
    }
}

/// Refused: a domain that leads somewhere already, or not to this host, and a host that cannot serve it.
pub(in crate::app) fn check_domain(ctx: &Ctx, domain: &Domain) -> Result<()> {
    ctx.store.refuse_taken_domain(&ctx.host_id(), domain)?;
    check_host(ctx, &Domain::PORTS, ", and a domain needs 80 and 443")?;
    if ctx.machine.runs_guests() { check_dns(&*ctx.machine, domain) } else { Ok(()) }
}

/// Refused: ports of the web front that something else has, or a host without HAProxy. `why` ends the sentence.
pub(in crate::app) fn check_host(ctx: &Ctx, ports: &[u16], why: &str) -> Result<()> {
    let published = ctx.store.publications_on(&ctx.host_id())?;
    let of_host =
        |port: u16| Publication { address: None, port, protocol: Protocol::Tcp, guest_port: port, sources: Vec::new() };
    for port in ports {
        let has = |held: &&crate::store::publications::Published| {
            // On one address alone it goes before the web front there.
            held.publication.address.is_none() && held.publication.meets(&of_host(*port))
        };
        if let Some(holder) = published.iter().find(has) {
            let text = format!("`{port}/tcp` leads to instance `{}` already{why}", holder.name);
            return Err(Error::new(Code::PortTaken, text)
                .hint(Hint::from("take it away: ").run_with(Verb::Unpublish, &[&holder.name, port])));
        }
    }
    if !ctx.machine.runs_guests() {
        return Ok(());
    }
    if ctx.machine.program("haproxy").is_none() {
        return Err(Error::new(
            Code::ToolsMissing,
            "`haproxy` is not installed: it serves the domains that are published",
        )
        .hint("install the package `haproxy` (`apt install haproxy`)"));
    }
    let own = if engine::proxy_runs(ctx)? { ctx.store.web_ports(&ctx.host_id())? } else { Vec::new() };
    for port in ports.iter().filter(|port| !own.contains(port)) {
        if let Some(who) = engine::listener(&*ctx.machine, &of_host(*port), false, false) {
            let text = format!("{who} listens on `{port}/tcp` of this host{why}");
            return Err(Error::new(Code::PortTaken, text).hint("stop that service, or move it to another port"));
        }
    }
    Ok(())
}

/// Refused: a name that does not lead to this host. The certificate authority counts what fails, and the world would go elsewhere.
fn check_dns(machine: &dyn Machine, domain: &Domain) -> Result<()> {
    let found = machine.lookup(domain.as_str());
    let own = machine.outward_address();
    let is_behind = own.is_some_and(is_behind_router);
    let record = match own.filter(|_| !is_behind) {
        Some(own) => format!("make the record `{domain}. A {own}`, and wait until name servers tell it"),
        None => format!(
            "make a record `{domain}. A …` with the public address of your router, and forward 80 and 443 there"
        ),
    };
    let all = match found {
        Ok(all) if !all.is_empty() => all,
        answer => {
            let error = Error::new(Code::DnsMismatch, format!("`{domain}` has no address in DNS"));
            return Err(answer.err().into_iter().fold(error, Error::cause).hint(record));
        }
    };
    let elsewhere = elsewhere(&all, is_behind, &|address| machine.is_own(address));
    if elsewhere.is_empty() {
        return Ok(());
    }
    let names: Vec<String> = elsewhere.iter().map(ToString::to_string).collect();
    let text = format!("`{domain}` leads to {}, not to this host", names.join(" and "));
    let error = Error::new(Code::DnsMismatch, text);
    if elsewhere.iter().all(IpAddr::is_ipv6) {
        return Err(error.hint(format!(
            "let the record `{domain}. AAAA …` name an IPv6 address of this host, or take it away: a certificate authority looks there first"
        )));
    }
    Err(error.hint(record))
}

/// Those of a domain's addresses that are not this host's. What a router has in front of a private IPv4 address cannot be told from
/// here; no router translates IPv6.
fn elsewhere(all: &[IpAddr], is_behind: bool, is_own: &dyn Fn(IpAddr) -> bool) -> Vec<IpAddr> {
    let may_be_routers = |address: &IpAddr| match address {
        IpAddr::V4(v4) => !(is_behind_router(*v4) || v4.is_loopback() || v4.is_link_local() || v4.is_unspecified()),
        IpAddr::V6(_) => false,
    };
    all.iter().filter(|address| !(is_own(**address) || is_behind && may_be_routers(address))).copied().collect()
}

impl Change for PublishSite {
    type View = PublishedView;
    const RIGHT: Right = Right::Change;

    fn is_of_host(&self) -> bool {
        true
    }

    fn plan(&self, ctx: &Ctx, instance: &Instance) -> Result<PublishedView> {
        let now = site::of(ctx, instance.record.uuid)?;
        let Difference { added, removed } = self.difference(ctx, instance, &now)?;
        let mut view = view_of(ctx, instance)?;
        view.sites.retain(|shown| !removed.iter().any(|site| site.domain == shown.domain));
        view.sites.extend(added.into_iter().map(|site| SiteView::new(site, None)));
        Ok(PublishedView { host_address: None, ..view })
    }

    fn accept(&self, mut ctx: Ctx, instance: Instance, _: &mut dyn Observer) -> Result<Accepted<PublishedView>> {
        let wanted = |ctx: &Ctx, instance: &Instance, now: &[Site]| self.difference(ctx, instance, now);
        let accepted = site::accept(&mut ctx, &instance, OperationKind::Publish, &wanted)?;
        let publish = self.clone();
        let Some(accepted) = accepted else {
            return Ok(Accepted::without_operation(move |observer| publish.secure(&mut ctx, &instance, observer)));
        };
        Ok(Accepted::new(accepted.operation.clone(), move |observer| {
            site::run(&mut ctx, accepted)?.iter().for_each(|doubt| observer.warn(doubt));
            publish.secure(&mut ctx, &instance, observer)
        }))
    }
}

impl PublishSite {
    /// Gets the certificate, if it is due; tells the application its URL; and asks for the first page.
    fn secure(&self, ctx: &mut Ctx, instance: &Instance, observer: &mut dyn Observer) -> Result<PublishedView> {
        let domain = &self.domain;
        // Forward only: the domain answers over HTTP whatever comes of it.
        let issued = engine::obtain_certificate(ctx, domain);
        let configured = engine::configure_site(ctx, instance.record.uuid);
        issued.map_err(|error| without_certificate(domain, &error))?;
        if let Some(status @ 500..) = engine::try_site(ctx, domain)? {
            observer.warn(&Hint::from(format!("`https://{domain}/` answers with HTTP status {status}")));
        }
        let unanswered = unanswered(ctx, instance, &self.wanted()).into_iter().collect();
        Ok(PublishedView { unanswered, application_url: Some(configured?), ..view_of(ctx, instance)? })
    }
}

/// The instance's port that a site leads to, if nothing answers there.
fn unanswered(ctx: &Ctx, instance: &Instance, site: &Site) -> Option<Publication> {
    let port = Port { number: site.guest_port, protocol: Protocol::Tcp };
    let address = instance.record.address.filter(|_| ctx.machine.runs_guests())?;
    let answers = matches!(ctx.machine.ask_port(address.into(), port, GUEST), Ok(Answer::Accepted));
    let publication = Publication {
        address: None,
        port: 443,
        protocol: Protocol::Tcp,
        guest_port: site.guest_port,
        sources: site.sources.clone(),
    };
    (!answers).then_some(publication)
}

pub(in crate::app) fn without_certificate(domain: &Domain, error: &Error) -> Error {
    let text = format!("`{domain}` is served over HTTP alone: it has no certificate yet");
    Error::new(Code::CertificateFailed, text).cause(error).hint(
        Hint::new().run(Verb::Watch).text(" asks again by itself, after 1, 5 and 30 minutes, and then more rarely"),
    )
}

/// Accepts that domains, or all, lead to an instance no longer.
///
/// # Errors
/// [`Code::NotPublished`] for one that does not, or busy.
pub(super) fn accept_unpublish(
    all: bool,
    domains: &[Domain],
    ctx: &mut Ctx,
    instance: &Instance,
) -> Result<Option<engine::Accepted<Difference>>> {
    let name = instance.record.name.clone();
    site::accept(ctx, instance, OperationKind::Unpublish, &|_, _, now| unpublished(all, domains, &name, now))
}

/// What goes of the domains that lead to an instance now, or all.
///
/// # Errors
/// [`Code::NotPublished`] for one that does not.
pub(super) fn unpublished(all: bool, domains: &[Domain], name: &Name, now: &[Site]) -> Result<Difference> {
    let has = |domain: &&Domain| now.iter().any(|site| site.domain == **domain);
    if let Some(domain) = domains.iter().find(|domain| !has(domain)) {
        return Err(Error::new(Code::NotPublished, format!("`{domain}` does not lead to `{name}`"))
            .hint(Hint::new().run_with(Verb::Show, &[name]).text(" shows what does")));
    }
    let goes = |site: &&Site| all || domains.contains(&site.domain);
    Ok(Difference { added: Vec::new(), removed: now.iter().filter(goes).cloned().collect() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_router_may_have_a_public_address_of_ipv4_alone() {
        let address = |text: &str| text.parse::<IpAddr>().unwrap();
        let all = ["192.168.1.5", "203.0.113.7", "10.0.0.9", "2001:db8::5", "2001:db8::7"].map(address);
        let is_own = |of: IpAddr| [all[0], all[3]].contains(&of);
        assert_eq!(elsewhere(&all, true, &is_own), [all[2], all[4]]);
        assert_eq!(elsewhere(&all, false, &is_own), [all[1], all[2], all[4]]);
    }
}
