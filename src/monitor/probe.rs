//! Health checks on threads of their own, so that one slow guest costs the others nothing.

use std::{
    collections::{HashMap, HashSet},
    net::Ipv4Addr,
    panic::catch_unwind,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        mpsc::{Receiver, Sender, channel},
    },
    thread,
    time::Duration,
};

use uuid::Uuid;

use crate::{
    catalog::Health,
    clock::SystemClock,
    engine::learned,
    guest,
    hypervisor::{Hypervisor, Machine},
    model::{Code, Mac, Result},
};

/// Threads that check.
const WORKERS: usize = 16;
/// Longest a check takes.
const LIMIT: Duration = Duration::from_secs(5);

/// A check to be made.
#[derive(Debug, Clone)]
pub struct Check {
    /// The instance.
    pub instance: Uuid,
    /// The minute it is of.
    pub minute: i64,
    /// How to check.
    pub health: Health,
    /// Where, if that is known.
    pub address: Option<Ipv4Addr>,
    /// The hardware address, to ask for it if not.
    pub mac: Mac,
    /// Addresses of other instances, which are none of its own.
    pub others: Vec<Ipv4Addr>,
}

/// What came of a check.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checked {
    /// The instance.
    pub instance: Uuid,
    /// The minute it is of.
    pub minute: i64,
    /// Whether the application answered.
    pub healthy: bool,
}

/// Addresses of guests that nobody reserved one for, asked for once and again after a check that failed: the guest, or the
/// LAN, may have chosen another.
#[derive(Default)]
struct Addresses(Mutex<HashMap<Uuid, Ipv4Addr>>);

impl Addresses {
    fn of(&self, check: &Check, hypervisor: &dyn Hypervisor, machine: &dyn Machine) -> Option<Ipv4Addr> {
        let known = check.address.or_else(|| self.map().get(&check.instance).copied());
        known.or_else(|| {
            let guest = (check.instance, check.mac);
            let found = learned(hypervisor, machine, &SystemClock, &check.others, guest).ok().flatten()?;
            self.map().insert(check.instance, found);
            Some(found)
        })
    }

    fn forget(&self, instance: Uuid) {
        self.map().remove(&instance);
    }

    fn keep(&self, known: &HashSet<Uuid>) {
        self.map().retain(|instance, _| known.contains(instance));
    }

    fn map(&self) -> MutexGuard<'_, HashMap<Uuid, Ipv4Addr>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Makes checks.
pub struct Prober {
    jobs: Sender<Check>,
    answers: Receiver<Checked>,
    under_way: HashSet<Uuid>,
    addresses: Arc<Addresses>,
}

impl Prober {
    /// Starts the threads; they end with this value.
    pub fn start(hypervisor: &Arc<dyn Hypervisor>, machine: &Arc<dyn Machine>) -> Result<Self> {
        let (jobs, queue) = channel::<Check>();
        let (tell, answers) = channel();
        let queue = Arc::new(Mutex::new(queue));
        let addresses = Arc::new(Addresses::default());
        for _ in 0..WORKERS {
            let (queue, tell, hypervisor, machine) = (queue.clone(), tell.clone(), hypervisor.clone(), machine.clone());
            let addresses = addresses.clone();
            let work = move || {
                loop {
                    let job = queue.lock().unwrap_or_else(PoisonError::into_inner).recv();
                    let Ok(check) = job else { return };
                    let address = addresses.of(&check, &*hypervisor, &*machine);
                    let probe = |a| guest::health::probe(&check.health, a, LIMIT).is_ok();
                    // A thread that panics would never answer for its guest again.
                    let healthy = address.is_some_and(|a| catch_unwind(|| probe(a)).unwrap_or(false));
                    if !healthy {
                        addresses.forget(check.instance);
                    }
                    if tell.send(Checked { instance: check.instance, minute: check.minute, healthy }).is_err() {
                        return;
                    }
                }
            };
            thread::Builder::new().name("health".to_owned()).stack_size(512 << 10).spawn(work).map_err(|e| {
                crate::model::Error::new(Code::Internal, "cannot start the threads of the health checks").cause(e)
            })?;
        }
        Ok(Self { jobs, answers, under_way: HashSet::new(), addresses })
    }

    /// Asks for a check, unless one of the same instance is still under way.
    pub fn ask(&mut self, check: Check) {
        let instance = check.instance;
        if self.under_way.insert(instance) && self.jobs.send(check).is_err() {
            self.under_way.remove(&instance);
        }
    }

    /// Forgets what is known of instances that are not among these.
    pub fn keep(&self, known: &HashSet<Uuid>) {
        self.addresses.keep(known);
    }

    /// The checks that are done since this was last asked.
    pub fn done(&mut self) -> Vec<Checked> {
        let done: Vec<Checked> = self.answers.try_iter().collect();
        done.iter().for_each(|d| {
            self.under_way.remove(&d.instance);
        });
        done
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use uuid::Uuid;

    use super::Addresses;

    #[test]
    fn a_deleted_instances_address_is_forgotten() {
        let addresses = Addresses::default();
        let [kept, deleted] = [1, 2].map(Uuid::from_u128);
        for instance in [kept, deleted] {
            addresses.map().insert(instance, [192, 0, 2, 1].into());
        }
        addresses.keep(&HashSet::from([kept]));
        assert_eq!(addresses.map().keys().copied().collect::<Vec<_>>(), [kept]);
    }
}
