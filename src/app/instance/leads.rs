//! What leads to an instance: ports of the host, and domains.

use std::collections::HashMap;

use uuid::Uuid;

use crate::{
    engine::Ctx,
    model::{Code, Error, Hint, Instance, Protocol, Result, Rule, Service, Verb},
    view::{PublishedView, SiteView},
};

/// Refused: a port that the firewall of the instance closes.
pub(in crate::app) fn open_port(instance: &Instance, port: u16, protocol: Protocol) -> Result<()> {
    let service = Service::Ports { first: port, last: port, protocol };
    let name = &instance.record.name;
    if !instance.record.rules().iter().any(|rule: &Rule| rule.service.has(service)) {
        return Err(Error::new(Code::PortClosed, format!("the firewall of instance `{name}` closes `{service}`"))
            .hint(Hint::from("open it first: ").run_with(Verb::Firewall, &[name, &"open", &service])));
    }
    Ok(())
}

/// What leads to an instance now.
pub(super) fn view_of(ctx: &Ctx, instance: &Instance) -> Result<PublishedView> {
    let uuid = instance.record.uuid;
    let published = ctx.store.require(&instance.record.name)?.record.published;
    let sites = sites(ctx)?.remove(&uuid).unwrap_or_default();
    let view = PublishedView::new(&instance.record.name, published, ctx.machine.outward_address());
    Ok(PublishedView { sites, ..view })
}

/// The sites of all instances of the host.
pub(super) fn sites(ctx: &Ctx) -> Result<HashMap<Uuid, Vec<SiteView>>> {
    let host = ctx.host_id();
    let certificates = ctx.store.certificates_on(&host)?;
    let mut all: HashMap<Uuid, Vec<SiteView>> = HashMap::new();
    for row in ctx.store.sites_on(&host)? {
        let certificate = certificates.iter().find(|c| c.domain == row.site.domain).cloned();
        all.entry(row.instance).or_default().push(SiteView::new(row.site, certificate));
    }
    Ok(all)
}
