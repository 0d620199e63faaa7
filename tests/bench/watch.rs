//! How much the watcher costs: numbers to read, printed by `cargo test --release --test bench -- --ignored --nocapture`.
//! The limits are those of the issue.

use std::time::Instant;

use crate::support::rows::{record, stamp, store, time};
use lite::{
    model::{AlarmSettings, Condition, HostId, Metric, Missing, Name, Notify, Point, Statistic, Subject},
    monitor::evaluate::{Known, Windows},
    store::metrics::{MinuteOf, SeriesCache, insert_minute},
};

/// A point that looks like a busy guest's: counters and shares move all the time, checks hardly ever.
fn point(metric: Metric, n: i64) -> Point {
    let noise = |salt: i64| ((n.wrapping_mul(2_654_435_761).wrapping_add(salt * 97)) & 0xffff) as f64;
    match metric {
        Metric::CpuUtilization | Metric::MemoryUtilization => {
            let mean = noise(1) / 655.36;
            Point { count: 6, sum: mean * 6.0, min: mean * 0.5, max: mean.mul_add(0.5, 50.0) }
        }
        Metric::DiskSpaceUtilization => {
            Point { count: 1, sum: (n / 10_000) as f64, min: (n / 10_000) as f64, max: (n / 10_000) as f64 }
        }
        Metric::TransferUsed => Point {
            count: 1,
            sum: (n % 43_200) as f64 / 432.0,
            min: (n % 43_200) as f64 / 432.0,
            max: (n % 43_200) as f64 / 432.0,
        },
        Metric::StatusCheckFailed | Metric::StatusCheckFailedInstance | Metric::StatusCheckFailedSystem => {
            Point { count: 6, sum: 0.0, min: 0.0, max: 0.0 }
        }
        Metric::AppHealthy => Point { count: 1, sum: 1.0, min: 1.0, max: 1.0 },
        _ => {
            let value = (noise(2) * 1000.0).round();
            Point { count: 1, sum: value, min: value, max: value }
        }
    }
}

#[test]
#[ignore = "minutes of work: a bench"]
fn database_of_fifteen_months() {
    let instances: u8 = std::env::var("BENCH_INSTANCES").ok().and_then(|n| n.parse().ok()).unwrap_or(20);
    let dir = tempfile::tempdir().unwrap();
    let mut db = store(dir.path(), instances, true);
    let (begin, mut cache) = (time(0).as_second(), SeriesCache::default());
    let days: i64 = std::env::var("BENCH_DAYS").ok().and_then(|n| n.parse().ok()).unwrap_or(456 + 20);
    let started = Instant::now();
    for block in 0..days * 1440 / 300 {
        db.write(|t| {
            for n in block * 300..block * 300 + 300 {
                let known: Vec<MinuteOf> = (1..=instances)
                    .map(|i| MinuteOf {
                        instance: record_id(i),
                        points: Metric::ALL.iter().map(|m| (*m, point(*m, n + i64::from(i) * 7919))).collect(),
                    })
                    .collect();
                insert_minute(t, &mut cache, &HostId::local(), begin / 60 + n, begin + n * 60, &known, |_| true)?;
            }
            Ok(())
        })
        .unwrap();
        db.roll_up(&HostId::local(), begin + (block + 1) * 300 * 60).unwrap();
    }
    let tables = ["point", "five_minutes", "hours"].map(|t| format!("{t} {:.2}", on_disk(&db, t)));
    println!("MiB: {}", tables.join(", "));
    let size = std::fs::metadata(dir.path().join("state.db")).unwrap().len() as f64 / 1_048_576.0;
    println!(
        "{instances} instances, {days} days: {size:.1} MiB, {:.1} MiB for 20 (at most 100); {:.0} s",
        size * 20.0 / f64::from(instances),
        started.elapsed().as_secs_f64()
    );
}

/// Bytes of a table on disk.
fn on_disk(db: &lite::store::Store, table: &str) -> f64 {
    let sum = "SELECT coalesce(sum(pgsize), 0) FROM dbstat WHERE name = ?1";
    db.read().query_row(sum, [table], |row| row.get::<_, i64>(0)).map_or(0.0, |b| b as f64 / 1_048_576.0)
}

fn record_id(n: u8) -> uuid::Uuid {
    uuid::Uuid::from_u128(1000 + u128::from(n))
}

#[test]
#[ignore = "a bench"]
fn evaluating_two_thousand_alarms() {
    let dir = tempfile::tempdir().unwrap();
    let mut db = store(dir.path(), 200, false);
    for i in 1..=200 {
        let record = record(i);
        for (n, metric) in Metric::ALL.iter().take(10).enumerate() {
            let settings = AlarmSettings {
                metric: *metric,
                condition: Condition::parse("> 1").unwrap(),
                datapoints: 3,
                of: 5,
                period_minutes: 1,
                statistic: Statistic::Average,
                missing: Missing::Missing,
                notify: vec![Notify::Alarm],
                repeat_minutes: 240,
            };
            db.put_alarm(&(&record).into(), &Name::parse(&format!("a{i}-{n}")).unwrap(), &settings, &stamp(0)).unwrap();
        }
    }
    let subjects = (1..=200).map(|i| (record_id(i), Subject::from(&record(i)))).collect();
    let (mut windows, mut times) = (Windows::default(), Vec::new());
    for minute in 0..30 {
        let known: Known = (1..=200)
            .map(|i| (record_id(i), Metric::ALL.iter().map(|m| (*m, Point::of(0.5).unwrap())).collect()))
            .collect();
        let started = Instant::now();
        let mut alarms = db.alarms().unwrap();
        windows.prepare(&db, &HostId::local(), &alarms, minute).unwrap();
        db.write(|t| windows.close(t, &mut alarms, &subjects, minute, &known, &stamp(minute * 60))).unwrap();
        times.push(started.elapsed());
    }
    assert_eq!(windows.len(), 2000);
    times.sort();
    println!(
        "2,000 alarms: median {:.1} ms, slowest {:.1} ms (at most 50)",
        times[15].as_secs_f64() * 1000.0,
        times[29].as_secs_f64() * 1000.0
    );
}
