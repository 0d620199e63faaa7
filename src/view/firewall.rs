//! What the firewall of an instance lets in.

use std::fmt;

use ipnet::IpNet;
use serde::Serialize;

use crate::model::{Name, Rules, Service};

/// A service that is let in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct OpenService {
    /// The service.
    pub service: Service,
    /// From where; empty: from anywhere.
    pub sources: Vec<IpNet>,
}

impl OpenService {
    /// The services that some rules let in, each once.
    pub fn all(rules: &Rules) -> Vec<Self> {
        let mut all: Vec<Self> = Vec::new();
        for rule in rules {
            if all.last().is_none_or(|last| last.service != rule.service) {
                all.push(Self { service: rule.service, sources: Vec::new() });
            }
            // From anywhere is the first of a service.
            if let Some(last) = all.last_mut() {
                last.sources.extend(rule.source);
            }
        }
        all
    }

    /// All of them in one line, by which two states are told apart.
    pub fn line(all: &[Self]) -> String {
        match all {
            [] => "nothing".to_owned(),
            all => all.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "),
        }
    }

    /// From where, as text.
    pub fn from(&self) -> String {
        match self.sources.as_slice() {
            [] => "anywhere".to_owned(),
            sources => sources.iter().map(ToString::to_string).collect::<Vec<_>>().join(", "),
        }
    }
}

impl fmt::Display for OpenService {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.sources.is_empty() {
            true => self.service.fmt(f),
            false => write!(f, "{} ({})", self.service, self.from()),
        }
    }
}

/// The document of `firewall`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct FirewallView {
    /// The instance.
    pub name: String,
    /// What is let in.
    pub rules: Vec<OpenService>,
}

impl FirewallView {
    /// What the rules of an instance let in.
    pub fn new(name: &Name, rules: &Rules) -> Self {
        Self { name: name.to_string(), rules: OpenService::all(rules) }
    }
}
