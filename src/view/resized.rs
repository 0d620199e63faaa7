//! `lite resize`.

use serde::Serialize;

use super::row::bytes;
use crate::model::{Currency, Money, Record, Size};

/// The size of an instance, and its price.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SizeView {
    /// Bundle id.
    pub bundle: String,
    /// Virtual CPUs.
    pub vcpus: u32,
    /// Memory.
    #[serde(rename = "memory_bytes", serialize_with = "bytes")]
    pub memory: Size,
    /// Root disk.
    #[serde(rename = "disk_bytes", serialize_with = "bytes")]
    pub disk: Size,
    /// Price a month.
    pub price: Money,
    /// Its currency.
    pub currency: Currency,
}

impl From<&Record> for SizeView {
    fn from(record: &Record) -> Self {
        Self {
            bundle: record.bundle.clone(),
            vcpus: record.vcpus,
            memory: record.memory,
            disk: record.disk,
            price: record.price,
            currency: record.currency.clone(),
        }
    }
}

/// An instance that got another bundle, or would get it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ResizedView {
    /// The instance.
    pub name: String,
    /// What it has, or would have.
    pub now: SizeView,
    /// What it had.
    pub before: SizeView,
    /// It runs, and is stopped and started for this.
    pub restarts: bool,
    /// The disk of the bundle, where that is smaller than the disk it has: disks never shrink.
    #[serde(skip)]
    pub smaller: Option<Size>,
}

/// The document of `resize`.
#[derive(Debug, Serialize)]
pub struct ResizedDocument<'a> {
    /// Whether nothing was changed.
    pub dry_run: bool,
    /// The instance; none where there was nothing to do.
    pub resized: &'a [ResizedView],
}

impl ResizedView {
    /// What changes, in words: `micro: 1 GiB of memory (now 512 MiB), 7.00 USD/month (now 5.00)`.
    pub fn sentence(&self) -> String {
        let (now, before) = (&self.now, &self.before);
        let was = |value: String, same: bool| if same { String::new() } else { format!(" (now {value})") };
        let mut parts = vec![
            format!("{} vCPUs{}", now.vcpus, was(before.vcpus.to_string(), now.vcpus == before.vcpus)),
            format!("{} of memory{}", now.memory, was(before.memory.to_string(), now.memory == before.memory)),
            format!("{} of disk{}", now.disk, was(before.disk.to_string(), now.disk == before.disk)),
        ];
        let price = match now.currency == before.currency {
            true => before.price.to_string(),
            false => format!("{} {}", before.price, before.currency),
        };
        let same = (now.price, &now.currency) == (before.price, &before.currency);
        parts.push(format!("{} {}/month{}", now.price, now.currency, was(price, same)));
        let mut text = parts.join(", ");
        if let Some(disk) = self.smaller {
            let more = Size::bytes(now.disk.as_bytes().saturating_sub(disk.as_bytes()));
            text.push_str(&format!("; its disk keeps the {more} that it has beyond the bundle's, which cost nothing"));
        }
        text
    }
}
