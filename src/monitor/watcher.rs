//! One look at everything: samples, minutes, alarms, and what is to be done. Time comes from outside, so that tests can
//! let years pass.

mod acting;
mod balancers;
mod guests;
mod minutes;
mod snapshots;
mod unsaved;

use std::{
    collections::{HashMap, HashSet},
    sync::{Arc, PoisonError},
    time::Duration,
};

use jiff::Timestamp;
use uuid::Uuid;

use super::{
    actor::{Actor, Job},
    balancer::Balanced,
    clock::{MinuteClock, Moment},
    evaluate::Windows,
    export::Shared,
    fullness::{self, Fullness},
    policy::{self, GuestShutdown, History, Intent, Observed},
    probe::Prober,
    sample::Gathered,
};
use crate::{
    catalog::Health,
    clock::{Clock, SystemClock},
    engine::Ctx,
    hypervisor::{DomainSample, DomainState, Hypervisor, StateReason},
    kill_point,
    model::{DesiredState, Instance, LoadBalancer, Metric, Phase, Result},
    store::{events::Stamp, metrics::SeriesCache},
};

/// Starts in one look after a boot of the host; the rest come with the next.
const STAGGER: usize = 2;
/// Minutes without a look after which the gap is not counted out minute by minute.
const LONG_GAP: i64 = 26 * 60;
/// Longest that one look closes minutes after a gap: the next one goes on, long before the service's watchdog bites.
const CATCH_UP: Duration = Duration::from_secs(20);
/// What the host says, in the words of the policy.
pub fn seen(sample: Option<&DomainSample>) -> Observed {
    let Some(sample) = sample else { return Observed::Missing };
    match (sample.state, sample.reason) {
        (DomainState::Running, _) => Observed::Running,
        (DomainState::Unresponsive, _) => Observed::Silent,
        (DomainState::Paused, _) => Observed::Paused,
        (DomainState::PausedIoError, _) => Observed::DiskFull,
        (DomainState::ShuttingDown, _) => Observed::ShuttingDown,
        (DomainState::Crashed, _) | (DomainState::Off, StateReason::Crashed) => Observed::Crashed,
        (DomainState::Off, StateReason::Shutdown) => Observed::Shutdown,
        (DomainState::Off, StateReason::Destroyed) => Observed::Destroyed,
        (DomainState::Off, StateReason::Unknown) => Observed::Off,
        (DomainState::Off | DomainState::Other, _) => Observed::Unknown,
    }
}

/// The watcher of a host.
pub struct Watcher<'a> {
    engine: Ctx,
    hypervisor: Arc<dyn Hypervisor>,
    boot: String,
    hostname: String,
    clock: MinuteClock,
    closed: i64,
    gathered: HashMap<Uuid, Gathered>,
    /// The load balancers, as they were in the last look.
    balancers: Vec<LoadBalancer>,
    /// What they did.
    balanced: HashMap<Uuid, Balanced>,
    histories: HashMap<Uuid, History>,
    windows: Windows,
    cache: SeriesCache,
    checks: HashMap<Uuid, Option<Health>>,
    prober: Prober,
    /// When instances were last started, as far as that was looked up since they were last seen down.
    started: HashMap<Uuid, Timestamp>,
    /// When applications last answered.
    answered: HashMap<Uuid, Timestamp>,
    /// The minute whose checks were asked for.
    asked: i64,
    rolled: i64,
    unreachable: bool,
    /// How full the disk of the instances was when it was last looked at.
    fullness: Fullness,
    exported: Shared,
    /// Where what was decided is done.
    actor: Actor,
    /// What the actor is doing.
    acting: HashMap<Uuid, acting::Acting>,
    /// The actor was asked to reconcile and has not answered.
    reconciling: bool,
    /// What the last round of reconciling said.
    reconciled: Vec<String>,
    /// What could not be written yet.
    unsaved: unsaved::Unsaved,
    /// What goes wrong, by where: a sentence that stays the same is told once.
    troubles: HashMap<String, String>,
    /// The actor was asked to look at the firewall and the guests' links, and has not answered.
    restoring: bool,
    /// The actor was asked for the certificates that are due, and has not answered.
    renewing: bool,
    /// The actor was asked for the automatic snapshots that are due, and has not answered.
    snapshotting: bool,
    /// A snapshot is being verified.
    verifying: bool,
    /// Copies of them are being made.
    pushing: bool,
    /// When the newest snapshot of each instance was asked for.
    newest: HashMap<Uuid, Timestamp>,
    /// Says what happens, a line each.
    tell: &'a (dyn Fn(&str) + Send + Sync),
}

impl<'a> Watcher<'a> {
    /// A watcher that goes on where the last one ended.
    pub fn new(
        engine: Ctx,
        actor: Actor,
        hypervisor: Arc<dyn Hypervisor>,
        boot: &str,
        now: Moment,
        tell: &'a (dyn Fn(&str) + Send + Sync),
    ) -> Result<Self> {
        let store = &engine.store;
        let stored = store.watcher_value(&engine.host_id(), "clock")?.and_then(|text| serde_json::from_str(&text).ok());
        let last = store.last_minute(&engine.host_id())?.map(|(number, _)| number);
        let clock = MinuteClock::start(stored, last, boot, now);
        let closed = (clock.minute(now.mono) - 1).max(last.unwrap_or(i64::MIN));
        let fullness = Fullness::stored(store.watcher_value(&engine.host_id(), fullness::KEY)?);
        let parsed = |(uuid, text): (Uuid, String)| Some((uuid, serde_json::from_str(&text).ok()?));
        let histories = store.histories()?.into_iter().filter_map(parsed).collect();
        Ok(Self {
            prober: Prober::start(&hypervisor, &engine.machine)?,
            hostname: engine.machine.hostname(),
            boot: boot.to_owned(),
            closed,
            asked: i64::MIN,
            rolled: i64::MIN,
            clock,
            gathered: HashMap::new(),
            balancers: Vec::new(),
            balanced: HashMap::new(),
            histories,
            windows: Windows::default(),
            cache: SeriesCache::default(),
            checks: HashMap::new(),
            started: HashMap::new(),
            answered: HashMap::new(),
            unreachable: false,
            fullness,
            exported: Shared::default(),
            actor,
            acting: HashMap::new(),
            reconciling: false,
            reconciled: Vec::new(),
            unsaved: unsaved::Unsaved::default(),
            troubles: HashMap::new(),
            restoring: false,
            renewing: false,
            snapshotting: false,
            verifying: false,
            pushing: false,
            newest: HashMap::new(),
            engine,
            hypervisor,
            tell,
        })
    }

    /// What is shown to Prometheus.
    pub fn exported(&self) -> Shared {
        self.exported.clone()
    }

    fn stamp(&self, now: Moment) -> Stamp {
        Stamp::new(now.wall, self.engine.host_id(), self.hostname.clone())
    }

    /// Looks once: at start, every 10 s, and whenever a domain came or went.
    pub fn tick(&mut self, now: Moment) -> Result<()> {
        let begun = SystemClock.instant();
        let looked = self.sample_all(now);
        self.exported.lock().unwrap_or_else(PoisonError::into_inner).look = Some(begun.elapsed());
        looked
    }

    /// An error of one part does not keep the others from being done. The first of the database is handed on.
    fn sample_all(&mut self, now: Moment) -> Result<()> {
        self.unsaved.try_again();
        self.take_outcomes(now);
        let minute = self.clock.minute(now.mono);
        for done in self.prober.done() {
            self.take_answer(done.instance, done.minute.max(self.closed + 1), done.healthy, now);
        }
        let instances = self.instances()?;
        if minute != self.asked {
            let checked = self.check_capacity(now);
            self.trouble("the disk of the instances", checked);
            self.learn_snapshots();
        }
        let looked = match self.hypervisor.samples() {
            Ok(samples) => {
                if std::mem::take(&mut self.unreachable) {
                    (self.tell)("libvirt answers again");
                }
                self.look(&instances, &samples, minute, now)
            }
            Err(error) => {
                if !std::mem::replace(&mut self.unreachable, true) {
                    (self.tell)(&format!("{error}; nothing is judged until it answers"));
                }
                Ok(())
            }
        };
        let counted = self.count_balancers(minute);
        self.trouble("the load balancers", counted);
        kill_point::reached("detected");
        if !std::mem::replace(&mut self.restoring, true) {
            self.actor.submit(&mut self.engine, Job::Network);
        }
        if !std::mem::replace(&mut self.renewing, true) {
            self.actor.submit(&mut self.engine, Job::Certificates);
        }
        // Whoever waits a minute for a locked database need not do so twice in a look.
        let closed = if self.unsaved.can_write() { self.close_minutes(&instances, now) } else { Ok(()) };
        let each = if std::mem::replace(&mut self.asked, minute) == minute { Ok(()) } else { self.each_minute(now) };
        looked.and(closed).and(each)
    }

    /// The instances of the host. What was kept of those that are gone goes; one that cannot be read is told of.
    fn instances(&mut self) -> Result<Vec<Instance>> {
        let (mut known, mut readable) = (HashSet::new(), Vec::new());
        for (uuid, row) in self.engine.store.instances_on(&self.engine.host_id())? {
            known.extend(Uuid::try_parse(&uuid));
            let place = format!("the row of instance {uuid}");
            readable.extend(self.trouble(&place, row.map_err(|e| e.within(&place))));
        }
        self.forget_all_but(&known);
        Ok(readable)
    }

    /// What was made of something, or none: its error is told, once until it changes.
    fn trouble<T>(&mut self, place: &str, done: Result<T>) -> Option<T> {
        match done {
            Ok(done) => {
                self.troubles.remove(place);
                Some(done)
            }
            Err(error) => {
                let text = error.to_string();
                if self.troubles.get(place) != Some(&text) {
                    (self.tell)(&text);
                    self.troubles.insert(place.to_owned(), text);
                }
                None
            }
        }
    }

    /// Whether something was done that waits to be told: a reason to look again at once.
    pub fn has_outcome(&mut self) -> bool {
        self.actor.has_outcome()
    }

    /// When the loop should look again although its time has not come: a restart is due.
    pub fn due(&self) -> Option<jiff::Timestamp> {
        self.histories.values().filter_map(policy::restart_due).min()
    }

    fn look(&mut self, instances: &[Instance], samples: &[DomainSample], minute: i64, now: Moment) -> Result<()> {
        let by_uuid: HashMap<Uuid, &DomainSample> = samples.iter().map(|s| (s.uuid, s)).collect();
        let mut busy: HashSet<Uuid> =
            self.engine.store.open_operations()?.into_iter().filter_map(|o| o.instance()).collect();
        busy.extend(self.acting.keys());
        let intents: HashMap<Uuid, i64> = self.engine.store.desired_generations()?.into_iter().collect();
        let mut starts = 0;
        for instance in instances {
            let uuid = instance.record.uuid;
            if matches!(instance.phase, Phase::Creating | Phase::Deleting) {
                continue;
            }
            let sample = by_uuid.get(&uuid).copied();
            let seen = seen(sample);
            let gathered = self.gather(instance, sample, seen, busy.contains(&uuid), minute, now);
            let place = format!("`{}`", instance.record.name);
            self.trouble(&place, gathered.map_err(|e| e.within(&place)));
            if busy.contains(&uuid) {
                continue;
            }
            let intent = intent_of(instance, intents.get(&uuid).copied().unwrap_or(0));
            let started = starts >= STAGGER;
            starts += usize::from(self.decide(&instance.record, &intent, seen, started, now));
        }
        Ok(())
    }

    /// What was kept of instances that are gone goes.
    fn forget_all_but(&mut self, known: &HashSet<Uuid>) {
        self.gathered.retain(|uuid, _| known.contains(uuid));
        self.histories.retain(|uuid, _| known.contains(uuid));
        self.checks.retain(|uuid, _| known.contains(uuid));
        self.started.retain(|uuid, _| known.contains(uuid));
        self.answered.retain(|uuid, _| known.contains(uuid));
        self.unsaved.keep(known);
        self.prober.keep(known);
    }

    fn gather(
        &mut self,
        instance: &Instance,
        sample: Option<&DomainSample>,
        seen: Observed,
        busy: bool,
        minute: i64,
        now: Moment,
    ) -> Result<()> {
        let record = &instance.record;
        let wanted = instance.desired_state == DesiredState::Running && !busy;
        let status =
            if minute != self.asked && seen == Observed::Running { Some(self.status_of(record, now)?) } else { None };
        let set_up = wanted && matches!(instance.phase, Phase::Ready | Phase::Failed);
        if minute != self.asked {
            self.take_snapshot_age(record, minute, now);
        }
        let counts = set_up && !self.is_coming_up(record.uuid, seen, now)?;
        let gathered = self.gathered.entry(record.uuid).or_default();
        gathered.look(minute, counts);
        match sample
            .filter(|_| matches!(seen, Observed::Running | Observed::Silent | Observed::Paused | Observed::DiskFull))
        {
            Some(sample) => gathered.sample(minute, now.mono, now.wall.as_second(), sample, record.vcpus),
            None => gathered.down(),
        }
        if wanted && seen != Observed::Unknown && (counts || !set_up || seen == Observed::Running) {
            let system = matches!(seen, Observed::Missing | Observed::DiskFull);
            let instance = !system && seen != Observed::Running;
            let checks = [
                (Metric::StatusCheckFailed, system || instance),
                (Metric::StatusCheckFailedInstance, instance),
                (Metric::StatusCheckFailedSystem, system),
            ];
            checks.iter().for_each(|(metric, failed)| gathered.value(minute, *metric, f64::from(u8::from(*failed))));
        }
        if let Some(status) = status {
            self.ask_guest(instance, status, set_up, minute, now)?;
        } else if counts && seen != Observed::Running && self.check_of(record.uuid)?.is_some() {
            // A guest that is down does not answer either.
            self.gathered.entry(record.uuid).or_default().value(minute, Metric::AppHealthy, 0.0);
        }
        Ok(())
    }
}

/// What the user decided about an instance. Tags say what is not the default.
fn intent_of(instance: &Instance, generation: i64) -> Intent {
    let tag = |key: &str| instance.record.tags.iter().find(|t| t.key == key).map(|t| t.value.as_str());
    Intent {
        desired_state: instance.desired_state,
        generation,
        guest_shutdown: match tag("guest-shutdown") {
            Some("restart") => GuestShutdown::Restart,
            _ => GuestShutdown::Stop,
        },
        reset_unresponsive: tag("reset-unresponsive").is_some(),
    }
}
