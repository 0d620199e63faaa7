//! What the watcher does about an instance that is not as it is wanted. Pure; what has to survive is data.

mod crash;
mod state;

use jiff::{SignedDuration, Timestamp};

use self::crash::{crashed, forget_old};
pub use self::{
    crash::restart_due,
    state::{Action, GuestShutdown, History, Intent, Observed},
};
use crate::model::{DesiredState, EventKind};

/// How often a guest paused by a full disk is tried again.
const RESUME_EVERY: SignedDuration = SignedDuration::from_mins(1);
/// Samples without an answer of the monitor that make an instance unresponsive.
const SILENT: u32 = 3;

/// The actions, and what to remember after them. Called every 10 s, on reconnect and at start.
///
/// An instance with an open operation is not brought here.
pub fn plan(intent: &Intent, seen: Observed, before: &History, boot: &str, now: Timestamp) -> (Vec<Action>, History) {
    let mut history = before.clone();
    if history.generation != intent.generation {
        // Somebody acted: nothing of what was counted holds any more.
        history = History { generation: intent.generation, boot: before.boot.clone(), ..History::default() };
    }
    forget_old(&mut history, now);
    let mut actions = Vec::new();
    if seen == Observed::Unknown {
        return (actions, history);
    }
    if seen != Observed::Silent {
        history.silent = 0;
    }
    if matches!(
        seen,
        Observed::Running | Observed::Silent | Observed::Paused | Observed::DiskFull | Observed::ShuttingDown
    ) {
        history.boot = Some(boot.to_owned());
    }
    if intent.desired_state == DesiredState::Stopped {
        (history.crashed_at, history.told) = (None, None);
        return (actions, history);
    }
    match seen {
        Observed::Running => {
            (history.crashed_at, history.told) = (None, None);
            let started = history.starting.take();
            if std::mem::take(&mut history.restarting) {
                let text = "it was started again after a crash".to_owned();
                actions.push(Action::Tell(EventKind::InstanceRestarted, text));
            } else if let Some(text) = started {
                actions.push(Action::Tell(EventKind::InstanceRestarted, text));
            }
        }
        Observed::Paused | Observed::ShuttingDown | Observed::Unknown => {}
        Observed::Crashed => crashed(&mut history, &mut actions, now),
        // Only after a boot since it was last seen up can the host have done it. (libvirt forgets the reason with its own
        // end, so one that is told and was never seen up is of this boot.)
        Observed::Shutdown if history.boot.as_deref().is_none_or(|b| b == boot) => match intent.guest_shutdown {
            GuestShutdown::Restart => {
                start(
                    &mut history,
                    &mut actions,
                    "its guest powered itself off; it was started again, as its tag says",
                );
            }
            GuestShutdown::Stop => {
                actions.push(Action::WantStopped);
                let text = "the guest powered itself off; wanted is now stopped".to_owned();
                actions.push(Action::Tell(EventKind::InstanceExternalStop, text));
            }
        },
        Observed::Shutdown | Observed::Off if history.boot.as_deref().is_some_and(|b| b != boot) => {
            start(&mut history, &mut actions, "it was started after a boot of the host");
        }
        Observed::Shutdown | Observed::Off => {
            start(&mut history, &mut actions, "it was down and wanted up; it was started")
        }
        Observed::Destroyed => {
            actions.push(Action::WantStopped);
            let text = "it was stopped by something other than lite; wanted is now stopped".to_owned();
            actions.push(Action::Tell(EventKind::InstanceExternalStop, text));
        }
        Observed::DiskFull => {
            let told =
                "it is paused: its disk could not be written, the host's disk is full; it goes on when there is space";
            tell(&mut history, &mut actions, EventKind::InstanceDiskFull, told);
            if history.resumed_at.is_none_or(|at| now.duration_since(at) >= RESUME_EVERY || at > now) {
                history.resumed_at = Some(now);
                actions.push(Action::Resume);
            }
        }
        Observed::Silent => {
            history.silent = history.silent.saturating_add(1);
            if history.silent >= SILENT {
                let first = history.told != Some(EventKind::InstanceUnresponsive);
                let text = "QEMU has not answered for three samples";
                tell(&mut history, &mut actions, EventKind::InstanceUnresponsive, text);
                if first && intent.reset_unresponsive {
                    actions.push(Action::Reset);
                }
            }
        }
        Observed::Missing => {
            let text = "its virtual machine is gone from the host; nothing was made or removed";
            tell(&mut history, &mut actions, EventKind::InstanceLost, text);
        }
    }
    (actions, history)
}

fn start(history: &mut History, actions: &mut Vec<Action>, text: &str) {
    history.starting = Some(text.to_owned());
    actions.push(Action::Start);
}

fn tell(history: &mut History, actions: &mut Vec<Action>, kind: EventKind, text: &str) {
    if history.told != Some(kind) {
        history.told = Some(kind);
        actions.push(Action::Tell(kind, text.to_owned()));
    }
}

#[cfg(test)]
mod tests {
    use jiff::{SignedDuration, Timestamp};

    use super::{Action, GuestShutdown, History, Intent, Observed, plan, restart_due};
    use crate::model::DesiredState;

    const RUNNING: Intent = Intent {
        desired_state: DesiredState::Running,
        generation: 1,
        guest_shutdown: GuestShutdown::Stop,
        reset_unresponsive: false,
    };

    fn at(seconds: i64) -> Timestamp {
        Timestamp::UNIX_EPOCH + SignedDuration::from_secs(1_000_000 + seconds)
    }

    fn words(actions: &[Action]) -> Vec<String> {
        let word = |a: &Action| match a {
            Action::Tell(kind, _) => kind.to_string(),
            other => format!("{other:?}"),
        };
        actions.iter().map(word).collect()
    }

    fn first(intent: &Intent, seen: Observed, boot: Option<&str>) -> String {
        let history = History { generation: 1, boot: boot.map(str::to_owned), ..History::default() };
        words(&plan(intent, seen, &history, "b1", at(0)).0).join(" ")
    }

    #[test]
    fn the_table_of_the_specification() {
        let restart = Intent { guest_shutdown: GuestShutdown::Restart, ..RUNNING };
        let rows: &[(Observed, &Intent, Option<&str>, &str)] = &[
            (Observed::Running, &RUNNING, Some("b1"), ""),
            (Observed::Silent, &RUNNING, Some("b1"), ""),
            (Observed::Paused, &RUNNING, Some("b1"), ""),
            (Observed::ShuttingDown, &RUNNING, Some("b1"), ""),
            (Observed::DiskFull, &RUNNING, Some("b1"), "instance.disk_full Resume"),
            (Observed::Crashed, &RUNNING, Some("b1"), ""),
            (Observed::Shutdown, &RUNNING, Some("b1"), "WantStopped instance.external_stop"),
            (Observed::Shutdown, &restart, Some("b1"), "Start"),
            (Observed::Shutdown, &RUNNING, Some("b0"), "Start"),
            (Observed::Shutdown, &RUNNING, None, "WantStopped instance.external_stop"),
            (Observed::Off, &RUNNING, Some("b0"), "Start"),
            (Observed::Off, &RUNNING, Some("b1"), "Start"),
            (Observed::Destroyed, &RUNNING, Some("b1"), "WantStopped instance.external_stop"),
            (Observed::Destroyed, &restart, Some("b1"), "WantStopped instance.external_stop"),
            (Observed::Missing, &RUNNING, Some("b1"), "instance.lost"),
            (Observed::Unknown, &RUNNING, Some("b1"), ""),
        ];
        for (seen, intent, boot, wanted) in rows {
            assert_eq!(first(intent, *seen, *boot), *wanted, "{seen:?} {boot:?}");
        }
        let stopped = Intent { desired_state: DesiredState::Stopped, ..RUNNING };
        for (seen, ..) in rows {
            assert_eq!(first(&stopped, *seen, Some("b0")), "", "{seen:?}: stopped by the user stays stopped");
        }
    }

    #[test]
    fn restarts_back_off_and_end_in_one_crash_loop() {
        let (mut history, mut told) = (History::default(), Vec::new());
        // Crashes again one second after each restart, looked at each second for an hour.
        let mut up = false;
        for second in 0..3600 {
            let seen = if up { Observed::Running } else { Observed::Crashed };
            let (actions, after) = plan(&RUNNING, seen, &history, "b", at(second));
            // What is stored comes back the same.
            history = serde_json::from_str(&serde_json::to_string(&after).unwrap()).unwrap();
            up = actions.contains(&Action::Restart);
            told.extend(words(&actions).into_iter().map(|w| format!("{second} {w}")));
        }
        let wanted = [
            "5 instance.crashed",
            "5 Restart",
            "6 instance.restarted",
            "17 instance.crashed",
            "17 Restart",
            "18 instance.restarted",
            // From here on the wait is long, so the crash is told at once.
            "19 instance.crashed",
            "39 Restart",
            "40 instance.restarted",
            "41 instance.crashed",
            "81 Restart",
            "82 instance.restarted",
            "83 instance.crashed",
            "163 Restart",
            "164 instance.restarted",
            "165 instance.crash_loop",
        ];
        assert_eq!(told, wanted);
        assert!(history.crash_loop);
        // Somebody acts.
        let again = Intent { generation: 2, ..RUNNING };
        let (actions, after) = plan(&again, Observed::Crashed, &history, "b", at(4000));
        assert_eq!((words(&actions), after.restarts.len(), after.crash_loop), (vec![], 0, false));
        assert_eq!(restart_due(&after), Some(at(4005)));
    }

    #[test]
    fn rare_crashes_are_no_loop() {
        let mut history = History::default();
        for n in 0..20 {
            let begin = n * 600;
            let (_, a) = plan(&RUNNING, Observed::Crashed, &history, "b", at(begin));
            let (actions, b) = plan(&RUNNING, Observed::Crashed, &a, "b", at(begin + 90));
            assert!(actions.contains(&Action::Restart), "{n}");
            (_, history) = plan(&RUNNING, Observed::Running, &b, "b", at(begin + 100));
        }
        assert!(history.restarts.len() <= 3 && !history.crash_loop);
    }

    #[test]
    fn a_clock_that_jumps_holds_up_nothing() {
        let (_, history) = plan(&RUNNING, Observed::Crashed, &History::default(), "b", at(0));
        for jump in [-3600, 3600, 100_000_000] {
            let (actions, _) = plan(&RUNNING, Observed::Crashed, &history, "b", at(jump));
            assert_eq!(words(&actions), ["instance.crashed", "Restart"], "{jump}");
        }
    }

    #[test]
    fn silence_is_told_once_after_three_samples() {
        for (reset, wanted) in [(false, vec!["instance.unresponsive"]), (true, vec!["instance.unresponsive", "Reset"])]
        {
            let intent = Intent { reset_unresponsive: reset, ..RUNNING };
            let (mut history, mut all) = (History::default(), Vec::new());
            for second in [0, 10, 20, 30, 40, 50] {
                let (actions, after) = plan(&intent, Observed::Silent, &history, "b", at(second));
                assert!(second >= 20 || actions.is_empty(), "{second}: {actions:?}");
                history = after;
                all.extend(words(&actions));
            }
            assert_eq!(all, wanted);
        }
    }

    #[test]
    fn a_full_disk_is_tried_once_a_minute() {
        let (mut history, mut tries) = (History::default(), Vec::new());
        for second in (0..200).step_by(10) {
            let (actions, after) = plan(&RUNNING, Observed::DiskFull, &history, "b", at(second));
            history = after;
            if actions.contains(&Action::Resume) {
                tries.push(second);
            }
            assert!(!actions.contains(&Action::Restart) && !actions.contains(&Action::Start));
        }
        assert_eq!(tries, [0, 60, 120, 180]);
    }
}
