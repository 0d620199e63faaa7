//! A network that forwards in another mode while guests run on it. libvirt takes a new definition at a network's start alone, and a
//! network that is stopped takes its bridge along: the links that were on it are put on the new one. A guest sees a pause of a
//! second; its connections live on, since the network keeps its hardware address and the kernel its table of connections.

use super::{Ctx, firewall, names, network};
use crate::{
    hypervisor::NetworkInfo,
    kill_point,
    model::{Code, Error, ForwardMode, Hint, NetworkDefinition, Result, Tap, Verb, escaped},
    plan,
};

/// The network of lite's, if libvirt itself would refuse what is published: it is in mode `nat`, as an earlier lite made it.
///
/// # Errors
/// libvirt cannot be asked.
pub fn refusing_network(ctx: &Ctx) -> Result<Option<String>> {
    let network = ctx.hypervisor.network(&ctx.settings.host.network)?;
    let mode = network.as_ref().and_then(|n| NetworkDefinition::parse(&n.xml).ok()).and_then(|n| n.forward);
    Ok(network.filter(|_| mode.as_deref() == Some(ForwardMode::Nat.as_str())).map(|network| network.name))
}

/// What is to be said of a network in mode `nat`.
pub fn refusing(network: &str) -> Hint {
    Hint::from(format!(
        "network `{}` is in libvirt's mode `nat`, which refuses what is published to other machines: ",
        escaped(network)
    ))
    .run_with(Verb::Repair, &[&"--network", &"route"])
    .text(" moves it, and stops no instance")
}

/// The network as it runs, and the definition that it starts from.
///
/// # Errors
/// [`Code::HostNotReady`] if it is not there, or libvirt cannot be asked.
pub fn defined(ctx: &Ctx, name: &str) -> Result<(NetworkInfo, String)> {
    let (seen, stored) = (ctx.hypervisor.network(name)?, ctx.hypervisor.stored_network(name)?);
    seen.zip(stored).ok_or_else(|| {
        Error::new(Code::HostNotReady, format!("network `{}` is missing", escaped(name)))
            .hint(Hint::new().run_with(Verb::Doctor, &[&"--fix"]).text(" makes it"))
    })
}

/// The links on a bridge.
pub fn links_on(ctx: &Ctx, bridge: &str) -> Result<Vec<Tap>> {
    let mut links = ctx.hypervisor.links()?;
    links.retain(|link| link.bridge.as_deref() == Some(bridge));
    Ok(links)
}

/// The network runs in this mode, with these links on its bridge, and lite's rules are loaded.
pub fn move_to(ctx: &Ctx, name: &str, mode: ForwardMode, links: &[Tap]) -> Result<()> {
    let (_, stored) = defined(ctx, name)?;
    let wanted = plan::with_forward_mode(&stored, mode)?.unwrap_or(stored);
    run_as(ctx, name, &wanted, links)
}

/// The network runs as this definition says; one that runs in its mode already is not stopped.
pub fn run_as(ctx: &Ctx, name: &str, xml: &str, links: &[Tap]) -> Result<()> {
    let wanted = NetworkDefinition::parse(xml)?;
    let (seen, _) = defined(ctx, name)?;
    if NetworkDefinition::parse(&seen.xml)?.forward != wanted.forward {
        // There before the first packet that libvirt no longer looks at.
        firewall::apply(ctx)?;
        ctx.hypervisor.stop_network(name)?;
        kill_point::reached("stopped");
        ctx.hypervisor.define_network(name, xml)?;
        kill_point::reached("defined");
    }
    network::start(ctx, name, xml)?;
    kill_point::reached("started");
    // The new bridge is told, and a name that came meanwhile is written.
    firewall::apply(ctx)?;
    names::apply(ctx)?;
    put_on(ctx, &wanted.bridge, links)
}

/// Puts links on the bridge that are on none. One that is gone went with its guest; one that is elsewhere was put there.
fn put_on(ctx: &Ctx, bridge: &Option<String>, links: &[Tap]) -> Result<()> {
    let now = ctx.hypervisor.links()?;
    let loose = |link: &&Tap| now.iter().any(|seen| seen.name == link.name && seen.bridge.is_none());
    let mut failed = None;
    for link in links.iter().filter(loose) {
        let link = Tap { bridge: bridge.clone(), ..link.clone() };
        let put = ctx.hypervisor.attach_tap(&link);
        failed = failed.or(put.err().map(|e| e.within(format!("cannot put link `{}` back", escaped(&link.name)))));
    }
    failed.map_or(Ok(()), Err)
}
