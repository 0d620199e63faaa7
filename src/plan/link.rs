//! Where the interface of a running guest belongs on the host.

use super::nft::port_name;
use crate::model::{Drift, NetworkMode, Record, Tap};

/// What a difference of a link is called.
pub const LINK: &str = "link";

/// The tap device of an instance as it is to be; `nat`: the bridge of the NAT network. None: it has no place to be.
pub fn wanted_tap(record: &Record, nat: Option<&str>) -> Option<Tap> {
    let (bridge, isolated) = match &record.network {
        NetworkMode::Nat => (nat?, true),
        NetworkMode::Bridge(bridge) => (bridge.as_str(), false),
    };
    Some(Tap { name: port_name(record.uuid), bridge: Some(bridge.to_owned()), isolated })
}

/// In what the tap device of a running instance differs from what it is to be; in nothing if it is not there.
pub fn link_drift(wanted: &Tap, taps: &[Tap]) -> Option<Drift> {
    let now = taps.iter().find(|tap| tap.name == wanted.name && *tap != wanted)?;
    Some(match now.bridge == wanted.bridge {
        true => Drift::new(LINK, isolation(wanted), isolation(now)),
        false => Drift::new(LINK, place(wanted), place(now)),
    })
}

fn place(tap: &Tap) -> String {
    tap.bridge.as_ref().map_or_else(|| "on no bridge".to_owned(), |bridge| format!("on bridge `{bridge}`"))
}

fn isolation(tap: &Tap) -> &'static str {
    if tap.isolated { "isolated" } else { "not isolated" }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_belongs_on_its_bridge_alone() {
        let nat = crate::plan::domain::tests::record();
        let lan = Record { network: NetworkMode::Bridge("br0".to_owned()), ..nat.clone() };
        let told = |record: &Record, bridge: Option<&str>, isolated| {
            let wanted = wanted_tap(record, Some("litebr0"))?;
            let now = Tap { name: wanted.name.clone(), bridge: bridge.map(str::to_owned), isolated };
            link_drift(&wanted, &[now]).map(|d| d.to_string())
        };
        assert_eq!(told(&nat, Some("litebr0"), true), None);
        assert_eq!(told(&lan, Some("br0"), false), None);
        let off = "link: on no bridge (recorded: on bridge `litebr0`)";
        assert_eq!(told(&nat, None, false).as_deref(), Some(off));
        let other = "link: on bridge `br0` (recorded: on bridge `litebr0`)";
        assert_eq!(told(&nat, Some("br0"), true).as_deref(), Some(other));
        let open = "link: not isolated (recorded: isolated)";
        assert_eq!(told(&nat, Some("litebr0"), false).as_deref(), Some(open));
        let off = "link: on no bridge (recorded: on bridge `br0`)";
        assert_eq!(told(&lan, None, false).as_deref(), Some(off));
        assert_eq!(wanted_tap(&nat, None), None);
        // Not made yet, or on another host.
        assert_eq!(link_drift(&wanted_tap(&lan, None).unwrap(), &[]), None);
    }
}
