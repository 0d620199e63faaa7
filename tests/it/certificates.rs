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
    engine::{
        Ctx, audit, delete, forget_certificates, obtain_certificate, rebuild, renew_certificates, restore_proxy,
        unused_certificates,
    },
    model::{Certificate, CertificateState, Code, Domain, Name, ProxyConfiguration, ProxyFile},
    store::{OldDatabases, sites},
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
    assert_eq!(unused_certificates(&engine), Ok(vec![]));
    clock.advance(Duration::from_secs(30 * 86_400));
    // `lite gc` does without the watcher what that does by itself.
    assert_eq!(unused_certificates(&engine), Ok(vec![domain()]));
    assert_eq!(forget_certificates(&mut engine), Ok(()));
    assert_eq!(left(&mut engine), (false, 0));
}

#[test]
fn a_certificate_that_nobody_asks_for_is_told_by_the_audit() {
    let (world, clock) = (World::new(), Arc::<Wall>::default());
    let mut engine = published(&world, &clock);
    let told = |engine: &Ctx| {
        let findings = audit(engine).expect("the database answers").findings.into_iter();
        findings.map(|f| format!("{} {}: {}", f.trouble.as_str(), f.subject, f.problem)).collect::<Vec<_>>()
    };
    assert_eq!(told(&engine), Vec::<String>::new());
    let error = obtain_certificate(&mut engine, &domain()).expect_err("nobody is there");
    clock.advance(Duration::from_secs(660));
    assert_eq!(
        told(&engine),
        [format!(
            "missing site `{SHOP}`: it has no certificate, and none was asked for at 1970-01-01T00:01:00Z: {error}"
        )]
    );
    let due = engine.now().saturating_add(SignedDuration::from_hours(24)).expect("a time");
    let host = engine.host_id();
    let lost = Certificate {
        state: CertificateState::Issued,
        file: Some("lost.pem".to_owned()),
        due,
        tried: Vec::new(),
        ..certificate(&engine).expect("a row")
    };
    engine.store.write(|t| sites::update_certificate(t, &host, &lost)).expect("written");
    assert_eq!(told(&engine), [format!("missing site `{SHOP}`: the file of its certificate is gone")]);
    assert_eq!(renew_certificates(&mut engine).map(|told| told.len()), Ok(1), "another is asked for at once");
}

#[test]
fn a_web_front_that_serves_something_else_is_told_and_loaded_again() {
    let world = World::new();
    let mut engine = published(&world, &Arc::default());
    let told = |engine: &Ctx| {
        let findings = audit(engine).expect("the database answers").findings.into_iter();
        findings.map(|f| format!("{} {}: {}", f.trouble.as_str(), f.subject, f.problem)).collect::<Vec<_>>()
    };
    let cases = [
        (None, "missing web front: HAProxy does not run"),
        (Some("other"), "missing web front: HAProxy serves something else than the database says"),
    ];
    for (digest, problem) in cases {
        let other = ProxyConfiguration {
            folder: world.state().join("proxy"),
            digest: digest.map(str::to_owned),
            fixed: Vec::new(),
            maps: Vec::new(),
            servers: Vec::new(),
            counted: Vec::new(),
            certificates: ProxyFile { name: "certificates.list", text: String::new() },
        };
        engine.hypervisor.load_proxy(&other).expect("loaded");
        assert_eq!(told(&engine), [problem]);
        assert_eq!([restore_proxy(&mut engine), restore_proxy(&mut engine)], [Ok(true), Ok(false)]);
        assert_eq!(told(&engine), Vec::<String>::new());
    }
}

#[test]
fn a_lost_database_has_its_sites_again_from_the_domains() {
    let (world, clock) = (World::new(), Arc::<Wall>::default());
    let mut engine = published(&world, &clock);
    let instance = engine.store.require(&Name::parse("web").expect("a name")).expect("stored");
    changes::publish_site(&mut engine, &instance, "blog.example.org").expect("published");
    let sites = |engine: &Ctx| {
        let host = engine.host_id();
        let rows = engine.store.sites_on(&host).expect("read").into_iter().map(|row| row.site).collect::<Vec<_>>();
        (rows, engine.store.first_domain_of(&host, instance.record.uuid).expect("read"))
    };
    let before = sites(&engine);
    assert_eq!((before.0.len(), before.1.clone()), (2, Some(domain())));
    drop(engine);
    world.lose_database();
    let mut engine = world.engine();
    let wreckage = OldDatabases::open(world.state()).expect("opened");
    rebuild(&mut engine, &world.catalog, &wreckage).expect("rebuilt");
    assert_eq!(sites(&engine), before);
}

#[test]
fn a_delete_tells_the_domains_that_go_and_the_certificates_that_stay() {
    let world = World::new();
    let mut engine = published(&world, &Arc::default());
    let instance = engine.store.require(&Name::parse("web").expect("a name")).expect("stored");
    let receipt = delete(&mut engine, &instance).expect("deleted");
    let kept: Vec<String> = receipt.kept.iter().map(ToString::to_string).collect();
    assert!(receipt.removed.contains(&format!("published domain {SHOP}")), "{:?}", receipt.removed);
    assert!(kept.contains(&format!("the certificate of {SHOP}, for 30 days")), "{kept:?}");
}
