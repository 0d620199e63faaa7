//! The tables of coarser points: blocks of 60, written once and appended.

use std::collections::{BTreeMap, btree_map::Entry};

use rusqlite::{OptionalExtension, params};

use super::{
    Transaction,
    pack::{BLOCK, pack, unpack},
    sql,
};
use crate::model::{Point, Result};

/// Seconds of 5 minutes.
pub(super) const FIVE: i64 = 300;
/// Seconds of an hour.
pub(super) const HOUR: i64 = 3600;

/// Step of a coarser table, and how long it is kept.
pub(super) struct Coarse {
    table: &'static str,
    step: i64,
}

/// 5-minute points.
pub(super) const FIVE_MINUTES: Coarse = Coarse { table: "five_minutes", step: FIVE };
/// Points of an hour.
pub(super) const HOURS: Coarse = Coarse { table: "hours", step: HOUR };

impl Coarse {
    fn read(&self, c: &rusqlite::Connection, series: i64, block: i64) -> Result<Option<[Option<Point>; BLOCK]>> {
        let packed: Option<Vec<u8>> = c
            .prepare_cached(&format!("SELECT points FROM {} WHERE series = ?1 AND block = ?2", self.table))
            .and_then(|mut s| s.query_row(params![series, block], |row| row.get(0)).optional())
            .map_err(sql)?;
        Ok(packed.map(|p| unpack(&p)))
    }

    /// Adds points to the blocks they belong to. A clock that was set back may bring some for a block that is written.
    pub(super) fn add(&self, t: &Transaction<'_>, series: i64, points: &BTreeMap<i64, Point>) -> Result<()> {
        let span = self.step * BLOCK as i64;
        let mut blocks: BTreeMap<i64, [Option<Point>; BLOCK]> = BTreeMap::new();
        for (at, point) in points {
            let block = at.div_euclid(span) * span;
            let points = match blocks.entry(block) {
                Entry::Occupied(entry) => entry.into_mut(),
                Entry::Vacant(entry) => entry.insert(self.read(&t.0, series, block)?.unwrap_or([None; BLOCK])),
            };
            let place = usize::try_from((at - block) / self.step).unwrap_or(0).min(BLOCK - 1);
            points[place] = Some(points[place].map_or(*point, |p| p.and(*point)));
        }
        let insert = format!(
            "INSERT INTO {} (series, block, points) VALUES (?1, ?2, ?3)
             ON CONFLICT (series, block) DO UPDATE SET points = excluded.points",
            self.table
        );
        let mut insert = t.0.prepare_cached(&insert).map_err(sql)?;
        for (block, points) in blocks {
            insert.execute(params![series, block, pack(&points)]).map_err(sql)?;
        }
        Ok(())
    }

    /// Points that begin in a span.
    pub(super) fn points(
        &self,
        c: &rusqlite::Connection,
        series: i64,
        from: i64,
        to: i64,
    ) -> Result<BTreeMap<i64, Point>> {
        let span = self.step * BLOCK as i64;
        let mut statement = c
            .prepare_cached(&format!(
                "SELECT block, points FROM {} WHERE series = ?1 AND block > ?2 AND block < ?3 ORDER BY block",
                self.table
            ))
            .map_err(sql)?;
        let rows = statement
            .query_map(params![series, from - span, to], |row| Ok((row.get::<_, i64>(0)?, row.get::<_, Vec<u8>>(1)?)))
            .map_err(sql)?;
        let mut out = BTreeMap::new();
        for row in rows {
            let (block, packed) = row.map_err(sql)?;
            for (place, point) in unpack(&packed).into_iter().enumerate() {
                let at = block + place as i64 * self.step;
                if let (Some(point), true) = (point, (from..to).contains(&at)) {
                    out.insert(at, point);
                }
            }
        }
        Ok(out)
    }
}

/// Points put together to those of a step, by the begin of its span.
pub(super) fn gathered(points: impl IntoIterator<Item = (i64, Point)>, step: i64) -> BTreeMap<i64, Point> {
    let mut out: BTreeMap<i64, Point> = BTreeMap::new();
    for (at, point) in points {
        let at = at.div_euclid(step) * step;
        out.entry(at).and_modify(|p| *p = p.and(point)).or_insert(point);
    }
    out
}
