//! The audit over libvirt's test driver: each kind of disagreement is found, told once, and nothing else is.

use std::{fs, fs::File, process::Command, sync::Arc};

use crate::support::world::{Names, World};
use lite::{
    app::{App, Caller, key_pair, repair},
    clock::SystemClock,
    engine::{self, Audit, Redefinition, Trouble},
    hypervisor::{DhcpHost, flaky::Moment, prelude::*},
    image::volume_name,
    model::{
        Drift, Error, HostId, Instance, LoadedTable, Mac, Name, OperationKind, Phase, Requester, ResourceRef, Ruleset,
        Unobserved, Via,
    },
    store::{Operation, OperationState},
};

fn audit(world: &World) -> Audit {
    engine::audit(&world.engine()).expect("the database answers")
}

/// The findings as `kind subject: problem`, with the instance's id left out.
fn told(world: &World) -> Vec<String> {
    let audit = audit(world);
    assert_eq!(audit.unknown, []);
    assert_eq!(audit.exit_code(), u8::from(!audit.findings.is_empty()));
    audit.findings.iter().map(|f| format!("{} {}: {}", f.trouble.as_str(), f.subject, f.problem)).collect()
}

fn instance(world: &World, name: &str) -> Instance {
    world.engine().store.require(&Name::parse(name).expect("a name")).expect("stored")
}

fn names(world: &World, instance: &Instance) -> Names {
    world.names(&instance.record.name, instance.record.uuid)
}

#[test]
fn a_world_in_order_is_clean_and_the_numbers_are_told() {
    let world = World::new();
    world.define_foreign("somebody");
    let audited = audit(&world);
    assert!(audited.is_clean(), "{audited:?}");
    world.create("web").expect("created");
    world.create("db").expect("created");
    let audited = audit(&world);
    assert!(audited.is_clean(), "{audited:?}");
    let looked = audited.scanned.iter().map(|(what, n)| format!("{n} {what}")).collect::<Vec<_>>().join(", ");
    // The test driver comes with no domain of its own.
    assert_eq!(
        looked,
        "2 instances, 0 operations, 3 domains, 4 volumes, 0 filters, 0 addresses, 2 names, 4 logs, 5 locks, 0 processes"
    );
    for name in ["web", "db"] {
        engine::delete(&mut world.engine(), &instance(&world, name)).expect("deleted");
    }
    assert_eq!(told(&world), Vec::<String>::new());
}

/// What owns nothing on the host has an id of another form: that is no damage.
#[test]
fn a_key_pair_is_no_trouble_to_an_audit_nor_to_what_puts_right() {
    let world = World::new();
    world.create("web").expect("created");
    let app = App::of_host(world.settings().clone(), Arc::new(SystemClock), world.hypervisor.clone());
    let (root, quiet) = (Caller::root(Via::Cli), &mut Unobserved);
    let laptop = Name::parse("laptop").expect("a name");
    key_pair::create(&app, &root, &laptop, &[], quiet).expect("a key pair");
    assert_eq!(told(&world), Vec::<String>::new());
    assert_eq!(engine::recover(&mut world.engine()), Ok(Vec::new()));
    assert_eq!(repair::repair(&app, &root, false, false, quiet).map(|done| done.actions), Ok(Vec::new()));
}

#[test]
fn every_thing_that_is_gone_is_missing() {
    let world = World::new();
    world.create("web").expect("created");
    let web = instance(&world, "web");
    let (r, record) = (names(&world, &web), &web.record);
    let hv = world.hypervisor.inner();
    hv.destroy(record.uuid).expect("destroyed");
    hv.remove_domain(record.uuid).expect("removed");
    assert_eq!(told(&world), ["missing instance `web`: its domain is gone"]);
    hv.remove_volume("lite", &r.root).expect("removed");
    hv.remove_volume("lite", &r.seed).expect("removed");
    unload(&world);
    assert_eq!(
        told(&world),
        [
            "missing instance `web`: its domain is gone".to_owned(),
            format!("missing instance `web`: its root disk `{}` is gone", r.root),
            format!("missing instance `web`: its seed `{}` is gone", r.seed),
            "missing firewall: the rules of table `lite` are not loaded".to_owned(),
        ]
    );
    hv.remove_network("lite").expect("removed");
    hv.remove_pool("lite").expect("removed");
    assert_eq!(
        told(&world),
        [
            "missing instance `web`: its domain is gone".to_owned(),
            "missing storage pool `lite`: it is gone, and instances have disks in it".to_owned(),
            "missing network `lite`: it is gone, and instances have addresses on it".to_owned(),
            "missing firewall: the rules of table `lite` are not loaded".to_owned(),
        ]
    );
    engine::delete(&mut world.engine(), &web).expect("deleted");
    assert_eq!(told(&world), Vec::<String>::new());
}

#[test]
fn what_no_record_owns_is_an_orphan() {
    let world = World::new();
    world.create("kept").expect("created");
    let uuid = world.create_orphan("web");
    fs::create_dir_all(&world.settings.host.folders.logs).expect("a folder");
    let r = world.names(&Name::parse("web").expect("a name"), uuid);
    fs::write(format!("{}.0", r.console_log), "").expect("written");
    let pool = &world.settings.host.folders.pool;
    fs::create_dir_all(pool.join(".build-debian-13_x/root")).expect("a folder");
    let found = told(&world);
    let mut kinds: Vec<&str> = found.iter().map(|f| f.split(' ').nth(1).expect("a word")).collect();
    kinds.sort_unstable();
    assert_eq!(
        kinds,
        ["address", "domain", "file", "lock", "log", "log", "name", "network", "volume", "volume"],
        "{found:#?}"
    );
    assert!(found.iter().all(|f| f.starts_with("orphan ") && f.ends_with(": no instance owns it")), "{found:#?}");
    let mut engine = world.engine();
    let orphans = engine::orphans(&engine).expect("looked");
    assert_eq!(engine::collect(&mut engine, &orphans).expect("collected").len(), 10);
    assert_eq!(told(&world), Vec::<String>::new());
    assert_eq!(world.snapshot().logs.len(), 2, "those of `kept`");
    assert_eq!(
        fs::read_dir(pool)
            .expect("read")
            .filter(|e| !e.as_ref().expect("an entry").file_name().to_string_lossy().starts_with(".lock-"))
            .count(),
        0
    );
}

#[test]
fn an_image_file_without_a_sidecar_stays_while_a_disk_may_lie_on_it() {
    let world = World::new();
    world.create("web").expect("created");
    let pool = &world.settings.host.folders.pool;
    fs::create_dir_all(pool).expect("a folder");
    let (used, unused) = (volume_name("base", "0123456789ab"), volume_name("other", "0123456789ab"));
    for name in [&used, &unused] {
        fs::write(pool.join(name), "").expect("written");
    }
    let file = |name: &str| {
        format!(
            "orphan file `{}` of image `{}`: no instance owns it",
            pool.join(name).display(),
            name.split('-').nth(1).expect("an id")
        )
    };
    assert_eq!(told(&world), [file(&used), file(&unused)]);
    world.sql(&format!("UPDATE instance SET image = '{used}'"));
    assert_eq!(told(&world), [file(&unused)]);
    // With a disk that the database does not know, nobody can tell what lies on what.
    world.lose_database();
    let audited = audit(&world);
    assert_eq!(audited.findings.iter().map(|f| f.trouble).collect::<Vec<_>>(), [Trouble::Unrecorded]);
}

#[test]
fn what_belongs_to_one_alone_is_a_duplicate_at_another() {
    let world = World::new();
    world.create("web").expect("created");
    let web = instance(&world, "web");
    let disk = world.hypervisor.volume("lite", &names(&world, &web).root).expect("asked").expect("there").path;
    let xml = format!(
        "<domain type='test'><name>thief</name><memory unit='MiB'>32</memory><os><type>hvm</type></os><devices>\
         <disk type='file'><source file='{disk}'/><target dev='vda'/></disk>\
         <interface type='network'><mac address='{}'/><source network='lite'/></interface></devices></domain>",
        web.record.mac
    );
    world.hypervisor.inner().ensure_domain(&xml).expect("defined");
    let root = names(&world, &web).root;
    assert_eq!(
        told(&world),
        [
            format!("duplicate instance `web`: domain `thief` has its hardware address {} too", web.record.mac),
            format!("duplicate instance `web`: domain `thief` uses its disk `{root}` too"),
        ]
    );
}

#[test]
fn an_address_kept_by_hand_is_foreign_unless_it_meets_one_of_ours() {
    let world = World::new();
    world.create("web").expect("created");
    let hv = world.hypervisor.inner();
    let by_hand =
        |last: u8, mac: Mac| DhcpHost { mac, address: [192, 168, 150, last].into(), name: format!("b-{last}") };
    hv.ensure_dhcp_host("lite", &by_hand(200, Mac::ours([9, 9, 9]))).expect("kept");
    assert_eq!(told(&world), Vec::<String>::new());
    assert_eq!(engine::orphans(&world.engine()), Ok(vec![]));
    hv.ensure_dhcp_host("lite", &by_hand(2, Mac::ours([8, 8, 8]))).expect("kept");
    assert_eq!(
        told(&world),
        ["duplicate instance `web`: network `lite` keeps 192.168.150.2 for 52:54:00:08:08:08 as well"]
    );
}

#[test]
fn more_promised_than_there_is_is_told_with_the_numbers() {
    let world = World::new();
    world.create("web").expect("created");
    world.hypervisor.inner().set_host(|h| h.memory_kib = 768 << 10);
    assert_eq!(told(&world), ["overcommitted memory: 512 MiB promised to instances, at most 256 MiB may be"]);

    world.hypervisor.inner().set_host(|h| (h.memory_kib, h.cpus) = (16 << 20, 0));
    assert_eq!(told(&world), ["overcommitted vCPUs: 2 promised to instances, at most 0 may be"]);

    // At most four times the pool of 100 GiB may be promised; the row says more than a create would have given.
    world.hypervisor.inner().set_host(|h| h.cpus = 8);
    let db = rusqlite::Connection::open(world.state().join("state.db")).expect("a database");
    db.execute("UPDATE instance SET disk = 600 * 1024 * 1024 * 1024", []).expect("changed");
    let said = told(&world);
    assert!(
        said.len() == 1 && said[0].starts_with("overcommitted disk: 600 GiB promised to instances, at most 4"),
        "{said:?}"
    );
}

fn open(world: &World, kind: OperationKind, state: OperationState) {
    let now = jiff::Timestamp::now();
    let record = instance(world, "web").record;
    let operation = Operation {
        id: format!("op-0000000{}", kind.as_str().len()),
        state,
        error: (state == OperationState::NeedsAttention).then(|| "no way".to_owned()),
        ..Operation::started(kind, ResourceRef::instance(&record), HostId::local(), Requester::root(Via::Cli), now)
    };
    world.engine().store.insert_operation(&operation).expect("written");
}

#[test]
fn an_operation_without_a_live_owner_is_unfinished() {
    let world = World::new();
    world.create("web").expect("created");
    open(&world, OperationKind::Stop, OperationState::Started);
    open(&world, OperationKind::Delete, OperationState::NeedsAttention);
    let both = [
        "unfinished operation op-00000004 (stop of `web`): the process that worked on it is gone",
        "unfinished operation op-00000006 (delete of `web`): it needs attention: no way",
    ];
    assert_eq!(told(&world), both);
    let web = instance(&world, "web").record;
    let lock = File::open(world.settings.paths.state.join(format!("locks/{}.lock", web.uuid))).expect("a lock file");
    lock.lock().expect("held");
    // Whatever is missing of it: who holds the lock is at work on it.
    world.hypervisor.inner().remove_volume("lite", &names(&world, &instance(&world, "web")).seed).expect("removed");
    assert_eq!(told(&world), Vec::<String>::new());
    drop(lock);
    assert_eq!(told(&world).len(), 3);
}

#[test]
fn a_row_that_no_operation_will_ever_finish_is_unfinished() {
    let world = World::new();
    world.create("web").expect("created");
    let uuid = instance(&world, "web").record.uuid;
    for (phase, word) in [(Phase::Deleting, "deleting"), (Phase::Creating, "creating")] {
        world.engine().store.set_phase(uuid, phase, None).expect("written");
        let wanted = format!("unfinished instance `web`: it is {word}, and no operation is open that does so");
        assert_eq!(told(&world), [wanted]);
    }
}

#[test]
fn what_could_not_be_looked_at_is_unknown_and_never_clean() {
    let world = World::new();
    world.create("web").expect("created");
    let looks = [
        "domains",
        "domain_xml",
        "pool",
        "volumes",
        "filters",
        "network",
        "dhcp_hosts",
        "dns_hosts",
        "loaded_rules",
        "host",
    ];
    for call in looks {
        let hits = world.hypervisor.hits();
        world.hypervisor.fail_call(call, 1, Moment::Before);
        let audited = audit(&world);
        assert_eq!(world.hypervisor.hits(), hits + 1, "{call}");
        assert_eq!(audited.findings, [], "{call}");
        assert_eq!(audited.unknown.iter().map(|u| u.error.code.as_str()).collect::<Vec<_>>(), ["injected"], "{call}");
        assert_eq!((audited.is_clean(), audited.exit_code()), (false, 1), "{call}");
        world.hypervisor.heal();
    }
    world.hypervisor.fail_all(Error::new(lite::model::Code::LibvirtUnreachable, "gone"));
    let audited = audit(&world);
    assert_eq!((audited.findings.len(), audited.exit_code()), (0, 5));
}

#[test]
fn a_list_that_leaves_something_out_is_unknown() {
    let world = World::new();
    world.create("web").expect("created");
    let (web, r) = (instance(&world, "web"), names(&world, &instance(&world, "web")));
    world.add_former(&web.record);
    let all = [
        ("domains", "domains", 2, web.record.name.as_str()),
        ("volumes", "volumes", 1, &r.root),
        ("filters", "filters", 1, &r.filter),
        ("dhcp_hosts", "addresses", 1, "192.168.150.2"),
    ];
    for (call, area, times, left_out) in all {
        (0..times).for_each(|_| world.hypervisor.empty_call(call, 1));
        let audited = audit(&world);
        assert_eq!(audited.findings, [], "{call}");
        let wanted = format!("libvirt's list of {area} leaves out `{left_out}`");
        assert_eq!(audited.unknown.first().map(|u| u.error.message.clone()), Some(wanted));
        assert_eq!((audited.is_clean(), audited.exit_code()), (false, 1));
    }
    assert_eq!(world.hypervisor.hits(), 5);
}

/// What `nft flush ruleset` does, or somebody else's reload of theirs.
fn unload(world: &World) {
    let nothing = Ruleset { table: "lite".to_owned(), tables: vec![], text: String::new() };
    world.hypervisor.inner().load_rules(&nothing).expect("removed");
}

#[test]
fn rules_that_are_not_loaded_are_told_and_put_back_by_repair() {
    let world = World::new();
    world.create("web").expect("created");
    let (web, full) = (instance(&world, "web"), world.snapshot());
    unload(&world);
    let fixes: Vec<String> = audit(&world).findings.into_iter().map(|f| f.fix.to_string()).collect();
    assert_eq!(fixes, ["`lite repair` loads them"]);
    let gone = vec![Drift::new("firewall", "the rules of table `lite`", "not loaded")];
    assert_eq!(engine::redefine(&mut world.engine(), &web), Ok(Redefinition::Drifted(gone)));
    assert_eq!(world.snapshot(), full);
    assert_eq!(told(&world), Vec::<String>::new());
    assert_eq!(engine::plan_redefinition(&world.engine(), &web), Ok(Redefinition::Nothing));
    let other = LoadedTable { family: "inet".to_owned(), digest: "0".to_owned() };
    let ruleset = Ruleset { table: "lite".to_owned(), tables: vec![other], text: String::new() };
    world.hypervisor.inner().load_rules(&ruleset).expect("loaded");
    assert_eq!(told(&world), ["missing firewall: the rules of table `lite` are not those of the database"]);
    assert_eq!(engine::restore_firewall(&world.engine()), Ok(true));
    assert_eq!(engine::restore_firewall(&world.engine()), Ok(false));
    assert_eq!(world.snapshot(), full);
}

/// What an earlier lite left is nobody's to miss, and goes with its instance.
#[test]
fn a_filter_and_a_kept_address_of_an_earlier_lite_go_with_their_instance() {
    let world = World::new();
    let before = world.snapshot();
    world.create("web").expect("created");
    let web = instance(&world, "web");
    world.add_former(&web.record);
    let (filters, kept) = (world.hypervisor.filters().expect("listed"), world.hypervisor.dhcp_hosts("lite"));
    assert_eq!((filters, kept.map(|k| k.len())), (vec![names(&world, &web).filter], Ok(1)));
    assert_eq!(told(&world), Vec::<String>::new());
    engine::delete(&mut world.engine(), &web).expect("deleted");
    assert_eq!(world.snapshot(), before);
}

/// The command itself: on the test driver, which has no filters, and without a host.
#[test]
fn the_command_says_unknown_and_ends_with_another_code() {
    let folder = tempfile::tempdir().expect("a folder");
    let node = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/node.xml");
    let lite = |connect: &str, json: &[&str]| {
        let out = Command::new(env!("CARGO_BIN_EXE_lite"))
            .args(["doctor", "--audit"])
            .args(json)
            .env("LITE_CONNECT", connect)
            .env("LITE_CONFIG", folder.path().join("none"))
            .env("LITE_STATE_DIR", folder.path().join("state"))
            .env("LITE_LOG_DIR", folder.path().join("logs"))
            .env("LITE_POOL_DIR", folder.path().join("pool"))
            .output()
            .expect("lite runs");
        (out.status.code(), String::from_utf8_lossy(&out.stdout).into_owned())
    };
    fs::write(folder.path().join("none"), "").expect("written");
    let (code, out) = lite(&format!("test://{}", node.display()), &["--json"]);
    let out: serde_json::Value = serde_json::from_str(&out).expect("JSON");
    let areas: Vec<&str> =
        out["unknown"].as_array().expect("a list").iter().filter_map(|u| u["area"].as_str()).collect();
    assert_eq!((code, out["verdict"].as_str(), areas), (Some(1), Some("unknown"), vec!["filters", "capacity"]));
    assert_eq!(out["findings"], serde_json::json!([]));
    let (code, out) = lite("qemu:///system?socket=/nonexistent", &[]);
    assert_eq!((code, out.as_str()), (Some(5), ""));
}
