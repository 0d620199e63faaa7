//! What the verbs print: a table or block for people, the document for scripts. Plain data in, no decisions.

mod alarms;
mod audit;
mod audit_log;
mod blueprints;
mod bundles;
mod check;
mod columns;
mod contacts;
mod cost;
mod created;
mod deleted;
mod disks;
mod doctor;
mod events;
mod firewall;
mod image_changes;
mod images;
mod jobs;
mod list;
mod load_balancers;
mod metrics;
mod operations;
mod outdated;
mod plan;
mod published;
mod receipt;
mod remotes;
mod repair;
mod resized;
mod secrets;
mod show;
mod snapshots;
mod static_ips;
mod tags;
mod tested;
mod unit;
mod users;

pub use alarms::{print_alarm, print_alarms};
pub use audit::print_audit;
pub use audit_log::{print_audit_log, print_audit_row};
pub use blueprints::{print_blueprint, print_blueprints};
pub use bundles::print_bundles;
pub use check::print_check;
pub use columns::ListColumn;
pub use contacts::{print_contacts, print_deliveries, print_secret_once, print_verification};
pub use cost::print_cost;
pub use created::print_created;
pub use deleted::print_deleted;
pub use disks::{print_disk_row, print_disks};
pub use doctor::{print_doctor, print_fixes};
pub use events::{print_event, print_events};
pub use firewall::print_firewall;
pub use image_changes::{print_import_plan, print_planned, print_removed, print_removed_one};
pub use images::print_images;
pub use jobs::print_jobs;
pub use list::print_list;
pub use load_balancers::{print_load_balancer, print_load_balancers};
pub use metrics::{print_metric, print_metrics};
pub use operations::{print_operation, print_operations};
pub use outdated::print_outdated;
pub use plan::{print_plan, print_plans};
pub use published::print_published;
pub use receipt::{print_changed, print_delete_receipt};
pub use remotes::{print_remote, print_remote_added, print_remote_secrets, print_remote_snapshots, print_remotes};
pub use repair::{print_rebuild_plan, print_rebuilt, print_repair};
pub use resized::print_resized;
pub use secrets::print_secrets;
pub use show::print_show;
pub use snapshots::{print_snapshot, print_snapshots};
pub use static_ips::print_static_ips;
pub use tags::print_tags;
pub use tested::print_tests;
pub use unit::print_unit;
pub use users::{print_key_created, print_keys, print_login_code, print_second_factor, print_user, print_users};

use super::{Cell, Tone};
use crate::{
    model::{Currency, DiskUsage, InstanceState, Money, Publication, Tag},
    ui::Ui,
    view::{ListRow, network_text, time_text},
};

/// `22/tcp, 80/tcp`.
pub(super) fn ports_text(ports: &[impl ToString]) -> String {
    ports.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}

/// `80/tcp, 8443/tcp to 443 (192.0.2.0/24)`.
pub(super) fn published_text(published: &[Publication]) -> String {
    let one = |p: &Publication| match p.sources.as_slice() {
        [] => p.to_string(),
        sources => format!("{p} ({})", sources.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")),
    };
    published.iter().map(one).collect::<Vec<_>>().join(", ")
}

/// What leads to an instance: its domains, and the ports of the host.
pub(super) fn leads_text(row: &ListRow) -> Option<String> {
    let sites = row.sites.iter().map(ToString::to_string);
    let ports = (!row.published.is_empty()).then(|| published_text(&row.published));
    let all: Vec<String> = sites.chain(ports).collect();
    (!all.is_empty()).then(|| all.join(", "))
}

/// A price; its currency is said where the heading does not.
pub(super) fn price_cell(price: Money, currency: &Currency, heading: Option<&str>) -> Cell {
    match heading {
        Some(_) => Cell::from(price),
        None => Cell::from(format!("{price} {currency}")),
    }
}

/// `client=acme, test`.
pub(super) fn tags_text(tags: &[Tag]) -> String {
    tags.iter().map(tag_text).collect::<Vec<_>>().join(", ")
}

/// `client=acme`, or `test` where there is no value.
pub(super) fn tag_text(tag: &Tag) -> String {
    if tag.value.is_empty() { tag.key.clone() } else { format!("{}={}", tag.key, tag.value) }
}

/// `-` where there is nothing.
pub(super) fn or_dash(value: Option<impl ToString>) -> String {
    value.map_or_else(|| "-".to_owned(), |v| v.to_string())
}

/// Says on stderr what is promised, used and free of the host's disk, where that is known.
fn print_disk(ui: &Ui, disk: Option<DiskUsage>) {
    if let Some(disk) = disk {
        ui.status(&format!("disk: {disk}"));
    }
}

/// How a state is coloured.
pub(super) fn state_tone(state: InstanceState) -> Option<Tone> {
    use InstanceState::{
        Crashed, Creating, Deleting, Drifted, Failed, Kept, Lost, Paused, Running, Snapshotting, Stopped, Stopping,
        Unknown, Unresponsive,
    };
    match state {
        Running => Some(Tone::Good),
        Stopped | Kept => None,
        Creating | Deleting | Drifted | Stopping | Snapshotting | Paused | Unknown => Some(Tone::Warn),
        Crashed | Failed | Lost | Unresponsive => Some(Tone::Bad),
    }
}

/// How a health is coloured.
pub(super) fn health_tone(health: Option<&str>) -> Option<Tone> {
    match health {
        None => None,
        Some("ok") => Some(Tone::Good),
        Some(_) => Some(Tone::Bad),
    }
}

/// A cell, toned if there is a tone.
pub(super) fn toned(text: impl ToString, tone: Option<Tone>) -> Cell {
    let cell = Cell::from(text);
    match tone {
        Some(tone) => cell.tone(tone),
        None => cell,
    }
}
