//! Protection from being deleted, through the use cases: what is refused, to whom, and that nothing is changed by it.

use std::sync::Arc;

use lite::{
    app::{
        App, Caller, Right,
        instance::{
            change::{self, Targets},
            delete::{self, Delete},
            protect::Protect,
            tag::{self, Retag},
        },
    },
    clock::SystemClock,
    engine,
    hypervisor::prelude::*,
    model::{Code, Instance, Name, Requester, Result, Tag, Unobserved, Via},
    plan::{METADATA_URI, record_of},
    view::Changed,
};

use crate::support::world::World;

fn name(text: &str) -> Name {
    Name::parse(text).expect("a name")
}

fn app(world: &World) -> App {
    App::of_host(world.settings().clone(), Arc::new(SystemClock), world.hypervisor.clone())
}

fn set(app: &App, caller: &Caller, names: &[&str], protected: bool, dry_run: bool) -> Result<Vec<Changed>> {
    let names = names.iter().map(|n| name(n)).collect();
    let targets = Targets { names, wait: false, dry_run };
    change::run(app, caller, &Protect { protected }, &targets, &mut Unobserved)
}

#[test]
fn a_protected_instance_is_not_deleted_until_the_protection_is_lifted() {
    let world = World::new();
    let uuid = world.create("web").expect("made").record.uuid;
    world.create("other").expect("made");
    let (app, root) = (app(&world), Caller::root(Via::Cli));
    assert_eq!(set(&app, &root, &["web"], true, true), Ok(vec![Changed::new("web", "would be protected")]));
    assert_eq!(set(&app, &root, &["web"], true, false), Ok(vec![Changed::new("web", "protected")]));
    assert_eq!(set(&app, &root, &["web"], true, false), Ok(vec![Changed::new("web", "protected already")]));

    // Neither the protected one nor the one named before it goes.
    let before = world.snapshot();
    let refused =
        delete::find(&app, &root, &[name("other"), name("web")], (Delete { now: true }, false), &mut Unobserved);
    let error = refused.map(|_| ()).expect_err("refused");
    assert_eq!(
        (error.code, error.exit_code(), error.message.as_str(), error.hint_texts().as_slice()),
        (
            Code::Protected,
            2,
            "instance `web` is protected: it is not deleted",
            &["`lite unprotect web` lifts the protection".to_owned()][..]
        )
    );
    let instance = world.engine().store.require(&name("web")).expect("there");
    let engine = engine::delete(&mut world.engine(), &instance).map(|_| ());
    assert_eq!(engine.map_err(|e| e.code), Err(Code::Protected), "the engine refuses it to every front end");
    assert_eq!(world.snapshot(), before);
    let metadata = world.hypervisor.domain_metadata(uuid, METADATA_URI).expect("asked").expect("there");
    let record = record_of(&metadata).expect("a record");
    assert_eq!(record.tags, [Tag::protection()], "a database that is made anew knows it");

    assert_eq!(set(&app, &root, &["web"], false, false), Ok(vec![Changed::new("web", "unprotected")]));
    let found =
        delete::find(&app, &root, &[name("web")], (Delete { now: true }, false), &mut Unobserved).expect("found");
    assert_eq!(found.run(&app, &mut Unobserved).map(|receipts| receipts.len()), Ok(1));
}

#[test]
fn one_that_may_change_instances_may_not_lift_their_protection() {
    let world = World::new();
    world.create("web").expect("made");
    let app = app(&world);
    set(&app, &Caller::root(Via::Cli), &["web"], true, false).expect("protected");
    let requester = Requester { actor: "ann".to_owned(), via: Via::Cli, address: None };
    let ann = Caller::limited(requester, &[Right::Read, Right::Access, Right::Change]);
    assert_eq!(set(&app, &ann, &["web"], false, false).map_err(|e| e.code), Err(Code::Forbidden));
    let mut retag =
        Retag { name: name("web"), set: vec![], remove: vec![Tag::protection().key], wait: false, dry_run: false };
    assert_eq!(tag::change(&app, &ann, &retag, &mut Unobserved).map_err(|e| e.code), Err(Code::Forbidden));
    // Another tag is no matter of protection.
    (retag.set, retag.remove) = (vec![Tag::parse("a=b").expect("a tag")], vec![]);
    assert_eq!(tag::change(&app, &ann, &retag, &mut Unobserved).map(|view| view.tags.len()), Ok(2));
}

/// Each read the tags before the other had its lock.
#[test]
fn tags_of_two_commands_at_once_are_both_kept() {
    let world = World::new();
    world.create("web").expect("made");
    let before = world.engine().store.require(&name("web")).expect("there");
    for text in ["a=1", "b=2"] {
        let added = Tag::parse(text).expect("a tag");
        let wanted = |now: &Instance| Ok(now.record.tags.iter().cloned().chain([added.clone()]).collect());
        let mut engine = world.engine();
        let accepted = engine::sagas::tag::accept(&mut engine, &before, &wanted).expect("accepted").expect("a change");
        engine::sagas::tag::run(&mut engine, accepted).expect("done");
    }
    let tags = world.engine().store.require(&name("web")).expect("there").record.tags;
    assert_eq!(tags.iter().map(|t| (&*t.key, &*t.value)).collect::<Vec<_>>(), [("a", "1"), ("b", "2")]);
}
