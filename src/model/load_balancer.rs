//! Load balancers: several instances behind one domain, or one port of the host.

use std::fmt;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{Code, Domain, Error, Name, ResourceKind, ResourceRef, Result, escaped, words};

/// A load balancer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LoadBalancer {
    /// Its id.
    pub id: Uuid,
    /// Its name.
    pub name: Name,
    /// The instances' port, which speaks HTTP.
    pub instance_port: u16,
    /// The domain that leads to it.
    pub domain: Option<Domain>,
    /// The port of the host that leads to it, over HTTP.
    pub listen: Option<u16>,
    /// What is asked of each instance to tell whether it is healthy.
    pub health_path: HealthPath,
    /// Whether a visitor stays with the instance that answered first, by a cookie.
    pub sticky: bool,
    /// The instances, in the order of their ids.
    pub targets: Vec<Target>,
    /// When it was made.
    pub created_at: jiff::Timestamp,
}

impl LoadBalancer {
    /// The port that domains are served at over HTTP: a load balancer that listens there gets what no domain claims.
    pub const SHARED_PORT: u16 = 80;

    /// Whether an instance is one of its own.
    pub fn has(&self, instance: Uuid) -> bool {
        self.targets.iter().any(|target| target.instance == instance)
    }
}

impl From<&LoadBalancer> for ResourceRef {
    fn from(balancer: &LoadBalancer) -> Self {
        Self { kind: ResourceKind::LoadBalancer, id: balancer.id, name: balancer.name.to_string() }
    }
}

/// An instance behind a load balancer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Target {
    /// Its id.
    pub instance: Uuid,
    /// It gets no new visitors: those that it has are waited for.
    pub draining: bool,
}

impl Target {
    /// An instance that takes part.
    pub fn of(instance: Uuid) -> Self {
        Self { instance, draining: false }
    }
}

words! {
    /// How an instance behind a load balancer stands.
    TargetState;
    /// It was not checked yet.
    Initial = "initial",
    /// It answers the health check, and gets visitors.
    Healthy = "healthy",
    /// It does not answer the health check as it should.
    Unhealthy = "unhealthy",
    /// It gets no new visitors; those that it has are waited for.
    Draining = "draining",
    /// It was stopped.
    Off = "off",
    /// The web front does not run, so nobody checks it.
    Unavailable = "unavailable",
}

/// The path of a health check, with its query.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct HealthPath(String);

impl TryFrom<String> for HealthPath {
    type Error = Error;

    fn try_from(text: String) -> Result<Self> {
        Self::parse(&text)
    }
}

impl From<HealthPath> for String {
    fn from(path: HealthPath) -> Self {
        path.0
    }
}

impl HealthPath {
    /// Most bytes of one.
    const MOST: usize = 255;

    /// Parses `/health?deep=1`.
    ///
    /// # Errors
    /// [`Code::InvalidPath`]: no `/` in front, too long, or of other characters than a URL's path and query have (RFC 3986).
    pub fn parse(text: &str) -> Result<Self> {
        let is_of_url = |b: u8| b.is_ascii_alphanumeric() || b"-._~/?:@!$&()*+,;=%".contains(&b);
        if text.starts_with('/') && text.len() <= Self::MOST && text.bytes().all(is_of_url) {
            return Ok(Self(text.to_owned()));
        }
        Err(Error::new(Code::InvalidPath, format!("`{}` is not the path of a URL", escaped(text))).hint(format!(
            "a path begins with `/`, such as `/health`, and has at most {} characters of those that a URL may have",
            Self::MOST
        )))
    }

    /// The path as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for HealthPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_health_path_is_that_of_a_url() {
        for path in ["/", "/health", "/a/b.php?x=%20&y=1;z"] {
            assert_eq!(HealthPath::parse(path).map(|p| p.to_string()), Ok(path.to_owned()));
        }
        let long = format!("/{}", "a".repeat(255));
        for path in ["", "health", "http://a/b", "/a b", "/a\"b", "/a'b", "/a#b", "/a\\b", "/a\nb", "/ä", &long] {
            assert_eq!(HealthPath::parse(path).map_err(|e| e.code), Err(Code::InvalidPath), "{path:?}");
        }
    }
}
