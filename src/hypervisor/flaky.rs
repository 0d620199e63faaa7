//! Test support: a hypervisor that fails on demand, and tells whether it did.

use std::{
    collections::BTreeMap,
    fmt::Write,
    io::Read,
    net::Ipv4Addr,
    path::Path,
    sync::{Mutex, MutexGuard, PoisonError},
};

use uuid::Uuid;

use super::{
    BlockJob, BlockJobs, Console, ConsoleStream, DhcpHost, DhcpInfo, DnsHost, DnsInfo, DomainInfo, DomainSample,
    Domains, Filters, GuestAgent, HostInfo, Lifecycle, Links, NetworkInfo, Networks, Node, PacketFilter, PoolInfo,
    Pools, ReverseProxy, Upload, VolumeInfo, Volumes,
    delegate::{calls_of, calls_of_all},
};
use crate::model::{
    Code, Error, LiveDefinition, LoadedTable, Mac, ProxyConfiguration, ProxyServer, ProxyStatistics, Result, Ruleset,
    Tap,
};

/// What becomes of the call that fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Moment {
    /// It never reaches the host.
    Before,
    /// The host does it, and the answer is lost.
    After,
}

/// Calls that take something away or overwrite it.
const DESTRUCTIVE: [&str; 16] = [
    "remove_domain",
    "shutdown",
    "reset",
    "destroy",
    "abort_block_job",
    "detach_device",
    "resize_disk",
    "resize_volume",
    "upload",
    "upload_from",
    "remove_volume",
    "remove_dhcp_host",
    "remove_dns_host",
    "remove_filter",
    "define_network",
    "stop_network",
];

/// What becomes of a call.
#[derive(Debug, Clone)]
enum Fault {
    /// It fails.
    Fails(Moment, Error),
    /// It succeeds, and its list holds nothing. A call whose answer is no list is left alone.
    Empty,
    /// It succeeds, and its list lacks the second half. A call whose answer is no list is left alone.
    Short,
}

/// Faults at random, the same for the same seed.
#[derive(Debug, Clone, Copy)]
struct Chaos {
    state: u64,
    percent: u64,
}

impl Chaos {
    /// The next number: Sebastiano Vigna's splitmix64.
    fn next(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (self.state ^ (self.state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// The fault of the next call, if it is to have one; two thirds of those of a list make it empty or short.
    fn fault(&mut self, gives_list: bool) -> Option<Fault> {
        if self.next() % 100 >= self.percent {
            return None;
        }
        let moment = if self.next().is_multiple_of(4) { Moment::After } else { Moment::Before };
        match self.next() % 3 {
            0 if gives_list => return Some(Fault::Empty),
            1 if gives_list => return Some(Fault::Short),
            _ => {}
        }
        Some(match self.next() % 3 {
            0 => Fault::Fails(moment, injected()),
            1 => Fault::Fails(moment, Error::new(Code::LibvirtTimeout, "libvirt did not answer within 10 s")),
            _ => Fault::Fails(moment, Error::new(Code::LibvirtUnreachable, "libvirt cannot be reached")),
        })
    }
}

/// An answer that may hold nothing.
trait Answer: Sized {
    /// The answer that holds nothing, if it is a list.
    fn empty() -> Option<Self> {
        None
    }

    /// The answer without its second half, if it is a list.
    fn short(self) -> Self {
        self
    }
}
impl Answer for () {}
impl Answer for bool {}
impl Answer for i64 {}
impl Answer for HostInfo {}
impl Answer for ConsoleStream {}
impl Answer for Box<dyn Read + Send> {}
impl<T> Answer for Option<T> {}
impl<T> Answer for Vec<T> {
    fn empty() -> Option<Self> {
        Some(Self::new())
    }

    fn short(mut self) -> Self {
        self.truncate(self.len() / 2);
        self
    }
}

#[derive(Debug)]
struct Plan {
    /// Only calls of this name count; all do if none is given.
    call: Option<&'static str>,
    /// Matching calls to let pass.
    skip: usize,
    /// How many to fail from there on.
    fail: usize,
    fault: Fault,
}

#[derive(Debug, Default)]
struct Log {
    plans: Vec<Plan>,
    chaos: Option<Chaos>,
    allowed: Option<&'static [&'static str]>,
    calls: Vec<&'static str>,
    destructive: Vec<String>,
    hits: BTreeMap<&'static str, usize>,
}

/// What is to be done once so many calls more have passed.
struct Hook {
    calls: usize,
    act: Box<dyn FnOnce() + Send>,
}

impl std::fmt::Debug for Hook {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Hook in {} calls", self.calls)
    }
}

/// Passes every call on to `inner`, except those it was told to fail.
#[derive(Debug)]
pub struct Flaky<H> {
    inner: H,
    log: Mutex<Log>,
    hook: Mutex<Option<Hook>>,
}

impl<H> Flaky<H> {
    /// One that fails nothing yet.
    pub fn new(inner: H) -> Self {
        Self { inner, log: Mutex::default(), hook: Mutex::default() }
    }

    /// The hypervisor inside.
    pub fn inner(&self) -> &H {
        &self.inner
    }

    /// Fails the `n`-th call from now (1 is the next), whatever it is, with the error `injected`.
    pub fn fail_nth(&self, n: usize, moment: Moment) {
        self.plan(None, n, 1, Fault::Fails(moment, injected()));
    }

    /// Fails the `n`-th call of the method `call` from now.
    pub fn fail_call(&self, call: &'static str, n: usize, moment: Moment) {
        self.plan(Some(call), n, 1, Fault::Fails(moment, injected()));
    }

    /// Fails every call of the method `call` from now on, before its effect.
    pub fn fail_every(&self, call: &'static str) {
        self.plan(Some(call), 1, usize::MAX, Fault::Fails(Moment::Before, injected()));
    }

    /// Takes the second half off the list that the `n`-th call of the method `call` from now gives.
    pub fn shorten_call(&self, call: &'static str, n: usize) {
        self.plan(Some(call), n, 1, Fault::Short);
    }

    /// Empties the list that the `n`-th call of the method `call` from now gives.
    pub fn empty_call(&self, call: &'static str, n: usize) {
        self.plan(Some(call), n, 1, Fault::Empty);
    }

    /// Fails every call but those of these methods from now on, before its effect.
    pub fn allow_only(&self, calls: &'static [&'static str]) {
        self.log().allowed = Some(calls);
    }

    /// Takes the second half off every list that the method `call` gives from now on.
    pub fn shorten_every(&self, call: &'static str) {
        self.plan(Some(call), 1, usize::MAX, Fault::Short);
    }

    /// Empties every list that the method `call` gives from now on.
    pub fn empty_every(&self, call: &'static str) {
        self.plan(Some(call), 1, usize::MAX, Fault::Empty);
    }

    /// From now on lets `percent` of the calls fail, time out or give an empty list, as the seed has it.
    pub fn chaos(&self, seed: u64, percent: u64) {
        self.log().chaos = Some(Chaos { state: seed, percent });
    }

    /// Fails every call from now on with `error`, as a dead daemon does.
    pub fn fail_all(&self, error: Error) {
        self.plan(None, 1, usize::MAX, Fault::Fails(Moment::Before, error));
    }

    /// Does this right after the `n`-th call from now, whatever it is: what somebody else does in between.
    pub fn after_nth(&self, n: usize, act: impl FnOnce() + Send + 'static) {
        *self.hook.lock().unwrap_or_else(PoisonError::into_inner) = Some(Hook { calls: n, act: Box::new(act) });
    }

    /// Counts a call for the hook, and does what is due.
    fn run_hook(&self) {
        let mut hook = self.hook.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(waiting) = hook.as_mut() {
            waiting.calls = waiting.calls.saturating_sub(1);
        }
        let due = hook.take_if(|waiting| waiting.calls == 0);
        drop(hook);
        if let Some(due) = due {
            (due.act)();
        }
    }

    /// Forgets every planned fault; keeps the counts.
    pub fn heal(&self) {
        let mut log = self.log();
        log.plans.clear();
        log.chaos = None;
        log.allowed = None;
    }

    /// How many calls had a fault. A test that planned one asserts on it.
    pub fn hits(&self) -> usize {
        self.log().hits.values().sum()
    }

    /// How many calls had which fault: the code of the error, or `empty`.
    pub fn hits_by_fault(&self) -> BTreeMap<&'static str, usize> {
        self.log().hits.clone()
    }

    /// The calls so far that take something away or overwrite it, tried ones too, with their arguments.
    pub fn destructive(&self) -> Vec<String> {
        self.log().destructive.clone()
    }

    /// Names of all calls so far, in order.
    pub fn calls(&self) -> Vec<&'static str> {
        self.log().calls.clone()
    }

    fn plan(&self, call: Option<&'static str>, n: usize, fail: usize, fault: Fault) {
        self.log().plans.push(Plan { call, skip: n.saturating_sub(1), fail, fault });
    }

    fn log(&self) -> MutexGuard<'_, Log> {
        self.log.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Counts a call; the fault it is to have, if any. A list that is to be empty needs a call that gives one.
    fn count(&self, call: &'static str, gives_list: bool, arguments: String) -> Option<Fault> {
        let mut log = self.log();
        log.calls.push(call);
        if DESTRUCTIVE.contains(&call) {
            log.destructive.push(format!("{call}{arguments}"));
        }
        let mut fault = log.chaos.as_mut().and_then(|chaos| chaos.fault(gives_list));
        for plan in log.plans.iter_mut().filter(|p| p.call.is_none_or(|c| c == call)) {
            if plan.skip > 0 {
                plan.skip -= 1;
            } else if plan.fail > 0 && fault.is_none() {
                plan.fail -= 1;
                fault = Some(plan.fault.clone());
            }
        }
        if log.allowed.is_some_and(|allowed| !allowed.contains(&call)) {
            let error = Error::new(Code::Injected, format!("the call `{call}` is not allowed"));
            fault = Some(Fault::Fails(Moment::Before, error));
        }
        let fault = fault.filter(|f| gives_list || matches!(f, Fault::Fails(..)));
        match &fault {
            Some(Fault::Fails(_, error)) => *log.hits.entry(error.code.as_str()).or_default() += 1,
            Some(Fault::Empty) => *log.hits.entry("empty").or_default() += 1,
            Some(Fault::Short) => *log.hits.entry("short").or_default() += 1,
            None => {}
        }
        fault
    }

    fn pass<T: Answer>(&self, call: &'static str, arguments: String, act: impl FnOnce(&H) -> Result<T>) -> Result<T> {
        let answer = match self.count(call, T::empty().is_some(), arguments) {
            None => act(&self.inner),
            Some(Fault::Fails(Moment::Before, error)) => Err(error),
            Some(Fault::Fails(Moment::After, error)) => act(&self.inner).and(Err(error)),
            Some(Fault::Short) => act(&self.inner).map(T::short),
            Some(Fault::Empty) => T::empty().map_or_else(|| act(&self.inner), Ok),
        };
        self.run_hook();
        answer
    }
}

/// The first 200 characters: some arguments are whole files.
struct Beginning(String);

impl Write for Beginning {
    fn write_str(&mut self, text: &str) -> std::fmt::Result {
        let room = 200 - self.0.chars().count();
        self.0.extend(text.chars().take(room));
        if text.chars().count() > room { Err(std::fmt::Error) } else { Ok(()) }
    }
}

fn injected() -> Error {
    Error::new(Code::Injected, "a fault was injected")
}

macro_rules! flaky {
    ($trait:ident { $(fn $call:ident($($arg:ident: $type:ty),*) -> $answer:ty;)* }) => {
        impl<H: $trait> $trait for Flaky<H> {
            $(fn $call(&self, $($arg: $type),*) -> Result<$answer> {
                let mut arguments = Beginning(String::new());
                // An error says that there is no more room.
                _ = write!(arguments, "{:?}", ($(&$arg,)*));
                self.pass(stringify!($call), arguments.0, |inner| inner.$call($($arg),*))
            })*
        }
    };
}
calls_of_all!(flaky);
