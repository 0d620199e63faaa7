//! How this machine itself comes to know the names of instances: systemd-resolved is told on which bridge it may ask for them;
//! without it they are written into its hosts file, where its administrator had a block made for them.

use std::{io::ErrorKind, net::Ipv4Addr, path::Path};

use super::Ctx;
use crate::model::{Code, DOMAIN, DnsHost, Error, NetworkDefinition, Result, escaped, hosts_file};

/// Where systemd-resolved keeps its state; not there where it does not run.
const RESOLVED: &str = "/run/systemd/resolve";

/// Tells systemd-resolved of a bridge that it was not told of, as one that was made anew; whether that was so. Without
/// systemd-resolved there is nothing to do.
///
/// # Errors
/// What `resolvectl` says.
pub fn tell(ctx: &Ctx) -> Result<bool> {
    if !ctx.machine.runs_guests() || !ctx.machine.has_resolved() {
        return Ok(false);
    }
    let Some(network) = ctx.hypervisor.network(&ctx.settings.host.network)?.filter(|network| network.active) else {
        return Ok(false);
    };
    let network = NetworkDefinition::parse(&network.xml)?;
    let gateway = network.ips.first().and_then(|ip| ip.address);
    // A network of an earlier lite hands on questions for names that nobody has, and systemd-resolved would hand them back.
    let known = network.domain.as_deref() == Some(DOMAIN);
    let Some((bridge, gateway)) = network.bridge.zip(gateway).filter(|_| known) else { return Ok(false) };
    if is_told(ctx, &bridge) {
        return Ok(false);
    }
    commands(&bridge, gateway).iter().try_for_each(|arguments| run(ctx, arguments))?;
    Ok(true)
}

/// systemd-resolved has a file for each link that it was told of, so that it still knows after its own restart.
fn is_told(ctx: &Ctx, bridge: &str) -> bool {
    let Ok(index) = ctx.machine.text(&format!("/sys/class/net/{bridge}/ifindex")) else { return true };
    let file = Path::new(RESOLVED).join("netif").join(index);
    // One that this user may not look at is told nothing by this user either.
    !matches!(ctx.machine.info(&file), Err(e) if e.kind() == ErrorKind::NotFound)
}

/// No other name is asked for there: dnsmasq would ask systemd-resolved in turn. The server comes last: without the two before,
/// it would be asked for everything.
fn commands(bridge: &str, gateway: Ipv4Addr) -> [[String; 3]; 3] {
    let command = |verb: &str, value: &str| [verb, bridge, value].map(str::to_owned);
    [command("default-route", "false"), command("domain", DOMAIN), command("dns", &gateway.to_string())]
}

fn run(ctx: &Ctx, arguments: &[String]) -> Result<()> {
    let failed = || {
        let line = escaped(&format!("resolvectl {}", arguments.join(" ")));
        Error::new(Code::NotStarted, format!("`{line}` failed: this host does not resolve the names of instances"))
    };
    let program = ctx.machine.program("resolvectl").ok_or_else(|| failed().cause("it is not installed"))?;
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let out = ctx.machine.run(&program, &arguments).map_err(|e| failed().cause(e))?;
    match out.status.success() {
        true => Ok(()),
        false => Err(failed().cause(escaped(String::from_utf8_lossy(&out.stderr).trim()))),
    }
}

/// The text of this machine's hosts file, if that has a block for the names.
pub fn hosts(ctx: &Ctx) -> Option<String> {
    let read = || String::from_utf8(ctx.machine.read(Path::new(hosts_file::HOSTS)).ok()?).ok();
    let text = ctx.machine.runs_guests().then(read).flatten()?;
    hosts_file::has_block(&text, &ctx.settings.host.network).then_some(text)
}

/// Writes the names into the block of this machine's hosts file, if it has one; `false`: there is none, or it has them.
///
/// # Errors
/// The file cannot be written.
pub fn write_hosts(ctx: &Ctx, names: &[DnsHost]) -> Result<bool> {
    let Some(text) = hosts(ctx) else { return Ok(false) };
    let new = hosts_file::with_names(&text, &ctx.settings.host.network, names).filter(|new| *new != text);
    let (Some(new), file) = (new, Path::new(hosts_file::HOSTS)) else { return Ok(false) };
    ctx.machine.write(file, &new).map(|()| true).map_err(|e| {
        Error::new(Code::NotStarted, format!("cannot write the names of instances into `{}`", file.display())).cause(e)
    })
}

#[cfg(test)]
mod tests {
    use super::commands;

    #[test]
    fn the_bridge_is_asked_for_the_instances_alone() {
        let lines = commands("litebr0", [192, 168, 150, 1].into()).map(|words| words.join(" "));
        assert_eq!(lines, ["default-route litebr0 false", "domain litebr0 lite.internal", "dns litebr0 192.168.150.1"]);
    }
}
