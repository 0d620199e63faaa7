//! What a load balancer cannot be, or have behind it.

use crate::{
    app::instance::{leads::open_port, site},
    engine::Ctx,
    model::{
        Code, Error, Hint, Instance, LoadBalancer, Name, NetworkMode, Phase, Protocol, ResourceKind, Result, Verb,
    },
    store::{load_balancers, resources},
};

/// Ports of the host that no load balancer gets, and why.
const KEPT: [(u16, &str, &str); 2] = [
    (22, "its administrator logs in there", "choose another port"),
    (443, "domains are served there", "let a domain lead to it with `--domain`, or choose another port"),
];

/// Refused: a name, a domain or a port that is taken, and a domain that does not lead to this host.
pub(super) fn new(ctx: &mut Ctx, new: &LoadBalancer) -> Result<()> {
    ctx.store.write(|t| resources::refuse_taken(t, ResourceKind::LoadBalancer, new.name.as_str()))?;
    if let Some(port) = new.listen {
        listen(ctx, port)?;
    }
    new.domain.as_ref().map_or(Ok(()), |domain| site::check_domain(ctx, domain))
}

fn listen(ctx: &Ctx, port: u16) -> Result<()> {
    if let Some((_, why, instead)) = KEPT.iter().find(|(kept, ..)| *kept == port) {
        return Err(Error::new(Code::PortTaken, format!("port {port} is this host's own: {why}")).hint(*instead));
    }
    let all = ctx.store.load_balancers(&ctx.host_id())?;
    if let Some(holder) = all.iter().find(|balancer| balancer.listen == Some(port)) {
        return Err(load_balancers::listens(holder, port));
    }
    site::check_host(ctx, &[port], "")
}

/// Refused: an instance that a load balancer of this port cannot reach.
pub(super) fn target(instance: &Instance, port: u16) -> Result<()> {
    let name = &instance.record.name;
    if instance.record.network != NetworkMode::Nat {
        return Err(Error::new(Code::NotPublishable, format!("instance `{name}` is on a network of its own"))
            .hint("a load balancer leads to instances of this host's NAT network"));
    }
    if instance.phase == Phase::Deleting {
        return Err(Error::new(Code::NotPublishable, format!("instance `{name}` is being deleted")));
    }
    open_port(instance, port, Protocol::Tcp)
}

/// Refused: an instance that is not behind the load balancer.
pub(super) fn member(balancer: &LoadBalancer, instance: &Instance) -> Result<()> {
    let (own, name): (&Name, &Name) = (&balancer.name, &instance.record.name);
    if balancer.has(instance.record.uuid) {
        return Ok(());
    }
    Err(Error::new(Code::NotATarget, format!("instance `{name}` is not behind load balancer `{own}`"))
        .hint(Hint::new().run_with(Verb::LbShow, &[own]).text(" shows those that are")))
}
