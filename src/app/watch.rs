//! The watcher: restarts, measures, evaluates alarms, and sends messages.

use std::{
    net::SocketAddr,
    path::{Path, PathBuf},
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use super::{App, Caller, Right};
use crate::{
    engine::{Ctx, refuse_lost_state},
    hypervisor::{Hypervisor, libvirt::Libvirt},
    model::{Code, Error, Requester, Result, Via},
    monitor::{
        actor::Actor,
        clock::Moment,
        export,
        guard::{self, Attempt},
        run, sender, unit,
        watcher::Watcher,
    },
    store::Store,
    view::UnitView,
};

/// Name of the systemd unit that watches.
pub const UNIT: &str = unit::NAME;

/// How long to wait before a host that did not answer is tried again, in as many parts.
const RETRY: (Duration, u32) = (Duration::from_secs(5), 20);

/// Watches until cancelled. With `listen` the metrics are shown to Prometheus there.
pub fn run(app: &App, caller: &Caller, listen: Option<SocketAddr>, tell: &(dyn Fn(&str) + Send + Sync)) -> Result<()> {
    caller.require(Right::Administer)?;
    let (settings, state, stop) = (&app.settings, &app.settings.paths.state, &app.cancel);
    let _guard = match guard::attempt(state, "watch")? {
        Attempt::Held(guard) => guard,
        Attempt::Busy(pid) => {
            let who = pid.map_or_else(String::new, |pid| format!(": process {pid}"));
            return Err(Error::new(Code::Busy, format!("a watcher runs on this host already{who}"))
                .hint("`systemctl status lite-watch`, if it is the service"));
        }
    };
    let listener = listen.map(export::listen).transpose()?;
    let Some(host) = connect(app, tell) else { return Ok(()) };
    refuse_lost_state(&*host, settings)?;
    let context = || {
        Ok(Ctx {
            settings: settings.clone(),
            store: Store::open(state)?,
            hypervisor: host.clone(),
            clock: app.clock.clone(),
            cancel: stop.clone(),
            ending: Arc::default(),
            wait: Duration::ZERO,
            machine: app.machine.clone(),
            requester: Requester::root(Via::Watcher),
        })
    };
    let base = sender::allowed(settings, Some(&*host));
    std::thread::scope(|scope| {
        let sending = scope.spawn(|| sender::run(state, &base, &*app.clock, stop, tell));
        let watched = Actor::start(scope, context)
            .and_then(|actor| {
                let now = Moment::now(&*app.machine, &*app.clock);
                Watcher::new(context()?, actor, host.clone(), &app.machine.boot_id(), now, tell)
            })
            .and_then(|mut watcher| {
                listener.map_or(Ok(()), |listener| export::serve(listener, watcher.exported()))?;
                run::run(&mut watcher, &*app.machine, stop, tell)
            });
        stop.store(true, Ordering::Relaxed);
        let sent = sending.join().unwrap_or_else(|_| Err(Error::new(Code::Internal, "the sender broke off")));
        watched.and(sent)
    })
}

/// The host, as soon as it answers; none if cancelled before.
fn connect(app: &App, tell: &dyn Fn(&str)) -> Option<Arc<dyn Hypervisor>> {
    let mut told = false;
    while !app.is_cancelled() {
        match Libvirt::open(&app.settings.host.connect) {
            Ok(host) => return Some(Arc::new(host)),
            Err(error) if !told => {
                told = true;
                tell(&format!("{error}; trying again"));
            }
            Err(_) => {}
        }
        for _ in 0..RETRY.1 {
            if !app.is_cancelled() {
                app.clock.sleep(RETRY.0 / RETRY.1);
            }
        }
    }
    None
}

/// Writes a systemd unit into a folder: `program` with these arguments and variables.
pub fn install(
    caller: &Caller,
    folder: &Path,
    program: &Path,
    arguments: &[String],
    variables: &[(String, String)],
) -> Result<UnitView> {
    caller.require(Right::Administer)?;
    let unit: PathBuf = unit::install(folder, &unit::text(program, arguments, variables))?;
    Ok(UnitView { unit })
}
