//! Alarms and counters over the watcher's minutes.

use super::*;

#[test]
fn an_alarm_fires_and_is_resolved() {
    let world = World::new();
    let uuid = instances(&world, &["web"])[0];
    let name = memory_alarm(&world, uuid);
    let mut watcher = watcher(&world, "b");
    uses(&world, uuid, 50);
    run(&mut watcher, 240);
    assert_eq!(alarm_state(&world, &name), AlarmState::Ok);
    uses(&world, uuid, 95);
    run(&mut watcher, 180);
    assert_eq!(alarm_state(&world, &name), AlarmState::Alarm);
    let alarm = store(&world).require_alarm(&name).expect("an alarm");
    assert_eq!(alarm.reason, "2 of the last 3 points [50.0, 95.0, 95.0] were >= 90 (2 needed)");
    uses(&world, uuid, 50);
    run(&mut watcher, 240);
    assert_eq!(alarms_told(&world), ["alarm.firing", "alarm.resolved"]);
    let minutes = store(&world).points(uuid, Metric::MemoryUtilization, 0, now().as_second() + 60).expect("points");
    assert_eq!(minutes.len(), 10);
}

#[test]
fn a_dead_watcher_and_a_dead_libvirt_are_no_evidence() {
    let world = World::new();
    let uuid = instances(&world, &["web"])[0];
    let name = memory_alarm(&world, uuid);
    {
        let mut watcher = watcher(&world, "b");
        uses(&world, uuid, 95);
        run(&mut watcher, 240);
        assert_eq!(alarm_state(&world, &name), AlarmState::Alarm);
    }
    // The watcher is away for an hour; then it runs, and libvirt is away for another.
    pass(3600);
    let mut watcher = watcher(&world, "b");
    world.hypervisor.fail_all(Error::new(lite::model::Code::LibvirtUnreachable, "nobody answers"));
    run(&mut watcher, 3600);
    assert_eq!(alarms_told(&world), ["alarm.firing"]);
    assert_eq!(alarm_state(&world, &name), AlarmState::Alarm);
    world.hypervisor.heal();
    run(&mut watcher, 300);
    assert_eq!(alarms_told(&world), ["alarm.firing"], "still firing: nothing new");
    assert!(told(&world).iter().all(|k| k == "alarm.firing"), "and no instance is told to be lost or down");
}

#[test]
fn an_instance_stopped_on_purpose_pauses_its_alarms() {
    let world = World::new();
    let uuid = instances(&world, &["web"])[0];
    let name = memory_alarm(&world, uuid);
    let mut watcher = watcher(&world, "b");
    uses(&world, uuid, 95);
    run(&mut watcher, 240);
    store(&world).set_desired_state(uuid, DesiredState::Stopped).expect("wanted");
    world.hypervisor.inner().destroy(uuid).expect("off");
    world.hypervisor.inner().tell_nothing(uuid);
    run(&mut watcher, 3600);
    assert_eq!((alarm_state(&world, &name), alarms_told(&world).len()), (AlarmState::Alarm, 1));
}

#[test]
fn a_clock_that_jumps_changes_no_decision() {
    for by in [-3600, 3600, 3 * 365 * 86_400, -3 * 365 * 86_400] {
        let world = World::new();
        CLOCK.set((0, 0));
        let uuid = instances(&world, &["web"])[0];
        memory_alarm(&world, uuid);
        let mut watcher = watcher(&world, "b");
        uses(&world, uuid, 50);
        run(&mut watcher, 600);
        uses(&world, uuid, 95);
        run(&mut watcher, 60);
        jump(by);
        run(&mut watcher, 600);
        uses(&world, uuid, 50);
        run(&mut watcher, 600);
        assert_eq!(alarms_told(&world), ["alarm.firing", "alarm.resolved"], "jump by {by} s");
        let (last, _) = store(&world).last_minute(&HostId::local()).expect("read").expect("minutes");
        let first = BEGIN.parse::<Timestamp>().unwrap().as_second() / 60;
        assert_eq!(
            last - first,
            (CLOCK.get().0 - 10 - 10) / 60 - 1,
            "none is made, dropped or repeated: jump by {by} s"
        );
    }
}

#[test]
fn counters_of_a_month_are_kept() {
    let world = World::new();
    let uuid = instances(&world, &["web"])[0];
    let mut watcher = watcher(&world, "b");
    world.hypervisor.inner().tell(uuid, |s| s.network = Some((u64::try_from(CLOCK.get().0).unwrap() * 1000, 0)));
    run(&mut watcher, 300);
    // Stored when a minute closes, the last time at 250 s.
    assert_eq!(store(&world).transferred(uuid, "2026-03"), Ok(250_000));
    let used = store(&world).points(uuid, Metric::TransferUsed, 0, now().as_second()).expect("points");
    let share = used.last().expect("a point").point.max;
    let all = store(&world).instance_by_uuid(uuid).expect("read").expect("there").record.transfer.as_bytes();
    assert!((share - 250_000.0 / all as f64 * 100.0).abs() < 1e-9, "{share}");
}

#[test]
fn a_load_balancer_that_nobody_serves_is_missing_data_and_a_dead_watcher_is_none() {
    let world = World::new();
    changes::balance(&mut world.engine()).expect("made");
    let id = store(&world).load_balancers(&HostId::local()).expect("read")[0].id;
    // Of the test driver's web front nothing is known.
    let missing = put_alarm(&world, id, "missing", Metric::HealthyHostCount, "< 1", Missing::Missing);
    let breaching = put_alarm(&world, id, "breaching", Metric::HealthyHostCount, "< 1", Missing::Breaching);
    run(&mut watcher(&world, "b"), 240);
    let states = || [&missing, &breaching].map(|name| alarm_state(&world, name));
    assert_eq!(states(), [AlarmState::InsufficientData, AlarmState::Alarm]);
    let alarm = store(&world).require_alarm(&breaching).expect("an alarm");
    assert_eq!(alarm.reason, "0 of the last 3 points [null, null, null] were < 1 (2 needed)");
    pass(3600);
    run(&mut watcher(&world, "b"), 240);
    assert_eq!((states()[1], told(&world)), (AlarmState::Alarm, vec!["alarm.firing".to_owned()]));
}
