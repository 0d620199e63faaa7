//! Who has a domain, and its certificate's first and last row: a domain leads to one instance, or to one load balancer.

use std::collections::BTreeSet;

use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension, Row, params};
use uuid::Uuid;

use super::{
    Store, Transaction,
    column::{Id, Stored, Time, id, parsed},
    sql,
};
use crate::model::{CertificateState, Code, Domain, Error, Hint, HostId, Result, Verb};

/// Refused: a domain that leads somewhere.
fn refuse_taken(connection: &Connection, host: &HostId, domain: &Domain) -> Result<()> {
    let name = |query: &str| {
        let mut statement = connection.prepare_cached(query)?;
        statement.query_row([host.as_str(), domain.as_str()], |row| row.get::<_, String>(0)).optional()
    };
    let error =
        |kind: &str, name: &str| Error::new(Code::DomainTaken, format!("`{domain}` leads to {kind} `{name}` already"));
    let of_site =
        "SELECT i.name FROM site AS s JOIN instance AS i ON i.uuid = s.instance WHERE s.host = ?1 AND s.domain = ?2";
    if let Some(name) = name(of_site).map_err(sql)? {
        return Err(error("instance", &name)
            .hint(Hint::from("take it away first: ").run_with(Verb::Unpublish, &[&name, domain])));
    }
    if let Some(name) = name("SELECT name FROM load_balancer WHERE host = ?1 AND domain = ?2").map_err(sql)? {
        return Err(error("load balancer", &name)
            .hint(Hint::from("delete that one first: ").run_with(Verb::LbDelete, &[&name])));
    }
    Ok(())
}

impl Store {
    /// Refused with [`Code::DomainTaken`]: a domain that leads to an instance or a load balancer already.
    pub fn refuse_taken_domain(&self, host: &HostId, domain: &Domain) -> Result<()> {
        refuse_taken(self.read(), host, domain)
    }

    /// The domain by which the world reaches an instance: of those that lead to it the one that was published first, or
    /// else that of a load balancer.
    pub fn first_domain_of(&self, host: &HostId, instance: Uuid) -> Result<Option<Domain>> {
        let domain = |row: &Row<'_>| parsed(row, "domain", Domain::parse);
        let queries = [
            "SELECT domain FROM site WHERE host = ?1 AND instance = ?2 ORDER BY rowid LIMIT 1",
            "SELECT b.domain FROM load_balancer AS b JOIN load_balancer_target AS t ON t.load_balancer = b.id
             WHERE b.host = ?1 AND t.instance = ?2 AND b.domain IS NOT NULL ORDER BY b.created_at, b.name LIMIT 1",
        ];
        for query in queries {
            let found = self.read().query_row(query, params![host.as_str(), Id(instance)], domain).optional();
            if let Some(domain) = found.map_err(sql)? {
                return Ok(Some(domain));
            }
        }
        Ok(None)
    }

    /// The ports of a host at which the web front is to answer: 80 and 443 for domains, and those of load balancers.
    pub fn web_ports(&self, host: &HostId) -> Result<Vec<u16>> {
        let balancers = self.load_balancers(host)?;
        let has_domains = balancers.iter().any(|b| b.domain.is_some()) || !self.sites_on(host)?.is_empty();
        let of_domains = if has_domains { &Domain::PORTS[..] } else { &[] };
        let own = balancers.iter().filter_map(|balancer| balancer.listen);
        Ok(own.chain(of_domains.iter().copied()).collect::<BTreeSet<_>>().into_iter().collect())
    }

    /// The instances that a domain leads to.
    pub fn instances_of_domain(&self, host: &HostId, domain: &Domain) -> Result<Vec<Uuid>> {
        let query = "SELECT instance FROM site WHERE host = ?1 AND domain = ?2
             UNION SELECT t.instance FROM load_balancer AS b JOIN load_balancer_target AS t ON t.load_balancer = b.id
             WHERE b.host = ?1 AND b.domain = ?2 ORDER BY instance";
        let mut statement = self.read().prepare_cached(query).map_err(sql)?;
        let rows = statement.query_map([host.as_str(), domain.as_str()], |row| id(row, "instance")).map_err(sql)?;
        rows.map(|row| row.map_err(sql)).collect()
    }
}

/// A domain leads somewhere from now on. A certificate that is there is used again; without one it is asked for at once.
///
/// # Errors
/// [`Code::DomainTaken`] if it leads elsewhere already.
pub(super) fn begin(t: &Transaction<'_>, host: &HostId, domain: &Domain, now: Timestamp) -> Result<()> {
    refuse_taken(&t.0, host, domain)?;
    t.0.execute(
        "INSERT INTO certificate (host, domain, state, due, failures, tried)
         VALUES (?1, ?2, ?3, ?4, 0, '[]')
         ON CONFLICT (host, domain) DO UPDATE SET unused_since = NULL",
        params![host.as_str(), domain.as_str(), Stored(CertificateState::Pending), Time(now)],
    )
    .map(drop)
    .map_err(sql)
}

/// A domain leads nowhere from now on; its certificate stays, unused.
pub(super) fn end(t: &Transaction<'_>, host: &HostId, domain: &Domain, now: Timestamp) -> Result<()> {
    t.0.execute(
        "UPDATE certificate SET unused_since = ?3 WHERE host = ?1 AND domain = ?2",
        params![host.as_str(), domain.as_str(), Time(now)],
    )
    .map(drop)
    .map_err(sql)
}
