//! Ready choices for the form that makes an alarm: what is watched most, with thresholds that rarely fire for nothing. A choice is an
//! address of the form with its fields filled in, so that each can be changed before it is sent.

use serde::Serialize;

use super::super::form::Fields;
use crate::model::Metric;

/// A ready choice.
#[derive(Debug, Serialize)]
pub struct Preset {
    /// Its word in an address.
    pub id: &'static str,
    /// What it is called.
    pub label: &'static str,
    /// When it fires.
    pub text: &'static str,
    #[serde(skip)]
    metric: Metric,
    #[serde(skip)]
    when: &'static str,
    /// How many periods must breach, of how many, of so many minutes.
    #[serde(skip)]
    window: [&'static str; 3],
    #[serde(skip)]
    statistic: &'static str,
    #[serde(skip)]
    missing: &'static str,
}

/// All of them.
pub const ALL: &[Preset] = &[
    Preset {
        id: "cpu",
        label: "CPU busy",
        text: "90 % or more for 15 minutes",
        metric: Metric::CpuUtilization,
        when: ">= 90",
        window: ["3", "3", "5"],
        statistic: "average",
        missing: "missing",
    },
    Preset {
        id: "memory",
        label: "Memory nearly used up",
        text: "90 % or more in 3 of 5 minutes",
        metric: Metric::MemoryUtilization,
        when: ">= 90",
        window: ["3", "5", "1"],
        statistic: "average",
        missing: "missing",
    },
    Preset {
        id: "disk",
        label: "Disk nearly full",
        text: "its fullest file system at 85 % or more",
        metric: Metric::DiskSpaceUtilization,
        when: ">= 85",
        window: ["3", "5", "1"],
        statistic: "average",
        missing: "missing",
    },
    Preset {
        id: "silent",
        label: "Not answering",
        text: "the guest does not answer for 3 minutes",
        metric: Metric::StatusCheckFailedInstance,
        when: ">= 1",
        window: ["3", "3", "1"],
        statistic: "maximum",
        missing: "missing",
    },
    Preset {
        id: "application",
        label: "Application down",
        text: "its health check fails for 3 minutes, or nobody can ask",
        metric: Metric::AppHealthy,
        when: "< 1",
        window: ["3", "3", "1"],
        statistic: "average",
        missing: "breaching",
    },
    Preset {
        id: "transfer",
        label: "Transfer nearly used up",
        text: "80 % or more of the month's",
        metric: Metric::TransferUsed,
        when: ">= 80",
        window: ["1", "1", "5"],
        statistic: "maximum",
        missing: "missing",
    },
    Preset {
        id: "snapshot",
        label: "Snapshot too old",
        text: "the newest is two days old",
        metric: Metric::LastSnapshotAge,
        when: ">= 172800",
        window: ["1", "1", "5"],
        statistic: "maximum",
        missing: "missing",
    },
];

/// The fields of the form as a choice fills them in; those of none are as the form begins.
pub fn fields(id: &str) -> Fields {
    let Some(one) = ALL.iter().find(|one| one.id == id) else { return Fields::default() };
    let [datapoints, of, period] = one.window;
    Fields::of([
        ("metric", one.metric.as_str()),
        ("when", one.when),
        ("datapoints", datapoints),
        ("of", of),
        ("period", period),
        ("statistic", one.statistic),
        ("missing", one.missing),
        ("repeat", "240"),
        ("notify", "alarm"),
        ("notify", "ok"),
    ])
}
