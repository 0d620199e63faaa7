//! Sends the outbox: on a thread of its own with a database connection of its own, so that no slow receiver holds up a tick.

use std::{
    collections::{HashSet, VecDeque},
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use jiff::Timestamp;
use tokio::task::JoinSet;

use super::{
    backoff::Backoff,
    guard::{self, Attempt, Guard},
};
use crate::{
    clock::Clock,
    hypervisor::Hypervisor,
    kill_point,
    model::{Code, Result, Settings},
    notify::{
        address::Allowed,
        client,
        outbox::{self, Job, Ways},
        schedule::Answer,
    },
    plan,
    store::{Store, contacts::Contact},
};

/// Most contacts sent to at once.
const MOST: usize = 16;
/// How often the outbox is looked at.
const POLL: Duration = Duration::from_millis(500);

/// How messages leave this host, and what they may reach. Without a hypervisor the network of the guests is the one in the settings.
pub fn ways(settings: &Settings, hypervisor: Option<&dyn Hypervisor>) -> Ways {
    let seen = hypervisor.and_then(|h| h.network(&settings.host.network).ok().flatten());
    let subnet = seen.and_then(|n| plan::subnet_of(&n.xml).ok());
    let net = subnet.and_then(|s| ipnet::Ipv4Net::new(s.gateway, s.prefix).ok()).or(settings.host.subnet);
    let allowed = Allowed {
        private: false,
        loopback: settings.loopback_webhooks,
        guests: net.into_iter().map(|n| n.trunc().into()).collect(),
    };
    Ways { allowed, mail: settings.mail.clone() }
}

/// Sends until told to stop. Errors of the database are told through `warn`, once each, and tried again.
///
/// # Errors
/// The database cannot be opened at all.
pub fn run(
    state: &Path,
    base: &Ways,
    clock: &dyn Clock,
    stop: &AtomicBool,
    warn: &(dyn Fn(&str) + Send + Sync),
) -> Result<()> {
    let mut sender = Sender {
        store: Store::open(state)?,
        base,
        clock,
        flying: HashSet::new(),
        tasks: JoinSet::new(),
        unrecorded: VecDeque::new(),
    };
    let mut backoff = Backoff::default();
    runtime()?.block_on(async {
        let mut held = None;
        while !stop.load(Ordering::Relaxed) {
            if backoff.is_due(clock.instant()) {
                match sender.work(state, &mut held) {
                    Ok(()) => drop(backoff.succeeded()),
                    Err(e) if backoff.failed(clock.instant(), &e.to_string()) => warn(&e.to_string()),
                    Err(_) => {}
                }
            }
            sender.wait().await;
        }
        sender.record()
    })
}

fn runtime() -> Result<tokio::runtime::Runtime> {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|e| crate::model::Error::new(Code::Internal, "cannot start to send").cause(e))
}

/// What came of an attempt, and when.
struct Attempted {
    job: Arc<Job>,
    answer: Answer,
    at: Timestamp,
}

/// The sender at work.
struct Sender<'a> {
    store: Store,
    base: &'a Ways,
    clock: &'a dyn Clock,
    /// Contacts that a message is on its way to, or whose last attempt is not written yet: nothing else is sent to these, so
    /// what arrived is not sent again while the database cannot be written.
    flying: HashSet<String>,
    tasks: JoinSet<(Arc<Job>, Answer)>,
    /// Attempts that are over and not written yet, at most one a contact.
    unrecorded: VecDeque<Attempted>,
}

impl Sender<'_> {
    /// Writes what became of attempts, then starts those that are due.
    fn work(&mut self, state: &Path, held: &mut Option<Guard>) -> Result<()> {
        self.record()?;
        // `lite contact test` may be sending; then wait for it.
        if held.is_none() {
            match guard::attempt(state, "outbox")? {
                Attempt::Held(guard) => *held = Some(guard),
                Attempt::Busy(_) => return Ok(()),
            }
        }
        self.begin()
    }

    /// Waits until an attempt is over, or it is time to look at the outbox again.
    async fn wait(&mut self) {
        tokio::select! {
            done = self.tasks.join_next(), if !self.tasks.is_empty() => {
                if let Some(Ok((job, answer))) = done {
                    kill_point::reached("sent");
                    self.unrecorded.push_back(Attempted { job, answer, at: self.clock.now() });
                }
            }
            () = tokio::time::sleep(POLL) => {}
        }
    }

    fn record(&mut self) -> Result<()> {
        while let Some(done) = self.unrecorded.front() {
            outbox::record_result(&mut self.store, &done.job, &done.answer, done.at, rand::random::<f64>())?;
            kill_point::reached("recorded");
            self.flying.remove(&done.job.message.contact);
            self.unrecorded.pop_front();
        }
        Ok(())
    }

    /// Starts to send what is due, one message a contact. A contact of which something cannot be read holds up no other.
    fn begin(&mut self) -> Result<()> {
        let now = self.clock.now();
        outbox::make_messages(&mut self.store, now)?;
        kill_point::reached("grouped");
        let mut failed = Ok(());
        for contact in self.store.contacts()? {
            if self.flying.len() >= MOST {
                break;
            }
            if self.flying.contains(contact.name.as_str()) {
                continue;
            }
            match outbox::next_job(&mut self.store, &contact, self.base, now) {
                Ok(Some(job)) => self.send(job, now),
                Ok(None) => {}
                Err(e) => failed = Err(e),
            }
        }
        failed
    }

    fn send(&mut self, job: Job, now: Timestamp) {
        self.flying.insert(job.message.contact.clone());
        kill_point::reached("sending");
        let job = Arc::new(job);
        self.tasks.spawn(async move {
            let answer = client::send(&job, now).await;
            (job, answer)
        });
    }
}

/// Sends what is due to one contact, here and now. False if another process sends: then that does it.
pub fn send_now(settings: &Settings, contact: &Contact, base: &Ways, clock: &dyn Clock) -> Result<bool> {
    let state = &settings.paths.state;
    let Attempt::Held(_guard) = guard::attempt(state, "outbox")? else { return Ok(false) };
    let mut store = Store::open(state)?;
    if let Some(job) = outbox::next_job(&mut store, contact, base, clock.now())? {
        let answer = runtime()?.block_on(client::send(&job, clock.now()));
        outbox::record_result(&mut store, &job, &answer, clock.now(), rand::random::<f64>())?;
    }
    Ok(true)
}
