//! Certificates whose authority cannot be reached: what is tried, when, and what is kept, on a clock of the test's own.

use std::{
    io,
    os::fd::BorrowedFd,
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use jiff::{SignedDuration, Timestamp};
use lite::{
    clock::{Clock, SystemClock},
    engine::{Ctx, obtain_certificate, renew_certificates},
    model::{Certificate, CertificateState, Code, Domain, Name},
    store::sites,
};

use crate::support::{changes, world::World};

const SHOP: &str = "shop.example.org";

/// Wall time from 1970 on, which passes when the test says so.
#[derive(Default)]
struct Wall(Mutex<Duration>);

impl Wall {
    fn advance(&self, time: Duration) {
        *self.0.lock().expect("not poisoned") += time;
    }
}

impl Clock for Wall {
    fn now(&self) -> Timestamp {
        Timestamp::UNIX_EPOCH + *self.0.lock().expect("not poisoned")
    }

    fn instant(&self) -> Instant {
        SystemClock.instant()
    }

    fn sleep(&self, duration: Duration) {
        SystemClock.sleep(duration);
    }

    fn wait_readable(&self, fd: BorrowedFd<'_>, limit: Duration) -> io::Result<bool> {
        SystemClock.wait_readable(fd, limit)
    }
}

fn domain() -> Domain {
    Domain::parse(SHOP).expect("a domain")
}

fn certificate(engine: &Ctx) -> Option<Certificate> {
    engine.store.certificate(&engine.host_id(), &domain()).expect("read")
}

/// An engine on a clock, with a site.
fn published(world: &World, clock: &Arc<Wall>) -> Ctx {
    world.create("web").expect("created");
    let mut engine = Ctx { clock: clock.clone(), ..world.engine() };
    let instance = engine.store.require(&Name::parse("web").expect("a name")).expect("stored");
    changes::publish_site(&mut engine, &instance, SHOP).expect("published");
    engine
}

#[test]
fn tries_follow_the_schedule_and_are_four_an_hour_at_most() {
    let (world, clock) = (World::new(), Arc::<Wall>::default());
    let mut engine = published(&world, &clock);
    let error = obtain_certificate(&mut engine, &domain()).expect_err("nobody is there");
    assert_eq!((error.code, error.exit_code()), (Code::CertificateFailed, 1));
    let mut pauses = Vec::new();
    for failures in 1..=6 {
        let now = certificate(&engine).expect("a row");
        assert_eq!((now.state, now.failures, now.error.is_some()), (CertificateState::Failed, failures, true));
        let pause = now.due.duration_since(engine.now());
        pauses.push(pause.as_mins());
        assert_eq!(renew_certificates(&mut engine), Ok(vec![]), "not before it is due");
        clock.advance(pause.unsigned_abs());
        assert_eq!(renew_certificates(&mut engine).map(|told| told.len()), Ok(1));
    }
    assert_eq!(pauses, [1, 5, 30, 120, 360, 360]);

    // A user who cannot wait: of these tries one was just now.
    for _ in 0..3 {
        obtain_certificate(&mut engine, &domain()).expect_err("nobody is there");
    }
    let before = certificate(&engine);
    let error = obtain_certificate(&mut engine, &domain()).expect_err("enough");
    assert!(error.message.starts_with("it was asked for 4 times within an hour"), "{error}");
    assert_eq!(certificate(&engine), before);
}

#[test]
fn a_certificate_is_kept_for_a_month_after_its_site() {
    let (world, clock) = (World::new(), Arc::<Wall>::default());
    let mut engine = published(&world, &clock);
    let folder = world.state().join("proxy");
    std::fs::create_dir_all(&folder).expect("made");
    for name in ["shop.pem", "left-by-a-death.pem"] {
        std::fs::write(folder.join(name), "").expect("written");
    }
    let until: Timestamp = engine.now().saturating_add(SignedDuration::from_hours(24 * 90)).expect("a time");
    let host = engine.host_id();
    let issued = Certificate {
        state: CertificateState::Issued,
        file: Some("shop.pem".to_owned()),
        not_after: Some(until),
        due: until,
        ..certificate(&engine).expect("a row")
    };
    engine.store.write(|t| sites::update_certificate(t, &host, &issued)).expect("written");
    assert_eq!(obtain_certificate(&mut engine, &domain()), Ok(()), "there is one");
    let instance = engine.store.require(&Name::parse("web").expect("a name")).expect("stored");
    changes::unpublish_sites(&mut engine, &instance).expect("taken away");
    let left = |engine: &mut Ctx| {
        assert_eq!(renew_certificates(engine), Ok(vec![]));
        let files = std::fs::read_dir(&folder).expect("a folder").count();
        (certificate(engine).is_some(), files)
    };
    clock.advance(Duration::from_secs(29 * 86_400));
    assert_eq!(left(&mut engine), (true, 1));
    changes::publish_site(&mut engine, &instance, SHOP).expect("published");
    assert_eq!(obtain_certificate(&mut engine, &domain()), Ok(()), "it is used again");
    changes::unpublish_sites(&mut engine, &instance).expect("taken away");
    clock.advance(Duration::from_secs(30 * 86_400));
    assert_eq!(left(&mut engine), (false, 0));
}
