//! Test support: a hypervisor that fails on demand, and tells whether it did.

use std::{
    net::Ipv4Addr,
    sync::{Mutex, MutexGuard, PoisonError},
};

use uuid::Uuid;

use super::{
    DhcpHost, DhcpSeen, DomainSeen, HostInfo, Hypervisor, NetworkSeen, PoolSeen, VolumeSeen, delegate::every_call,
};
use crate::model::{Error, Kind, Mac, Result};

/// What becomes of the call that fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Moment {
    /// It never reaches the host.
    Before,
    /// The host does it, and the answer is lost.
    After,
}

#[derive(Debug)]
struct Plan {
    /// Only calls of this name count; all do if none is given.
    call: Option<&'static str>,
    /// Matching calls to let pass.
    skip: usize,
    /// How many to fail from there on.
    fail: usize,
    moment: Moment,
    error: Error,
}

#[derive(Debug, Default)]
struct Log {
    plans: Vec<Plan>,
    calls: Vec<&'static str>,
    hits: usize,
}

/// Passes every call on to `inner`, except those it was told to fail.
#[derive(Debug)]
pub struct Faulty<H> {
    inner: H,
    log: Mutex<Log>,
}

impl<H> Faulty<H> {
    /// One that fails nothing yet.
    pub fn new(inner: H) -> Self {
        Self { inner, log: Mutex::default() }
    }

    /// The hypervisor inside.
    pub fn inner(&self) -> &H {
        &self.inner
    }

    /// Fails the `n`-th call from now (1 is the next), whatever it is, with the error `injected`.
    pub fn fail_nth(&self, n: usize, moment: Moment) {
        self.plan(None, n, 1, moment, injected());
    }

    /// Fails the `n`-th call of the method `call` from now.
    pub fn fail_call(&self, call: &'static str, n: usize, moment: Moment) {
        self.plan(Some(call), n, 1, moment, injected());
    }

    /// Fails every call from now on with `error`, as a dead daemon does.
    pub fn fail_all(&self, error: Error) {
        self.plan(None, 1, usize::MAX, Moment::Before, error);
    }

    /// Forgets every planned fault; keeps the counts.
    pub fn heal(&self) {
        self.log().plans.clear();
    }

    /// How many calls were failed. A test that planned a fault asserts on it.
    pub fn hits(&self) -> usize {
        self.log().hits
    }

    /// Names of all calls so far, in order.
    pub fn calls(&self) -> Vec<&'static str> {
        self.log().calls.clone()
    }

    fn plan(&self, call: Option<&'static str>, n: usize, fail: usize, moment: Moment, error: Error) {
        self.log().plans.push(Plan { call, skip: n.saturating_sub(1), fail, moment, error });
    }

    fn log(&self) -> MutexGuard<'_, Log> {
        self.log.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Counts a call; the fault it is to have, if any.
    fn count(&self, call: &'static str) -> Option<(Moment, Error)> {
        let mut log = self.log();
        log.calls.push(call);
        let mut fault = None;
        for plan in log.plans.iter_mut().filter(|p| p.call.is_none_or(|c| c == call)) {
            if plan.skip > 0 {
                plan.skip -= 1;
            } else if plan.fail > 0 && fault.is_none() {
                plan.fail -= 1;
                fault = Some((plan.moment, plan.error.clone()));
            }
        }
        log.hits += usize::from(fault.is_some());
        fault
    }

    fn pass<T>(&self, call: &'static str, act: impl FnOnce(&H) -> Result<T>) -> Result<T> {
        match self.count(call) {
            None => act(&self.inner),
            Some((Moment::Before, error)) => Err(error),
            Some((Moment::After, error)) => act(&self.inner).and(Err(error)),
        }
    }
}

fn injected() -> Error {
    Error::new(Kind::Failed, "injected", "a fault was injected")
}

macro_rules! faulty {
    ($(fn $call:ident($($arg:ident: $type:ty),*) -> $answer:ty;)*) => {
        impl<H: Hypervisor> Hypervisor for Faulty<H> {
            $(fn $call(&self, $($arg: $type),*) -> Result<$answer> {
                self.pass(stringify!($call), |inner| inner.$call($($arg),*))
            })*
        }
    };
}
every_call!(faulty);
