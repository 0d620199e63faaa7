//! The watcher: restarts, measures, evaluates alarms, and sends messages.

use std::{
    net::SocketAddr,
    path::Path,
    sync::{Arc, atomic::AtomicBool},
    time::Duration,
};

use jiff::{SignedDuration, Timestamp};

use super::{App, Caller, Right};
use crate::{
    engine::{Ctx, refuse_lost_state, shut_down_guests},
    hypervisor::{Hypervisor, libvirt::Libvirt},
    model::{Code, Error, Requester, Result, Settings, Via},
    monitor::{
        actor::Actor,
        clock::Moment,
        export,
        guard::{self, Attempt},
        run, sender,
        stop::Stop,
        unit,
        watcher::Watcher,
    },
    store::Store,
    view::UnitView,
};

/// Name of the systemd unit that watches.
pub const UNIT: &str = unit::WATCH.name;

/// How long guests may take to power off when their host is shut down; the unit gives the watcher a little more.
const HOST_SHUTDOWN: Duration = Duration::from_secs(180);
/// How long to wait before a host that did not answer is tried again, in as many parts.
const RETRY: (Duration, u32) = (Duration::from_secs(5), 20);

/// After how long the last evaluation is too old: two periods, and the time a period takes to close.
pub(super) const STALE: SignedDuration = SignedDuration::from_secs(130);

/// How long ago the watcher evaluated alarms; none: it never ran.
pub(super) fn evaluated(app: &App, store: &Store) -> Result<Option<SignedDuration>> {
    let last = store.watcher_value(&app.settings.host.id, "evaluated")?.and_then(|t| t.parse::<Timestamp>().ok());
    Ok(last.map(|last| app.clock.now().duration_since(last)))
}

/// Watches until cancelled. With `listen` the metrics are shown to Prometheus there.
pub fn run(app: &App, caller: &Caller, listen: Option<SocketAddr>, tell: &(dyn Fn(&str) + Send + Sync)) -> Result<()> {
    app.require(caller, Right::Administer)?;
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
    let base = sender::ways(settings, Some(&*host));
    std::thread::scope(|scope| {
        let sending = || sender::run(state, &base, &*app.clock, stop, tell);
        let watching = || {
            let actor = Actor::start(scope, context)?;
            let now = Moment::now(&*app.machine, &*app.clock);
            let mut watcher = Watcher::new(context()?, actor, host.clone(), &app.machine.boot_id(), now, tell)?;
            listener.map_or(Ok(()), |listener| export::serve(listener, watcher.exported(), stop.clone()))?;
            run::run(&mut watcher, &*app.machine, stop, tell)
        };
        both(stop, sending, watching)
    })?;
    if app.machine.runs_guests() && app.machine.is_shutting_down() {
        shut_down(&context()?, tell)?;
    }
    Ok(())
}

/// libvirt-guests, which comes next, presses each power button once: a guest that boots does not hear that.
fn shut_down(ctx: &Ctx, tell: &dyn Fn(&str)) -> Result<()> {
    tell("the host shuts down: instances that run are asked to power off, and come up with it again");
    for name in shut_down_guests(ctx, HOST_SHUTDOWN)? {
        tell(&format!("`{name}` did not power off within {} s", HOST_SHUTDOWN.as_secs()));
    }
    Ok(())
}

/// Sends on a thread of its own while it watches. Whoever ends, by an error or a panic too, ends the other: a watcher of which
/// half works would never be started again.
fn both(
    stop: &AtomicBool,
    sending: impl FnOnce() -> Result<()> + Send,
    watching: impl FnOnce() -> Result<()>,
) -> Result<()> {
    std::thread::scope(|scope| {
        let sending = scope.spawn(|| {
            let _end = Stop(stop);
            sending()
        });
        let watched = {
            let _end = Stop(stop);
            watching()
        };
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

/// Writes the watcher's unit into a folder.
///
/// # Errors
/// The caller may not, or the folder cannot be written.
pub fn install(caller: &Caller, settings: &Settings, folder: &Path, run: unit::Run<'_>) -> Result<UnitView> {
    caller.require(Right::Administer)?;
    install_service(&unit::WATCH, settings, folder, run, &[])
}

/// Writes a systemd unit into a folder: what it runs has these settings, and reads these files too.
pub(super) fn install_service(
    service: &unit::Service,
    settings: &Settings,
    folder: &Path,
    run: unit::Run<'_>,
    reads: &[&Path],
) -> Result<UnitView> {
    let host = &settings.host.folders;
    let writes = [settings.paths.state.as_path(), &host.pool, &host.logs];
    let named = run.variables.iter().filter(|(name, _)| name == "LITE_CONFIG").map(|(_, value)| Path::new(value));
    let reads: Vec<&Path> = reads.iter().copied().chain(named).collect();
    Ok(UnitView { unit: unit::install(service, folder, &unit::text(service, run, &writes, &reads))? })
}

#[cfg(test)]
mod tests {
    use std::{
        panic::{AssertUnwindSafe, catch_unwind},
        sync::atomic::{AtomicBool, Ordering},
    };

    use super::both;
    use crate::model::{Code, Error, Result};

    fn until(stop: &AtomicBool) -> Result<()> {
        while !stop.load(Ordering::Relaxed) {
            std::thread::yield_now();
        }
        Ok(())
    }

    #[test]
    fn half_a_watcher_is_none() {
        let code = |done: Result<()>| done.map_err(|e| e.code);
        let stop = AtomicBool::new(false);
        assert_eq!(code(both(&stop, || panic!("a fault"), || until(&stop))), Err(Code::Internal));
        let stop = AtomicBool::new(false);
        assert_eq!(
            code(both(&stop, || Err(Error::new(Code::StateError, "x")), || until(&stop))),
            Err(Code::StateError)
        );
        let stop = AtomicBool::new(false);
        assert!(catch_unwind(AssertUnwindSafe(|| both(&stop, || until(&stop), || panic!("a fault")))).is_err());
    }
}
