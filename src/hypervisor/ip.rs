//! Runs `ip` where the guests run, for the guests' interfaces there.

use std::{io, time::Duration};

use serde::Deserialize;

use super::{
    Links, program,
    runner::{Runner, Unrunnable},
};
use crate::model::{Code, Error, Hint, Result, Tap, Verb, escaped};

/// How long one run may take. The kernel answers in milliseconds.
const LIMIT: Duration = Duration::from_secs(20);

/// `ip` of the machine that runs the guests.
pub struct Ip {
    /// None: guests of libvirt's test driver have no interfaces.
    runner: Option<Runner>,
}

impl Ip {
    /// That of the machine whose libvirt is reached by `uri`.
    pub fn of(uri: &str) -> Self {
        Self { runner: (!uri.starts_with("test:")).then(|| Runner::of(uri)) }
    }

    fn list(&self, which: &[&str]) -> Result<Vec<Tap>> {
        let Some(runner) = &self.runner else { return Ok(Vec::new()) };
        let listed = Self::run(runner, &[&["-json", "-details", "link", "show"], which].concat(), "")?;
        parse(&listed).map_err(|e| Error::new(Code::LinksFailed, "the list of `ip` cannot be read").cause(e))
    }

    fn run(runner: &Runner, arguments: &[&str], input: &str) -> Result<Vec<u8>> {
        let failed = |e: io::Error| Error::new(Code::LinksFailed, "cannot run `ip`").cause(e);
        let command = runner.command("ip", arguments).map_err(unrunnable)?;
        let out = program::run(command, input, LIMIT).map_err(failed)?;
        if out.status.success() {
            return Ok(out.stdout);
        }
        let said = String::from_utf8_lossy(&out.stderr);
        let first = said.lines().find(|line| !line.trim().is_empty()).unwrap_or("it says nothing");
        let error = Error::new(Code::LinksFailed, "`ip` failed").cause(escaped(first.trim()));
        Err(match rustix::process::geteuid().is_root() {
            true => error,
            false => error.hint(Hint::from("links are root's to change: ").run_as_root(Verb::Again, &[])),
        })
    }
}

fn unrunnable(why: Unrunnable) -> Error {
    match why {
        Unrunnable::NotInstalled => Error::new(Code::NotInstalled, "`ip` is not installed")
            .hint("install the package `iproute2`: `apt-get install iproute2`"),
        Unrunnable::OutOfReach => Error::new(Code::LinksFailed, "the links of the host cannot be reached")
            .hint("lite looks at them by SSH: use a connection such as `qemu+ssh://root@host/system`"),
    }
}

impl Links for Ip {
    fn taps(&self) -> Result<Vec<Tap>> {
        self.list(&["type", "tun"])
    }

    fn links(&self) -> Result<Vec<Tap>> {
        self.list(&[])
    }

    fn attach_tap(&self, tap: &Tap) -> Result<()> {
        let (Some(runner), Some(bridge)) = (&self.runner, &tap.bridge) else { return Ok(()) };
        let is_name = |name: &str| !name.is_empty() && name.bytes().all(|b| b.is_ascii_graphic());
        if !is_name(&tap.name) || !is_name(bridge) {
            let told = format!("`{}` or `{}` is no name of an interface", escaped(&tap.name), escaped(bridge));
            return Err(Error::new(Code::LinksFailed, told));
        }
        let (name, isolated) = (&tap.name, if tap.isolated { "on" } else { "off" });
        // In this order, so that it is isolated on none but its own: the second line names a port of a bridge.
        let batch =
            format!("link set dev {name} master {bridge}\nlink set dev {name} type bridge_slave isolated {isolated}\n");
        Self::run(runner, &["-batch", "-"], &batch).map(drop)
    }
}

/// One link, as `ip -json -details link show` prints it, as far as lite reads it.
#[derive(Deserialize)]
struct Shown {
    ifname: String,
    master: Option<String>,
    #[serde(default)]
    linkinfo: LinkInfo,
}

#[derive(Deserialize, Default)]
struct LinkInfo {
    #[serde(default)]
    info_slave_data: PortOfBridge,
}

#[derive(Deserialize, Default)]
struct PortOfBridge {
    #[serde(default)]
    isolated: bool,
}

/// `ip` prints nothing, or an empty list, where there are none.
fn parse(listed: &[u8]) -> serde_json::Result<Vec<Tap>> {
    if listed.trim_ascii().is_empty() {
        return Ok(Vec::new());
    }
    let all: Vec<Shown> = serde_json::from_slice(listed)?;
    let tap = |s: Shown| Tap { name: s.ifname, bridge: s.master, isolated: s.linkinfo.info_slave_data.isolated };
    Ok(all.into_iter().map(tap).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As iproute2 6.1 and 6.15 print it, without what is not read.
    #[test]
    fn taps_are_read_with_their_bridge() {
        let listed = br#"[
            {"ifname":"lt-0000000001","master":"litebr0",
             "linkinfo":{"info_kind":"tun","info_slave_kind":"bridge","info_slave_data":{"isolated":true}}},
            {"ifname":"vnet0","master":"br0","linkinfo":{"info_kind":"tun","info_slave_data":{"isolated":false}}},
            {"ifname":"lt-0000000002","linkinfo":{"info_kind":"tun","info_data":{"type":"tap"}}}]"#;
        let tap = |name: &str, bridge: Option<&str>, isolated| Tap {
            name: name.to_owned(),
            bridge: bridge.map(str::to_owned),
            isolated,
        };
        assert_eq!(
            parse(listed).expect("read"),
            [
                tap("lt-0000000001", Some("litebr0"), true),
                tap("vnet0", Some("br0"), false),
                tap("lt-0000000002", None, false)
            ]
        );
        assert_eq!(["", "[]\n"].map(|none| parse(none.as_bytes()).expect("read")), [vec![], vec![]]);
    }
}
