//! The watch loop: a look every 10 s, and at once when a QEMU came or went.

use std::{
    path::Path,
    sync::atomic::{AtomicBool, Ordering},
    time::{Duration, Instant},
};

use sd_notify::NotifyState;

use super::{
    clock::{Moment, tick},
    watcher::Watcher,
};
use crate::{
    clock::{Clock, SystemClock},
    hypervisor::{FolderChanges, Machine},
    model::Result,
};

/// Least time between two looks.
const LEAST: Duration = Duration::from_secs(1);
/// How often a signal to stop is looked at.
const SLICE: Duration = Duration::from_millis(250);
/// Where libvirtd makes and removes a file for each QEMU.
pub(crate) const QEMU: &str = "/run/libvirt/qemu";

/// Watches until told to stop. A look that fails is told, once while its reason stays the same, and the next one tries again.
pub fn run(watcher: &mut Watcher<'_>, machine: &dyn Machine, stop: &AtomicBool, tell: &dyn Fn(&str)) -> Result<()> {
    // Where they cannot be seen only the ticks count.
    let mut changes = machine.runs_guests().then(|| machine.follow(Path::new(QEMU)).ok()).flatten();
    let (mut ready, mut trouble) = (false, None);
    while !stop.load(Ordering::Relaxed) {
        let begun = SystemClock.instant();
        let looked = watcher.tick(Moment::now(machine, &SystemClock)).err().map(|e| e.to_string());
        if let Some(text) = looked.as_ref().filter(|_| looked != trouble) {
            tell(text);
        }
        trouble = looked;
        let mut state = vec![NotifyState::Watchdog];
        if !std::mem::replace(&mut ready, true) {
            state.push(NotifyState::Ready);
        }
        // Without systemd there is nobody to tell.
        let _ = sd_notify::notify(&state);
        wait(watcher, &mut changes, begun, stop);
    }
    let _ = sd_notify::notify(&[NotifyState::Stopping]);
    Ok(())
}

fn wait(watcher: &mut Watcher<'_>, changes: &mut Option<Box<dyn FolderChanges>>, begun: Instant, stop: &AtomicBool) {
    let due = watcher.due().map(|at| {
        let left = at.duration_since(SystemClock.now());
        SystemClock.instant() + Duration::try_from(left).unwrap_or(Duration::ZERO)
    });
    let end = due.map_or(begun + tick(), |due| due.min(begun + tick())).max(begun + LEAST);
    let mut changed = false;
    while !stop.load(Ordering::Relaxed) {
        let now = SystemClock.instant();
        if now >= end || (changed && now >= begun + LEAST) {
            return;
        }
        SystemClock.sleep(SLICE.min(end - now));
        changed |= changes.as_mut().is_some_and(|c| c.any()) || watcher.has_outcome();
    }
}
