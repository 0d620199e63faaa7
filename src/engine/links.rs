//! The links of running guests: whether each hangs on the bridge it belongs to. A network that is destroyed takes its bridge
//! with it, and one that is started again makes a new one with no guest on it.

use std::collections::HashSet;

use uuid::Uuid;

use super::{Ctx, firewall, network};
use crate::{
    hypervisor::{DomainState, NetworkInfo},
    model::{Drift, NetworkDefinition, NetworkMode, Record, Result, Tap},
    plan,
};

/// One look at the links.
pub struct Links {
    taps: Vec<Tap>,
    network: Option<NetworkInfo>,
    /// The bridge of the NAT network, which is there while that is started.
    nat: Option<String>,
}

impl Links {
    /// Looks. What it tells is to be believed of those instances alone that ran before the look: a start makes a link first,
    /// and then puts it on its bridge.
    ///
    /// # Errors
    /// The host cannot be asked.
    pub fn look(ctx: &Ctx) -> Result<Self> {
        let taps = ctx.hypervisor.taps()?;
        let network = match taps.is_empty() {
            true => None,
            false => ctx.hypervisor.network(&ctx.settings.host.network)?,
        };
        let nat = network.as_ref().map(|n| NetworkDefinition::parse(&n.xml)).transpose()?.and_then(|n| n.bridge);
        Ok(Self { taps, network, nat })
    }

    /// In what the link of an instance that runs differs from what it is to be.
    pub fn drift(&self, record: &Record) -> Option<Drift> {
        plan::link_drift(&self.wanted(record)?, &self.taps)
    }

    fn wanted(&self, record: &Record) -> Option<Tap> {
        plan::wanted_tap(record, self.nat.as_deref())
    }

    /// The NAT network, if it is not started.
    fn stopped_network(&self) -> Option<&NetworkInfo> {
        self.network.as_ref().filter(|network| !network.active)
    }

    /// Whether the instance has no bridge to be put on until its network is started.
    fn waits_for_network(&self, record: &Record) -> bool {
        record.network == NetworkMode::Nat && self.stopped_network().is_some()
    }
}

/// Puts links that hang elsewhere back on their bridges, without a word to the guests; a sentence for each. A network that is not
/// started stays so.
///
/// # Errors
/// The first error; the links of other instances are put back all the same.
pub fn restore(ctx: &Ctx) -> Result<Vec<String>> {
    let records = records(ctx)?;
    // Most looks end here, and ask libvirt for one network at most.
    let links = Links::look(ctx)?;
    if records.iter().all(|record| links.waits_for_network(record) || links.drift(record).is_none()) {
        return Ok(Vec::new());
    }
    put_back(ctx, &records)
}

/// As [`restore`], and starts the NAT network first if one of these instances needs that; of one instance, or of all.
///
/// # Errors
/// Those of [`restore`], or the network does not start.
pub fn repair(ctx: &Ctx, only: Option<Uuid>) -> Result<Vec<String>> {
    let mut records = records(ctx)?;
    records.retain(|record| only.is_none_or(|uuid| record.uuid == uuid));
    let links = Links::look(ctx)?;
    let mut done = Vec::new();
    if let Some(network) = links.stopped_network()
        && records.iter().any(|r| links.waits_for_network(r) && links.drift(r).is_some())
    {
        network::start(ctx, &network.name, &network.xml)?;
        firewall::apply(ctx)?;
        done.push(format!("started network `{}`", network.name));
    }
    done.extend(put_back(ctx, &records)?);
    Ok(done)
}

fn put_back(ctx: &Ctx, records: &[Record]) -> Result<Vec<String>> {
    let running = running(ctx)?;
    let links = Links::look(ctx)?;
    let (mut done, mut failed) = (Vec::new(), None);
    for record in records.iter().filter(|r| running.contains(&r.uuid) && !links.waits_for_network(r)) {
        let Some((wanted, drift)) = links.wanted(record).zip(links.drift(record)) else { continue };
        match ctx.hypervisor.attach_tap(&wanted) {
            Ok(()) => done.push(format!("put the link of `{}` back: it was {}", record.name, drift.now)),
            Err(error) => {
                let place = format!("cannot put the link of `{}` back {}", record.name, drift.recorded);
                failed = failed.or(Some(error.within(place)));
            }
        }
    }
    failed.map_or(Ok(done), Err)
}

fn running(ctx: &Ctx) -> Result<HashSet<Uuid>> {
    let all = ctx.hypervisor.domains()?.into_iter();
    Ok(all.filter(|d| d.state == DomainState::Running).map(|d| d.uuid).collect())
}

/// Those that can be read.
fn records(ctx: &Ctx) -> Result<Vec<Record>> {
    let rows = ctx.store.instances_on(&ctx.host_id())?.into_iter();
    Ok(rows.filter_map(|(_, row)| row.ok()).map(|instance| instance.record).collect())
}
