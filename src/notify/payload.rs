//! What a message says (B1). Pure.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::{Value, json};

use crate::model::{Event, EventKind, Metric, visible};

/// Events of a digest that are told in full.
const FIRST: usize = 20;

/// A message before it has a format.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Message {
    /// `alarm.firing` …, `lite.batch` for several events, `lite.digest` for too many.
    #[serde(rename = "type")]
    pub kind: String,
    /// Time of the event; of the last, if there are several.
    pub timestamp: jiff::Timestamp,
    /// What happened.
    pub data: Value,
    /// One line.
    pub title: String,
    /// The reasons, a line each; what could hide something in them is written out.
    pub text: String,
    /// The lines of the text that are of one event each.
    #[serde(skip)]
    lines: Vec<String>,
    /// Events it is about.
    #[serde(skip)]
    count: usize,
}

impl Message {
    /// One message about events, of which there is at least one.
    pub fn of(events: &[Event], digest: bool) -> Self {
        let timestamp = events.iter().map(|e| e.at).max().unwrap_or_default();
        let all = |few: &[Event]| few.iter().map(one).collect::<Vec<_>>();
        let line = |e: &Event| visible(&format!("{}: {}", title(e), e.data.reason), |_| false).into_owned();
        let (kind, data, title, lines) = match events {
            [event] if !digest => {
                let reason = visible(&event.data.reason, |_| false).into_owned();
                (event.kind.to_string(), json!(event.data), title(event), vec![reason])
            }
            _ if !digest => {
                let data = json!({ "count": events.len(), "events": all(events) });
                ("lite.batch".to_owned(), data, format!("{} events", events.len()), events.iter().map(line).collect())
            }
            _ => {
                let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
                events.iter().for_each(|e| *counts.entry(e.kind.as_str()).or_default() += 1);
                let few = &events[..events.len().min(FIRST)];
                let counted: Vec<String> = counts.iter().map(|(kind, n)| format!("{n} {kind}")).collect();
                let data = json!({ "count": events.len(), "counts": counts, "events": all(few) });
                let title = format!("{} events: {}", events.len(), counted.join(", "));
                ("lite.digest".to_owned(), data, title, few.iter().map(line).collect())
            }
        };
        let whole = Self { kind, timestamp, data, title, text: String::new(), lines, count: events.len() };
        whole.first(whole.lines.len())
    }

    /// Lines of its text, without that which counts the rest.
    pub fn len(&self) -> usize {
        self.lines.len()
    }

    /// Whether it has none.
    pub fn is_empty(&self) -> bool {
        self.lines.is_empty()
    }

    /// The message with the first `lines` lines of its text, and how many events more it is about.
    pub fn first(&self, lines: usize) -> Self {
        self.with(self.lines.iter().take(lines).cloned().collect())
    }

    /// The message with only its first line, cut to `length` characters, and how many events more it is about.
    pub fn cut(&self, length: usize) -> Self {
        let line: String = self.lines.first().into_iter().flat_map(|l| l.chars()).take(length).collect();
        self.with(vec![line + "…"])
    }

    fn with(&self, mut shown: Vec<String>) -> Self {
        let more = self.count.saturating_sub(shown.len());
        shown.extend((more > 0).then(|| format!("and {more} more")));
        Self { text: shown.join("\n"), ..self.clone() }
    }

    /// The text of a letter.
    pub fn letter(&self) -> String {
        format!("{}\n\n{}\n\n{}\n", self.title, self.text, self.timestamp)
    }

    /// The format `standard`.
    pub fn standard(&self) -> Vec<u8> {
        // The order of the specification: type, timestamp, data.
        #[derive(Serialize)]
        struct Standard<'a> {
            #[serde(rename = "type")]
            kind: &'a str,
            timestamp: jiff::Timestamp,
            data: &'a Value,
        }
        let standard = Standard { kind: &self.kind, timestamp: self.timestamp, data: &self.data };
        serde_json::to_vec(&standard).unwrap_or_default()
    }
}

fn one(event: &Event) -> Value {
    json!({ "type": event.kind, "timestamp": event.at, "data": event.data })
}

/// A line that says what happened to what.
pub fn title(event: &Event) -> String {
    let data = &event.data;
    let on = data.subject_name().unwrap_or_default();
    let metric = data.metric.map_or("", Metric::as_str);
    let changes = data.changes.filter(|n| *n > 1).map_or_else(String::new, |n| format!(" ({n} changes)"));
    let what = match event.kind {
        EventKind::AlarmFiring => format!("ALARM {metric} on {on}"),
        EventKind::AlarmReminder => format!("still ALARM {metric} on {on}"),
        EventKind::AlarmResolved => format!("OK {metric} on {on}"),
        EventKind::AlarmNoData => format!("no data {metric} on {on}"),
        EventKind::ContactTest => "test message".to_owned(),
        other => format!("{} {on}", other.as_str().replace(['.', '_'], " ")),
    };
    format!("{}{changes}", what.trim())
}

/// Events of every kind, for trying a template.
pub fn samples() -> Vec<Event> {
    let sample = |kind: EventKind| {
        let mut data = crate::model::EventData::says("3 of the last 5 points [91.0, null] were >= 90 (3 needed)");
        data.instance = Some(crate::model::EventInstance {
            id: uuid::Uuid::nil(),
            name: "shop".to_owned(),
            blueprint: "nginx".to_owned(),
            bundle: "small".to_owned(),
            address: Some(std::net::Ipv4Addr::new(192, 0, 2, 10)),
        });
        data.host = Some("host".to_owned());
        data.metric = Some(Metric::MemoryUtilization);
        data.points = vec![Some(91.0), None];
        Event { at: jiff::Timestamp::UNIX_EPOCH, kind, data, suppressed: false }
    };
    EventKind::ALL.iter().map(|k| sample(*k)).collect()
}

#[cfg(test)]
mod tests {
    use super::{Message, samples};
    use crate::model::EventKind;

    #[test]
    fn a_standard_payload_byte_for_byte() {
        let event = samples().into_iter().find(|e| e.kind == EventKind::AlarmFiring).unwrap();
        let message = Message::of(&[event], false);
        let wanted = concat!(
            r#"{"type":"alarm.firing","timestamp":"1970-01-01T00:00:00Z","data":{"alarm":null,"comparator":null,"#,
            r#""ended_at":null,"from":null,"host":"host","incident":null,"instance":{"address":"192.0.2.10","#,
            r#""blueprint":"nginx","bundle":"small","id":"00000000-0000-0000-0000-000000000000","name":"shop"},"#,
            r#""m":null,"metric":"MemoryUtilization","n":null,"period":null,"points":[91.0,null],"#,
            r#""reason":"3 of the last 5 points [91.0, null] were >= 90 (3 needed)","sequence":null,"#,
            r#""started_at":null,"threshold":null,"to":null}}"#
        );
        assert_eq!(String::from_utf8(message.standard()).unwrap(), wanted);
        assert_eq!(message.title, "ALARM MemoryUtilization on shop");
    }

    #[test]
    fn several_are_a_batch_and_too_many_a_digest() {
        let events: Vec<_> = samples().into_iter().cycle().take(40).collect();
        let batch = Message::of(&events[..3], false);
        assert_eq!((batch.kind.as_str(), batch.data["count"].as_u64()), ("lite.batch", Some(3)));
        assert_eq!(batch.data["events"][1]["type"], "alarm.reminder");
        let digest = Message::of(&events, true);
        assert_eq!((digest.kind.as_str(), digest.data["count"].as_u64()), ("lite.digest", Some(40)));
        assert_eq!(digest.data["events"].as_array().map(Vec::len), Some(20));
        let lines: Vec<&str> = digest.text.lines().collect();
        assert_eq!((lines.len(), lines.last()), (21, Some(&"and 20 more")));
        assert_eq!(digest.first(3).text.lines().collect::<Vec<_>>(), [lines[0], lines[1], lines[2], "and 37 more"]);
        assert_eq!(digest.data["counts"]["alarm.firing"], 2);
        assert!(digest.title.starts_with("40 events: 2 alarm.firing, "), "{}", digest.title);
    }
}
