//! Ports of the host that lead to an instance.

use std::net::IpAddr;

use ipnet::IpNet;

use super::{
    change::Change,
    leads::{open_port, view_of},
    site,
};
use crate::{
    app::{Accepted, Right},
    engine::{
        self, Ctx, Reach, doubt,
        sagas::publication::{self, Difference},
    },
    model::{
        Code, Domain, Error, Hint, Instance, NetworkMode, Observer, OperationKind, PortPair, Protocol, Publication,
        Result, Service, Verb,
    },
    store::{load_balancers, publications},
    view::PublishedView,
};

/// Publishes ports.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Publish {
    /// The ports.
    pub pairs: Vec<PortPair>,
    /// The host's address; none: each that it has.
    pub address: Option<IpAddr>,
    /// From where; empty: from anywhere.
    pub sources: Vec<IpNet>,
}

/// Takes publications away.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unpublish {
    /// Ports of the host.
    pub ports: Vec<Service>,
    /// Domains. No port and no domain: all that leads to the instance.
    pub domains: Vec<Domain>,
}

impl Unpublish {
    /// Whether everything goes.
    fn is_all(&self) -> bool {
        self.ports.is_empty() && self.domains.is_empty()
    }
}

impl Publish {
    fn wanted(&self) -> Vec<Publication> {
        let publication = |pair: &PortPair| Publication {
            address: self.address,
            port: pair.port,
            protocol: pair.protocol,
            guest_port: pair.guest_port,
            sources: self.sources.clone(),
        };
        self.pairs.iter().map(publication).collect()
    }

    fn difference(&self, ctx: &Ctx, instance: &Instance) -> Result<Difference> {
        let name = &instance.record.name;
        if instance.record.network != NetworkMode::Nat {
            return Err(Error::new(Code::NotPublishable, format!("instance `{name}` is on a network of its own"))
                .hint("it is reached at its own address there; nothing is to be published"));
        }
        let mut added = self.wanted();
        added.retain(|publication| !instance.record.published.contains(publication));
        let others = ctx.store.publications_on(&ctx.host_id())?;
        for (n, publication) in added.iter().enumerate() {
            if added[..n].iter().any(|other| other.meets(publication)) {
                return Err(Error::new(Code::PortTaken, format!("`{}` is given twice", publication.end())));
            }
            check(ctx, instance, publication)?;
            publications::require_free(&others, publication)?;
        }
        Ok(Difference { added, removed: Vec::new() })
    }
}

/// Whether an address is of the loopback, or means nothing without the name of an interface.
fn is_of_link(address: IpAddr) -> bool {
    address.is_loopback() || matches!(address, IpAddr::V6(address) if address.is_unicast_link_local())
}

/// Refused: an address that is not the host's or is a static address, a port that is taken, or that the firewall of the instance closes.
fn check(ctx: &Ctx, instance: &Instance, publication: &Publication) -> Result<()> {
    let (machine, here) = (&*ctx.machine, ctx.machine.runs_guests());
    if let Some(address) = publication.address.filter(|a| is_of_link(*a) || here && !machine.is_own(*a)) {
        return Err(Error::new(Code::NotOurAddress, format!("`{address}` is no address of this host's network"))
            .hint("use one that `ip address` shows, or leave out `--address` for all of them"));
    }
    if let Some(address) = publication.address.filter(|a| a.is_ipv6() && instance.record.address6.is_none()) {
        let name = &instance.record.name;
        return Err(Error::new(
            Code::NotPublishable,
            format!("`{address}` cannot lead to `{name}`, which has IPv4 alone"),
        )
        .hint("use an IPv4 address of this host"));
    }
    let is_of = |address: &IpAddr| publication.sources.iter().any(|from| from.addr().is_ipv4() == address.is_ipv4());
    if let Some(address) = publication.address.filter(|a| !publication.sources.is_empty() && !is_of(a)) {
        return Err(Error::new(Code::InvalidSource, format!("nobody of these networks comes by `{address}`"))
            .hint("name networks of the address's own family, IPv4 or IPv6, with `--from`"));
    }
    let kept =
        ctx.store.static_ips(&ctx.host_id())?.into_iter().find(|ip| publication.address == Some(ip.address.into()));
    if let Some(ip) = kept {
        let text = format!("`{}` is static address `{}`, which leads whole to one instance", ip.address, ip.name);
        return Err(Error::new(Code::AddressInUse, text).hint(
            Hint::from("attach it (`lite ip attach`): ").text("the instance's firewall says which ports are open"),
        ));
    }
    let of_host = [machine.outward_address().map(IpAddr::V4), machine.outward_address6().map(IpAddr::V6)];
    let is_further = publication.address.is_some() && !of_host.contains(&publication.address);
    if publication.port == 22 && !is_further {
        return Err(Error::new(Code::PortTaken, "port 22 is this host's own: its administrator logs in there")
            .hint("choose another, such as `22:2222`, or an additional address of the host with `--address`"));
    }
    if let Some(holder) = ctx
        .store
        .load_balancers(&ctx.host_id())?
        .iter()
        .find(|b| (b.listen, publication.protocol) == (Some(publication.port), Protocol::Tcp))
    {
        return Err(load_balancers::listens(holder, publication.port));
    }
    let ipv6 = instance.record.address6.is_some();
    // A service on all addresses keeps the port on the others.
    let exact = publication.port == 22;
    if let Some(who) = here.then(|| engine::listener(machine, publication, exact, ipv6)).flatten() {
        return Err(Error::new(Code::PortTaken, format!("{who} listens on `{}` of this host", publication.end()))
            .hint("choose another port of the host, such as `PORT:8080`, or stop that service"));
    }
    open_port(instance, publication.guest_port, publication.protocol)
}

impl Change for Publish {
    type View = PublishedView;
    const RIGHT: Right = Right::Change;

    fn is_of_host(&self) -> bool {
        true
    }

    fn plan(&self, ctx: &Ctx, instance: &Instance) -> Result<PublishedView> {
        planned(ctx, instance, self.difference(ctx, instance)?)
    }

    fn accept(&self, mut ctx: Ctx, instance: Instance, _: &mut dyn Observer) -> Result<Accepted<PublishedView>> {
        let wanted = |ctx: &Ctx, instance: &Instance| self.difference(ctx, instance);
        let accepted = publication::accept(&mut ctx, &instance, OperationKind::Publish, &wanted)?;
        finish(ctx, &instance, accepted, None)
    }
}

impl Unpublish {
    fn difference(&self, instance: &Instance) -> Result<Difference> {
        let (name, now) = (&instance.record.name, &instance.record.published);
        if let Some(port) = self.ports.iter().find(|port| !now.iter().any(|p| Service::from(p.host_port()) == **port)) {
            return Err(Error::new(Code::NotPublished, format!("`{port}` of this host does not lead to `{name}`"))
                .hint(Hint::new().run_with(Verb::Show, &[name]).text(" shows what does")));
        }
        let goes = |p: &&Publication| self.is_all() || self.ports.contains(&p.host_port().into());
        Ok(Difference { added: Vec::new(), removed: now.iter().filter(goes).cloned().collect() })
    }
}

impl Change for Unpublish {
    type View = PublishedView;
    const RIGHT: Right = Right::Change;

    fn is_of_host(&self) -> bool {
        true
    }

    fn plan(&self, ctx: &Ctx, instance: &Instance) -> Result<PublishedView> {
        let mut view = planned(ctx, instance, self.difference(instance)?)?;
        let sites = ctx.store.sites_on(&ctx.host_id())?.into_iter().filter(|row| row.instance == instance.record.uuid);
        let now: Vec<_> = sites.map(|row| row.site).collect();
        let gone = site::unpublished(self.is_all(), &self.domains, &instance.record.name, &now)?.removed;
        view.sites.retain(|shown| !gone.iter().any(|site| site.domain == shown.domain));
        Ok(view)
    }

    fn accept(&self, mut ctx: Ctx, instance: Instance, _: &mut dyn Observer) -> Result<Accepted<PublishedView>> {
        let wanted = |_: &Ctx, instance: &Instance| self.difference(instance);
        let accepted = publication::accept(&mut ctx, &instance, OperationKind::Unpublish, &wanted)?;
        // Domains that go along are taken away once the instance is free again.
        if accepted.is_some() || self.domains.is_empty() && !self.is_all() {
            return finish(ctx, &instance, accepted, Some(self.clone()));
        }
        let sites = site::accept_unpublish(self.is_all(), &self.domains, &mut ctx, &instance)?;
        let Some(sites) = sites else { return Ok(Accepted::without_operation(move |_| view_of(&ctx, &instance))) };
        Ok(Accepted::new(sites.operation.clone(), move |_| take_sites(&mut ctx, &instance, sites)))
    }
}

/// What would lead to the instance.
fn planned(ctx: &Ctx, instance: &Instance, difference: Difference) -> Result<PublishedView> {
    let mut published = instance.record.published.clone();
    published.retain(|publication| !difference.removed.contains(publication));
    published.extend(difference.added);
    Ok(PublishedView { published, host_address: None, ..view_of(ctx, instance)? })
}

/// Takes domains away, and tells the application so.
fn take_sites(
    ctx: &mut Ctx,
    instance: &Instance,
    sites: engine::Accepted<engine::sagas::site::Difference>,
) -> Result<PublishedView> {
    engine::sagas::site::run(ctx, sites)?;
    let application_url = Some(engine::configure_site(ctx, instance.record.uuid)?);
    Ok(PublishedView { application_url, ..view_of(ctx, instance)? })
}

/// What is left to do of a change, and what leads to the instance then.
fn finish(
    mut ctx: Ctx,
    instance: &Instance,
    accepted: Option<engine::Accepted<Difference>>,
    domains: Option<Unpublish>,
) -> Result<Accepted<PublishedView>> {
    let instance = instance.clone();
    let Some(accepted) = accepted else { return Ok(Accepted::without_operation(move |_| view_of(&ctx, &instance))) };
    Ok(Accepted::new(accepted.operation.clone(), move |observer| {
        let tried = publication::run(&mut ctx, accepted)?;
        if let Some(network) = engine::refusing_network(&ctx)?.filter(|_| !tried.is_empty()) {
            observer.warn(&engine::refusing(&network));
        }
        tried
            .iter()
            .filter_map(|(publication, reach)| doubt(&publication.end(), reach))
            .for_each(|d| observer.warn(&d));
        if let Some(unpublish) = domains.filter(|u| u.is_all() || !u.domains.is_empty())
            && let Some(sites) = site::accept_unpublish(unpublish.is_all(), &unpublish.domains, &mut ctx, &instance)?
        {
            return take_sites(&mut ctx, &instance, sites);
        }
        let silent = tried.into_iter().filter(|(_, reach)| *reach == Reach::NobodyListens);
        let unanswered = silent.map(|(publication, _)| publication).collect();
        Ok(PublishedView { unanswered, ..view_of(&ctx, &instance)? })
    }))
}
