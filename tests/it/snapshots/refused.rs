//! What is refused before anything is changed.

use std::path::Path;

use lite::{
    app::export::{self, Export},
    model::Size,
    plan,
};

use super::*;

#[test]
fn what_cannot_be_is_refused_and_changes_nothing() {
    let world = World::new();
    world.create("web").expect("created");
    let (snapshots, uuid) = (Snapshots::of(&world), uuid_of(&world, "web"));
    let refused = |instance: &str, snapshot: Option<&str>| {
        snapshots.create(instance, snapshot).map(|view| view.name).map_err(|e| short(&e))
    };
    let taken = Err(("name_taken", 2, "an instance is called `web`".to_owned()));
    assert_eq!(refused("web", Some("web")), taken);
    let unknown = Err(("no_such_instance", 2, "there is no instance `wep`".to_owned()));
    assert_eq!(refused("wep", None), unknown);
    world.hypervisor.inner().show(uuid, DomainState::Unresponsive);
    let hangs = Err(("unresponsive", 1, "the QEMU process of instance `web` does not answer".to_owned()));
    assert_eq!(refused("web", None), hangs);
    world.hypervisor.inner().show(uuid, DomainState::ShuttingDown);
    assert_eq!(refused("web", None), Err(("domain_stopping", 3, "instance `web` is going down".to_owned())));
    world.hypervisor.inner().show(uuid, DomainState::Running);
    world.hypervisor.inner().set_pool_free(1 << 30);
    let (code, exit, message) = refused("web", None).expect_err("no room");
    assert_eq!((code, exit), ("no_capacity", 2));
    assert!(
        message.starts_with("a snapshot of instance `web` takes ") && message.contains("1 GiB are free"),
        "{message}"
    );
    snapshots.assert_nothing_left(uuid, "after all refusals");
}

fn export_of(of: &str, file: &Path) -> Export {
    let file = file.to_owned();
    Export { of: name(of), file, recipient: None, with_secrets: false, wait: false, dry_run: false }
}

#[test]
fn what_cannot_be_exported_is_told_as_what_it_is() {
    let world = World::new();
    world.create("web").expect("created");
    changes::disk(&mut world.engine()).expect("made");
    changes::snapshot_disk(&mut world.engine()).expect("made");
    let snapshots = Snapshots::of(&world);
    let refused = |of: &str, file: &Path| {
        let refused = export::run(&snapshots.app, &Snapshots::root(), &export_of(of, file), &mut Unobserved);
        let error = refused.expect_err("refused");
        (short(&error), error.hint_texts())
    };
    let file = world.state().join("web.lite");
    let of_disk = "snapshot `alone` is one of disk `data`, and of no instance".to_owned();
    let hint = "a new disk has what it holds: `lite disk create NAME --from-snapshot alone`".to_owned();
    assert_eq!(refused("alone", &file), (("no_such_snapshot", 2, of_disk), vec![hint]));
    let nothing = "there is no instance and no snapshot `alon`".to_owned();
    let hint = "did you mean `alone`? `lite list` and `lite snapshot list` show all".to_owned();
    assert_eq!(refused("alon", &file), (("no_such_instance", 2, nothing), vec![hint]));
    let output = "an export is a file: it is not written to standard output".to_owned();
    let hint = "name it, such as `web.lite`; one that is to be called so is `./-`".to_owned();
    assert_eq!(refused("web", Path::new("-")), (("invalid_path", 2, output), vec![hint]));
    let nowhere = world.state().join("nowhere/web.lite");
    let missing = format!("cannot write `{}.part`", nowhere.display());
    let hint = "name a file in a folder that is there".to_owned();
    assert_eq!(refused("web", &nowhere), (("invalid_path", 2, missing), vec![hint]));
    assert!(!file.exists());
    let names = snapshots.list(None).expect("listed");
    assert_eq!(names, ["alone"], "a snapshot that was made for an export is there");
}

#[test]
fn an_export_of_one_that_runs_is_refused_before_a_snapshot_is_made_for_it() {
    let mut world = World::new();
    world.disk = Some(Size::mib(1024));
    world.create("web").expect("created");
    let (snapshots, uuid) = (Snapshots::of(&world), uuid_of(&world, "web"));
    let root = plan::root_disk(&world.engine().store.require(&name("web")).expect("there").record);
    let taken = world.hypervisor.volume("lite", &root).expect("asked").expect("there").allocation;
    // What `disk_reserve` keeps, and a snapshot.
    world.hypervisor.inner().set_pool_free((5 << 30) + taken);
    let file = world.state().join("web.lite");
    for dry_run in [true, false] {
        let export = Export { dry_run, ..export_of("web", &file) };
        let refused = export::run(&snapshots.app, &Snapshots::root(), &export, &mut Unobserved);
        let (code, exit, message) = short(&refused.expect_err("no room"));
        assert_eq!((code, exit), ("no_capacity", 2));
        assert!(message.starts_with("an export of instance `web`, which runs, takes "), "{message}");
        snapshots.assert_nothing_left(uuid, "refused");
        assert!(!file.exists() && !world.state().join("web.lite.part").exists());
    }
    snapshots.create("web", None).expect("there is room for a snapshot");
}

#[test]
fn a_name_is_unique_and_a_wrong_one_is_answered_by_the_nearest() {
    let world = World::new();
    world.create("web").expect("created");
    let snapshots = Snapshots::of(&world);
    snapshots.create("web", Some("before")).expect("made");
    let again = snapshots.create("web", Some("before")).map(drop).map_err(|e| short(&e));
    assert_eq!(again, Err(("name_taken", 2, "there is a snapshot `before` already".to_owned())));
    let instance = world.create("before").map(drop).map_err(|e| short(&e));
    assert_eq!(instance, Err(("name_taken", 2, "a snapshot is called `before`".to_owned())));
    let wrong = snapshots.delete(&["befor"]).expect_err("unknown");
    let hint = "did you mean `before`? `lite snapshot list` shows all".to_owned();
    assert_eq!((short(&wrong).0, wrong.exit_code(), wrong.hint_texts()), ("no_such_snapshot", 2, vec![hint]));
    assert_eq!(snapshots.list(Some("web")), Ok(vec!["before".to_owned()]));
    let nobody = snapshots.list(Some("nobody")).map_err(|e| short(&e));
    assert_eq!(nobody, Err(("no_such_instance", 2, "there is no instance `nobody`".to_owned())));
}
