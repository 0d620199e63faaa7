//! What is measured of an instance or a load balancer.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::{Code, Error, Result, escaped, nearest};

/// The unit of a metric.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Unit {
    /// 0 to 100.
    Percent,
    /// Bytes in a period.
    Bytes,
    /// How many in a period.
    Count,
    /// Seconds.
    Seconds,
    /// 0 or 1.
    Flag,
}

/// How the samples of a minute become one point.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MetricType {
    /// A level: each sample is a value of its own.
    Gauge,
    /// A counter: what it grew by in the minute is the one value.
    Counter,
}

macro_rules! metrics {
    ($($(#[$doc:meta])* $name:ident = $text:literal, $unit:ident, $kind:ident;)*) => {
        /// A metric, named as in Lightsail (CloudWatch) where that has it.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        pub enum Metric {
            $($(#[$doc])* #[serde(rename = $text)] $name,)*
        }

        impl Metric {
            /// Every metric, in the order of listings.
            pub const ALL: &[Self] = &[$(Self::$name),*];

            /// The name.
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$name => $text),* }
            }

            /// The unit.
            pub fn unit(self) -> Unit {
                match self { $(Self::$name => Unit::$unit),* }
            }

            /// How samples become a point.
            pub fn kind(self) -> MetricType {
                match self { $(Self::$name => MetricType::$kind),* }
            }
        }
    };
}

metrics! {
    /// Share of the bundle's virtual CPUs in use.
    CpuUtilization = "CPUUtilization", Percent, Gauge;
    /// Bytes received.
    NetworkIn = "NetworkIn", Bytes, Counter;
    /// Bytes sent.
    NetworkOut = "NetworkOut", Bytes, Counter;
    /// Bytes read from disks.
    DiskReadBytes = "DiskReadBytes", Bytes, Counter;
    /// Bytes written to disks.
    DiskWriteBytes = "DiskWriteBytes", Bytes, Counter;
    /// Reads from disks.
    DiskReadOps = "DiskReadOps", Count, Counter;
    /// Writes to disks.
    DiskWriteOps = "DiskWriteOps", Count, Counter;
    /// Share of the memory that the guest uses.
    MemoryUtilization = "MemoryUtilization", Percent, Gauge;
    /// How full the fullest file system of the guest is.
    DiskSpaceUtilization = "DiskSpaceUtilization", Percent, Gauge;
    /// Either of the next two failed.
    StatusCheckFailed = "StatusCheckFailed", Flag, Gauge;
    /// The guest does not answer.
    StatusCheckFailedInstance = "StatusCheckFailed_Instance", Flag, Gauge;
    /// The host or libvirt does not answer for it.
    StatusCheckFailedSystem = "StatusCheckFailed_System", Flag, Gauge;
    /// The blueprint's health check succeeds.
    AppHealthy = "AppHealthy", Flag, Gauge;
    /// Share of the bundle's monthly transfer that is used up.
    TransferUsed = "TransferUsed", Percent, Gauge;
    /// Instances behind a load balancer that answer its health check.
    HealthyHostCount = "HealthyHostCount", Count, Gauge;
    /// Those that do not.
    UnhealthyHostCount = "UnhealthyHostCount", Count, Gauge;
    /// Requests.
    RequestCount = "RequestCount", Count, Counter;
    /// Mean time to the answer of an instance.
    InstanceResponseTime = "InstanceResponseTime", Seconds, Gauge;
    /// Answers of instances with status 2xx.
    HttpInstance2xx = "HTTPCode_Instance_2XX_Count", Count, Counter;
    /// With 3xx.
    HttpInstance3xx = "HTTPCode_Instance_3XX_Count", Count, Counter;
    /// With 4xx.
    HttpInstance4xx = "HTTPCode_Instance_4XX_Count", Count, Counter;
    /// With 5xx.
    HttpInstance5xx = "HTTPCode_Instance_5XX_Count", Count, Counter;
    /// Answers of the load balancer itself with status 4xx.
    HttpBalancer4xx = "HTTPCode_LB_4XX_Count", Count, Counter;
    /// With 5xx: no instance could answer.
    HttpBalancer5xx = "HTTPCode_LB_5XX_Count", Count, Counter;
    /// Requests that were refused, and connections to instances that could not be made.
    RejectedConnectionCount = "RejectedConnectionCount", Count, Counter;
    /// Age of the instance's newest snapshot.
    LastSnapshotAge = "LastSnapshotAge", Seconds, Gauge;
}

impl Metric {
    /// Whether it is one of load balancers; else it is one of instances.
    pub fn is_of_load_balancers(self) -> bool {
        (Self::HealthyHostCount..=Self::RejectedConnectionCount).contains(&self)
    }

    /// Those of load balancers, or of instances, in the order of listings.
    pub fn all_of(load_balancers: bool) -> impl Iterator<Item = Self> {
        Self::ALL.iter().copied().filter(move |metric| metric.is_of_load_balancers() == load_balancers)
    }

    /// Parses a name; an unknown one is refused with the nearest known.
    pub fn parse(text: &str) -> Result<Self> {
        if let Some(found) = Self::ALL.iter().find(|m| m.as_str() == text) {
            return Ok(*found);
        }
        let fold = text.to_ascii_lowercase();
        let near = Self::ALL.iter().find(|m| m.as_str().eq_ignore_ascii_case(text)).map(|m| m.as_str()).or_else(|| {
            let lower: Vec<String> = Self::ALL.iter().map(|m| m.as_str().to_ascii_lowercase()).collect();
            let near = nearest(&fold, lower.iter().map(String::as_str))?;
            Self::ALL.iter().map(|m| m.as_str()).find(|n| n.eq_ignore_ascii_case(near))
        });
        let error = Error::new(Code::UnknownMetric, format!("there is no metric `{}`", escaped(text)));
        let error = match near {
            Some(near) => error.hint(format!("did you mean `{near}`?")),
            None => error,
        };
        let names: Vec<&str> = Self::ALL.iter().map(|m| m.as_str()).collect();
        Err(error.hint(format!("the metrics are {}", names.join(", "))))
    }

    /// Its number in the database. Never changes.
    pub fn code(self) -> u8 {
        Self::ALL.iter().position(|m| *m == self).and_then(|at| u8::try_from(at + 1).ok()).unwrap_or(0)
    }

    /// The metric of a number in the database.
    pub fn from_code(code: u8) -> Option<Self> {
        Self::ALL.get(usize::from(code).checked_sub(1)?).copied()
    }
}

impl fmt::Display for Metric {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::Metric;

    #[test]
    fn every_metric_has_a_name_and_a_number_that_come_back() {
        for (at, metric) in Metric::ALL.iter().enumerate() {
            assert_eq!(Metric::parse(metric.as_str()), Ok(*metric));
            assert_eq!((usize::from(metric.code()), Metric::from_code(metric.code())), (at + 1, Some(*metric)));
        }
        assert_eq!((Metric::from_code(0), Metric::from_code(27)), (None, None));
        assert_eq!([false, true].map(|balancers| Metric::all_of(balancers).count()), [15, 11]);
    }

    #[test]
    fn an_unknown_metric_names_the_nearest() {
        for (text, near) in [
            ("MemoryUtilisation", Some("MemoryUtilization")),
            ("cpuutilization", Some("CPUUtilization")),
            ("NetworkIns", Some("NetworkIn")),
            ("StatusCheckFailed_system", Some("StatusCheckFailed_System")),
            ("BurstCapacityPercentage", None),
            ("", None),
        ] {
            let error = Metric::parse(text).expect_err(text);
            assert_eq!((error.code.as_str(), error.exit_code()), ("unknown_metric", 2));
            assert_eq!(error.hints.len() == 2, near.is_some(), "{text}: {:?}", error.hints);
            assert!(near.is_none_or(|n| error.hints[0] == format!("did you mean `{n}`?")), "{:?}", error.hints);
        }
    }
}
