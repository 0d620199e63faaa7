//! Which waiting events go out together, and which wait (A9, B5). Pure.

use jiff::{SignedDuration, Timestamp};

use crate::model::EventKind;

/// Events within this span go out as one message.
const GATHER: SignedDuration = SignedDuration::from_secs(10);
/// The span in which so many events become a digest.
const RATE_SPAN: SignedDuration = SignedDuration::from_secs(60);
/// Most events in it that go out one by one.
const RATE: usize = 30;
/// The span in which a flapping alarm is told so often.
const FLAP_SPAN: SignedDuration = SignedDuration::from_mins(5);
/// Most messages of one alarm in it.
const FLAP: usize = 2;
/// How long a firing may wait before its end takes its place.
const STALE: SignedDuration = SignedDuration::from_mins(5);

/// An event that waits for a contact.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Waiting {
    /// Its delivery.
    pub delivery: i64,
    /// When it happened.
    pub at: Timestamp,
    /// Its alarm, if it is of one.
    pub alarm: Option<String>,
}

/// A message made for the contact a short while ago.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Made {
    /// When.
    pub at: Timestamp,
    /// Alarms in it.
    pub alarms: Vec<String>,
    /// Events in it.
    pub events: usize,
    /// It is a digest.
    pub digest: bool,
}

/// A message to be made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    /// Deliveries in it, in order, each with how many changes it stands for.
    pub deliveries: Vec<(i64, u32)>,
    /// Deliveries whose place a later one takes.
    pub superseded: Vec<i64>,
    /// Only counts, and the first few.
    pub digest: bool,
}

/// Whether `span` has passed between two times, or the clock was set back.
fn passed(since: Timestamp, now: Timestamp, span: SignedDuration) -> bool {
    let elapsed = now.duration_since(since);
    elapsed >= span || elapsed < SignedDuration::ZERO
}

/// The next message of a contact, if one is due. `waiting` is in the order of the events.
pub fn next(waiting: &[Waiting], made: &[Made], now: Timestamp) -> Option<Message> {
    let recent = |span| made.iter().filter(move |m| !passed(m.at, now, span));
    let held = |alarm: &str| recent(FLAP_SPAN).filter(|m| m.alarms.iter().any(|a| a == alarm)).count() >= FLAP;
    let ready: Vec<&Waiting> = waiting.iter().filter(|w| !w.alarm.as_deref().is_some_and(held)).collect();
    let oldest = ready.first()?;
    if !passed(oldest.at, now, GATHER) {
        return None;
    }
    let digest = recent(RATE_SPAN).map(|m| m.events).sum::<usize>() + ready.len() > RATE;
    if digest && recent(RATE_SPAN).any(|m| m.digest) {
        return None;
    }
    let (mut deliveries, mut superseded) = (Vec::new(), Vec::new());
    for (at, event) in ready.iter().enumerate() {
        let of_alarm = || ready.iter().filter(|w| w.alarm == event.alarm);
        let changes = if event.alarm.is_some() { of_alarm().count() } else { 1 };
        if digest || changes <= FLAP {
            deliveries.push((event.delivery, 1));
        } else if ready[at + 1..].iter().any(|later| later.alarm == event.alarm) {
            superseded.push(event.delivery);
        } else {
            deliveries.push((event.delivery, u32::try_from(changes).unwrap_or(u32::MAX)));
        }
    }
    Some(Message { deliveries, superseded, digest })
}

/// An event of a message that has not arrived.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pending {
    /// Its kind.
    pub kind: EventKind,
    /// When it happened.
    pub at: Timestamp,
    /// Its incident has ended, and the end waits for the contact too.
    pub ended: bool,
}

/// Whether a message is out of date: all it says is that alarms fire which have ended meanwhile, and it waited too long.
pub fn is_stale(events: &[Pending], now: Timestamp) -> bool {
    let only_fires = |e: &Pending| matches!(e.kind, EventKind::AlarmFiring | EventKind::AlarmReminder) && e.ended;
    !events.is_empty() && events.iter().all(|e| only_fires(e) && passed(e.at, now, STALE))
}

#[cfg(test)]
mod tests {
    use jiff::{SignedDuration, Timestamp};

    use super::{Made, Message, Pending, Waiting, is_stale, next};
    use crate::model::EventKind;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::UNIX_EPOCH + SignedDuration::from_secs(10_000 + seconds)
    }

    fn event(delivery: i64, seconds: i64, alarm: Option<&str>) -> Waiting {
        Waiting { delivery, at: at(seconds), alarm: alarm.map(str::to_owned) }
    }

    fn made(seconds: i64, alarms: &[&str], events: usize) -> Made {
        Made { at: at(seconds), alarms: alarms.iter().map(|a| (*a).to_owned()).collect(), events, digest: false }
    }

    fn plain(deliveries: &[i64]) -> Option<Message> {
        Some(Message { deliveries: deliveries.iter().map(|d| (*d, 1)).collect(), superseded: vec![], digest: false })
    }

    #[test]
    fn events_within_ten_seconds_go_together() {
        let waiting = [event(1, 0, Some("a")), event(2, 9, None), event(3, 9, Some("b"))];
        assert_eq!(next(&waiting, &[], at(9)), None);
        assert_eq!(next(&waiting, &[], at(10)), plain(&[1, 2, 3]));
        assert_eq!(next(&[], &[], at(10)), None);
        assert_eq!(next(&waiting, &[], at(-4000)), plain(&[1, 2, 3]), "the clock was set back");
    }

    #[test]
    fn above_thirty_a_minute_one_digest() {
        let many: Vec<Waiting> = (0..31).map(|n| event(n, 0, None)).collect();
        assert_eq!(next(&many[..30], &[], at(10)).map(|m| (m.deliveries.len(), m.digest)), Some((30, false)));
        assert_eq!(next(&many, &[], at(10)).map(|m| (m.deliveries.len(), m.digest)), Some((31, true)));
        let before = made(0, &[], 30);
        assert_eq!(next(&many[..1], std::slice::from_ref(&before), at(59)).map(|m| m.digest), Some(true));
        assert_eq!(next(&many[..1], std::slice::from_ref(&before), at(60)).map(|m| m.digest), Some(false));
        let digest = Made { digest: true, ..before };
        assert_eq!(next(&many[..1], &[digest], at(59)), None, "one digest a minute");
    }

    #[test]
    fn a_flapping_alarm_is_told_twice_in_five_minutes_with_the_count() {
        let flaps: Vec<Waiting> =
            (0..7).map(|n| event(n, 20 + n, Some("a"))).chain([event(9, 21, Some("b"))]).collect();
        let told = [made(0, &["a"], 1), made(10, &["a", "c"], 2)];
        assert_eq!(next(&flaps, &told, at(60)), plain(&[9]), "only the other alarm");
        let later = next(&flaps[..7], &told, at(300));
        let wanted = Message { deliveries: vec![(6, 7)], superseded: vec![0, 1, 2, 3, 4, 5], digest: false };
        assert_eq!(later, Some(wanted));
        assert_eq!(next(&flaps[..2], &told[..1], at(60)), plain(&[0, 1]), "up and down once is no flapping");
    }

    #[test]
    fn never_more_than_two_messages_of_an_alarm_in_five_minutes() {
        let (mut waiting, mut history, mut count) = (Vec::<Waiting>::new(), Vec::<Made>::new(), 0);
        for second in 0..3600 {
            if second % 7 == 0 {
                waiting.push(event(second, second, Some("a")));
            }
            let Some(message) = next(&waiting, &history, at(second)) else { continue };
            count += message.deliveries.iter().map(|(_, changes)| *changes).sum::<u32>() as usize;
            history.push(made(second, &["a"], message.deliveries.len()));
            waiting.retain(|w| {
                !message.deliveries.iter().any(|d| d.0 == w.delivery) && !message.superseded.contains(&w.delivery)
            });
        }
        assert_eq!(count + waiting.len(), 3600_usize.div_ceil(7), "every change is counted");
        for (n, m) in history.iter().enumerate() {
            let near = history[n..].iter().filter(|o| o.at.duration_since(m.at) < SignedDuration::from_mins(5)).count();
            assert!(near <= 2, "{near}");
        }
        assert!(history.len() >= 20);
    }

    #[test]
    fn an_end_takes_the_place_of_a_firing_that_waited_too_long() {
        let pending = |kind, seconds, ended| Pending { kind, at: at(seconds), ended };
        use EventKind::{AlarmFiring, AlarmReminder, AlarmResolved, InstanceCrashed};
        let fired = pending(AlarmFiring, 0, true);
        assert!(!is_stale(std::slice::from_ref(&fired), at(299)));
        assert!(is_stale(std::slice::from_ref(&fired), at(300)));
        assert!(is_stale(&[fired.clone(), pending(AlarmReminder, 0, true)], at(300)));
        assert!(!is_stale(&[pending(AlarmFiring, 0, false)], at(300)));
        assert!(!is_stale(&[fired.clone(), pending(InstanceCrashed, 0, true)], at(300)));
        assert!(!is_stale(&[fired, pending(AlarmResolved, 0, true)], at(300)));
        assert!(!is_stale(&[], at(300)));
    }
}
