//! Jobs of the engine, whose command is not run.

use lite::{
    engine::{
        Request, Unobserved,
        jobs::{self, NewJob},
        sagas::create,
    },
    model::{Code, JobEnd, JobState, Result},
};

use super::{
    operations::{NAME, created},
    world::World,
};

pub fn new_job(keep: bool) -> NewJob {
    NewJob { blueprint: "debian-13".into(), bundle: "nano".into(), command: vec!["true".into()], keep }
}

/// What a job's machine is asked for.
fn request(world: &World) -> Request {
    world.plain_request(Some(NAME))
}

fn run(world: &World, keep: bool) -> Result<()> {
    let mut engine = world.engine();
    let held = jobs::open(&engine, new_job(keep))?;
    let made = jobs::accept(&mut engine, &held, request(world), None, &mut Unobserved)
        .and_then(|job| create::run(&mut engine, *job, None, &mut Unobserved));
    let end = match &made {
        Ok(_) => JobEnd::exited(0),
        Err(error) => JobEnd::failed(error),
    };
    let left = jobs::end(&mut engine, held, &end, &mut Unobserved);
    made.and(left).map(|left| assert_eq!(left.is_some(), keep))
}

/// A job whose machine goes.
pub fn job(world: &World) -> Result<()> {
    run(world, false)
}

/// A job whose machine stays.
pub fn kept_job(world: &World) -> Result<()> {
    run(world, true)
}

/// There is room for one instance.
pub fn full(world: &World) {
    created(world);
    world.hypervisor.inner().set_host(|host| host.memory_free_kib = 64 << 10);
}

/// A job that waits for room, for no time at all.
pub fn queued_job(world: &World) -> Result<()> {
    let mut engine = world.engine();
    let held = jobs::open(&engine, new_job(false))?;
    let end = engine.clock.instant();
    let request = world.plain_request(Some("second"));
    match jobs::accept(&mut engine, &held, request, Some(end), &mut Unobserved) {
        Err(error) if error.code == Code::Timeout => {
            jobs::end(&mut engine, held, &JobEnd::of(JobState::TimedOut), &mut Unobserved).map(drop)
        }
        Err(error) => Err(error),
        Ok(_) => panic!("there is room"),
    }
}

/// A job whose process died when its machine ran.
pub fn dead_job(world: &World) {
    let mut engine = world.engine();
    let held = jobs::open(&engine, new_job(false)).expect("opened");
    let job = jobs::accept(&mut engine, &held, request(world), None, &mut Unobserved).expect("accepted");
    create::run(&mut engine, *job, None, &mut Unobserved).expect("made");
    drop(held);
}
