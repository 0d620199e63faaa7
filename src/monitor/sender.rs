//! Sends the outbox: on a thread of its own with a database connection of its own, so that no slow receiver holds up a tick.

use std::{
    collections::HashSet,
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use jiff::Timestamp;
use tokio::task::JoinSet;

use super::guard::{self, Attempt};
use crate::{
    clock::Clock,
    hypervisor::Hypervisor,
    kill_point,
    model::{Code, Result, Settings},
    notify::{
        address::Allowed,
        client,
        outbox::{self, Job},
        schedule::Answer,
    },
    plan,
    store::{Store, contacts::Contact},
};

/// Most contacts sent to at once.
const MOST: usize = 16;
/// How often the outbox is looked at.
const POLL: Duration = Duration::from_millis(500);

/// What messages may reach on this host. Without a hypervisor the network of the guests is the one in the settings.
pub fn allowed(settings: &Settings, hypervisor: Option<&dyn Hypervisor>) -> Allowed {
    let seen = hypervisor.and_then(|h| h.network(&settings.host.network).ok().flatten());
    let subnet = seen.and_then(|n| plan::subnet_of(&n.xml).ok());
    let net = subnet.and_then(|s| ipnet::Ipv4Net::new(s.gateway, s.prefix).ok()).or(settings.host.subnet);
    Allowed {
        private: false,
        loopback: settings.loopback_webhooks,
        guests: net.into_iter().map(|n| n.trunc().into()).collect(),
    }
}

/// Sends until told to stop. Errors of the database are told through `warn` and tried again.
pub fn run(
    state: &Path,
    base: &Allowed,
    clock: &dyn Clock,
    stop: &AtomicBool,
    warn: &(dyn Fn(&str) + Send + Sync),
) -> Result<()> {
    let runtime = runtime()?;
    runtime.block_on(async {
        let (mut flying, mut tasks) = (HashSet::new(), JoinSet::new());
        let (mut held, mut store) = (None, Store::open(state)?);
        while !stop.load(Ordering::Relaxed) {
            // `lite contact test` may be sending; then wait for it.
            if held.is_none() {
                match guard::attempt(state, "outbox") {
                    Ok(Attempt::Held(guard)) => held = Some(guard),
                    Ok(Attempt::Busy(_)) => {}
                    Err(e) => warn(&e.to_string()),
                }
            }
            if held.is_some()
                && let Err(e) = begin(&mut store, base, clock.now(), &mut flying, &mut tasks)
            {
                warn(&e.to_string());
            }
            tokio::select! {
                done = tasks.join_next(), if !tasks.is_empty() => {
                    let Some(Ok((job, answer))) = done else { continue };
                    let job: Arc<Job> = job;
                    flying.remove(&job.message.contact);
                    kill_point::reached("sent");
                    if let Err(e) = record(&mut store, &job, &answer, clock.now()) {
                        warn(&e.to_string());
                    }
                    kill_point::reached("recorded");
                }
                () = tokio::time::sleep(POLL) => {}
            }
        }
        Ok(())
    })
}

fn runtime() -> Result<tokio::runtime::Runtime> {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|e| crate::model::Error::new(Code::Internal, "cannot start to send").cause(e))
}

/// Starts to send what is due, one message a contact.
fn begin(
    store: &mut Store,
    base: &Allowed,
    now: Timestamp,
    flying: &mut HashSet<String>,
    tasks: &mut JoinSet<(Arc<Job>, Answer)>,
) -> Result<()> {
    outbox::make_messages(store, now)?;
    kill_point::reached("grouped");
    for contact in store.contacts()? {
        if flying.len() >= MOST {
            break;
        }
        if flying.contains(contact.name.as_str()) {
            continue;
        }
        if let Some(job) = outbox::next_job(store, &contact, base, now)? {
            flying.insert(job.message.contact.clone());
            kill_point::reached("sending");
            let job = Arc::new(job);
            tasks.spawn(async move {
                let answer = client::send(&job, now).await;
                (job, answer)
            });
        }
    }
    Ok(())
}

fn record(store: &mut Store, job: &Job, answer: &Answer, now: Timestamp) -> Result<()> {
    outbox::record_result(store, job, answer, now, rand::random::<f64>()).map(drop)
}

/// Sends what is due to one contact, here and now. False if another process sends: then that does it.
pub fn send_now(settings: &Settings, contact: &Contact, base: &Allowed, clock: &dyn Clock) -> Result<bool> {
    let state = &settings.paths.state;
    let Attempt::Held(_guard) = guard::attempt(state, "outbox")? else { return Ok(false) };
    let mut store = Store::open(state)?;
    if let Some(job) = outbox::next_job(&mut store, contact, base, clock.now())? {
        let answer = runtime()?.block_on(client::send(&job, clock.now()));
        outbox::record_result(&mut store, &job, &answer, clock.now(), rand::random::<f64>())?;
    }
    Ok(true)
}
