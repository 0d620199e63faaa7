//! A network of an earlier lite that is moved to mode `route` under its guests, and back.

use std::sync::Arc;

use lite::{
    app::{App, Caller, doctor, repair},
    clock::SystemClock,
    engine::{self, sagas::network},
    hypervisor::{flaky::Moment, prelude::*},
    kill_point::in_process,
    model::{Error, ForwardMode, NetworkDefinition, OperationState, Tap, Unobserved, Via},
    plan,
    store::Operation,
};

use crate::support::{warned::Warned, world::World};

const BRIDGE: &str = "virbr-lite";

fn tap(name: &str, bridge: Option<&str>, isolated: bool) -> Tap {
    Tap { name: name.to_owned(), bridge: bridge.map(str::to_owned), isolated }
}

/// A guest of an earlier lite, one of this, and one of somebody else on another bridge.
fn taps() -> [Tap; 3] {
    [tap("vnet0", Some(BRIDGE), false), tap("lt-0000000001", Some(BRIDGE), true), tap("vnet1", Some("br0"), false)]
}

/// A host with an old network, on which guests run.
fn old() -> World {
    let world = World::new();
    world.create("web").expect("created");
    world.age_network();
    taps().iter().for_each(|tap| world.hypervisor.inner().set_tap(tap));
    world
}

/// The stored definition, whether the network runs, and the links.
fn state(world: &World) -> (String, bool, Vec<Tap>) {
    let hv = world.hypervisor.inner();
    let stored = hv.stored_network("lite").expect("read").expect("a network");
    let mut taps = hv.taps().expect("listed");
    taps.sort_by_key(|tap| taps_order(&tap.name));
    (stored, hv.network("lite").expect("read").expect("a network").active, taps)
}

fn taps_order(name: &str) -> Option<usize> {
    taps().iter().position(|tap| tap.name == name)
}

fn move_to(world: &World, mode: ForwardMode) -> Result<bool, Error> {
    network::run(&mut world.engine(), mode).map(|moved| moved.is_some())
}

fn moves(world: &World) -> Vec<Operation> {
    let all = world.engine().store.operations(20).expect("read");
    all.into_iter().filter(|o| o.resource.name == "lite").collect()
}

/// What an old network becomes.
fn moved(xml: &str) -> String {
    let moved = plan::with_forward_mode(xml, ForwardMode::Route).expect("edited").expect("moved");
    moved.replace('"', "'").replace("></forward>", "/>")
}

/// The definition as far as lite reads it, and the words that a guest's trust hangs on.
fn facts(xml: &str) -> (NetworkDefinition, Vec<String>) {
    let kept =
        |line: &&str| ["<name>", "<uuid>", "<mac ", "<bridge ", "<range ", "<host "].iter().any(|w| line.contains(w));
    (NetworkDefinition::parse(xml).expect("read"), xml.lines().filter(kept).map(|l| l.trim().to_owned()).collect())
}

#[test]
fn a_network_is_moved_and_its_links_are_put_back() {
    let world = old();
    let before = state(&world);
    assert_eq!(engine::refusing_network(&world.engine()), Ok(Some("lite".to_owned())));
    assert_eq!(move_to(&world, ForwardMode::Route), Ok(true));
    let after = state(&world);
    assert_eq!((facts(&after.0), after.1, after.2), (facts(&moved(&before.0)), true, taps().to_vec()));
    assert_eq!(move_to(&world, ForwardMode::Route), Ok(false), "it is in that mode");
    assert_eq!(engine::refusing_network(&world.engine()), Ok(None));
    assert_eq!(move_to(&world, ForwardMode::Nat), Ok(true));
    let back = state(&world);
    let mut nat = facts(&after.0);
    nat.0.forward = Some("nat".to_owned());
    assert_eq!((facts(&back.0), back.1, back.2), (nat, true, taps().to_vec()));
    let ended: Vec<_> = moves(&world).into_iter().map(|o| (o.kind.as_str(), o.state)).collect();
    assert_eq!(ended, [("move", OperationState::Succeeded); 2]);
    assert!(engine::audit(&world.engine()).expect("audited").is_clean());
}

#[test]
fn a_move_that_fails_leaves_the_network_as_it_was() {
    for call in ["stop_network", "define_network", "ensure_network", "attach_tap"] {
        for moment in [Moment::Before, Moment::After] {
            let (world, when) = (old(), format!("{call} {moment:?}"));
            let before = state(&world);
            world.hypervisor.fail_call(call, 1, moment);
            assert_eq!(move_to(&world, ForwardMode::Route).map_err(|e| e.code.as_str()), Err("injected"), "{when}");
            assert_eq!(world.hypervisor.hits(), 1, "{when}");
            assert_eq!(state(&world), before, "{when}");
            assert_eq!(moves(&world)[0].state, OperationState::Failed, "{when}");
            assert_eq!(move_to(&world, ForwardMode::Route), Ok(true), "{when}: tried again");
        }
    }
}

#[test]
fn a_move_that_cannot_be_undone_is_finished_by_repair() {
    let world = old();
    world.hypervisor.fail_every("define_network");
    world.hypervisor.fail_every("ensure_network");
    assert_eq!(move_to(&world, ForwardMode::Route).map_err(|e| e.code.as_str()), Err("undo_failed"));
    assert_eq!(moves(&world)[0].state, OperationState::NeedsAttention);
    world.hypervisor.heal();
    let said = engine::retry_attention(&mut world.engine());
    assert_eq!(said, Ok(vec!["finished the move of network `lite` that was cut off".to_owned()]));
    assert_eq!((state(&world).2, engine::refusing_network(&world.engine())), (taps().to_vec(), Ok(None)));
}

#[test]
fn a_move_that_dies_at_any_point_is_finished() {
    let whole = old();
    let run = |world: &World| network::run(&mut world.engine(), ForwardMode::Route).map(drop);
    let passed = in_process::run(None, || run(&whole)).passed;
    let wanted = state(&whole);
    assert!(passed.len() >= 5, "{passed:?}");
    for (n, place) in (1..).zip(&passed) {
        let world = old();
        assert!(in_process::run(Some(n), || run(&world)).result.is_none(), "{place}: it lived");
        let said = engine::recover(&mut world.engine());
        assert_eq!(said, Ok(vec!["finished the move of network `lite` that was cut off".to_owned()]), "{place}");
        let now = state(&world);
        assert_eq!((facts(&now.0), now.1, now.2), (facts(&wanted.0), wanted.1, wanted.2.clone()), "{place}");
        assert!(engine::audit(&world.engine()).expect("audited").is_clean(), "{place}");
    }
}

#[test]
fn a_move_that_died_and_cannot_be_finished_is_undone() {
    let world = old();
    let before = state(&world);
    let run = || network::run(&mut world.engine(), ForwardMode::Route).map(drop);
    assert!(in_process::run(Some(2), run).result.is_none());
    world.hypervisor.fail_call("define_network", 1, Moment::Before);
    let said = engine::recover(&mut world.engine()).expect("undone");
    assert_eq!(said.len(), 1);
    assert!(said[0].starts_with("undid the move of network `lite` that was cut off: "), "{said:?}");
    assert_eq!((state(&world), moves(&world)[0].state), (before, OperationState::Failed));
}

#[test]
fn a_dry_run_says_what_would_be_done_and_does_nothing() {
    let world = old();
    let app = App::of_host(world.settings().clone(), Arc::new(SystemClock), world.hypervisor.clone());
    let before = state(&world);
    let repair = |dry_run| {
        repair::move_network(&app, &Caller::root(Via::Cli), ForwardMode::Route, dry_run, &mut Unobserved)
            .map(|view| view.actions)
    };
    let lines = |lines: [&str; 3]| Ok(lines.map(str::to_owned).to_vec());
    assert_eq!(
        repair(true),
        lines([
            "network `lite` would be moved to mode `route`",
            "link `vnet0` would be put on the new bridge `virbr-lite`",
            "link `lt-0000000001` would be put on the new bridge `virbr-lite`",
        ])
    );
    assert_eq!((state(&world), moves(&world)), (before, vec![]));
    assert_eq!(
        repair(false),
        lines([
            "network `lite` moved to mode `route`",
            "link `vnet0` put on the new bridge `virbr-lite`",
            "link `lt-0000000001` put on the new bridge `virbr-lite`",
        ])
    );
    assert_eq!(repair(false), Ok(vec![]));
}

#[test]
fn a_network_that_lite_cannot_move_is_refused_and_stays() {
    let world = World::new();
    world.create("web").expect("created");
    let hv = world.hypervisor.inner();
    let xml = hv.stored_network("lite").expect("read").expect("a network").replace("mode='route'", "mode='open'");
    hv.stop_network("lite").expect("stopped");
    hv.define_network("lite", &xml).expect("defined");
    hv.ensure_network("lite", &xml).expect("started");
    let before = state(&world);
    assert_eq!(move_to(&world, ForwardMode::Route).map_err(|e| e.code.as_str()), Err("network_unusable"));
    assert_eq!((state(&world), moves(&world)), (before, vec![]));
    hv.remove_network("lite").expect("removed");
    assert_eq!(move_to(&world, ForwardMode::Route).map_err(|e| e.code.as_str()), Err("host_not_ready"));
}

#[test]
fn a_create_says_that_the_network_refuses_what_is_published() {
    let world = World::new();
    let warnings = || {
        let mut warned = Warned::default();
        let request = world.plain_request(None);
        engine::create(&mut world.engine(), request, &mut warned).expect("created");
        warned.0.retain(|line| line.contains("mode `nat`"));
        warned.0
    };
    assert_eq!(warnings(), Vec::<String>::new());
    world.age_network();
    assert_eq!(
        warnings(),
        ["network `lite` is in libvirt's mode `nat`, which refuses what is published to other machines: \
          `lite repair --network route` moves it, and stops no instance"]
    );
}

#[test]
fn doctor_says_that_a_move_was_cut_off() {
    let world = old();
    let run = || network::run(&mut world.engine(), ForwardMode::Route).map(drop);
    assert!(in_process::run(Some(2), run).result.is_none());
    let app = App::of_host(world.settings().clone(), Arc::new(SystemClock), world.hypervisor.clone());
    let mut warned = Warned::default();
    doctor::check(&app, &Caller::root(Via::Cli), &mut warned).expect("checked");
    assert_eq!(warned.0, ["the move of `lite` was cut off: `lite repair` finishes or undoes it"]);
}
