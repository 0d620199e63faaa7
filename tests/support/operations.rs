//! Every operation of the engine, and what may be left once one was cut off or failed.

use std::{sync::Arc, time::Duration};

use jiff::{SignedDuration, Timestamp};
use lite::{
    engine::{self, Ctx, Unobserved, sagas::network},
    hypervisor::{DomainState, prelude::*},
    kill_point::in_process,
    model::{Code, ForwardMode, Instance, Name, Phase, Result, Tag},
    plan::report_log,
};

use super::{
    bakes::unsealed,
    balanced::{balanced, delete_of_a_target, with_target},
    changes, exports, jobs, off_site,
    warmed::{create_warm, not_warm, warmed},
    world::World,
};

pub const NAME: &str = "web";

/// What an operation that died may leave once the next command is through.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Leaves {
    /// The instance, whole.
    Whole,
    /// Nothing.
    Nothing,
    /// The instance, whole, or deleted and kept.
    KeptOrWhole,
    /// One or the other.
    Either,
}

/// An operation, how its world is made ready, and what it may leave.
pub type Operation = (&'static str, fn(&World), fn(&World) -> Result<()>, Leaves);

fn name() -> Name {
    Name::parse(NAME).expect("a name")
}

pub(super) fn instance(engine: &Ctx) -> Instance {
    engine.store.require(&name()).expect("stored")
}

pub(super) fn created(world: &World) {
    world.create(NAME).expect("created");
}

fn imported(world: &World) {
    world.import(NAME).expect("made");
}

fn stopped(world: &World) {
    created(world);
    let mut engine = world.engine();
    let instance = instance(&engine);
    changes::stop(&mut engine, &instance, true, Duration::ZERO, &mut Unobserved).expect("stopped");
}

/// The domain shows a state that the test driver does not get into.
fn shows(world: &World, state: DomainState) {
    created(world);
    world.hypervisor.inner().show(instance(&world.engine()).record.uuid, state);
}

fn undefined(world: &World) {
    created(world);
    let uuid = instance(&world.engine()).record.uuid;
    world.hypervisor.inner().destroy(uuid).expect("off");
    world.hypervisor.inner().remove_domain(uuid).expect("undefined");
}

fn bare(world: &World) {
    world.hypervisor.inner().remove_network("lite").expect("no network");
    world.hypervisor.inner().remove_pool("lite").expect("no pool");
}

/// Nobody waited for the guest, which has booted since.
fn reported(world: &World) {
    created(world);
    let engine = world.engine();
    let log = report_log(&instance(&engine).record, &engine.settings.host.folders.logs);
    std::fs::write(log, "{\"event\":\"booted\"}\n").expect("written");
}

pub fn ready(prepare: fn(&World)) -> World {
    let world = World::new();
    prepare(&world);
    world
}

pub(super) fn delete(world: &World) -> Result<()> {
    let mut engine = world.engine();
    let instance = engine.store.require(&name())?;
    engine::delete(&mut engine, &instance).map(drop)
}

fn kept(world: &World) {
    created(world);
    on(world, |e, i| changes::keep_deleted(e, i).map(drop)).expect("kept");
}

fn on_kept(world: &World, act: fn(&mut Ctx, &Instance) -> Result<()>) -> Result<()> {
    let mut engine = world.engine();
    let kept = engine.store.kept(&engine.host_id())?;
    act(&mut engine, &kept[0])
}

fn published(world: &World) {
    created(world);
    on(world, |e, i| changes::publish(e, i, 8080)).expect("published");
}

/// The network is as an earlier lite made it.
pub(super) fn on_old_network(world: &World) {
    created(world);
    world.age_network();
}

pub(super) fn move_network(world: &World) -> Result<()> {
    network::run(&mut world.engine(), ForwardMode::Route).map(|moved| assert!(moved.is_some(), "it was in that mode"))
}

fn attached(world: &World) {
    created(world);
    on(world, changes::attach).expect("attached");
}

fn sited(world: &World) {
    created(world);
    on(world, |e, i| changes::publish_site(e, i, "a.example.org")).expect("published");
    assert!(engine::proxy_runs(&world.engine()).expect("asked"));
}

/// A delete takes the domains along, and the web front is told.
fn delete_with_its_domains(world: &World) -> Result<()> {
    delete(world)?;
    let engine = world.engine();
    assert_eq!((engine.store.sites_on(&engine.host_id())?, engine::proxy_runs(&engine)?), (vec![], false));
    Ok(())
}

fn with_agent(world: &World) {
    created(world);
    world.hypervisor.inner().set_agent(instance(&world.engine()).record.uuid, true);
}

pub(super) fn with_disk(world: &World) {
    with_agent(world);
    changes::disk(&mut world.engine()).expect("made");
}

fn with_attached(world: &World) {
    with_disk(world);
    on(world, |ctx, instance| changes::attach_disk(ctx, instance, Some("/srv"))).expect("attached");
}

fn stopped_with_attached(world: &World) {
    stopped_with_disk(world);
    on(world, |ctx, instance| changes::attach_disk(ctx, instance, None)).expect("attached");
}

/// A snapshot that holds a disk too.
pub(super) fn with_whole_snapshot(world: &World) {
    with_attached(world);
    on(world, changes::snapshot).expect("made");
}

fn stopped_with_disk(world: &World) {
    stopped(world);
    changes::disk(&mut world.engine()).expect("made");
}

fn attach_mounted(world: &World) -> Result<()> {
    on(world, |ctx, instance| changes::attach_disk(ctx, instance, Some("/srv")))
}

/// A snapshot whose instance is gone.
fn snapshot_alone(world: &World) {
    with_snapshot(world);
    delete(world).expect("deleted");
}

fn stopped_with_snapshot(world: &World) {
    stopped_with_attached(world);
    on(world, changes::snapshot).expect("made");
}

pub(super) fn with_snapshot(world: &World) {
    created(world);
    on(world, changes::snapshot).expect("made");
}

/// An instance that is ready, whose guest says this to whatever it is brought.
fn says(world: &World, said: &str) {
    with_agent(world);
    let mut engine = world.engine();
    let record = instance(&engine).record;
    engine.store.set_phase(record.uuid, Phase::Ready, None).expect("ready");
    let log = report_log(&record, &engine.settings.host.folders.logs);
    world.hypervisor.inner().answer_input(&log, said);
}

pub(super) fn upgradable(world: &World) {
    says(
        world,
        "{\"event\":\"progress\",\"line\":\"Setting up\"}\n{\"event\":\"upgraded\",\"code\":0}\n\
         {\"event\":\"status\",\"health\":\"ok\"}\n",
    );
}

pub(super) fn not_upgradable(world: &World) {
    says(world, "{\"event\":\"upgraded\",\"code\":100,\"command\":\"apt-get upgrade\",\"tail\":[\"E: no\"]}\n");
}

fn with_remote(world: &World) {
    created(world);
    changes::add_remote(&mut world.engine()).expect("added");
}

fn automated(world: &World) {
    with_agent(world);
    on(world, changes::automate).expect("made");
}

/// The automatic snapshot of the next day is made, and that of the day before goes.
fn next_day(world: &World) -> Result<()> {
    let mut engine = world.engine();
    engine.clock = Arc::new((|| Timestamp::now() + SignedDuration::from_hours(24)) as fn() -> Timestamp);
    engine::make_due_snapshots(&mut engine).map(|told| assert_eq!(told.len(), 2, "{told:?}"))
}

fn half_made(world: &World) {
    let passed = in_process::run(None, || created(&World::new())).passed.len();
    assert!(in_process::run(Some(passed), || created(world)).result.is_none());
}

fn half_deleted(world: &World) {
    created(world);
    let another = ready(created);
    let passed = in_process::run(None, || delete(&another)).passed.len();
    assert_eq!(in_process::run(Some(passed / 2), || delete(world)).result, None);
}

/// A bake whose guest says nothing and is given up on at once.
fn bake(world: &World) -> Result<()> {
    match unsealed(world, false) {
        error if error.code == Code::Timeout => Ok(()),
        error => Err(error),
    }
}

/// A snapshot whose guest says nothing and is given up on.
fn verify(world: &World) -> Result<()> {
    match changes::verify_snapshot(&mut world.engine(), &mut Unobserved) {
        Err(error) if error.code == Code::Timeout => Ok(()),
        other => other.map(|took| panic!("it says that it is up, after {took:?}")),
    }
}

/// What the watcher may do: the instance, if nobody decided otherwise since.
fn watched(world: &World, act: fn(&mut Ctx, uuid::Uuid, i64) -> Result<bool>) -> Result<()> {
    let mut engine = world.engine();
    let (uuid, generation) = engine.store.desired_generations()?[0];
    act(&mut engine, uuid, generation).map(|done| assert!(done, "there was nothing to do"))
}

pub const OPERATIONS: &[Operation] = &[
    ("create", |_| (), |w| w.create(NAME).map(drop), Leaves::Either),
    ("create from saved memory", |w| drop(warmed(w)), |w| create_warm(w, NAME).map(drop), Leaves::Either),
    ("first create", bare, |w| w.create(NAME).map(drop), Leaves::Either),
    ("start", stopped, |w| on(w, |e, i| changes::start(e, i, None, &mut Unobserved).map(drop)), Leaves::Whole),
    (
        "stop",
        created,
        |w| on(w, |e, i| changes::stop(e, i, true, Duration::ZERO, &mut Unobserved).map(drop)),
        Leaves::Whole,
    ),
    ("reboot", created, |w| on(w, |e, i| changes::reboot(e, i, true)), Leaves::Whole),
    ("resize", with_agent, |w| on(w, changes::resize), Leaves::Whole),
    ("resize of a stopped one", stopped, |w| on(w, changes::resize), Leaves::Whole),
    ("tag", created, |w| on(w, |e, i| changes::set_tags(e, i, vec![Tag::parse("a=b")?])), Leaves::Whole),
    ("firewall", created, |w| on(w, |e, i| changes::open(e, i, "8080")), Leaves::Whole),
    ("publish", created, |w| on(w, |e, i| changes::publish(e, i, 8080)), Leaves::Whole),
    ("unpublish", published, |w| on(w, changes::unpublish), Leaves::Whole),
    ("attach", created, |w| on(w, changes::attach), Leaves::Whole),
    ("detach", attached, |w| on(w, changes::detach), Leaves::Whole),
    ("move of the network", on_old_network, move_network, Leaves::Whole),
    ("delete with a static address", attached, delete, Leaves::Nothing),
    ("publish of a domain", created, |w| on(w, |e, i| changes::publish_site(e, i, "a.example.org")), Leaves::Whole),
    ("unpublish of a domain", sited, |w| on(w, changes::unpublish_sites), Leaves::Whole),
    ("lb create", created, |w| changes::balance(&mut w.engine()), Leaves::Whole),
    ("lb attach", balanced, |w| on(w, changes::add_target), Leaves::Whole),
    ("lb detach", with_target, |w| changes::remove_targets(&mut w.engine()), Leaves::Whole),
    ("lb delete", with_target, |w| changes::unbalance(&mut w.engine()), Leaves::Whole),
    ("delete of a target", with_target, delete_of_a_target, Leaves::Nothing),
    ("disk create", created, |w| changes::disk(&mut w.engine()), Leaves::Whole),
    ("disk snapshot", with_attached, |w| changes::snapshot_disk(&mut w.engine()), Leaves::Whole),
    ("disk snapshot of a free one", with_disk, |w| changes::snapshot_disk(&mut w.engine()), Leaves::Whole),
    ("disk create from a snapshot", with_whole_snapshot, |w| changes::copy_disk(&mut w.engine()), Leaves::Whole),
    ("disk attach", with_disk, attach_mounted, Leaves::Whole),
    (
        "disk attach to a stopped one",
        stopped_with_disk,
        |w| on(w, |c, i| changes::attach_disk(c, i, None)),
        Leaves::Whole,
    ),
    ("disk detach", with_attached, |w| on(w, changes::detach_disk), Leaves::Whole),
    ("disk resize", with_attached, |w| changes::resize_disk(&mut w.engine()), Leaves::Whole),
    ("disk resize of a free one", with_disk, |w| changes::resize_disk(&mut w.engine()), Leaves::Whole),
    ("disk delete", with_disk, |w| changes::delete_disk(&mut w.engine()), Leaves::Whole),
    ("snapshot create", with_agent, |w| on(w, changes::snapshot), Leaves::Whole),
    ("snapshot create with a disk", with_attached, |w| on(w, changes::snapshot), Leaves::Whole),
    ("snapshot of a stopped one", stopped_with_attached, |w| on(w, changes::snapshot), Leaves::Whole),
    ("snapshot verify", with_snapshot, verify, Leaves::Whole),
    ("snapshot delete", with_whole_snapshot, |w| changes::delete_snapshot(&mut w.engine()), Leaves::Whole),
    ("restore", with_whole_snapshot, |w| on(w, |e, i| changes::restore(e, i).map(drop)), Leaves::Whole),
    (
        "restore of a stopped one",
        stopped_with_snapshot,
        |w| on(w, |e, i| changes::restore(e, i).map(drop)),
        Leaves::Whole,
    ),
    ("upgrade", upgradable, |w| on(w, changes::upgrade), Leaves::Whole),
    ("automatic snapshot", automated, next_day, Leaves::Whole),
    ("create from a snapshot", snapshot_alone, |w| w.create_from("kept", NAME).map(drop), Leaves::Either),
    ("import", |_| (), |w| w.import_with(NAME, &["data"]).map(drop), Leaves::Either),
    ("export", exports::ready, exports::export, Leaves::Whole),
    ("delete of an imported one", imported, delete, Leaves::Nothing),
    ("snapshot push", off_site::ready_to_push, off_site::push, Leaves::Whole),
    ("remote restore", off_site::ready_to_fetch, off_site::fetch, Leaves::Whole),
    ("remote delete", off_site::ready_to_fetch, off_site::delete, Leaves::Whole),
    ("remote add", created, |w| changes::add_remote(&mut w.engine()), Leaves::Whole),
    ("remote remove", with_remote, |w| changes::remove_remote(&mut w.engine()), Leaves::Whole),
    ("repair of a lost domain", undefined, |w| on(w, |e, i| engine::redefine(e, i).map(drop)), Leaves::Either),
    ("delete", created, delete, Leaves::Nothing),
    (
        "delete of one that is kept",
        created,
        |w| on(w, |e, i| changes::keep_deleted(e, i).map(drop)),
        Leaves::KeptOrWhole,
    ),
    ("undelete", kept, |w| on_kept(w, |e, i| changes::undelete(e, i, None).map(drop)), Leaves::KeptOrWhole),
    ("purge", kept, |w| on_kept(w, |e, i| changes::purge(e, i).map(drop)), Leaves::Nothing),
    ("delete with a domain", sited, delete_with_its_domains, Leaves::Nothing),
    ("restart", |w| shows(w, DomainState::Crashed), |w| watched(w, engine::restart), Leaves::Whole),
    ("resume", |w| shows(w, DomainState::PausedIoError), |w| watched(w, engine::try_resume), Leaves::Whole),
    ("reset", |w| shows(w, DomainState::Unresponsive), |w| watched(w, engine::reset_unresponsive), Leaves::Whole),
    ("cleaning of the seed", reported, |w| engine::adopt_reports(&mut w.engine()), Leaves::Whole),
    ("undo of a create", half_made, |w| engine::recover(&mut w.engine()).map(drop), Leaves::Nothing),
    ("end of a delete", half_deleted, |w| engine::recover(&mut w.engine()).map(drop), Leaves::Nothing),
    ("bake", |_| (), bake, Leaves::Nothing),
    ("warm", |w| drop(warmed(w)), not_warm, Leaves::Nothing),
    ("job", |_| (), jobs::job, Leaves::Nothing),
    ("job that is kept", |_| (), jobs::kept_job, Leaves::Either),
    ("job without room", jobs::full, jobs::queued_job, Leaves::Whole),
    ("end of a dead job", jobs::dead_job, |w| engine::recover(&mut w.engine()).map(drop), Leaves::Nothing),
];

pub(super) fn on(world: &World, act: fn(&mut Ctx, &Instance) -> Result<()>) -> Result<()> {
    let mut engine = world.engine();
    let instance = engine.store.require(&name())?;
    act(&mut engine, &instance)
}
