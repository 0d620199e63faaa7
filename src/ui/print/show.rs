//! `lite show`.

use std::collections::BTreeMap;

use super::{leads_text, network_text, or_dash, tags_text, time_text};
use crate::{
    model::{AutoSnapshot, Money, ResourceKind, Result, Service, Tag},
    ui::{Block, Ui},
    view::{OpenService, ShowDocument, ShowView, SiteView, StorageRow},
};

/// Prints some instances in full, an empty line between two.
pub fn print_show(ui: &Ui, views: &[ShowView]) -> Result<()> {
    if ui.json {
        return ui.document(&ShowDocument { instances: views });
    }
    let blocks: Vec<String> = views.iter().map(|view| block(view).render(ui.color())).collect();
    ui.data(&blocks.join("\n"))
}

fn block(view: &ShowView) -> Block {
    let row = &view.row;
    let size = format!(
        "{} ({} vCPU, {} memory, {} disk, {}/month)",
        row.bundle, row.vcpus, row.memory, row.disk, view.transfer
    );
    let mut block = Block::new();
    block
        .row("NAME", &row.name)
        .row("STATE", row.state)
        .maybe("POWER", (row.state != view.power).then_some(view.power));
    if let Some(until) = view.kept_until {
        let back = format!("kept until {}: lite undelete {} brings it back", time_text(until), row.name);
        block.row("DELETED", back);
    }
    for drift in &view.drift {
        block.row("CHANGED", drift);
    }
    block.maybe("FAILURE", view.failure.as_ref()).maybe("AT WORK", view.operation.as_ref());
    block.row("HEALTH", or_dash(row.health.as_ref()));
    for (label, value) in &view.outputs {
        block.row(label, value);
    }
    block
        .row("ADDRESS", or_dash(row.address))
        .maybe("IPV6 ADDRESS", row.address6)
        .maybe("STATIC ADDRESS", row.static_address)
        .maybe("JOB", row.job.as_ref())
        .row("PRICE", price(view))
        .row("BLUEPRINT", format!("{} {}", row.blueprint, view.blueprint_version))
        .row("BUNDLE", size);
    for row in &view.storage {
        block.row(if row.kind == ResourceKind::Disk { "DISK" } else { "SNAPSHOT" }, storage(row));
    }
    block
        .maybe("MEASURED", measured(&view.metrics))
        .maybe(
            "TRANSFER",
            view.metrics.get("TransferUsed").map(|p| format!("{p:.1} % of {} this month", view.transfer)),
        )
        .row("BASE", &row.base)
        .maybe("SYSTEM", view.os.as_ref())
        .maybe("REBOOT", (view.reboot_required == Some(true)).then(|| format!("required: lite reboot {}", row.name)))
        .row("NETWORK", format!("{}, {}", network_text(&row.network), view.mac))
        .row("PORTS", or_dash(ports(&view.firewall)))
        .maybe("PUBLISHED", leads_text(row))
        .maybe("CERTIFICATE", certificates(&row.sites))
        .maybe("SNAPSHOTS", Tag::auto_snapshot(&row.tags).map(AutoSnapshot::sentence))
        .maybe("COPIES", Tag::pushed_to(&row.tags).map(|remote| format!("each in `{remote}`")))
        .maybe("TAGS", (!row.tags.is_empty()).then(|| tags_text(&row.tags)))
        .maybe("HOST KEY", view.host_key.as_ref())
        .row("CREATED", time_text(row.created_at))
        .row("UUID", row.uuid)
        .maybe("SSH", view.kept_until.is_none().then(|| format!("lite ssh {}", row.name)));
    block
}

/// `data (50 GiB, on /srv/data), 5.00 USD/month`.
fn storage(row: &StorageRow) -> String {
    let mount = row.mount.as_ref().map_or_else(String::new, |at| format!(", on {at}"));
    let price = match row.price > Money::default() {
        true => format!(", {} {}/month", row.price, row.currency),
        false => String::new(),
    };
    format!("{} ({}{mount}){price}", row.name, row.size.about())
}

/// What is deleted costs nothing.
fn price(view: &ShowView) -> String {
    let agreed = format!("{} {}/month", view.row.price, view.row.currency);
    if view.kept_until.is_some() { format!("nothing while it is deleted, {agreed} when it is back") } else { agreed }
}

/// The ports that are open, and from where if that is not anywhere; none: no port is.
fn ports(firewall: &[OpenService]) -> Option<String> {
    let ports = firewall.iter().filter(|open| open.service != Service::Icmp);
    let ports: Vec<String> = ports.map(ToString::to_string).collect();
    (!ports.is_empty()).then(|| ports.join(", "))
}

/// What there is to know of certificates, beyond that they are there.
fn certificates(sites: &[SiteView]) -> Option<String> {
    let one = |site: &SiteView| {
        let domain = &site.domain;
        match (&site.error, site.valid_until) {
            (Some(error), _) => {
                let next = site.next_try.map_or_else(String::new, |at| format!("; next try at {}", time_text(at)));
                Some(format!("{domain}: {error}{next}"))
            }
            (None, Some(until)) => Some(format!("{domain}: valid until {}", time_text(until))),
            (None, None) => None,
        }
    };
    let all: Vec<String> = sites.iter().filter_map(one).collect();
    (!all.is_empty()).then(|| all.join(", "))
}

/// The shares that matter most, in one line.
fn measured(metrics: &BTreeMap<&'static str, f64>) -> Option<String> {
    let named = [("CPU", "CPUUtilization"), ("memory", "MemoryUtilization"), ("disk", "DiskSpaceUtilization")];
    let parts: Vec<String> =
        named.iter().filter_map(|(name, metric)| Some(format!("{name} {:.1} %", metrics.get(metric)?))).collect();
    (!parts.is_empty()).then(|| parts.join(", "))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::{measured, print_show};
    use crate::view::{OpenService, ShowView, StorageRow, row::tests::two};
    use crate::{
        model::{DesiredState, Drift, InstanceState, Mac, Money, ResourceKind, Service, Size, StoragePrices, source},
        ui::{Ui, testing::Capture},
    };

    fn open(service: &Service) -> OpenService {
        OpenService { service: *service, sources: Vec::new() }
    }

    fn views() -> Vec<ShowView> {
        let view = |row: crate::view::ListRow| ShowView {
            firewall: row.ports.iter().chain([&Service::Icmp]).map(open).collect(),
            row,
            desired_state: DesiredState::Running,
            kept_until: None,
            blueprint_version: "1".to_owned(),
            transfer: "3 TiB".to_owned(),
            mac: Mac::ours([1, 2, 3]),
            image_digest: "ab".repeat(32),
            outputs: vec![("URL".to_owned(), "http://192.168.150.10/".to_owned())],
            power: InstanceState::Running,
            drift: Vec::new(),
            metrics: BTreeMap::new(),
            failure: None,
            storage: Vec::new(),
            operation: None,
            host_key: Some("SHA256:abc".to_owned()),
            os: Some("Debian GNU/Linux 13 (trixie)\u{1b}".to_owned()),
            reboot_required: Some(true),
        };
        let mut views: Vec<_> = two().into_iter().map(view).collect();
        views[1].failure = Some("cloud-init failed in `packages`\u{1b}".to_owned());
        (views[1].host_key, views[1].row.address) = (None, None);
        views[1].outputs.clear();
        (views[1].os, views[1].reboot_required) = (None, Some(false));
        views[1].row.state = InstanceState::Drifted;
        views[0].firewall[1].sources = ["192.0.2.0/24", "2001:db8::/32"].iter().flat_map(|s| source(s)).collect();
        let prices = StoragePrices {
            disk: Money::hundredths(10),
            snapshot: Money::default(),
            currency: views[0].row.currency.clone(),
        };
        let named = |name: &str| (name.to_owned(), Some("wordpress-1".to_owned()));
        let row = |kind, name, gib: u64| StorageRow::new(kind, named(name), Size::mib(gib << 10), &prices);
        views[0].storage = vec![row(ResourceKind::Disk, "data", 50), row(ResourceKind::Snapshot, "before", 2)];
        views[0].storage[0].mount = Some("/srv".to_owned());
        views[1].drift = vec![Drift::new("name", "test", "x\u{1b}"), Drift::new("vcpus", 2, 4)];
        views
    }

    #[test]
    fn what_was_measured_is_one_line() {
        assert_eq!(measured(&BTreeMap::new()), None);
        let some = BTreeMap::from([("CPUUtilization", 12.34), ("DiskSpaceUtilization", 7.0), ("NetworkIn", 5.0)]);
        assert_eq!(measured(&some).as_deref(), Some("CPU 12.3 %, disk 7.0 %"));
    }

    #[test]
    fn a_block_each() {
        let capture = Capture::default();
        assert_eq!(print_show(&capture.ui(), &views()), Ok(()));
        let wanted = r"NAME         wordpress-1
STATE        running
HEALTH       ok
URL          http://192.168.150.10/
ADDRESS      192.168.150.10
PRICE        12.00 USD/month
BLUEPRINT    wordpress 1
BUNDLE       small (2 vCPU, 2 GiB memory, 60 GiB disk, 3 TiB/month)
DISK         data (50.0 GiB, on /srv), 5.00 USD/month
SNAPSHOT     before (2.0 GiB)
BASE         debian-13
SYSTEM       Debian GNU/Linux 13 (trixie)\u{1b}
REBOOT       required: lite reboot wordpress-1
NETWORK      nat, 52:54:00:01:02:03
PORTS        22/tcp, 80/tcp (192.0.2.0/24, 2001:db8::/32)
TAGS         client=acme, live
HOST KEY     SHA256:abc
CREATED      2026-03-01T10:20:30Z
UUID         00000000-0000-0000-0000-00000000000a
SSH          lite ssh wordpress-1

NAME         test
STATE        drifted
POWER        running
CHANGED      name: x\u{1b} (recorded: test)
CHANGED      vcpus: 4 (recorded: 2)
FAILURE      cloud-init failed in `packages`\u{1b}
HEALTH       -
ADDRESS      -
PRICE        5.00 USD/month
BLUEPRINT    debian-13 1
BUNDLE       nano (2 vCPU, 512 MiB memory, 20 GiB disk, 3 TiB/month)
BASE         debian-13
NETWORK      nat, 52:54:00:01:02:03
PORTS        -
CREATED      2026-03-01T10:20:30Z
UUID         00000000-0000-0000-0000-00000000000b
SSH          lite ssh test
";
        assert_eq!(capture.stdout(), wanted);
    }

    #[test]
    fn json_has_the_fields_of_the_list_and_more() {
        let capture = Capture::default();
        assert_eq!(print_show(&Ui { json: true, ..capture.ui() }, &views()[..1]), Ok(()));
        let json: serde_json::Value = serde_json::from_str(&capture.stdout()).unwrap_or_default();
        let keys: Vec<&String> = json["instances"][0].as_object().into_iter().flat_map(serde_json::Map::keys).collect();
        let mut wanted = vec![
            "name",
            "uuid",
            "state",
            "static_address",
            "health",
            "blueprint",
            "base",
            "bundle",
            "vcpus",
            "memory_bytes",
            "disk_bytes",
            "address",
            "network",
            "ports",
            "published",
            "sites",
            "price",
            "currency",
            "tags",
            "created_at",
            "desired_state",
            "blueprint_version",
            "transfer",
            "mac",
            "firewall",
            "image_digest",
            "outputs",
            "power",
            "drift",
            "failure",
            "operation",
            "host_key",
            "storage",
            "os",
            "reboot_required",
        ];
        wanted.sort_unstable();
        let mut keys: Vec<&str> = keys.into_iter().map(String::as_str).collect();
        keys.sort_unstable();
        assert_eq!(keys, wanted);
        assert_eq!(json["instances"][0]["outputs"]["URL"], "http://192.168.150.10/");
    }
}
