//! Names that were unique within their kind alone, before schema 4 made them unique over all kinds.

use std::collections::BTreeMap;

use rusqlite::{Transaction, params};

use super::sql;
use crate::model::{Name, ResourceKind, Result};

/// Who has which name.
type Holders = BTreeMap<String, ResourceKind>;

/// Gives alarms and contacts another name where an instance, or an alarm, has theirs. A sentence for each.
pub(super) fn rename(t: &Transaction<'_>) -> Result<Vec<String>> {
    let (instances, alarms, contacts) = (names(t, "instance")?, names(t, "alarm")?, names(t, "contact")?);
    let mut holders: Holders = instances.into_iter().map(|name| (name, ResourceKind::Instance)).collect();
    // Names of others are no free names either.
    let reserved: Vec<String> = alarms.iter().chain(&contacts).cloned().collect();
    let mut told = Vec::new();
    for (kind, names) in [(ResourceKind::Alarm, alarms), (ResourceKind::Contact, contacts)] {
        for name in names {
            let Some(holder) = holders.get(&name).copied() else {
                holders.insert(name, kind);
                continue;
            };
            let new = free(&name, kind, |n| holders.contains_key(n) || reserved.iter().any(|r| r == n));
            match kind {
                ResourceKind::Alarm => rename_in(t, "alarm", "name", &name, &new)?,
                _ => {
                    rename_in(t, "contact", "name", &name, &new)?;
                    rename_in(t, "message", "contact", &name, &new)?;
                    rename_in(t, "delivery", "contact", &name, &new)?;
                }
            }
            told.push(format!("{kind} `{name}` is called `{new}` now: {} has that name", holder.with_article()));
            holders.insert(new, kind);
        }
    }
    Ok(told)
}

/// `web` of an alarm becomes `web-alarm`, or `web-alarm-2`.
fn free(name: &str, kind: ResourceKind, taken: impl Fn(&str) -> bool) -> String {
    let candidate = |n: u32| {
        let tail = if n == 1 { format!("-{kind}") } else { format!("-{kind}-{n}") };
        let head: String = name.chars().take(Name::MAX.saturating_sub(tail.len())).collect();
        format!("{}{tail}", head.trim_end_matches('-'))
    };
    (1..).map(candidate).find(|c| !taken(c)).unwrap_or_else(|| candidate(1))
}

fn names(t: &Transaction<'_>, table: &str) -> Result<Vec<String>> {
    let mut statement = t.prepare(&format!("SELECT name FROM {table} ORDER BY name")).map_err(sql)?;
    let rows = statement.query_map([], |row| row.get(0)).map_err(sql)?;
    rows.map(|row| row.map_err(sql)).collect()
}

fn rename_in(t: &Transaction<'_>, table: &str, column: &str, old: &str, new: &str) -> Result<()> {
    t.execute(&format!("UPDATE {table} SET {column} = ?2 WHERE {column} = ?1"), params![old, new])
        .map_err(sql)
        .map(drop)
}

#[cfg(test)]
mod tests {
    use super::free;
    use crate::model::{Name, ResourceKind};

    #[test]
    fn a_new_name_is_valid_and_free() {
        let long = "a".repeat(Name::MAX);
        for (name, taken, new) in [
            ("web", vec![], "web-alarm".to_owned()),
            ("web", vec!["web-alarm"], "web-alarm-2".to_owned()),
            (&long, vec![], format!("{}-alarm", "a".repeat(Name::MAX - 6))),
        ] {
            let found = free(name, ResourceKind::Alarm, |n| taken.contains(&n));
            assert_eq!((Name::parse(&found).is_ok(), found), (true, new));
        }
    }
}
