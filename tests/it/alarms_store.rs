//! Alarms, metrics and the outbox in their database, on a clock of the test's own.

use crate::support::rows::{balancer, record, settings, stamp, store, subject, time};
use lite::{
    model::{AlarmState, Event, EventData, EventKind, HostId, Metric, Name, Subject},
    notify::{
        format::Format,
        outbox::{self, Ways},
        schedule::Answer,
        signature::Secret,
    },
    store::{
        Store,
        alarms::{self, Alarm, AlarmEvent, default_name},
        contacts::Contact,
        events::{self, Which},
        load_balancers,
        outbox::MessageState,
    },
};

fn contact(store: &mut Store, name: &str) {
    let new = Contact {
        name: Name::parse(name).unwrap(),
        url: "http://127.0.0.1:9/".to_owned().into(),
        format: serde_json::to_string(&Format::Standard).unwrap(),
        private: false,
        secret: Secret::from_bytes(&[1; 32]).unwrap().text().clone(),
        old_secret: None,
        old_until: None,
        disabled: None,
        header: None,
        code: None,
        overflowed: 0,
        created_at: time(0),
    };
    store.add_contact(&new).unwrap();
}

fn put(store: &mut Store, name: &str) -> Alarm {
    let name = Name::parse(name).unwrap();
    store.put_alarm(&subject(1), &name, &settings(Metric::CpuUtilization, "> 80"), &stamp(0)).unwrap();
    store.require_alarm(&name).unwrap()
}

/// Changes an alarm as an evaluation does.
fn turn(store: &mut Store, alarm: &mut Alarm, to: AlarmState, kind: Option<EventKind>, at: i64) {
    let told = kind.map(|kind| AlarmEvent { kind, reason: format!("at {at}"), points: vec![Some(1.0)] });
    store.write(|t| alarms::change(t, alarm, &subject(1), to, told.as_ref(), &stamp(at))).unwrap();
}

fn kinds(store: &Store) -> Vec<String> {
    let all = store.events(&Which { limit: 1000, ..Which::default() }).unwrap();
    all.iter().map(|e| format!("{}{}", e.event.kind, if e.event.suppressed { " (suppressed)" } else { "" })).collect()
}

#[test]
fn an_incident_opens_reminds_and_closes() {
    let dir = tempfile::tempdir().unwrap();
    let mut db = store(dir.path(), 1, false);
    contact(&mut db, "ops");
    let mut alarm = put(&mut db, "cpu");
    turn(&mut db, &mut alarm, AlarmState::Alarm, Some(EventKind::AlarmFiring), 60);
    let incident = alarm.incident.clone().unwrap();
    turn(&mut db, &mut alarm, AlarmState::Alarm, Some(EventKind::AlarmReminder), 120);
    assert!(db.incident_is_open(&incident).unwrap());
    turn(&mut db, &mut alarm, AlarmState::Ok, Some(EventKind::AlarmResolved), 180);
    assert!(!db.incident_is_open(&incident).unwrap());
    assert_eq!((alarm.incident.as_ref(), alarm.reminded_at), (None, None));
    assert_eq!(db.require_alarm(&alarm.name).unwrap(), alarm, "what was changed is what is stored");
    let all = db.events(&Which { limit: 10, ..Which::default() }).unwrap();
    let told: Vec<_> =
        all.iter().map(|e| (e.event.kind, e.event.data.sequence, e.event.data.incident.clone())).collect();
    let of = |kind, n| (kind, Some(n), Some(incident.clone()));
    assert_eq!(told, [of(EventKind::AlarmFiring, 1), of(EventKind::AlarmReminder, 2), of(EventKind::AlarmResolved, 3)]);
    let last = &all[2].event.data;
    assert_eq!((last.started_at, last.ended_at), (Some(time(60)), Some(time(180))));
    assert_eq!(db.waiting("ops").unwrap().len(), 3);
}

#[test]
fn state_event_and_deliveries_are_one_transaction() {
    let dir = tempfile::tempdir().unwrap();
    let mut db = store(dir.path(), 1, false);
    contact(&mut db, "ops");
    let alarm = put(&mut db, "cpu");
    let mut changed = alarm.clone();
    let told = AlarmEvent { kind: EventKind::AlarmFiring, reason: "x".into(), points: vec![] };
    let cut: lite::model::Result<()> = db.write(|t| {
        alarms::change(t, &mut changed, &subject(1), AlarmState::Alarm, Some(&told), &stamp(60))?;
        Err(lite::model::Error::new(lite::model::Code::Internal, "cut"))
    });
    assert!(cut.is_err());
    assert_eq!(db.require_alarm(&alarm.name).unwrap(), alarm);
    assert_eq!((kinds(&db).len(), db.waiting("ops").unwrap().len()), (0, 0));
}

#[test]
fn an_event_of_an_incident_is_stored_once() {
    let dir = tempfile::tempdir().unwrap();
    let mut db = store(dir.path(), 1, false);
    let mut data = EventData::says("x");
    (data.incident, data.sequence) = (Some("in-1".into()), Some(1));
    let event = Event { at: time(0), kind: EventKind::AlarmFiring, data, suppressed: false };
    assert!(db.record_event(&HostId::local(), &event).is_ok());
    assert!(db.record_event(&HostId::local(), &event).is_err());
}

#[test]
fn edit_delete_and_delete_of_the_instance_close_the_incident() {
    let dir = tempfile::tempdir().unwrap();
    let mut db = store(dir.path(), 1, false);
    for name in ["edited", "deleted", "gone"] {
        let mut alarm = put(&mut db, name);
        turn(&mut db, &mut alarm, AlarmState::Alarm, Some(EventKind::AlarmFiring), 60);
    }
    let edited = Name::parse("edited").unwrap();
    assert_eq!(db.put_alarm(&subject(1), &edited, &settings(Metric::NetworkIn, "> 1"), &stamp(70)), Ok(false));
    let after = db.require_alarm(&edited).unwrap();
    assert_eq!((after.state, after.generation, after.incident), (AlarmState::InsufficientData, 2, None));
    db.delete_alarm(&Name::parse("deleted").unwrap(), &stamp(80)).unwrap();
    db.write(|t| alarms::close_all_of(t, &subject(1), &stamp(90))).unwrap();
    let all = db.events(&Which { limit: 10, ..Which::default() }).unwrap();
    let told: Vec<_> = all[3..]
        .iter()
        .map(|e| (e.event.kind.as_str(), e.event.data.alarm.clone().unwrap(), e.event.data.reason.clone()))
        .collect();
    let resolved = |alarm: &str, reason: &str| ("alarm.resolved", alarm.to_owned(), reason.to_owned());
    assert_eq!(told, [resolved("edited", "edited"), resolved("deleted", "deleted"), resolved("gone", "deleted")]);
    db.forget(record(1).uuid).unwrap();
    assert_eq!(db.alarms().unwrap(), []);
}

#[test]
fn a_muted_alarm_owes_one_firing() {
    let dir = tempfile::tempdir().unwrap();
    let mut db = store(dir.path(), 1, false);
    contact(&mut db, "ops");
    let cpu = put(&mut db, "cpu");
    db.mute_alarm(&cpu.name, Some(time(7200)), &stamp(0)).unwrap();
    let mut alarm = db.require_alarm(&cpu.name).unwrap();
    turn(&mut db, &mut alarm, AlarmState::Alarm, Some(EventKind::AlarmFiring), 60);
    turn(&mut db, &mut alarm, AlarmState::Ok, Some(EventKind::AlarmResolved), 120);
    turn(&mut db, &mut alarm, AlarmState::Alarm, Some(EventKind::AlarmFiring), 180);
    turn(&mut db, &mut alarm, AlarmState::Alarm, Some(EventKind::AlarmReminder), 240);
    assert_eq!(db.waiting("ops").unwrap().len(), 0);
    db.write(|t| alarms::unmute_if_over(t, &mut alarm, &subject(1), &stamp(7199))).unwrap();
    assert_eq!(db.waiting("ops").unwrap().len(), 0);
    for at in [7200, 7260] {
        db.write(|t| alarms::unmute_if_over(t, &mut alarm, &subject(1), &stamp(at))).unwrap();
    }
    let wanted = [
        "alarm.firing (suppressed)",
        "alarm.resolved (suppressed)",
        "alarm.firing (suppressed)",
        "alarm.reminder (suppressed)",
        "alarm.firing",
    ];
    assert_eq!(kinds(&db), wanted);
    assert_eq!(db.waiting("ops").unwrap().len(), 1);
}

#[test]
fn what_was_not_asked_for_is_stored_and_not_sent() {
    let dir = tempfile::tempdir().unwrap();
    let mut db = store(dir.path(), 1, false);
    contact(&mut db, "ops");
    let mut alarm = put(&mut db, "cpu");
    turn(&mut db, &mut alarm, AlarmState::InsufficientData, Some(EventKind::AlarmNoData), 60);
    assert_eq!(kinds(&db), ["alarm.no_data (suppressed)"]);
}

#[test]
fn blueprints_bring_alarms_with_readable_names() {
    let dir = tempfile::tempdir().unwrap();
    let db = store(dir.path(), 2, true);
    let names: Vec<String> = db.alarms().unwrap().iter().map(|a| a.name.to_string()).collect();
    assert!(names.contains(&"web-1-memory-utilization".to_owned()), "{names:?}");
    assert_eq!(db.alarms_of(record(2).uuid).unwrap().len() * 2, names.len());
    let shop = Name::parse("shop").unwrap();
    for (metric, name) in [
        (Metric::CpuUtilization, "shop-cpu-utilization"),
        (Metric::AppHealthy, "shop-app-healthy"),
        (Metric::StatusCheckFailedSystem, "shop-status-check-failed-system"),
        (Metric::DiskReadOps, "shop-disk-read-ops"),
    ] {
        assert_eq!(default_name(shop.as_str(), metric, 1).unwrap().as_str(), name);
    }
    let long = Name::parse(&"a".repeat(63)).unwrap();
    assert_eq!(default_name(long.as_str(), Metric::CpuUtilization, 12).unwrap().as_str().len(), 63);
}

#[test]
fn the_queue_of_a_contact_has_an_end() {
    let dir = tempfile::tempdir().unwrap();
    let mut db = store(dir.path(), 1, false);
    contact(&mut db, "ops");
    let event = |kind| Event { at: time(0), kind, data: EventData::says("x"), suppressed: false };
    db.write(|t| {
        events::record(t, &HostId::local(), &event(EventKind::AlarmReminder))?;
        (1..events::MOST_QUEUED)
            .try_for_each(|_| events::record(t, &HostId::local(), &event(EventKind::InstanceCrashed)).map(drop))?;
        // One too many: the reminder goes. Two too many: the new one is dead.
        events::record(t, &HostId::local(), &event(EventKind::InstanceLost))?;
        events::record(t, &HostId::local(), &event(EventKind::InstanceLost)).map(drop)
    })
    .unwrap();
    let waiting = db.waiting("ops").unwrap();
    assert_eq!(waiting.len() as i64, events::MOST_QUEUED);
    assert_eq!(waiting[0].stored.event.kind, EventKind::InstanceCrashed);
    assert_eq!(waiting.iter().filter(|w| w.stored.event.kind == EventKind::InstanceLost).count(), 1);
    assert_eq!(db.contacts().unwrap()[0].overflowed, 2);
}

/// Sends everything that is due, with one answer for all; what was sent, as `kind`.
fn send(db: &mut Store, at: i64, answer: &Answer) -> Vec<String> {
    let mut sent = Vec::new();
    outbox::make_messages(db, time(at)).unwrap();
    for contact in db.contacts().unwrap() {
        while let Some(job) = outbox::next_job(db, &contact, &Ways::default(), time(at)).unwrap() {
            let body: serde_json::Value = serde_json::from_slice(&job.body).unwrap();
            let delivered = body["data"]["firing_delivered"].as_bool().map_or(String::new(), |d| format!(" after {d}"));
            sent.push(format!("{}{delivered}", body["type"].as_str().unwrap()));
            outbox::record_result(db, &job, answer, time(at), 0.5).unwrap();
        }
    }
    sent
}

const OK: Answer = Answer::Status(200, None);
const DOWN: Answer = Answer::Status(500, None);

#[test]
fn a_contact_that_is_down_for_an_hour_gets_each_message_once() {
    let dir = tempfile::tempdir().unwrap();
    let mut db = store(dir.path(), 1, false);
    contact(&mut db, "ops");
    let mut alarm = put(&mut db, "cpu");
    turn(&mut db, &mut alarm, AlarmState::Alarm, Some(EventKind::AlarmFiring), 0);
    assert_eq!(send(&mut db, 9, &DOWN), [""; 0]);
    let mut attempts = 0;
    for at in 10..3600 {
        attempts += send(&mut db, at, &DOWN).len();
    }
    assert_eq!(attempts, 6, "at once, after 5 s, 15 s, 1 min, 5 min, 30 min");
    let queued = db.queued("ops").unwrap();
    let id = queued[0].id.clone();
    let got: Vec<String> = (3600..10_800).flat_map(|at| send(&mut db, at, &OK)).collect();
    assert_eq!(got, ["alarm.firing"]);
    let message = db.require_message(&id).unwrap();
    assert_eq!((message.state, message.attempts, message.status), (MessageState::Delivered, 7, Some(200)));
    // Its end comes after it.
    turn(&mut db, &mut alarm, AlarmState::Ok, Some(EventKind::AlarmResolved), 20_000);
    assert_eq!(send(&mut db, 20_010, &OK), ["alarm.resolved after true"]);
}

#[test]
fn four_days_down_is_dead_and_can_be_redelivered() {
    let dir = tempfile::tempdir().unwrap();
    let mut db = store(dir.path(), 1, false);
    contact(&mut db, "ops");
    db.record_event(
        &HostId::local(),
        &Event { at: time(0), kind: EventKind::InstanceCrashed, data: EventData::says("x"), suppressed: false },
    )
    .unwrap();
    let sent: usize = (0..4 * 86_400 / 10).map(|n| send(&mut db, n * 10, &DOWN).len()).sum();
    assert_eq!(sent, 12);
    let dead = db.messages(None, true, 10).unwrap();
    assert_eq!((dead.len(), dead[0].attempts, dead[0].error.as_deref()), (1, 12, Some("HTTP 500")));
    db.purge(time(29 * 86_400)).unwrap();
    assert_eq!(db.messages(None, true, 10).unwrap().len(), 1, "kept 30 days");
    db.redeliver(&dead[0].id, time(400_000)).unwrap();
    assert_eq!(db.redeliver(&dead[0].id, time(400_000)).map_err(|e| e.code.as_str()).err(), Some("still_queued"));
    assert_eq!(send(&mut db, 400_000, &OK), ["instance.crashed"]);
    db.purge(time(400_000 + 31 * 86_400)).unwrap();
    assert_eq!(db.messages(None, false, 10).unwrap(), []);
}

#[test]
fn an_end_takes_the_place_of_a_firing_that_never_arrived() {
    let dir = tempfile::tempdir().unwrap();
    let mut db = store(dir.path(), 1, false);
    contact(&mut db, "ops");
    let mut alarm = put(&mut db, "cpu");
    turn(&mut db, &mut alarm, AlarmState::Alarm, Some(EventKind::AlarmFiring), 0);
    (10..200).for_each(|at| drop(send(&mut db, at, &DOWN)));
    turn(&mut db, &mut alarm, AlarmState::Ok, Some(EventKind::AlarmResolved), 200);
    assert_eq!(send(&mut db, 215, &OK), [""; 0], "in order: the end waits behind its firing");
    let got: Vec<String> = (300..7200).flat_map(|at| send(&mut db, at, &OK)).collect();
    assert_eq!(got, ["alarm.resolved after false"]);
    let states: Vec<MessageState> = db.messages(None, false, 10).unwrap().iter().map(|m| m.state).collect();
    assert_eq!(states, [MessageState::Delivered, MessageState::Superseded]);
}

#[test]
fn gone_disables_the_contact() {
    let dir = tempfile::tempdir().unwrap();
    let mut db = store(dir.path(), 1, false);
    contact(&mut db, "ops");
    let event = Event { at: time(0), kind: EventKind::InstanceLost, data: EventData::says("x"), suppressed: false };
    db.record_event(&HostId::local(), &event).unwrap();
    assert_eq!(send(&mut db, 10, &Answer::Status(410, None)), ["instance.lost"]);
    assert_eq!(db.contacts().unwrap()[0].disabled.as_deref(), Some("the receiver answered 410 Gone"));
    db.record_event(&HostId::local(), &event).unwrap();
    assert_eq!((db.waiting("ops").unwrap().len(), send(&mut db, 1000, &OK).len()), (0, 0));
}

#[test]
fn retries_have_the_same_id_and_bytes_and_both_secrets_sign_for_a_day() {
    let dir = tempfile::tempdir().unwrap();
    let mut db = store(dir.path(), 1, false);
    contact(&mut db, "ops");
    let name = Name::parse("ops").unwrap();
    db.record_event(
        &HostId::local(),
        &Event { at: time(0), kind: EventKind::InstanceLost, data: EventData::says("x"), suppressed: false },
    )
    .unwrap();
    outbox::make_messages(&mut db, time(10)).unwrap();
    let job = |db: &mut Store, at| {
        let contact = db.require_contact(&name).unwrap();
        outbox::next_job(db, &contact, &Ways::default(), time(at)).unwrap().unwrap()
    };
    let first = job(&mut db, 10);
    outbox::record_result(&mut db, &first, &DOWN, time(10), 0.5).unwrap();
    let new = Secret::from_bytes(&[2; 32]).unwrap();
    db.rotate_secret(&name, new.text(), time(100 + 86_400)).unwrap();
    let second = job(&mut db, 200);
    assert_eq!((&first.message.id, &first.body, first.secrets.len()), (&second.message.id, &second.body, 1));
    assert_eq!(second.secrets.len(), 2);
    assert_eq!(job(&mut db, 100 + 86_400).secrets.len(), 1);
}

#[test]
fn an_alarm_of_a_load_balancer_tells_of_it_and_goes_with_it() {
    let dir = tempfile::tempdir().unwrap();
    let mut db = store(dir.path(), 1, false);
    let (host, name) = (HostId::local(), Name::parse("healthy").unwrap());
    db.write(|t| load_balancers::insert(t, &host, &balancer(), time(0))).unwrap();
    let watched = Subject::from(&balancer());
    db.put_alarm(&watched, &name, &settings(Metric::HealthyHostCount, "< 2"), &stamp(0)).unwrap();
    let mut alarm = db.require_alarm(&name).unwrap();
    assert_eq!((alarm.subject, db.subject(&host, alarm.subject)), (balancer().id, Ok(Some(watched.clone()))));
    let of_host: Vec<String> = db.alarms_on(&host).unwrap().into_iter().map(|a| a.unwrap().name.to_string()).collect();
    assert_eq!(of_host, ["healthy"]);
    let told = AlarmEvent { kind: EventKind::AlarmFiring, reason: "fires".to_owned(), points: vec![] };
    db.write(|t| alarms::change(t, &mut alarm, &watched, AlarmState::Alarm, Some(&told), &stamp(60))).unwrap();
    db.write(|t| load_balancers::delete(t, &balancer(), &stamp(90))).unwrap();
    assert_eq!(kinds(&db), ["alarm.firing", "alarm.resolved"]);
    let of_it = db.events(&Which { limit: 10, instance: Some("front".to_owned()), ..Which::default() }).unwrap();
    let data = &of_it[1].event.data;
    assert_eq!((of_it.len(), &*data.reason, data.subject_name(), &data.instance), (2, "deleted", Some("front"), &None));
    assert_eq!(db.alarms(), Ok(vec![]));
    db.put_alarm(&subject(1), &name, &settings(Metric::CpuUtilization, "> 80"), &stamp(100)).expect("its name is free");
}
