//! New instances from snapshots: the disk and the passwords of another, and all else their own.

use std::sync::Arc;

use lite::{
    app::{
        App, Caller,
        instance::create::{self, Create},
        snapshot,
    },
    clock::SystemClock,
    engine::{self, Unobserved},
    hypervisor::prelude::*,
    model::{Error, Instance, LiveDefinition, Name, Paths, Phase, Result, Settings, Via},
    plan::{self, snapshot_disk},
    view::Changed,
};

use crate::support::{changes, create_request::create_request, world::World};

fn name(text: &str) -> Name {
    Name::parse(text).expect("a name")
}

fn instance(world: &World, text: &str) -> Instance {
    world.engine().store.require(&name(text)).expect("there")
}

fn app(world: &World) -> App {
    App::of_host(world.settings().clone(), Arc::new(SystemClock), world.hypervisor.clone())
}

fn root() -> Caller {
    Caller::root(Via::Cli)
}

/// `web`, with the snapshot `kept` of its disk of 20 GiB.
fn made() -> World {
    let world = World::new();
    world.create("web").expect("created");
    changes::snapshot(&mut world.engine(), &instance(&world, "web")).expect("made");
    world
}

fn wanted(copy: &str) -> Create {
    let from_snapshot = Some(name("kept"));
    Create { blueprint: String::new(), from_snapshot, name: Some(name(copy)), ..create_request() }
}

fn refused(world: &World, request: Create) -> (&'static str, u8, String, Vec<String>) {
    let checked = create::check(&app(world), &root(), request);
    let error: Error = checked.map(|_| "accepted").expect_err("refused");
    (error.code.as_str(), error.exit_code(), error.message.clone(), error.hint_texts())
}

/// What the seed tells the guest's runner. A file's content stands before its path.
fn told(world: &World, of: &Instance) -> serde_json::Value {
    let seed = world.hypervisor.inner().uploaded("lite", &plan::seed(&of.record)).expect("written");
    let text = String::from_utf8_lossy(&seed).into_owned();
    let (before, _) = text.split_once("path: /var/lib/lite/instance.json").expect("the file");
    let (_, content) = before.rsplit_once("content: ").expect("its content");
    let (content, _) = content.split_once("encoding: ").expect("its form");
    let encoded: String = content.chars().filter(|c| c.is_ascii_alphanumeric() || "+/=".contains(*c)).collect();
    let bytes = base64::Engine::decode(&base64::engine::general_purpose::STANDARD, encoded).expect("base64");
    serde_json::from_slice(&bytes).expect("JSON")
}

fn delete_snapshot(world: &World) -> Result<Vec<Changed>> {
    snapshot::find(&app(world), &root(), &[name("kept")], false, &mut Unobserved)?.run(&app(world))
}

#[test]
fn a_new_instance_has_the_disk_of_a_snapshot_and_an_identity_of_its_own() {
    let mut world = made();
    let folder = tempfile::tempdir().expect("a folder");
    let today = "id: debian-13\ntitle: Debian\ndescription: Another version.\ngroup: os\nversion: \"2\"\nbases: [debian-13]\n\
                 minimum: {memory: 512 MiB, disk: 3 GiB}\nports: [22/tcp]\nuser: debian\nmoved: echo moved as today\n";
    std::fs::write(folder.path().join("debian-13.yaml"), today).expect("written");
    let of_world = world.settings().clone();
    let paths = Paths { blueprints: vec![folder.path().to_owned()], ..of_world.paths.clone() };
    world.settings = Arc::new(Settings { paths, ..of_world });
    let source = instance(&world, "web");
    world.sql(
        "INSERT INTO snapshot_secret (snapshot, name, account, description, shown, value)
         SELECT id, 'admin', 'root', 'x', 1, 'geheim' FROM snapshot",
    );
    let request = Create { bundle: Some("micro".to_owned()), ..wanted("copy") };
    let checked = create::check(&app(&world), &root(), request).expect("checked");
    let plan = checked.plan(world.settings()).expect("planned");
    assert!(plan.facts.contains(&("snapshot".to_owned(), "kept".to_owned())), "{:?}", plan.facts);
    checked.run(&app(&world), &mut Unobserved).map(drop).expect("made");
    let copy = instance(&world, "copy");
    let (old, new) = (&source.record, &copy.record);
    assert_ne!((old.uuid, old.mac, old.address), (new.uuid, new.mac, new.address));
    assert_eq!((new.blueprint.as_str(), new.bundle.as_str(), new.disk > old.disk), ("debian-13", "micro", true));
    assert_eq!((copy.phase, new.image_digest.as_str()), (Phase::Unverified, old.image_digest.as_str()));
    let told = told(&world, &copy);
    let former = serde_json::json!({"name": "web", "address": old.address.map(|address| address.to_string())});
    assert_eq!((&told["copied"], &told["uuid"]), (&former, &new.uuid.to_string().into()));
    // Its blueprint is that of the snapshot, but for the part that tells the application what it was called.
    let parts = |of: &Instance| {
        let seed = world.hypervisor.inner().uploaded("lite", &plan::seed(&of.record)).expect("written");
        String::from_utf8_lossy(&seed).matches("echo moved as today").count()
    };
    assert_eq!((parts(&copy), parts(&source), new.blueprint_version.as_str()), (1, 0, old.blueprint_version.as_str()));
    assert_eq!(told["secrets"], serde_json::json!({"admin": "geheim"}));
    let secrets = world.engine().store.secrets(new.uuid).expect("read");
    assert_eq!(secrets.iter().map(|secret| secret.name.as_str()).collect::<Vec<_>>(), ["admin"]);
    // Its disk lies on the snapshot, which is held until it does not.
    let of = world.engine().store.snapshot_by_id(new.lies_on.expect("a snapshot")).expect("read").expect("there");
    let xml = world.hypervisor.inner().domain_xml(new.uuid).expect("read").expect("there");
    let chain = LiveDefinition::parse(&xml).expect("read").disk("vda").expect("a disk").chain.clone();
    let names: Vec<&str> = chain.iter().filter_map(|path| path.rsplit('/').next()).collect();
    assert_eq!(names, [plan::root_disk(new), snapshot_disk(of.snapshot.id), "base.qcow2".to_owned()]);
    let held = delete_snapshot(&world).map_err(|e| (e.code.as_str(), e.exit_code(), e.message.clone()));
    let text = "the disk of instance `copy` still lies on snapshot `kept`".to_owned();
    assert_eq!(held, Err(("snapshot_in_use", 3, text)));
    let users = world.engine().store.users_of_image("base.qcow2").expect("read");
    assert_eq!(users, ["copy", "web", "snapshot kept"]);
    // That was begun by the delete, and the next command notes it.
    let own = "the disk of `copy` is its own now: it lies on no snapshot".to_owned();
    assert_eq!(engine::recover(&mut world.engine()), Ok(vec![own]));
    assert_eq!(delete_snapshot(&world), Ok(vec![Changed::new("kept", "deleted")]));
    assert_eq!(instance(&world, "web"), source, "the source is as it was");
    assert!(engine::audit(&world.engine()).expect("audited").is_clean());
}

#[test]
fn two_from_one_snapshot_and_the_source_gone_are_instances_of_their_own() {
    let world = made();
    engine::delete(&mut world.engine(), &instance(&world, "web")).expect("deleted");
    for copy in ["one", "two"] {
        let checked = create::check(&app(&world), &root(), wanted(copy)).expect("checked");
        checked.run(&app(&world), &mut Unobserved).map(drop).expect("made");
    }
    // The first was begun by the second's create.
    let told: Vec<usize> = (0..3).map(|_| engine::recover(&mut world.engine()).expect("looked").len()).collect();
    assert_eq!(told.iter().sum::<usize>(), 2, "{told:?}");
    assert_eq!(["one", "two"].map(|copy| instance(&world, copy).record.lies_on), [None, None]);
    assert_eq!(delete_snapshot(&world), Ok(vec![Changed::new("kept", "deleted")]));
    assert!(engine::audit(&world.engine()).expect("audited").is_clean());
}

#[test]
fn what_does_not_fit_or_is_set_up_already_is_refused() {
    let world = made();
    world.sql(&format!("UPDATE snapshot SET size = {}", 50_u64 << 30));
    let before = world.snapshot();
    let small = refused(&world, Create { bundle: Some("nano".to_owned()), ..wanted("copy") });
    assert_eq!((small.0, small.1), ("bundle_too_small", 2));
    assert_eq!(small.2, "bundle `nano` is too small for this disk: 20 GiB of disk, at least 50 GiB needed");
    let fit: Vec<&str> = world
        .catalog
        .bundles
        .iter()
        .filter(|bundle| bundle.disk.as_bytes() >= 50 << 30)
        .map(|bundle| bundle.id.as_str())
        .collect();
    let names = fit.iter().map(|id| format!("`{id}`")).collect::<Vec<_>>().join(", ");
    assert_eq!(small.3, [format!("these fit: {names}; `lite bundles` lists them")]);
    let unknown = refused(&world, Create { from_snapshot: Some(name("kep")), ..wanted("copy") });
    assert_eq!((unknown.0, unknown.2.as_str()), ("no_such_snapshot", "there is no snapshot `kep`"));
    let set = refused(&world, Create { base: Some("debian-12".to_owned()), ..wanted("copy") });
    let text = "an instance that is made from a snapshot is set up already: it has the snapshot's disk";
    assert_eq!((set.0, set.1, set.2.as_str()), ("usage", 2, text));
    world.sql("UPDATE snapshot SET state = 'deleting'");
    let going = refused(&world, wanted("copy"));
    assert_eq!((going.0, going.2.as_str()), ("not_settled", "snapshot `kept` is deleting"));
    assert_eq!(world.snapshot(), before);
}
