//! An error of libvirt at each call of each operation, before its effect and, if it has one, after: it is told, and after
//! `lite repair` nothing of it is left.

use std::{panic::resume_unwind, thread};

use crate::support::{
    next_command::look_after,
    operations::{OPERATIONS, Operation, ready},
    outside::only_asks,
};
use lite::{engine, hypervisor::flaky::Moment, model::Error};

/// Calls whose error an operation may keep for itself, because it does not need their answer or tries them again.
const NOT_NEEDED: &[(&str, &str)] = &[
    // With `--force` the plug is pulled anyway.
    ("stop", "shutdown"),
    ("resize", "shutdown"),
    // It has its size; whether its guest uses all of its disk is a warning.
    ("resize", "live_definition"),
    ("resize", "run_in_guest"),
    ("disk resize", "live_definition"),
    ("disk resize", "run_in_guest"),
    // The next command cleans it.
    ("cleaning of the seed", "upload"),
    // A guest without the timer is thawed by lite, which tries it until the guest says that it is.
    ("snapshot create", "run_in_guest"),
    ("snapshot create", "thaw"),
    ("snapshot create", "is_frozen"),
    ("snapshot create with a disk", "run_in_guest"),
    ("snapshot create with a disk", "thaw"),
    ("snapshot create with a disk", "is_frozen"),
    ("disk snapshot", "run_in_guest"),
    ("disk snapshot", "thaw"),
    ("disk snapshot", "is_frozen"),
    ("automatic snapshot", "run_in_guest"),
    ("automatic snapshot", "thaw"),
    ("automatic snapshot", "is_frozen"),
    ("upgrade", "run_in_guest"),
    ("upgrade", "thaw"),
    ("upgrade", "is_frozen"),
    ("delete of one that is kept", "shutdown"),
    // The plug is pulled anyway.
    ("restore", "shutdown"),
    // Only how long it takes is of interest.
    ("undo of a create", "domain"),
];

/// Operations that ask libvirt nothing.
const WITHOUT_CALLS: [&str; 3] = ["remote add", "remote remove", "remote delete"];

fn is_told(error: &Error) -> bool {
    let injected = "a fault was injected";
    error.exit_code() != 0 && (error.message == injected || error.causes.iter().any(|cause| cause.contains(injected)))
}

/// How many failing calls were tried.
fn fail_each_call_of((what, prepare, act, leaves): &Operation) -> usize {
    let world = ready(*prepare);
    let before = world.hypervisor.calls().len();
    assert_eq!(act(&world), Ok(()), "{what} without a fault");
    let calls = world.hypervisor.calls().split_off(before);
    assert!(!calls.is_empty(), "{what} makes no call");
    let mut tried = 0;
    for moment in [Moment::Before, Moment::After] {
        for (n, call) in (1..).zip(&calls).filter(|(_, call)| moment == Moment::Before || !only_asks(call)) {
            tried += 1;
            let when = format!("{what}, call {n} `{call}` fails {moment:?}");
            let world = ready(*prepare);
            let hits = world.hypervisor.hits();
            world.hypervisor.fail_nth(n, moment);
            let answer = act(&world);
            assert_eq!(world.hypervisor.hits(), hits + 1, "{when}: not reached");
            match &answer {
                Err(error) => assert!(is_told(error), "{when}: {error:?}"),
                // It starts cold then, and warns.
                Ok(()) if *what == "create from saved memory" => {}
                Ok(()) => assert!(NOT_NEEDED.contains(&(*what, *call)), "{when}: nobody is told"),
            }
            world.hypervisor.heal();
            let mut engine = world.engine();
            engine::recover(&mut engine).unwrap_or_else(|e| panic!("{when}: {e}"));
            engine::retry_attention(&mut engine).unwrap_or_else(|e| panic!("{when}: {e}"));
            look_after(&world, *leaves, &when);
        }
    }
    tried
}

#[test]
fn every_failing_call_of_every_operation_is_told_and_leaves_nothing() {
    let tried: Vec<(&str, usize)> = thread::scope(|scope| {
        let all = OPERATIONS.iter().filter(|o| !WITHOUT_CALLS.contains(&o.0));
        let running: Vec<_> = all.map(|o| (o.0, scope.spawn(move || fail_each_call_of(o)))).collect();
        running.into_iter().map(|(what, thread)| (what, thread.join().unwrap_or_else(|e| resume_unwind(e)))).collect()
    });
    for (what, calls) in &tried {
        println!("{what}: {calls} failing calls");
    }
}
