//! What a guest that is up last said of itself: the answer of its health check's command, and how full its disk is.

use std::{io::ErrorKind, path::Path};

use jiff::Timestamp;

use super::{
    report::{Report, Status, parse_line},
    tail,
};
use crate::hypervisor::Machine;

/// A guest speaks each minute. What is older than this, in seconds, no longer holds.
const STALE: i64 = 150;

/// The last status in a report log, `started` being when the instance was last started. The error says why nothing is known.
///
/// # Errors
/// The guest is starting, has been silent for too long, or its log cannot be read.
pub fn latest(machine: &dyn Machine, log: &Path, started: Option<Timestamp>, now: Timestamp) -> Result<Status, String> {
    let (lines, written) = tail::recent(machine, log).map_err(|e| match e.kind() {
        ErrorKind::NotFound => "the guest has not reported yet".to_owned(),
        _ => format!("its report log cannot be read: {e}"),
    })?;
    if started.is_some_and(|started| written < started) {
        return Err("the guest has not reported since it was started".to_owned());
    }
    let mut reports = lines.iter().rev().filter_map(|line| parse_line(line));
    let status = match reports
        .find(|report| !matches!(report, Report::Published(_) | Report::Progress { .. } | Report::Upgraded(_)))
    {
        Some(Report::Status(status)) => status,
        Some(Report::Stage { .. } | Report::Done { .. } | Report::Booted | Report::Sealed | Report::Warm) => {
            return Err("the guest is starting".to_owned());
        }
        Some(Report::Failed { module, .. }) => return Err(format!("the set-up failed in module `{module}`")),
        Some(Report::Published(_) | Report::Progress { .. } | Report::Upgraded(_)) | None => {
            return Err("the guest has not reported yet".to_owned());
        }
    };
    let age = now.duration_since(written).as_secs();
    if age > STALE {
        return Err(format!("the guest has been silent for {age} s"));
    }
    Ok(status)
}

/// Whether the blueprint's command succeeded when the guest last ran it, by its [`latest`] status. The error is its last answer,
/// or why there is none.
///
/// # Errors
/// There is no status; or the command failed.
pub fn health(latest: Result<&Status, &String>) -> Result<(), String> {
    match latest.map(|status| status.health.as_deref()) {
        Ok(Some("ok")) => Ok(()),
        Ok(Some(answer)) => Err(answer.to_owned()),
        Ok(None) => Err("unknown: the guest runs no health check".to_owned()),
        Err(why) => Err(format!("unknown: {why}")),
    }
}

#[cfg(test)]
mod tests {
    use jiff::{SignedDuration, Timestamp};

    use super::{health, latest};
    use crate::hypervisor::LocalMachine;

    const STATUS: &str = r#"{"event":"status","disk":7,"disk_path":"/","health":"ok"}"#;
    const STARTED: &str = r#"{"event":"stage","stage":"cloud-init"}"#;

    /// What is said of a log with these lines, `age` seconds after it was written; started `before` seconds before that.
    fn said(lines: &[&str], age: i64, before: i64) -> Result<(), String> {
        let folder = tempfile::tempdir().expect("a folder");
        let log = folder.path().join("report");
        std::fs::write(&log, lines.join("\n") + "\n").expect("written");
        let written = Timestamp::try_from(std::fs::metadata(&log).and_then(|m| m.modified()).expect("a time"));
        let written = written.expect("a time");
        let at = |seconds| written + SignedDuration::from_secs(seconds);
        health(latest(&LocalMachine::of("qemu:///system"), &log, Some(at(-before)), at(age)).as_ref())
    }

    #[test]
    fn only_a_fresh_word_of_this_boot_counts() {
        let failing = r#"{"event":"status","health":"exit 1: no"}"#;
        let unknown = |why: &str| Err(format!("unknown: {why}"));
        assert_eq!(said(&[STARTED, r#"{"event":"booted"}"#, STATUS], 60, 100), Ok(()));
        assert_eq!(said(&[failing, STATUS, "garbage"], 150, 0), Ok(()));
        assert_eq!(said(&[STATUS, failing], 5, 100), Err("exit 1: no".to_owned()));
        assert_eq!(said(&[STATUS], 151, 300), unknown("the guest has been silent for 151 s"));
        assert_eq!(said(&[STATUS], 5, -1), unknown("the guest has not reported since it was started"));
        assert_eq!(said(&[STATUS, STARTED], 5, 1), unknown("the guest is starting"));
        assert_eq!(said(&[STATUS, r#"{"event":"booted"}"#], 5, 1), unknown("the guest is starting"));
        assert_eq!(said(&[r#"{"event":"status"}"#], 5, 1), unknown("the guest runs no health check"));
        assert_eq!(said(&["", "{"], 5, 1), unknown("the guest has not reported yet"));
        let failed = r#"{"event":"failed","module":"install"}"#;
        assert_eq!(said(&[failed], 5, 1), unknown("the set-up failed in module `install`"));
        let missing = latest(
            &LocalMachine::of("qemu:///system"),
            std::path::Path::new("/does/not/exist"),
            None,
            Timestamp::UNIX_EPOCH,
        );
        assert_eq!(health(missing.as_ref()), unknown("the guest has not reported yet"));
    }
}
