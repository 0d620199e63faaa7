//! Snapshots, and disks that nobody has, whose volumes are gone.

use std::collections::HashSet;

use uuid::Uuid;

use super::{Finding, Trouble, facts::Facts};
use crate::{
    model::{AnySnapshot, Disk, DiskState, Hint, SnapshotState, Verb},
    plan,
};

/// Snapshots that were there before and after the look, and whose volumes are not.
pub(super) fn missing_copies(f: &Facts) -> Vec<Finding> {
    let Some(volumes) = &f.volumes else { return Vec::new() };
    let is_whole = |one: &&AnySnapshot| one.state() == SnapshotState::Available;
    let before: HashSet<Uuid> = f.before.snapshots.iter().filter(is_whole).map(|one| one.resource().id).collect();
    let all = f.after.snapshots.iter().filter(is_whole).map(|one| (one.resource(), one));
    let settled = all.filter(|(snapshot, _)| before.contains(&snapshot.id) && !f.busy.contains(&snapshot.id));
    let gone = settled.flat_map(|(snapshot, one)| {
        plan::volumes_of_any(one).into_iter().map(move |volume| (snapshot.name.clone(), volume))
    });
    gone.filter(|(_, volume)| volumes.iter().all(|seen| seen.name != *volume))
        .map(|(snapshot, volume)| {
            let fix = Hint::from("put it back from a backup, or ").run_with(Verb::SnapshotDelete, &[&snapshot]);
            missing(format!("snapshot `{snapshot}`"), format!("its volume `{volume}` is gone"), fix)
        })
        .collect()
}

/// Disks that were there before and after the look, that nobody has, and whose volume is not; one that an instance has is told with that.
pub(super) fn missing_disks(f: &Facts) -> Vec<Finding> {
    let Some(volumes) = &f.volumes else { return Vec::new() };
    let is_whole = |disk: &&Disk| disk.state == DiskState::Available;
    let before: HashSet<Uuid> = f.before.disks.iter().filter(is_whole).map(|disk| disk.id).collect();
    let holders = f.after.instances.iter().chain(&f.after.kept);
    let held: HashSet<Uuid> = holders.flat_map(|instance| &instance.record.disks).map(|one| one.disk).collect();
    let settled = f.after.disks.iter().filter(is_whole);
    let settled =
        settled.filter(|disk| before.contains(&disk.id) && !held.contains(&disk.id) && !f.busy.contains(&disk.id));
    let of = |disk: &Disk| plan::disk_volume(disk.id, disk.volume);
    settled
        .filter(|disk| volumes.iter().all(|seen| seen.name != of(disk)))
        .map(|disk| {
            let fix = Hint::from("put it back from a backup, or ").run_with(Verb::DiskDelete, &[&disk.name]);
            let problem = format!("its volume `{}` is gone", of(disk));
            missing(format!("disk `{}`", disk.name), problem, fix)
        })
        .collect()
}

fn missing(subject: String, problem: String, fix: Hint) -> Finding {
    Finding { trouble: Trouble::Missing, subject, problem, fix }
}
