//! Automatic snapshots. lite counts days by the host's clock, and the API by that of UTC.

use jiff::{
    SignedDuration,
    civil::{Date, Time},
    tz::Offset,
};

use super::gib;
use crate::{
    lightsail::wire,
    model::{AutoSnapshot, SnapshotState, Tag},
    view::SnapshotView,
};

/// The add-on's name.
pub const AUTO_SNAPSHOT: &str = "AutoSnapshot";

fn apart(offset: Offset) -> SignedDuration {
    SignedDuration::from_secs(i64::from(offset.seconds()))
}

/// A time of the day of UTC, by the host's clock.
pub fn of_host(time: Time, offset: Offset) -> Time {
    time.wrapping_add(apart(offset))
}

/// What an instance of these tags has.
pub fn add_ons(tags: &[Tag], offset: Offset) -> Vec<wire::AddOn> {
    let of = |auto: AutoSnapshot| {
        let time = auto.time.wrapping_sub(apart(offset));
        let time = format!("{:02}:{:02}", time.hour(), time.minute());
        wire::AddOn {
            name: AUTO_SNAPSHOT,
            status: "Enabled",
            snapshot_time_of_day: time.clone(),
            next_snapshot_time_of_day: time,
        }
    };
    Tag::auto_snapshot(tags).map(of).into_iter().collect()
}

/// The day of a snapshot.
pub fn day(view: &SnapshotView) -> Date {
    Offset::UTC.to_datetime(view.created_at).date()
}

/// An automatic snapshot.
pub fn auto_snapshot(view: &SnapshotView) -> wire::AutoSnapshot {
    wire::AutoSnapshot {
        date: day(view).to_string(),
        created_at: view.created_at.into(),
        status: match view.state {
            SnapshotState::Available => "Success",
            SnapshotState::Creating | SnapshotState::Deleting => "InProgress",
        },
        from_attached_disks: view.disks.iter().map(|disk| wire::AttachedDisk { size_in_gb: gib(disk.size) }).collect(),
    }
}

#[cfg(test)]
mod tests {
    use jiff::{civil::time, tz::Offset};

    use super::{add_ons, of_host};
    use crate::model::{AutoSnapshot, Tag};

    #[test]
    fn a_time_of_utc_is_one_of_the_hosts_clock_and_back() {
        for (hours, of_utc, here) in [(0, 6, 6), (2, 23, 1), (-5, 3, 22)] {
            let offset = Offset::constant(hours);
            assert_eq!(of_host(time(of_utc, 0, 0, 0), offset), time(here, 0, 0, 0));
            let auto = AutoSnapshot { time: time(here, 0, 0, 0), keep: 7 };
            let told = add_ons(&[Tag::automatic(auto)], offset).remove(0);
            assert_eq!((told.snapshot_time_of_day, told.status), (format!("{of_utc:02}:00"), "Enabled"));
        }
        assert_eq!(add_ons(&[], Offset::UTC), []);
    }
}
