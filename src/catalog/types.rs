//! What a bundle and a blueprint are, after all checks.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::{scripts::InlineScript, verified::Verified};
use crate::model::{Currency, Money, Port, Size};

/// A named fixed size with a flat monthly price.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Bundle {
    /// `nano` … `2xlarge`.
    pub id: String,
    /// Virtual CPUs.
    pub vcpus: u32,
    /// Memory.
    pub memory: Size,
    /// Root disk.
    pub disk: Size,
    /// Transfer a month.
    pub transfer: Size,
    /// Price a month.
    pub price: Money,
    /// Currency of the price; one for the whole file.
    pub currency: Currency,
}

/// Whether a blueprint is a plain operating system or an application on one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Group {
    /// An operating system.
    Os,
    /// An application.
    App,
}

/// What runs in an instance.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Blueprint {
    /// Identifier, such as `wordpress`; follows the rule of names.
    pub id: String,
    /// One line for a listing.
    pub title: String,
    /// A paragraph.
    pub description: String,
    /// Operating system or application.
    pub group: Group,
    /// Version of this blueprint; changes when its result changes.
    pub version: String,
    /// Base images it runs on, the default first: `debian-13`. For an operating system, its own.
    pub bases: Vec<String>,
    /// Least memory.
    pub min_memory: Size,
    /// Least disk.
    pub min_disk: Size,
    /// Ports it opens; SSH (22/tcp) has to be listed like any other.
    pub ports: Vec<Port>,
    /// What a user may set with `--set`.
    pub parameters: Vec<Parameter>,
    /// What is generated at create.
    pub secrets: Vec<SecretSpec>,
    /// cloud-init keys merged into the instance's `#cloud-config` as they are (JSON object), e.g. `packages`.
    pub cloud_config: serde_json::Map<String, serde_json::Value>,
    /// Shell script that installs what is the same for each instance (runs first; baked later). Empty: none.
    pub install: String,
    /// Shell script that sets up what differs per instance. Empty: none.
    pub configure: String,
    /// Shell script that tells the application under which name it is published, whenever that changes. Empty: none.
    #[serde(default)]
    pub published: String,
    /// Shell script that tells the application of an instance that has the disk of another what is its own now: once, before
    /// [`Self::published`]. Empty: none.
    #[serde(default)]
    pub moved: String,
    /// Shell script that brings an instance that is set up to today's versions of what it was made of. Empty: none.
    #[serde(default)]
    pub upgrade: String,
    /// Paths that the install part makes and that only one machine may have, `*` for any name: a bake removes them.
    #[serde(default)]
    pub seal: Vec<String>,
    /// The install part makes what only one machine may have, and nobody can list it: no image is baked of it.
    #[serde(default)]
    pub never_baked: bool,
    /// It was tested that its instances may go on from the memory of a machine that was frozen before their configure part.
    #[serde(default)]
    pub starts_warm: bool,
    /// How the host knows that the application answers.
    pub health: Option<Health>,
    /// Printed at the end: label → minijinja template over `address`, `name`, `params`, e.g. `URL: http://{{ address }}/`.
    pub output: BTreeMap<String, String>,
    /// Account of the first login, for `lite ssh`: `debian`, `ubuntu`. Of an application that names none, its base's;
    /// [`Catalog::resolve`] sets the one of the base that was chosen.
    pub user: String,
    /// Alarms an instance of this blueprint starts with.
    pub alarms: Vec<AlarmSpec>,
}

/// What a parameter's value has to be, before its pattern.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ParameterType {
    /// Any printable text; line feeds and tabs are allowed.
    Text,
    /// A whole number that fits 64 bits.
    Integer,
    /// `true` or `false`.
    Boolean,
}

/// A value the user may set.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Parameter {
    /// `a-z 0-9 _`, first a letter. Scripts read it as `$LITE_PARAM_NAME`.
    pub name: String,
    /// What the value has to be.
    pub kind: ParameterType,
    /// What it is for.
    pub description: String,
    /// The whole value must match; none: any printable text up to 1,024 characters.
    pub pattern: Option<String>,
    /// Values that are refused although they match: names that are taken.
    #[serde(default)]
    pub not: Vec<String>,
    /// Used when not set; none: the user must set it.
    pub default: Option<String>,
}

/// A value drawn at create and never typed by anyone.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SecretSpec {
    /// `a-z 0-9 _`, first a letter. Scripts read it as `$LITE_SECRET_NAME`.
    pub name: String,
    /// What it opens, shown by `lite secrets`, e.g. "WordPress administrator".
    pub description: String,
    /// Account it belongs to, if any: a template as those of `output`, e.g. `admin` or `{{ params.admin_user }}`.
    pub user: Option<String>,
    /// Characters, 20 to 256.
    pub length: u32,
    /// The characters it is drawn from, each with the same chance.
    pub alphabet: String,
    /// Printed in the final block of `create`.
    pub show: bool,
}

/// An alarm a blueprint brings along. Kept as the file states it; the monitor gives it its meaning.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AlarmSpec {
    /// Metric name, such as `MemoryUtilization`.
    pub metric: String,
    /// Comparator and threshold, such as `>= 90`.
    pub when: String,
    /// Breaching periods needed, 1 to `of`.
    pub datapoints: u32,
    /// Periods looked at, 1 to 1440.
    pub of: u32,
    /// Length of a period in minutes.
    pub period_minutes: u32,
    /// What a missing period counts as: `missing`, `ignore`, `breaching`, `notBreaching`.
    pub missing: String,
}

/// A blueprint, a bundle and a base that fit each other.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Resolved {
    /// The blueprint, with the account of the chosen base in `user`.
    pub blueprint: Blueprint,
    /// The bundle.
    pub bundle: Bundle,
    /// Base image id, one of the blueprint's.
    pub base: String,
}

/// How it is seen that the application answers: from the host, or by a command in the guest.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Health {
    /// `GET http://ADDRESS:port/path` answers with `status` and, if given, a body that holds `text`.
    Http {
        /// Port.
        port: u16,
        /// Path, starts with `/`.
        path: String,
        /// Expected status.
        status: u16,
        /// Expected text.
        text: Option<String>,
    },
    /// The TCP port accepts a connection and, if given, speaks first with these bytes (SSH: `SSH-`).
    Tcp {
        /// Port.
        port: u16,
        /// What the server says first.
        banner: Option<String>,
    },
    /// A command in the guest succeeds; its answer comes over the report channel.
    Command {
        /// bash, run as root under `set -euo pipefail` with the variables of scripts.
        run: String,
        /// How long it may take, in seconds.
        timeout: u16,
    },
}

/// Everything known: embedded data, then the operator's folders over it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Catalog {
    /// Bundles by id, in the order of the file (smallest first).
    pub bundles: Vec<Bundle>,
    /// Blueprints by id.
    pub blueprints: BTreeMap<String, Blueprint>,
    /// Tests of blueprints, later ones last.
    pub verified: Vec<Verified>,
    /// Ids of the blueprints that are the operator's.
    pub own: BTreeSet<String>,
    /// Scripts that the files of blueprints hold themselves, by the blueprint's id.
    pub inline: BTreeMap<String, Vec<InlineScript>>,
    /// Blueprints whose files have faults, by the id the file says, or by its name: what is wrong.
    pub spoiled: BTreeMap<String, Vec<String>>,
}
