//! Load balancers and static addresses, read back from the file that lies beside the database: no domain carries them.

use super::Rebuilding;
use crate::{
    engine::Ctx,
    model::{HostId, LoadBalancer, Result, StaticIp, Target},
    store::{NetworkFile, Store, load_balancers, static_ips},
};

/// Names of the load balancers and static addresses that the file tells of and the database does not.
///
/// # Errors
/// The file or the database cannot be read.
pub fn lost(store: Option<&Store>, file: &NetworkFile, host: &HostId) -> Result<[Vec<String>; 2]> {
    let known = |store: &Store| Ok((store.load_balancers(host)?, store.static_ips(host)?));
    let (balancers, addresses) = store.map(known).transpose()?.unwrap_or_default();
    let lost_balancers = file.load_balancers.iter().filter(|b| balancers.iter().all(|known| known.name != b.name));
    let lost_addresses = file.static_ips.iter().filter(|ip| addresses.iter().all(|known| known.name != ip.name));
    Ok([
        lost_balancers.map(|balancer| balancer.name.to_string()).collect(),
        lost_addresses.map(|ip| ip.name.to_string()).collect(),
    ])
}

/// Takes those into the database that are not there, each in one transaction; instances that are gone are left out.
pub fn restore(ctx: &mut Ctx, done: &mut Rebuilding) -> Result<()> {
    let file = match NetworkFile::read(&ctx.settings.paths.state) {
        Ok(Some(file)) => file,
        Ok(None) => return Ok(()),
        Err(error) => {
            done.refused.push(format!("load balancers and static addresses: {error}"));
            return Ok(());
        }
    };
    let [balancers, addresses] = lost(Some(&ctx.store), &file, &ctx.host_id())?;
    for balancer in file.load_balancers.iter().filter(|balancer| balancers.contains(&balancer.name.to_string())) {
        match take_in_balancer(ctx, balancer) {
            Ok(()) => done.load_balancers.push(balancer.name.to_string()),
            Err(error) => done.refused.push(format!("load balancer `{}`: {error}", balancer.name)),
        }
    }
    for ip in file.static_ips.iter().filter(|ip| addresses.contains(&ip.name.to_string())) {
        match take_in_address(ctx, ip) {
            Ok(()) => done.static_ips.push(ip.name.to_string()),
            Err(error) => done.refused.push(format!("static address `{}`: {error}", ip.name)),
        }
    }
    Ok(())
}

/// One that drained was on its way out.
fn take_in_balancer(ctx: &mut Ctx, balancer: &LoadBalancer) -> Result<()> {
    let (host, now) = (ctx.host_id(), ctx.now());
    let stays: Vec<Target> = balancer.targets.iter().copied().filter(|target| !target.draining).collect();
    ctx.store.write(|t| {
        load_balancers::insert(t, &host, balancer, now)?;
        load_balancers::set_targets(t, balancer.id, &stays)
    })
}

fn take_in_address(ctx: &mut Ctx, ip: &StaticIp) -> Result<()> {
    let (host, network) = (ctx.host_id(), ctx.settings.host.network.clone());
    let instance = ip.instance.map(|uuid| ctx.store.instance_by_uuid(uuid)).transpose()?.flatten();
    ctx.store.write(|t| {
        if let Some(holder) = static_ips::holder(t, &host, &network, ip.address)? {
            return Err(static_ips::in_use(ip.address, &holder));
        }
        static_ips::insert(t, &host, ip)?;
        instance.map_or(Ok(()), |instance| static_ips::attach(t, &host, &ip.name, Some(instance.record.uuid)))
    })
}
