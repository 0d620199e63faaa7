//! What workers of the web front that a reload replaced had counted of load balancers: each worker counts anew.

use std::collections::HashMap;

use rusqlite::params;
use uuid::Uuid;

use super::{
    Store, Transaction,
    column::{Id, id, json, to_json},
    sql,
};
use crate::model::{HostId, ProxyCounters, Result};

impl Store {
    /// Those of the load balancers of a host, as far as a worker was replaced since they were made.
    pub fn proxy_counters(&self, host: &HostId) -> Result<HashMap<Uuid, ProxyCounters>> {
        let query = "SELECT id, counted FROM load_balancer WHERE host = ?1 AND counted IS NOT NULL";
        let mut statement = self.read().prepare_cached(query).map_err(sql)?;
        let rows =
            statement.query_map([host.as_str()], |row| Ok((id(row, "id")?, json(row, "counted")?))).map_err(sql)?;
        rows.map(|row| row.map_err(sql)).collect()
    }

    /// Adds what one worker had counted.
    pub fn add_proxy_counters(&mut self, host: &HostId, counted: &[(Uuid, ProxyCounters)]) -> Result<()> {
        let before = self.proxy_counters(host)?;
        self.write(|t| {
            counted.iter().try_for_each(|(id, new)| set(t, *id, before.get(id).map_or(*new, |old| old.plus(*new))))
        })
    }
}

fn set(t: &Transaction<'_>, balancer: Uuid, counters: ProxyCounters) -> Result<()> {
    let text = to_json("counters", &counters)?;
    t.0.execute("UPDATE load_balancer SET counted = ?2 WHERE id = ?1", params![Id(balancer), text])
        .map_err(sql)
        .map(drop)
}
