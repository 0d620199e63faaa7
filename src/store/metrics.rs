//! Metrics: a point a minute, rolled up to 5 minutes (63 days) and an hour (15 months).

use std::collections::{BTreeMap, HashMap};

use jiff::Timestamp;
use rusqlite::{OptionalExtension, params};
use uuid::Uuid;

use super::{
    Store, Transaction,
    coarse::{FIVE, FIVE_MINUTES, HOUR, HOURS, gathered},
    pack::BLOCK,
    sql,
};
use crate::model::{HostId, Metric, Point, Result};

/// Minutes kept as they are: the longest window of an alarm, and an hour more.
pub const KEEP_MINUTES: i64 = 25 * 60;
/// Seconds that 5-minute points are kept.
pub const KEEP_FIVE: i64 = 63 * 86_400;
/// Seconds that hours are kept: 15 months.
pub const KEEP_HOURS: i64 = 456 * 86_400;

const MINUTE: i64 = 60;
/// Metric number of "somebody looked": a row for each minute an instance was observed in.
const OBSERVED: u8 = 0;

/// What became known of an instance in a minute.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct MinuteOf {
    /// The instance.
    pub instance: Uuid,
    /// Its points; a metric that is not in it had no usable sample.
    pub points: Vec<(Metric, Point)>,
}

/// Points by instance and metric, each with the number of its minute.
pub type MinutePoints = HashMap<(Uuid, Metric), Vec<(i64, Point)>>;

/// A point with its time, seconds of the wall clock.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct TimedPoint {
    /// Begin of its span.
    pub at: i64,
    /// Length of its span in seconds.
    pub step: i64,
    /// What it says.
    pub point: Point,
}

/// Ids of the series, so that they need not be asked for each minute.
#[derive(Debug, Default)]
pub struct SeriesCache(HashMap<(Uuid, u8), i64>);

impl SeriesCache {
    /// Forgets what is not of these instances.
    pub fn retain(&mut self, alive: impl Fn(&Uuid) -> bool) {
        self.0.retain(|(instance, _), _| alive(instance));
    }

    fn id(&mut self, t: &Transaction<'_>, instance: Uuid, metric: u8) -> Result<i64> {
        if let Some(id) = self.0.get(&(instance, metric)) {
            return Ok(*id);
        }
        let name = instance.to_string();
        t.0.prepare_cached("INSERT INTO series (instance, metric) VALUES (?1, ?2) ON CONFLICT DO NOTHING")
            .and_then(|mut s| s.execute(params![name, metric]))
            .map_err(sql)?;
        let id =
            t.0.prepare_cached("SELECT id FROM series WHERE instance = ?1 AND metric = ?2")
                .and_then(|mut s| s.query_row(params![name, metric], |row| row.get(0)))
                .map_err(sql)?;
        self.0.insert((instance, metric), id);
        Ok(id)
    }
}

/// Stores a closed minute of a host: its number, its label, and what became known of instances. `observed` says whether that is
/// evidence for alarms.
pub fn insert_minute(
    t: &Transaction<'_>,
    cache: &mut SeriesCache,
    host: &HostId,
    number: i64,
    at: i64,
    known: &[MinuteOf],
    observed: impl Fn(Uuid) -> bool,
) -> Result<()> {
    t.0.execute(
        "INSERT OR REPLACE INTO minute (host, number, at) VALUES (?1, ?2, ?3)",
        params![host.as_str(), number, at],
    )
    .map_err(sql)?;
    let mut ids = Vec::new();
    for minute in known {
        if observed(minute.instance) {
            ids.push((cache.id(t, minute.instance, OBSERVED)?, None));
        }
        for (metric, point) in &minute.points {
            ids.push((cache.id(t, minute.instance, metric.code())?, Some(*point)));
        }
    }
    ids.sort_by_key(|(id, _)| *id);
    let mut insert = t.0
        .prepare_cached(
            "INSERT OR REPLACE INTO point (minute, series, samples, sum, lowest, highest) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
        )
        .map_err(sql)?;
    for (id, point) in ids {
        let (count, sum) = point.map_or((0, 0.0), |p| (p.count, p.sum));
        let range = point.filter(|p| p.count > 1);
        insert.execute(params![number, id, count, sum, range.map(|p| p.min), range.map(|p| p.max)]).map_err(sql)?;
    }
    Ok(())
}

fn point_of(count: u32, sum: f64, min: Option<f64>, max: Option<f64>) -> Option<Point> {
    (count > 0).then(|| Point { count, sum, min: min.unwrap_or(sum), max: max.unwrap_or(sum) })
}

impl Store {
    /// Number and label of the last minute of a host that was closed.
    pub fn last_minute(&self, host: &HostId) -> Result<Option<(i64, i64)>> {
        self.read()
            .query_row(
                "SELECT number, at FROM minute WHERE host = ?1 ORDER BY number DESC LIMIT 1",
                [host.as_str()],
                |row| Ok((row.get(0)?, row.get(1)?)),
            )
            .optional()
            .map_err(sql)
    }

    /// For each instance of a host and each metric the minutes from `from` on: number and point; none where there was no usable sample.
    /// A minute that is not in it was not observed.
    pub fn minutes_since(&self, host: &HostId, from: i64) -> Result<MinutePoints> {
        let mut statement = self
            .read()
            .prepare(
                "SELECT series.instance, series.metric, point.minute, samples, sum, lowest, highest FROM point
                 JOIN series ON series.id = point.series JOIN resource ON resource.id = series.instance
                 WHERE resource.host = ?1 AND point.minute >= ?2 AND series.metric > 0 ORDER BY point.minute",
            )
            .map_err(sql)?;
        let mut rows = statement.query(params![host.as_str(), from]).map_err(sql)?;
        let mut out = MinutePoints::new();
        while let Some(row) = rows.next().map_err(sql)? {
            let read = || -> rusqlite::Result<_> {
                let name: String = row.get(0)?;
                Ok((
                    name,
                    row.get::<_, u8>(1)?,
                    row.get::<_, i64>(2)?,
                    row.get(3)?,
                    row.get(4)?,
                    row.get(5)?,
                    row.get(6)?,
                ))
            };
            let (name, metric, minute, count, sum, min, max) = read().map_err(sql)?;
            let key = Uuid::try_parse(&name).ok().zip(Metric::from_code(metric));
            if let (Some(key), Some(point)) = (key, point_of(count, sum, min, max)) {
                out.entry(key).or_default().push((minute, point));
            }
        }
        Ok(out)
    }

    /// Whether the applications of a host were healthy in the last two minutes that were closed, as far as they were looked at,
    /// and when the minute of that began.
    pub fn healthy(&self, host: &HostId) -> Result<HashMap<Uuid, (bool, Timestamp)>> {
        let Some((last, at)) = self.last_minute(host)? else { return Ok(HashMap::new()) };
        let minutes = self.minutes_since(host, last - 1)?;
        let begin = |minute: i64| Timestamp::from_second(at - (last - minute) * 60).ok();
        let last_of = |points: &Vec<(i64, Point)>| {
            let (minute, point) = points.last()?;
            Some((point.min >= 1.0, begin(*minute)?))
        };
        let healthy = minutes.iter().filter(|((_, metric), _)| *metric == Metric::AppHealthy);
        Ok(healthy.filter_map(|((uuid, _), points)| Some((*uuid, last_of(points)?))).collect())
    }

    /// For each instance of a host the minutes from `from` on in which somebody looked at it.
    pub fn observed_since(&self, host: &HostId, from: i64) -> Result<HashMap<Uuid, Vec<i64>>> {
        let mut statement = self
            .read()
            .prepare(
                "SELECT series.instance, point.minute FROM point JOIN series ON series.id = point.series
                 JOIN resource ON resource.id = series.instance
                 WHERE resource.host = ?1 AND point.minute >= ?2 AND series.metric = 0 ORDER BY point.minute",
            )
            .map_err(sql)?;
        let rows = statement
            .query_map(params![host.as_str(), from], |row| Ok((row.get::<_, String>(0)?, row.get::<_, i64>(1)?)))
            .map_err(sql)?;
        let mut out: HashMap<Uuid, Vec<i64>> = HashMap::new();
        for row in rows {
            let (name, minute) = row.map_err(sql)?;
            if let Ok(uuid) = Uuid::try_parse(&name) {
                out.entry(uuid).or_default().push(minute);
            }
        }
        Ok(out)
    }

    fn series_of(&self, instance: Uuid, metric: u8) -> Result<Option<i64>> {
        self.read()
            .query_row(
                "SELECT id FROM series WHERE instance = ?1 AND metric = ?2",
                params![instance.to_string(), metric],
                |row| row.get(0),
            )
            .optional()
            .map_err(sql)
    }

    /// The points of a metric between two times, each as fine as it is kept, in the order of time.
    pub fn points(&self, instance: Uuid, metric: Metric, from: i64, to: i64) -> Result<Vec<TimedPoint>> {
        let Some(series) = self.series_of(instance, metric.code())? else { return Ok(Vec::new()) };
        let fine = self.minute_points(series, from, to)?;
        let fine_from = fine.keys().next().copied().unwrap_or(to);
        let five = FIVE_MINUTES.points(self.read(), series, from, fine_from.div_euclid(FIVE) * FIVE)?;
        let five_from = five.keys().next().copied().unwrap_or(fine_from);
        let hours = HOURS.points(self.read(), series, from, five_from.div_euclid(HOUR) * HOUR)?;
        let timed = |points: BTreeMap<i64, Point>, step| {
            points.into_iter().map(move |(at, point)| TimedPoint { at, step, point }).collect::<Vec<_>>()
        };
        Ok([timed(hours, HOUR), timed(five, FIVE), timed(fine, MINUTE)].concat())
    }

    fn minute_points(&self, series: i64, from: i64, to: i64) -> Result<BTreeMap<i64, Point>> {
        let mut statement = self
            .read()
            .prepare_cached(
                "SELECT minute.at, samples, sum, lowest, highest FROM series
                 JOIN resource ON resource.id = series.instance JOIN minute ON minute.host = resource.host
                 JOIN point ON point.minute = minute.number AND point.series = series.id
                 WHERE series.id = ?1 AND minute.at >= ?2 AND minute.at < ?3 ORDER BY minute.number",
            )
            .map_err(sql)?;
        let rows = statement
            .query_map(params![series, from, to], |row| {
                Ok((row.get::<_, i64>(0)?, point_of(row.get(1)?, row.get(2)?, row.get(3)?, row.get(4)?)))
            })
            .map_err(sql)?;
        let all: rusqlite::Result<Vec<_>> = rows.collect();
        Ok(gathered(all.map_err(sql)?.into_iter().filter_map(|(at, p)| Some((at, p?))), MINUTE))
    }

    /// The last point of each metric of an instance, if it is not older than `from`.
    pub fn latest(&self, instance: Uuid, from: i64, to: i64) -> Result<Vec<(Metric, TimedPoint)>> {
        self.latest_of(instance, Metric::ALL, from, to)
    }

    /// The same of these metrics alone.
    pub fn latest_of(
        &self,
        instance: Uuid,
        metrics: &[Metric],
        from: i64,
        to: i64,
    ) -> Result<Vec<(Metric, TimedPoint)>> {
        let mut out = Vec::new();
        for metric in metrics {
            let Some(series) = self.series_of(instance, metric.code())? else { continue };
            if let Some((at, point)) = self.minute_points(series, from, to)?.pop_last() {
                out.push((*metric, TimedPoint { at, step: MINUTE, point }));
            }
        }
        Ok(out)
    }

    /// Rolls up what is complete of a host and removes what is too old. Cheap when there is nothing to do; once an hour is enough.
    pub fn roll_up(&mut self, host: &HostId, now: i64) -> Result<()> {
        let Some((last, _)) = self.last_minute(host)? else { return Ok(()) };
        // Where the clock jumped within the minutes at hand nothing old is removed: "old" means little then.
        let (first, first_at, last_at): (i64, i64, i64) = self
            .read()
            .query_row("SELECT min(number), min(at), max(at) FROM minute WHERE host = ?1", [host.as_str()], |row| {
                Ok((row.get(0)?, row.get(1)?, row.get(2)?))
            })
            .map_err(sql)?;
        let steady = ((last_at - first_at) - (last - first) * MINUTE).abs() < HOUR && (now - last_at).abs() < 86_400;
        let done = self.watcher_number(host, "rolled_minutes")?.unwrap_or(first).max(first);
        let span = BLOCK as i64 * FIVE / MINUTE;
        let until = (last + 1).div_euclid(span) * span;
        if until <= done {
            return Ok(());
        }
        let series: Vec<i64> = {
            let mut s = self
                .read()
                .prepare(
                    "SELECT series.id FROM series JOIN resource ON resource.id = series.instance
                     WHERE resource.host = ?1 AND metric > 0",
                )
                .map_err(sql)?;
            let ids = s.query_map([host.as_str()], |row| row.get(0)).map_err(sql)?;
            ids.collect::<rusqlite::Result<_>>().map_err(sql)?
        };
        self.write(|t| {
            let mut all: HashMap<i64, Vec<(i64, Point)>> = HashMap::new();
            {
                let mut s =
                    t.0.prepare(
                        "SELECT point.series, minute.at, samples, sum, lowest, highest FROM point
                         JOIN minute ON minute.host = ?3 AND minute.number = point.minute
                         WHERE point.minute >= ?1 AND point.minute < ?2 AND samples > 0",
                    )
                    .map_err(sql)?;
                let mut rows = s.query(params![done, until, host.as_str()]).map_err(sql)?;
                while let Some(row) = rows.next().map_err(sql)? {
                    let read = || -> rusqlite::Result<_> {
                        let point = point_of(row.get(2)?, row.get(3)?, row.get(4)?, row.get(5)?);
                        Ok((row.get::<_, i64>(0)?, row.get::<_, i64>(1)?, point))
                    };
                    let (series, at, point) = read().map_err(sql)?;
                    all.entry(series).or_default().extend(point.map(|p| (at, p)));
                }
            }
            for series in &series {
                let Some(points) = all.remove(series) else { continue };
                FIVE_MINUTES.add(t, *series, &gathered(points.iter().copied(), FIVE))?;
                HOURS.add(t, *series, &gathered(points, HOUR))?;
            }
            super::watcher_state::set(t, host, "rolled_minutes", &until.to_string())?;
            let keep = until.min(last + 1 - KEEP_MINUTES);
            t.0.execute(
                "DELETE FROM point WHERE minute < ?1 AND series NOT IN (
                     SELECT series.id FROM series JOIN resource ON resource.id = series.instance WHERE host <> ?2)",
                params![keep, host.as_str()],
            )
            .map_err(sql)?;
            t.0.execute("DELETE FROM minute WHERE host = ?1 AND number < ?2", params![host.as_str(), keep])
                .map_err(sql)?;
            t.0.execute("DELETE FROM point WHERE series NOT IN (SELECT id FROM series)", []).map_err(sql)?;
            if !steady {
                return Ok(());
            }
            t.0.execute("DELETE FROM five_minutes WHERE block < ?1", [now - KEEP_FIVE - FIVE * BLOCK as i64])
                .map_err(sql)?;
            t.0.execute("DELETE FROM hours WHERE block < ?1", [now - KEEP_HOURS - HOUR * BLOCK as i64]).map_err(sql)?;
            Ok(())
        })
    }
}
