//! The structures behind `--json`: what a use case returns and a front end shows. Plain data; nothing here prints.
//!
//! A document is what one command gives a script. [`Versioned`] adds the number of its shape.

mod alarms;
mod audit;
mod audit_log;
mod blueprints;
mod bundles;
mod check;
mod contacts;
mod cost;
mod created;
mod deleted;
mod disk;
mod disks;
mod doctor;
mod error;
mod events;
mod firewall;
mod images;
mod jobs;
mod key_pairs;
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
pub(crate) mod row;
mod secrets;
mod show;
mod site;
mod snapshots;
mod static_ips;
mod storage;
mod tags;
mod tested;
mod unit;
mod users;

use std::collections::BTreeMap;

pub use alarms::{AlarmRow, AlarmView, AlarmsDocument};
pub use audit::{AuditDocument, AuditView, FindingView, UnknownView};
pub use audit_log::{AuditLogDocument, AuditRow};
pub use blueprints::{BlueprintView, BlueprintsDocument, ParameterView, VerifiedView};
pub use bundles::{BundleRow, BundlesDocument};
pub use check::{CheckDocument, FaultView};
pub use contacts::{ContactRow, ContactsDocument, DeliveriesDocument, DeliveryRow, SecretOnce};
pub use cost::{CostDocument, CostRow, MonthSoFar};
pub use created::{CreatedDocument, CreatedView, ImageUsed, ShownSecret, StageTime};
pub use deleted::{DeletedDocument, DeletedRow};
pub use disk::{DiskView, HostView};
pub use disks::{DiskRow, DisksDocument};
pub use doctor::{CheckView, DoctorDocument, FixView, Verdict};
pub use error::ErrorView;
pub use events::{EventRow, EventView, EventsDocument};
pub use firewall::{FirewallView, OpenService};
pub use images::{BakedView, ImageChoices, ImageRow, ImagesDocument, WarmView};
use jiff::Timestamp;
pub use jobs::{JobRow, JobsDocument};
pub use key_pairs::KeyPairRow;
pub use list::ListDocument;
pub use load_balancers::{LoadBalancerView, LoadBalancersDocument, TargetView};
pub use metrics::{LatestMetric, MetricPoint, MetricRow, MetricView, MetricsDocument};
pub use operations::{OperationRow, OperationView, OperationsDocument, StepView};
pub use outdated::{OutdatedDocument, OutdatedRow};
pub use plan::{PlanDocument, PlanView, PlansDocument};
pub use published::PublishedView;
pub use receipt::{Changed, ChangedDocument, PlannedDocument, Receipt, ReceiptsDocument};
pub use remotes::{
    RemoteAdded, RemoteRow, RemoteSecretsDocument, RemoteSnapshotRow, RemoteSnapshotsDocument, RemotesDocument,
    remote_password,
};
pub use repair::{RebuildPlan, RebuildView, RebuiltView, RepairView};
pub use resized::{ResizedDocument, ResizedView, SizeView};
pub use row::ListRow;
pub use secrets::{SecretView, SecretsDocument};
use serde::Serialize;
pub use show::{ShowDocument, ShowView};
pub use site::SiteView;
pub use snapshots::{CopiedDiskView, SnapshotView, SnapshotsDocument};
pub use static_ips::{StaticIpRow, StaticIpsDocument};
pub use storage::StorageRow;
pub use tags::TagsView;
pub use tested::{TestResult, TestView, TestsDocument};
pub use unit::UnitView;
pub use users::{
    ClientView, KeyCreated, KeyRow, KeysDocument, LoginCodeView, OwnView, SecondFactorView, SessionRow, UserDocument,
    UserRow, UserView, UsersDocument,
};

use crate::model::{Currency, Money, NetworkMode, Tag};

/// Version of every document's shape; it rises when a field is removed or changes its meaning.
pub const SCHEMA: u32 = 2;

/// A document with the version of its shape.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Versioned<T> {
    schema: u32,
    #[serde(flatten)]
    document: T,
}

impl<T> Versioned<T> {
    /// With today's version.
    pub fn new(document: T) -> Self {
        Self { schema: SCHEMA, document }
    }
}

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

/// The sums of the prices of some instances, and of storage.
pub fn totals_of(rows: &[ListRow], storage: &[StorageRow]) -> Vec<Total> {
    let instances = rows.iter().map(|r| (r.price, &r.currency));
    // What costs nothing has no currency of its own.
    let storage = storage.iter().filter(|s| s.price > Money::default()).map(|s| (s.price, &s.currency));
    totals(instances.chain(storage))
}

/// `nat` or `bridge:NAME`.
pub fn network_text(network: &NetworkMode) -> String {
    match network {
        NetworkMode::Nat => "nat".to_owned(),
        NetworkMode::Bridge(name) => format!("bridge:{name}"),
    }
}

/// A point in time as tables and documents show it: RFC 3339, UTC, whole seconds.
pub fn time_text(time: Timestamp) -> String {
    time.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}

/// Tags as a JSON object.
pub fn tags_map(tags: &[Tag]) -> BTreeMap<String, String> {
    tags.iter().map(|t| (t.key.clone(), t.value.clone())).collect()
}
