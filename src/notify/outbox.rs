//! From stored deliveries to messages that can be sent, and back. Every decision is that of `group` and `schedule`.

use std::collections::{HashMap, HashSet};

use jiff::{SignedDuration, Timestamp};
use secrecy::{ExposeSecret, SecretString};

use super::{
    address::Allowed,
    format::Format,
    group::{self, Made, Pending, Waiting},
    mail::{self, Letter},
    payload,
    schedule::{Answer, Next, is_due, next_attempt},
    signature::Secret,
};
use crate::{
    model::{Code, Error, Event, EventKind, HostId, MailServer, Result},
    store::{
        Store,
        contacts::Contact,
        events,
        outbox::{Message, MessageState, NewMessage, Part, insert_message},
    },
};

/// How long the old secret signs too after a rotation.
pub const BOTH_SECRETS: SignedDuration = SignedDuration::from_hours(24);

/// Ways out of this host.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Ways {
    /// Where webhooks may be.
    pub allowed: Allowed,
    /// The server that takes mail; none: mail waits.
    pub mail: Option<MailServer>,
}

/// A message on its way out.
#[derive(Debug, Clone)]
pub struct Job {
    /// The message.
    pub message: Message,
    /// Where to.
    pub url: SecretString,
    /// How it may get there.
    pub ways: Ways,
    /// Who signs.
    pub secrets: Vec<Secret>,
    /// A header that goes with it, `NAME: VALUE`.
    pub header: Option<SecretString>,
    /// The exact bytes.
    pub body: Vec<u8>,
    /// What they are.
    pub content_type: String,
}

/// A new id of a message: `msg_` and 128 random bits.
pub fn new_message_id() -> String {
    format!("msg_{}", uuid::Uuid::new_v4().simple())
}

/// Makes messages of the deliveries that wait, for every contact. How many were made.
pub fn make_messages(store: &mut Store, now: Timestamp) -> Result<usize> {
    let mut count = 0;
    for contact in store.contacts()?.into_iter().filter(|c| c.disabled.is_none()) {
        let name = contact.name.as_str();
        let mut waiting: Vec<Waiting> = store
            .waiting(name)?
            .into_iter()
            .map(|w| Waiting { delivery: w.delivery, at: w.stored.event.at, alarm: w.stored.event.data.alarm })
            .collect();
        if waiting.is_empty() {
            continue;
        }
        let mut made = Vec::new();
        for message in store.made_since(name, now.saturating_sub(SignedDuration::from_mins(6)).unwrap_or(now))? {
            let parts = store.parts(&message.id)?;
            let alarms = parts.iter().filter_map(|p| p.stored.event.data.alarm.clone()).collect();
            made.push(Made { at: message.made_at, alarms, events: parts.len(), digest: message.digest });
        }
        while let Some(next) = group::next(&waiting, &made, now) {
            let gone: HashSet<i64> =
                next.deliveries.iter().map(|d| d.0).chain(next.superseded.iter().copied()).collect();
            let alarms =
                waiting.iter().filter(|w| gone.contains(&w.delivery)).filter_map(|w| w.alarm.clone()).collect();
            made.push(Made { at: now, alarms, events: next.deliveries.len(), digest: next.digest });
            let new = NewMessage {
                id: new_message_id(),
                contact: name.to_owned(),
                deliveries: next.deliveries,
                superseded: next.superseded,
                digest: next.digest,
            };
            store.write(|t| insert_message(t, &new, now))?;
            waiting.retain(|w| !gone.contains(&w.delivery));
            count += 1;
        }
    }
    Ok(count)
}

/// Stores an event of a host for one contact and makes its message at once. The id of the message.
pub fn make_test(store: &mut Store, contact: &Contact, host: &HostId, event: &Event) -> Result<String> {
    let id = new_message_id();
    store.write(|t| {
        let delivery = events::record_for(t, host, event, contact.name.as_str())?;
        let new = NewMessage {
            id: id.clone(),
            contact: contact.name.to_string(),
            deliveries: vec![(delivery, 1)],
            superseded: Vec::new(),
            digest: false,
        };
        insert_message(t, &new, event.at)
    })?;
    Ok(id)
}

/// The message that is sent next to a contact, ready to go; none if none is due. Out-of-date ones are superseded.
pub fn next_job(store: &mut Store, contact: &Contact, base: &Ways, now: Timestamp) -> Result<Option<Job>> {
    if contact.disabled.is_some() || is_mail(contact) && base.mail.is_none() {
        return Ok(None);
    }
    let queued = store.queued(contact.name.as_str())?;
    if !queued.iter().any(|m| is_due(m.next_at, now)) {
        return Ok(None);
    }
    let incidents = store.queued_incidents(contact.name.as_str())?;
    for message in in_order(&queued, &incidents, now) {
        if message.attempts > 0 && is_stale(store, &message, now)? {
            store.supersede(&message.id, now)?;
            continue;
        }
        return job(store, contact, base, message, now);
    }
    Ok(None)
}

/// The due messages that no earlier message of the same incident stands before (B4).
fn in_order(queued: &[Message], incidents: &HashMap<String, Vec<String>>, now: Timestamp) -> Vec<Message> {
    let (mut blocked, mut out) = (HashSet::new(), Vec::new());
    for message in queued {
        let of = incidents.get(&message.id).map(Vec::as_slice).unwrap_or_default();
        if is_due(message.next_at, now) && !of.iter().any(|i| blocked.contains(i)) {
            out.push(message.clone());
        }
        blocked.extend(of.iter());
    }
    out
}

fn is_stale(store: &Store, message: &Message, now: Timestamp) -> Result<bool> {
    let mut pending = Vec::new();
    for Part { stored, .. } in store.parts(&message.id)? {
        let event = stored.event;
        let ended = match &event.data.incident {
            Some(incident) => store.end_waits(&message.contact, incident)?,
            None => false,
        };
        pending.push(Pending { kind: event.kind, at: event.at, ended });
    }
    Ok(group::is_stale(&pending, now))
}

fn job(store: &mut Store, contact: &Contact, base: &Ways, message: Message, now: Timestamp) -> Result<Option<Job>> {
    let (body, content_type) = match store.body(&message.id)? {
        Some(kept) => kept,
        None => match render(store, contact, base, &message) {
            Ok((body, content_type)) => {
                store.set_body(&message.id, &body, content_type)?;
                (body, content_type.to_owned())
            }
            Err(error) => {
                // Trying again would change nothing.
                store.record_attempt(&message.id, now, Err(MessageState::Dead), None, Some(&error.to_string()))?;
                return Ok(None);
            }
        },
    };
    let old = contact.old_secret.iter().filter(|_| contact.old_until.is_some_and(|until| now < until));
    let secrets = std::iter::once(&contact.secret).chain(old).filter_map(|s| Secret::parse(s.clone()).ok()).collect();
    let allowed = Allowed { private: contact.private, ..base.allowed.clone() };
    let ways = Ways { allowed, mail: base.mail.clone() };
    let (url, header) = (contact.url.clone(), contact.header.clone());
    Ok(Some(Job { message, url, ways, secrets, header, body, content_type }))
}

/// Whether a contact is told by mail.
pub fn is_mail(contact: &Contact) -> bool {
    mail::address_of(contact.url.expose_secret()).is_some()
}

fn render(store: &Store, contact: &Contact, ways: &Ways, message: &Message) -> Result<(Vec<u8>, &'static str)> {
    let format: Format = serde_json::from_str(&contact.format)
        .map_err(|e| Error::new(Code::StateError, "cannot read a contact's format").cause(e))?;
    let mut events = Vec::new();
    for part in store.parts(&message.id)? {
        let mut event = part.stored.event;
        event.data.changes = (part.changes > 1).then_some(part.changes);
        if let (EventKind::AlarmResolved, Some(incident)) = (event.kind, &event.data.incident) {
            event.data.firing_delivered = Some(store.firing_arrived(contact.name.as_str(), incident)?);
        }
        events.push(event);
    }
    let said = payload::Message::of(&events, message.digest);
    let (body, content_type) = format.render(&said)?;
    let (Some(to), Some(server)) = (mail::address_of(contact.url.expose_secret()), &ways.mail) else {
        return Ok((body, content_type));
    };
    let text = String::from_utf8_lossy(&body);
    let letter = Letter { to, id: &message.id, at: message.made_at, subject: &said.title, text: &text };
    Ok((mail::render(&server.from, &letter)?, "message/rfc822"))
}

/// Writes what became of an attempt. `random` is from 0 to 1.
pub fn record_result(store: &mut Store, job: &Job, answer: &Answer, now: Timestamp, random: f64) -> Result<Next> {
    let next = next_attempt(answer, job.message.attempts + 1, now, random);
    let (status, error) = match answer {
        Answer::Status(200..=299, _) => (None, None),
        Answer::Status(status, _) => (Some(*status), Some(format!("HTTP {status}"))),
        Answer::Nothing(why) => (None, Some(why.clone())),
    };
    let status = status.or(match answer {
        Answer::Status(status, _) => Some(*status),
        Answer::Nothing(_) => None,
    });
    let then = match next {
        Next::Delivered => Err(MessageState::Delivered),
        Next::Retry(at) => Ok(at),
        Next::Dead | Next::Gone => Err(MessageState::Dead),
    };
    store.record_attempt(&job.message.id, now, then, status, error.as_deref())?;
    if next == Next::Gone {
        store.disable_contact(&job.message.contact, Some("the receiver answered 410 Gone"))?;
    }
    Ok(next)
}

impl Job {
    /// The address without what may be secret, for messages about it.
    pub fn shown(&self) -> String {
        super::address::shown(self.url.expose_secret())
    }
}
