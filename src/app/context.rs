//! What the use cases of one process share, and how they reach database and host: each opened only when it is needed.

use std::{
    sync::{
        Arc, Mutex, OnceLock, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use super::{Caller, denied::Denials, interrupted};
use crate::{
    clock::Clock,
    doctor::{Status, evaluate, gather},
    engine::{self, Ctx, images_of, refuse_lost_state},
    hypervisor::{DomainInfo, Hypervisor, LocalMachine, Machine, libvirt::Libvirt},
    image::Images,
    model::{Code, Error, Hint, Instance, Name, Observer, Result, Settings, Unobserved, Verb},
    store::{Store, Stores, events::Stamp},
};

/// How long a change that waits for a busy instance waits.
const WAIT: Duration = Duration::from_secs(3600);
/// For how long pages of one list tell of one look at the host.
const SAME_LOOK: Duration = Duration::from_millis(500);

/// What the use cases of one process share. A copy shares it too.
#[derive(Clone)]
pub struct App {
    /// What the operator decided.
    pub settings: Arc<Settings>,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Set by whoever wants what is under way to end.
    pub cancel: Arc<AtomicBool>,
    /// Whether this process runs as root: if it does not, an error of the host names that.
    pub is_root: bool,
    /// Who called `sudo`; none: nobody did.
    pub sudo_user: Option<String>,
    /// The machine libvirt runs on.
    pub(super) machine: Arc<dyn Machine>,
    /// Who was refused a right lately.
    pub(super) denials: Arc<Denials>,
    host: OnceLock<Arc<dyn Hypervisor>>,
    stores: Stores,
    /// The domains as they were when they were last asked for, for lists in pages.
    domains: Arc<Mutex<Option<Domains>>>,
}

/// The domains of a host at a moment.
type Domains = (Instant, Arc<Vec<DomainInfo>>);

impl App {
    /// Use cases for a host that is reached when it is needed.
    pub fn new(settings: Settings, clock: Arc<dyn Clock>, is_root: bool) -> Self {
        let machine = Arc::new(LocalMachine::of(&settings.host.connect));
        Self {
            settings: Arc::new(settings),
            denials: Arc::new(Denials::new(&*clock)),
            clock,
            cancel: Arc::default(),
            is_root,
            sudo_user: None,
            machine,
            host: OnceLock::new(),
            stores: Stores::default(),
            domains: Arc::default(),
        }
    }

    /// Use cases for a host that is reached already.
    pub fn of_host(settings: Settings, clock: Arc<dyn Clock>, host: Arc<dyn Hypervisor>) -> Self {
        let app = Self::new(settings, clock, true);
        let _ = app.host.set(host);
        app
    }

    /// The same, for a process that lives long: databases stay open between uses.
    #[must_use]
    pub fn lasting(self) -> Self {
        Self { stores: Stores::kept(), ..self }
    }

    /// The time of now and the name of the host, for events.
    pub(super) fn stamp(&self) -> Stamp {
        Stamp::new(self.clock.now(), self.settings.host.id.clone(), self.machine.hostname())
    }

    /// Whether what is under way is to end.
    pub fn is_cancelled(&self) -> bool {
        self.cancel.load(Ordering::Relaxed)
    }

    /// The host. Unreachable (exit 5) if it does not answer.
    pub(super) fn host(&self) -> Result<Arc<dyn Hypervisor>> {
        if let Some(host) = self.host.get() {
            return Ok(host.clone());
        }
        let host = Libvirt::open(&self.settings.host.connect).map_err(|e| match self.is_root {
            true => e,
            false => e.hint("run it with `sudo`, or as a member of the group `libvirt`"),
        })?;
        Ok(self.host.get_or_init(|| Arc::new(host)).clone())
    }

    /// The domains of the host; where a list goes on, those of its page before, for a moment.
    pub(super) fn domains(&self, goes_on: bool) -> Result<Arc<Vec<DomainInfo>>> {
        let now = self.clock.instant();
        let last = self.domains.lock().unwrap_or_else(PoisonError::into_inner).clone();
        if let Some((_, domains)) = last.filter(|(at, _)| goes_on && now.saturating_duration_since(*at) < SAME_LOOK) {
            return Ok(domains);
        }
        let domains = Arc::new(self.host()?.domains()?);
        *self.domains.lock().unwrap_or_else(PoisonError::into_inner) = Some((now, domains.clone()));
        Ok(domains)
    }

    /// The images of the host, which is asked for only where its pool is not a folder of this machine.
    pub(super) fn images(&self) -> Result<Images> {
        images_of(&self.settings, || self.host())
    }

    /// Refused if there is no database, but what only a lost one can have made.
    pub(super) fn refuse_lost_state(&self) -> Result<()> {
        refuse_lost_state(&*self.host()?, &self.settings)
    }

    /// For a change: what a dead process left is finished or undone first, and told; what guests reported is stored.
    pub(super) fn change(&self, caller: &Caller, wait: bool, observer: &mut dyn Observer) -> Result<Ctx> {
        let mut quiet = Unobserved;
        let observer = told(caller, observer, &mut quiet);
        let mut ctx = self.context(caller, wait)?;
        ctx.store.notices().iter().for_each(|line| observer.status(line));
        match engine::recover(&mut ctx) {
            Ok(actions) => actions.iter().for_each(|line| observer.status(line)),
            // One operation that cannot be finished must not stand in the way of the others.
            Err(e) => {
                observer.warn(&Hint::from(format!("{e}; ")).run(Verb::Repair).text(" tries again"));
            }
        }
        match engine::purge_due(&mut ctx) {
            Ok(lines) => lines.iter().for_each(|line| observer.status(line)),
            Err(e) => observer.warn(&Hint::from(e.to_string())),
        }
        // Nor must what a guest reported: whoever looks next sees it all the same.
        if let Err(e) = engine::adopt_reports(&mut ctx) {
            observer.warn(&Hint::from(e.to_string()));
        }
        Ok(ctx)
    }

    /// Without a look at what others left. Refused if there is no database, but what only a lost one can have made.
    pub(super) fn context(&self, caller: &Caller, wait: bool) -> Result<Ctx> {
        self.refuse_lost_state()?;
        self.context_of_new_state(caller, wait)
    }

    /// Of a database that may be made anew.
    pub(super) fn context_of_new_state(&self, caller: &Caller, wait: bool) -> Result<Ctx> {
        Ok(Ctx {
            settings: self.settings.clone(),
            store: self.stores.open(&self.settings.paths.state)?,
            hypervisor: self.host()?,
            clock: self.clock.clone(),
            cancel: self.cancel.clone(),
            ending: Arc::default(),
            wait: if wait { WAIT } else { Duration::ZERO },
            machine: self.machine.clone(),
            requester: caller.requester.clone(),
        })
    }

    /// For a look at instances: nothing is finished, what is open is said. None if there never was a database: a look
    /// makes none.
    pub(super) fn look(&self, caller: &Caller, observer: &mut dyn Observer) -> Result<Option<Ctx>> {
        let mut quiet = Unobserved;
        let (host, observer) = (self.host()?, told(caller, observer, &mut quiet));
        if !Store::exists(&self.settings.paths.state)? {
            refuse_lost_state(&*host, &self.settings)?;
            return Ok(None);
        }
        let ctx = self.context_of_new_state(caller, false)?;
        ctx.store.notices().iter().for_each(|line| observer.status(line));
        interrupted::say(&ctx.store, &self.settings, observer);
        Ok(Some(ctx))
    }

    /// The database, for use cases that need nothing else of the host; none if there never was one. Only without one the
    /// host is asked, whether one is lost.
    pub(super) fn store(&self, caller: &Caller, observer: &mut dyn Observer) -> Result<Option<Store>> {
        let mut quiet = Unobserved;
        let observer = told(caller, observer, &mut quiet);
        let state = &self.settings.paths.state;
        if !Store::exists(state)? {
            self.refuse_lost_state()?;
        }
        // It may have been made meanwhile.
        let store = self.stores.open_existing(state)?;
        if let Some(store) = &store {
            store.notices().iter().for_each(|line| observer.status(line));
            interrupted::say(store, &self.settings, observer);
        }
        Ok(store)
    }

    /// The database, if there is one.
    pub(super) fn store_as_it_is(&self) -> Result<Option<Store>> {
        self.stores.open_existing(&self.settings.paths.state)
    }

    /// The database, for use cases that may make it.
    pub(super) fn new_store(&self) -> Result<Store> {
        self.stores.open(&self.settings.paths.state)
    }

    /// Refuses a host on which a guest could not reach the world: found out now, not after minutes of waiting.
    pub(super) fn check_host(&self) -> Result<()> {
        let host = self.host()?;
        let checks = evaluate(&gather(&self.settings, &*self.machine, Ok(&*host)), &self.settings);
        let wrong = checks.into_iter().find(|c| ["firewall", "clock"].contains(&c.id) && c.status == Status::Fail);
        wrong.map_or(Ok(()), |check| {
            let error = Error::new(Code::HostNotFit, check.sentence)
                .hint(Hint::new().run(Verb::Doctor).text(" shows all checks"));
            Err(check.fix.into_iter().fold(error, Error::hint))
        })
    }
}

/// Who is told of what others left: nobody who sees a part of the host alone.
fn told<'a>(caller: &Caller, observer: &'a mut dyn Observer, quiet: &'a mut Unobserved) -> &'a mut dyn Observer {
    if caller.scope().is_all() { observer } else { quiet }
}

/// The instances named, all of them known.
pub(super) fn instances(store: &Store, names: &[Name]) -> Result<Vec<Instance>> {
    names.iter().map(|name| store.require(name)).collect()
}
