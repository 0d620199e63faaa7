//! A database that is damaged or lost, and its rebuild.

use super::*;

/// Damages a file by writing over it.
fn overwrite(file: &Path, at: u64, bytes: &[u8]) {
    use std::os::unix::fs::FileExt;
    fs::OpenOptions::new().write(true).open(file).expect("opened").write_all_at(bytes, at).expect("written");
}

#[test]
fn a_damaged_database_is_refused_with_what_to_do() {
    let cut = |to: u64| {
        move |db: &Path| fs::OpenOptions::new().write(true).open(db).expect("opened").set_len(to).expect("cut")
    };
    let log_alone = |db: &Path| {
        fs::write(db.with_extension("db-wal"), [1; 4096]).expect("written");
        fs::remove_file(db).expect("removed");
    };
    let log_beside_nothing = |db: &Path| {
        fs::write(db.with_extension("db-wal"), [1; 4096]).expect("written");
        fs::write(db, "").expect("emptied");
    };
    let wrong_record = |db: &Path| {
        Connection::open(db).expect("opened").execute("UPDATE instance SET record = '{'", []).expect("written");
    };
    type Damage<'a> = &'a dyn Fn(&Path);
    let cases: [(&str, Damage<'_>); 9] = [
        ("cut to a page", &cut(4096)),
        ("cut in the middle", &cut(20000)),
        ("cut within the header", &cut(50)),
        ("text", &|db| fs::write(db, "not a database, but long enough".repeat(10)).expect("written")),
        ("the header overwritten", &|db| overwrite(db, 0, &[0xff; 4096])),
        ("the schema overwritten", &|db| overwrite(db, 100, &[0xff; 3000])),
        ("all pages but the first overwritten", &|db| {
            let length = fs::metadata(db).expect("there").len();
            overwrite(db, 4096, &vec![0xff; usize::try_from(length - 4096).expect("small")]);
        }),
        ("only its log is left", &log_alone),
        ("an empty file beside a log", &log_beside_nothing),
    ];
    let cases = cases.into_iter().chain([("a record overwritten", &wrong_record as &dyn Fn(&Path))]);
    for (what, damage) in cases {
        let folder = Folder::v1();
        drop(folder.open().expect("migrated"));
        assert!(fs::metadata(folder.db()).expect("there").len() > 45056, "the cases fit the file");
        damage(&folder.db());
        let before = folder.files();
        assert!(Store::exists(folder.path()).expect("told"), "{what}: it is no new host");
        let read = folder.open().and_then(|s| s.instances());
        let error = read.expect_err(what);
        assert_eq!(
            (error.class, error.code.as_str(), error.exit_code()),
            (Class::NeedsAttention, "state_damaged", 4),
            "{what}"
        );
        assert!(error.message.contains("damaged"), "{what}: {}", error.message);
        assert_eq!(
            error.hints,
            ["restore it from a backup, or rebuild it from what libvirt knows: `lite repair --rebuild`"],
            "{what}"
        );
        // Nothing was made, and the log that may hold the last commits is still there.
        let left: Vec<_> = folder.files().into_iter().filter(|f| !f.ends_with("-shm")).collect();
        assert_eq!(left, before, "{what}");
    }
}

#[test]
fn an_absent_or_empty_database_is_a_new_one_where_nothing_is_ours() {
    let folder = Folder::new();
    assert!(!Store::exists(folder.path()).expect("told"));
    fs::write(folder.db(), "").expect("written");
    assert!(!Store::exists(folder.path()).expect("told"));
    // What a process leaves that dies before the tables are made.
    Connection::open(folder.db()).expect("made").pragma_update(None, "journal_mode", "WAL").expect("set");
    assert!(!Store::exists(folder.path()).expect("told"));
    assert_eq!(folder.open().expect("made").instances().expect("read"), []);
    assert!(Store::exists(folder.path()).expect("told"));
}

#[test]
fn a_lost_database_is_refused_where_instances_of_it_live() {
    let world = World::new();
    world.define_foreign("somebody");
    let look = || refuse_lost_state(&*world.hypervisor, world.settings());
    assert_eq!(look(), Ok(()), "a new host");
    let uuid = world.create("web").expect("created").record.uuid;
    assert_eq!(look(), Ok(()), "its database is there");
    world.lose_database();
    let error = look().expect_err("refused");
    assert_eq!((error.class, error.code.as_str(), error.exit_code()), (Class::NeedsAttention, "state_missing", 4));
    let path = world.state().join("state.db");
    assert_eq!(
        error.message,
        format!("`{}` is missing, but this host has an instance of lite's: `web`", path.display())
    );
    assert_eq!(
        error.hints[0],
        "restore it from a backup, or rebuild it from what libvirt knows: `lite repair --rebuild`"
    );
    for call in ["domains", "domain_metadata", "pool", "domain_xml"] {
        world.hypervisor.fail_call(call, 1, Moment::Before);
        assert_eq!(look().map_err(|e| e.code.as_str()), Err("injected"), "{call}: an error is no absence");
        world.hypervisor.heal();
    }
    // The definition of a domain whose QEMU hangs cannot be read.
    world.hypervisor.inner().show(uuid, DomainState::Unresponsive);
    world.hypervisor.fail_call("domain_xml", 1, Moment::Before);
    assert_eq!(look().map_err(|e| e.code.as_str()), Err("state_missing"));
    world.hypervisor.heal();
    // A domain of another lite on this host: its disk lies in another pool.
    let xml = world.hypervisor.domain_xml(uuid).expect("read").expect("there");
    world.hypervisor.destroy(uuid).expect("stopped");
    world.hypervisor.ensure_domain(&replaced(&xml, "/images/lite/", "/images/other/")).expect("defined");
    assert_eq!(look(), Ok(()));
    // One whose record this lite cannot read is still one of ours.
    world.hypervisor.ensure_domain(&replaced(&xml, "schema=\"1\"", "schema=\"9\"")).expect("defined");
    assert_eq!(look().map_err(|e| e.code.as_str()), Err("state_missing"));
}

/// The text with all of one thing in it replaced, which must be there.
fn replaced(text: &str, from: &str, to: &str) -> String {
    assert!(text.contains(from), "no {from} in {text}");
    text.replace(from, to)
}

fn rebuild(world: &World) -> Rebuilding {
    let wreckage = OldDatabases::open(world.state()).expect("opened");
    engine::rebuild(&mut world.engine(), &world.catalog, &wreckage).expect("rebuilt")
}

fn set_aside(world: &World) -> PathBuf {
    Store::set_aside(world.state(), jiff::Timestamp::UNIX_EPOCH).expect("renamed").expect("there was one")
}

#[test]
fn what_a_set_aside_database_still_tells_is_kept() {
    let world = World::new();
    let uuid = world.create("web").expect("created").record.uuid;
    let mut engine = world.engine();
    let instance = engine.store.instance_by_uuid(uuid).expect("read").expect("there");
    changes::set_tags(&mut engine, &instance, vec![Tag::parse("client=acme").expect("a tag")]).expect("tagged");
    engine.store.set_desired_state(uuid, DesiredState::Stopped).expect("set");
    engine.store.set_phase(uuid, Phase::Failed, Some("why")).expect("set");
    world.sql(&format!("INSERT INTO secret VALUES ('{uuid}', 'admin', 'admin', 'Opens it', 1, 'Sesame')"));
    let before = engine.store.instance_by_uuid(uuid).expect("read").expect("there");
    let key = engine.store.host_key(uuid).expect("read");
    // Kept open, so that the last commits are in the log alone and have to come along.
    let aside = set_aside(&world);
    assert_eq!(aside.file_name().expect("a name"), "state.db.damaged-19700101T000000Z");
    assert!(world.state().join("state.db.damaged-19700101T000000Z-wal").exists());
    let done = rebuild(&world);
    assert_eq!(done.refused, Vec::<String>::new());
    assert_eq!((done.taken[0].lost.clone(), done.taken[0].salvaged.clone()), (vec![], vec!["passwords", "host key"]));
    let store = world.engine().store;
    assert_eq!(store.instance_by_uuid(uuid).expect("read"), Some(before));
    assert_eq!(store.host_key(uuid).expect("read"), key);
    assert!(store.clean_seed(uuid).expect("read").is_some(), "the seed is still to be cleaned");
    assert_eq!(store.secrets(uuid).expect("read")[0].account.as_deref(), Some("admin"));
    assert_eq!(rebuild(&world), Rebuilding::default(), "a second time there is nothing to do");
    // Two in the same second: neither takes the other's name.
    assert_eq!(set_aside(&world).file_name().expect("a name"), "state.db.damaged-19700101T000000Z-2");
}

#[test]
fn a_rebuild_takes_what_is_ours_and_says_what_it_could_not() {
    let world = World::new();
    let kept = world.create("web").expect("created").record;
    let strange = world.create("strange").expect("created").record.uuid;
    let other = world.create("other").expect("created").record.uuid;
    world.define_foreign("somebody");
    let xml = |uuid| world.hypervisor.domain_xml(uuid).expect("read").expect("there");
    world.hypervisor.destroy(strange).expect("stopped");
    world.hypervisor.ensure_domain(&replaced(&xml(strange), "schema=\"1\"", "schema=\"9\"")).expect("defined");
    world.hypervisor.destroy(other).expect("stopped");
    world.hypervisor.ensure_domain(&replaced(&xml(other), "/images/lite/", "/images/other/")).expect("defined");
    let before = world.snapshot();
    set_aside(&world);
    fs::write(world.state().join("state.db.damaged-19700101T000000Z"), "nothing is left").expect("written");
    fs::remove_file(world.state().join("state.db.damaged-19700101T000000Z-wal")).ok();
    let done = rebuild(&world);
    assert_eq!(done.taken.iter().map(|r| r.name.as_str()).collect::<Vec<_>>(), ["web"]);
    assert_eq!(done.refused, [format!("domain `strange` ({strange}) carries a record this lite cannot read")]);
    let after = world.snapshot();
    assert_ne!(after.rules, before.rules, "the rules are those of the database");
    assert_eq!(Snapshot { rules: before.rules.clone(), ..after }, before, "nothing else on the host was touched");
    let web = world.engine().store.require(&Name::parse("web").expect("a name")).expect("restored");
    assert_eq!((web.record, web.desired_state, web.phase), (kept.clone(), DesiredState::Running, Phase::Ready));
    let next = world.create("next").expect("created").record;
    assert_ne!(next.address, kept.address, "the restored address is taken");
}

#[test]
fn an_instance_of_a_blueprint_nobody_knows_any_more_is_restored() {
    let world = World::new();
    let uuid = world.create("web").expect("created").record.uuid;
    world.lose_database();
    let catalog = lite::catalog::Catalog::default();
    fs::create_dir(world.state()).expect("made");
    let wreckage = OldDatabases::open(world.state()).expect("opened");
    let done = engine::rebuild(&mut world.engine(), &catalog, &wreckage).expect("rebuilt");
    assert_eq!((done.taken.len(), done.refused.len()), (1, 0), "{done:?}");
    let (blueprint, _) = world.engine().store.blueprint_of(uuid).expect("readable");
    assert_eq!((blueprint.id.as_str(), blueprint.health), ("debian-13", None));
}

#[test]
fn no_database_is_replaced_under_a_process_at_work() {
    let world = World::new();
    world.create("web").expect("created");
    let now = jiff::Timestamp::UNIX_EPOCH;
    assert_eq!(refuse_while_busy(world.state(), now), Ok(()));
    let lock = fs::read_dir(world.state().join("locks")).expect("read").next().expect("one").expect("read").path();
    let held = fs::OpenOptions::new().read(true).write(true).open(lock).expect("opened");
    held.try_lock().expect("free");
    let error = refuse_while_busy(world.state(), now).expect_err("busy");
    assert_eq!((error.code.as_str(), error.exit_code()), ("busy", 3));
    drop(held);
    assert_eq!(refuse_while_busy(world.state(), now), Ok(()));
}
