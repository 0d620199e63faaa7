//! Metrics in the database: minutes of a host, and what they are rolled up to.

use lite::{
    model::{HostId, Metric, Point},
    store::{
        Store, load_balancers,
        metrics::{MinuteOf, SeriesCache, insert_minute},
    },
};

use crate::support::rows::{balancer, record, stamp, store, time};

#[test]
fn a_minute_is_kept_and_rolled_up() {
    let dir = tempfile::tempdir().unwrap();
    let mut db = store(dir.path(), 1, false);
    let (uuid, mut cache) = (record(1).uuid, SeriesCache::default());
    let begin = time(0).as_second();
    let first = begin / 60;
    for hour in 0..(70 * 24) {
        db.write(|t| {
            for n in hour * 60..hour * 60 + 60 {
                let point = Point { count: 6, sum: 6.0 * (n % 60) as f64, min: 0.0, max: 100.0 };
                let known = [MinuteOf { instance: uuid, points: vec![(Metric::CpuUtilization, point)] }];
                let known = if n % 7 == 6 { &[] } else { &known[..] };
                insert_minute(t, &mut cache, &HostId::local(), first + n, begin + n * 60, known, |_| true)?;
            }
            Ok(())
        })
        .unwrap();
        db.roll_up(&HostId::local(), begin + (hour * 60 + 59) * 60).unwrap();
    }
    let now = begin + 70 * 86_400;
    let points = db.points(uuid, Metric::CpuUtilization, begin, now).unwrap();
    assert!(points.windows(2).all(|w| w[0].at + w[0].step <= w[1].at), "no point twice, none overlaps");
    let spans = |step| points.iter().filter(|p| p.step == step).map(|p| p.at).collect::<Vec<_>>();
    let days = |from: i64, to: i64| (to - from) as f64 / 86_400.0;
    assert!((62.9..63.5).contains(&days(spans(300)[0], now)), "5 minutes for 63 days");
    assert_eq!(days(spans(3600)[0], now), 70.0, "hours from the start");
    assert!((1.0..1.3).contains(&days(spans(60)[0], now)), "minutes for a day");
    let hour = points.iter().find(|p| p.step == 3600).unwrap().point;
    // 52 of the 60 minutes of the first hour were observed.
    let seen: Vec<i64> = (0..60).filter(|n| n % 7 != 6).collect();
    let mean = seen.iter().sum::<i64>() as f64 / seen.len() as f64;
    assert_eq!((hour.count, hour.min, hour.max), (6 * seen.len() as u32, 0.0, 100.0));
    assert!((hour.sum / f64::from(hour.count) - mean).abs() < 1e-4, "{hour:?} {mean}");
    let latest = db.latest(uuid, now - 600, now).unwrap();
    assert_eq!(latest.len(), 1);
    let old = db.observed_since(&HostId::local(), first + 70 * 1440 - 10).unwrap();
    assert_eq!(old[&uuid].len(), (70 * 1440 - 10..70 * 1440).filter(|n| n % 7 != 6).count());
}

#[test]
fn a_clock_that_jumps_removes_nothing_and_drops_no_minute() {
    let dir = tempfile::tempdir().unwrap();
    let mut db = store(dir.path(), 1, false);
    let (uuid, mut cache) = (record(1).uuid, SeriesCache::default());
    let begin = time(0).as_second();
    let first = begin / 60;
    let known = [MinuteOf { instance: uuid, points: vec![(Metric::AppHealthy, Point::of(1.0).unwrap())] }];
    for n in 0..1200_i64 {
        // An hour back in the middle, then two years ahead.
        let jump = if n < 400 {
            0
        } else if n < 800 {
            -3600
        } else {
            2 * 365 * 86_400
        };
        db.write(|t| {
            insert_minute(t, &mut cache, &HostId::local(), first + n, begin + n * 60 + jump, &known, |_| true)
        })
        .unwrap();
        if n % 60 == 59 {
            db.roll_up(&HostId::local(), begin + n * 60 + jump).unwrap();
        }
    }
    assert_eq!(db.observed_since(&HostId::local(), first).unwrap()[&uuid].len(), 1200);
    let all = db.points(uuid, Metric::AppHealthy, begin, begin + 3 * 365 * 86_400).unwrap();
    assert_eq!(all.iter().map(|p| p.point.count).sum::<u32>(), 1200);
}

#[test]
fn each_host_has_its_own_minutes() {
    let dir = tempfile::tempdir().unwrap();
    let mut db = store(dir.path(), 1, false);
    let (uuid, here, there) = (record(1).uuid, HostId::local(), HostId::parse("other").unwrap());
    let known = [MinuteOf { instance: uuid, points: vec![(Metric::AppHealthy, Point::of(1.0).unwrap())] }];
    let begin = time(0).as_second();
    let first = begin / 60;
    let mut cache = SeriesCache::default();
    db.write(|t| insert_minute(t, &mut cache, &here, first, begin, &known, |_| true)).unwrap();
    // The other host has no instance. Its clock is an hour ahead, and it counts on for 70 hours.
    for n in [0, 70 * 60] {
        db.write(|t| insert_minute(t, &mut cache, &there, first + n, begin + 3600 + n * 60, &[], |_| true)).unwrap();
    }
    assert_eq!(db.last_minute(&here), Ok(Some((first, begin))));
    assert_eq!(db.last_minute(&there), Ok(Some((first + 4200, begin + 3600 + 4200 * 60))));
    assert_eq!([&here, &there].map(|host| db.minutes_since(host, first).unwrap().len()), [1, 0]);
    assert_eq!([&here, &there].map(|host| db.observed_since(host, first).unwrap().len()), [1, 0]);
    assert_eq!(db.healthy(&here).unwrap(), [(uuid, (true, time(0)))].into());
    db.roll_up(&there, begin + 3600 + 4200 * 60).unwrap();
    assert_eq!(db.last_minute(&here), Ok(Some((first, begin))), "those of one host alone are rolled up");
    let points = db.points(uuid, Metric::AppHealthy, begin, begin + 10_000).unwrap();
    assert_eq!(points.iter().map(|p| (p.at, p.step)).collect::<Vec<_>>(), [(begin, 60)]);
}

#[test]
fn minutes_of_a_load_balancer_are_rolled_up_and_go_with_it() {
    let dir = tempfile::tempdir().unwrap();
    let mut db = store(dir.path(), 0, false);
    let (host, mut cache) = (HostId::local(), SeriesCache::default());
    let balancer = balancer();
    db.write(|t| load_balancers::insert(t, &host, &balancer, time(0))).unwrap();
    let begin = time(0).as_second();
    let known = [MinuteOf { instance: balancer.id, points: vec![(Metric::RequestCount, Point::of(1.0).unwrap())] }];
    for n in 0..1800 {
        let at = begin + n * 60;
        db.write(|t| insert_minute(t, &mut cache, &host, begin / 60 + n, at, &known, |_| false)).unwrap();
        if n % 60 == 59 {
            db.roll_up(&host, at).unwrap();
        }
    }
    let steps = |db: &Store| {
        let all = db.points(balancer.id, Metric::RequestCount, begin, begin + 1800 * 60).unwrap();
        let mut steps: Vec<i64> = all.iter().map(|p| p.step).collect();
        steps.dedup();
        steps
    };
    assert_eq!(steps(&db), [300, 60], "what is older than a day is kept, less finely");
    db.write(|t| load_balancers::delete(t, &balancer, &stamp(1))).unwrap();
    assert!(steps(&db).is_empty());
}
