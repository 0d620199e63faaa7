//! The states of an alarm (A4). Pure.

use super::Decision;
use crate::model::{AlarmState, EventKind};

/// What a change of state tells the world.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AlarmTransition {
    /// An incident opens.
    Firing,
    /// It still fires, and the repeat interval has passed.
    Reminder,
    /// The incident closes.
    Resolved,
    /// The data stopped; an open incident stays open.
    NoData,
}

impl AlarmTransition {
    /// The event that tells of it.
    pub fn event_kind(self) -> EventKind {
        match self {
            Self::Firing => EventKind::AlarmFiring,
            Self::Reminder => EventKind::AlarmReminder,
            Self::Resolved => EventKind::AlarmResolved,
            Self::NoData => EventKind::AlarmNoData,
        }
    }
}

/// What else the step depends on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Context {
    /// An incident is open.
    pub incident: bool,
    /// The repeat interval has passed since it was last told.
    pub repeat_due: bool,
    /// The user wants to hear when data stops.
    pub tell_no_data: bool,
}

/// The state after a decision, and what it tells. `alarm.no_data` is told when the data stops, not at each period without.
pub fn step(state: AlarmState, decision: Decision, context: Context) -> (AlarmState, Option<AlarmTransition>) {
    use AlarmState::{Alarm, InsufficientData, Ok};
    match (state, decision) {
        (_, Decision::Keep) => (state, None),
        (Alarm, Decision::Alarm) => (Alarm, context.repeat_due.then_some(AlarmTransition::Reminder)),
        (InsufficientData, Decision::Alarm) if context.incident => (Alarm, None),
        (Ok | InsufficientData, Decision::Alarm) => (Alarm, Some(AlarmTransition::Firing)),
        (Alarm, Decision::Ok) => (Ok, Some(AlarmTransition::Resolved)),
        (InsufficientData, Decision::Ok) if context.incident => (Ok, Some(AlarmTransition::Resolved)),
        (Ok | InsufficientData, Decision::Ok) => (Ok, None),
        (InsufficientData, Decision::NoData) => (InsufficientData, None),
        (Ok | Alarm, Decision::NoData) => (InsufficientData, context.tell_no_data.then_some(AlarmTransition::NoData)),
    }
}

#[cfg(test)]
mod tests {
    use super::{AlarmTransition, Context, step};
    use crate::{model::AlarmState, monitor::Decision};

    const DECISIONS: [Decision; 4] = [Decision::Alarm, Decision::Ok, Decision::NoData, Decision::Keep];

    /// The table of alarms.md, row by row; the first that matches counts. `*` is any.
    const ROWS: &[(&str, &str, &str, &str, &str)] = &[
        ("OK", "*", "Alarm", "ALARM", "firing"),
        ("INSUFFICIENT_DATA", "closed", "Alarm", "ALARM", "firing"),
        ("INSUFFICIENT_DATA", "open", "Alarm", "ALARM", "-"),
        ("ALARM", "*", "Alarm", "ALARM", "reminder?"),
        ("ALARM", "*", "Ok", "OK", "resolved"),
        ("INSUFFICIENT_DATA", "open", "Ok", "OK", "resolved"),
        ("INSUFFICIENT_DATA", "*", "NoData", "INSUFFICIENT_DATA", "-"),
        ("*", "*", "NoData", "INSUFFICIENT_DATA", "no_data?"),
        ("INSUFFICIENT_DATA", "closed", "Ok", "OK", "-"),
        ("OK", "*", "Ok", "OK", "-"),
        ("*", "*", "Keep", "=", "-"),
    ];

    #[test]
    fn the_table_in_every_combination() {
        let mut used = std::collections::BTreeSet::new();
        for state in AlarmState::ALL {
            for decision in DECISIONS {
                for bits in 0..8 {
                    let context =
                        Context { incident: bits & 1 != 0, repeat_due: bits & 2 != 0, tell_no_data: bits & 4 != 0 };
                    let is = |cell: &str, word: &str| cell == "*" || cell == word;
                    let incident = if context.incident { "open" } else { "closed" };
                    let (at, row) = ROWS
                        .iter()
                        .enumerate()
                        .find(|(_, r)| is(r.0, state.as_str()) && is(r.1, incident) && r.2 == format!("{decision:?}"))
                        .expect("a row");
                    used.insert(at);
                    let next = if row.3 == "=" { *state } else { AlarmState::parse(row.3).unwrap() };
                    let told = match row.4 {
                        "firing" => Some(AlarmTransition::Firing),
                        "resolved" => Some(AlarmTransition::Resolved),
                        "reminder?" => context.repeat_due.then_some(AlarmTransition::Reminder),
                        "no_data?" => context.tell_no_data.then_some(AlarmTransition::NoData),
                        _ => None,
                    };
                    assert_eq!(step(*state, decision, context), (next, told), "{state} {decision:?} {context:?}");
                }
            }
        }
        assert_eq!(used.len(), ROWS.len(), "a row of the table is never used");
    }
}
