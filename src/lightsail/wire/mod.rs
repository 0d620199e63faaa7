//! What is read and written, as the model of the API has it: integers without a point, times as seconds since 1970, nothing that is
//! not in the model.

mod add_on;
mod alarm;
mod catalog;
mod contact;
mod cost;
mod disk;
mod disk_snapshot;
mod firewall;
mod instance;
mod key_pair;
mod load_balancer;
mod metric;
mod operation;
mod place;
mod snapshot;
mod static_ip;

pub use add_on::*;
pub use alarm::*;
pub use catalog::*;
pub use contact::*;
pub use cost::*;
pub use disk::*;
pub use disk_snapshot::*;
pub use firewall::*;
pub use instance::*;
pub use key_pair::*;
pub use load_balancer::*;
pub use metric::*;
pub use operation::*;
pub use place::*;
pub use snapshot::*;
pub use static_ip::*;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use crate::model;

/// A point in time: seconds since 1970, with milliseconds.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Time(f64);

impl From<Timestamp> for Time {
    fn from(time: Timestamp) -> Self {
        #[allow(clippy::cast_precision_loss, reason = "milliseconds fit for 285,000 years")]
        Self(time.as_millisecond() as f64 / 1000.0)
    }
}

/// The same, as it is given.
#[derive(Debug, Clone, Copy, PartialEq, Deserialize)]
pub struct Seconds(f64);

impl Seconds {
    /// The point in time; none: there is none such.
    pub fn read(self) -> Option<Timestamp> {
        Timestamp::from_duration(SignedDuration::try_from_secs_f64(self.0).ok()?).ok()
    }
}

/// A tag.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tag {
    /// Its key.
    pub key: String,
    /// Its value.
    #[serde(default)]
    pub value: String,
}

impl Tag {
    /// The tag as lite has it.
    ///
    /// # Errors
    /// It is none of lite's.
    pub fn read(&self) -> model::Result<model::Tag> {
        let tag = model::Tag::parse(&format!("{}={}", self.key, self.value))?;
        if tag.key == self.key {
            return Ok(tag);
        }
        let text = format!("`{}` is no key of a tag", model::escaped(&self.key));
        Err(model::Error::new(model::Code::InvalidTag, text).hint("a key has no `=`"))
    }
}

impl From<&model::Tag> for Tag {
    fn from(tag: &model::Tag) -> Self {
        Self { key: tag.key.clone(), value: tag.value.clone() }
    }
}

/// A request for one page of a list.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Page {
    /// Where it goes on.
    pub page_token: Option<String>,
}
