//! What the verbs print: a table or block for people, a versioned JSON shape for scripts. Plain data in, no decisions.

mod alarms;
mod audit;
mod blueprints;
mod bundles;
mod check;
mod columns;
mod contacts;
mod cost;
mod created;
mod doctor;
mod events;
mod images;
mod list;
mod metrics;
mod operations;
mod outdated;
mod plan;
mod receipt;
mod row;
mod secrets;
mod show;
mod tested;

use std::collections::BTreeMap;

pub use alarms::{AlarmRow, AlarmView, print_alarm, print_alarms};
pub use audit::{AuditView, FindingView, UnknownView, print_audit};
pub use blueprints::{BlueprintView, ParameterView, VerifiedView, print_blueprint, print_blueprints};
pub use bundles::{BundleRow, print_bundles};
pub use check::{FaultView, print_check};
pub use columns::ListColumn;
pub use contacts::{ContactRow, DeliveryRow, SecretOnce, print_contacts, print_deliveries, print_secret_once};
pub use cost::print_cost;
pub use created::{CreatedView, ImageUsed, ShownSecret, StageTime, print_created};
pub use doctor::{CheckView, FixView, Verdict, print_doctor, print_fixes};
pub use events::{EventRow, print_event, print_events};
pub use images::{BakedView, ImageRow, print_images};
use jiff::Timestamp;
pub use list::print_list;
pub use metrics::{MetricPoint, MetricRow, MetricView, print_metric, print_metrics};
pub use operations::{OperationRow, OperationView, StepView, print_operation, print_operations};
pub use outdated::{OutdatedRow, print_outdated};
pub use plan::{PlanView, print_plan};
pub use receipt::{Changed, Receipt, print_changed, print_delete_receipt};
pub use row::ListRow;
pub use secrets::{SecretView, print_secrets};
use serde::Serialize;
pub use show::{ShowView, print_show};
pub use tested::{TestView, print_tests};

use super::{Cell, Tone};
use crate::model::{Currency, InstanceState, Money, NetworkMode, Port, Tag};

/// The sum of the prices of one currency.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Total {
    /// The sum.
    pub price: Money,
    /// Its currency.
    pub currency: Currency,
}

/// The sums of some prices, one per currency, in the order of the codes.
pub fn totals<'a>(prices: impl IntoIterator<Item = (Money, &'a Currency)>) -> Vec<Total> {
    let mut sums: BTreeMap<&Currency, Money> = BTreeMap::new();
    for (price, currency) in prices {
        let sum = sums.entry(currency).or_default();
        *sum = [*sum, price].into_iter().sum();
    }
    sums.into_iter().map(|(currency, price)| Total { price, currency: currency.clone() }).collect()
}

/// `nat` or `bridge:NAME`.
pub(super) fn network_text(network: &NetworkMode) -> String {
    match network {
        NetworkMode::Nat => "nat".to_owned(),
        NetworkMode::Bridge(name) => format!("bridge:{name}"),
    }
}

/// `22/tcp, 80/tcp`.
pub(super) fn ports_text(ports: &[Port]) -> String {
    ports.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
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
    let one = |t: &Tag| if t.value.is_empty() { t.key.clone() } else { format!("{}={}", t.key, t.value) };
    tags.iter().map(one).collect::<Vec<_>>().join(", ")
}

/// Tags as a JSON object.
pub(super) fn tags_map(tags: &[Tag]) -> BTreeMap<String, String> {
    tags.iter().map(|t| (t.key.clone(), t.value.clone())).collect()
}

/// A point in time as tables show it: RFC 3339, UTC, whole seconds.
pub(super) fn time_text(time: Timestamp) -> String {
    time.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}

/// `-` where there is nothing.
pub(super) fn or_dash(value: Option<impl ToString>) -> String {
    value.map_or_else(|| "-".to_owned(), |v| v.to_string())
}

/// How a state is coloured.
pub(super) fn state_tone(state: InstanceState) -> Option<Tone> {
    use InstanceState::{
        Crashed, Creating, Deleting, Drifted, Failed, Lost, Paused, Running, Stopped, Stopping, Unknown, Unresponsive,
    };
    match state {
        Running => Some(Tone::Good),
        Stopped => None,
        Creating | Deleting | Drifted | Stopping | Paused | Unknown => Some(Tone::Warn),
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
