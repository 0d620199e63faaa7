//! Runs the tests, and counts a skip as a skip: a test that lacks something ends with its reason and is shown as ignored.
//!
//! `LITE_TEST_LANE=NAME` runs the modules of one lane. `LITE_TEST_REQUIRE_HOST=1`: a skip is a failure.

use std::{
    any::Any,
    panic::{UnwindSafe, catch_unwind, resume_unwind},
    process::ExitCode,
    time::Instant,
};

use libtest_mimic::{Arguments, Completion, Failed, Trial};

use crate::support::skip::Skip;

/// A test: its name, and what runs it.
pub type Test = (&'static str, fn() -> Result<(), Failed>);

/// Lists the tests of a module, as `TESTS` or by the name that comes first. A function that is in no list is never used, which
/// is a warning.
#[macro_export]
macro_rules! tests {
    ($list:ident: $($test:ident),* $(,)?) => {
        pub const $list: &[$crate::harness::Test] =
            &[$((stringify!($test), || $crate::harness::Verdict::verdict($test()))),*];
    };
    ($($test:ident),* $(,)?) => {
        $crate::tests![TESTS: $($test),*];
    };
}

/// What a test gives back.
pub trait Verdict {
    /// Passed, or why not.
    fn verdict(self) -> Result<(), Failed>;
}

impl Verdict for () {
    fn verdict(self) -> Result<(), Failed> {
        Ok(())
    }
}

impl<E: std::fmt::Display> Verdict for Result<(), E> {
    fn verdict(self) -> Result<(), Failed> {
        self.map_err(|e| Failed::from(e.to_string()))
    }
}

/// Which tests may run at the same time: a lane is a process, see `.ci/lanes`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lane {
    /// Programs of this machine; no libvirt.
    Tools,
    /// Has the machine for itself.
    Alone,
    /// Debian guests.
    Guests,
    /// Guests of one boot sector.
    Host,
    /// Takes longer than the gate has: run by a target of its own, and only if this lane is asked for.
    Slow,
    /// Debian guests whose data is at stake; likewise.
    Storage,
    /// A host in a virtual machine; likewise.
    Machine,
    /// What takes time on the network, such as a certificate that runs out; likewise.
    Network,
}

impl Lane {
    fn name(self) -> &'static str {
        match self {
            Self::Tools => "tools",
            Self::Alone => "alone",
            Self::Guests => "guests",
            Self::Host => "host",
            Self::Slow => "slow",
            Self::Storage => "storage",
            Self::Machine => "machine",
            Self::Network => "network",
        }
    }
}

/// Runs a test; what it lacks is no failure unless all has to be there.
fn run(test: impl FnOnce() -> Result<(), Failed> + UnwindSafe, required: bool) -> Result<Completion, Failed> {
    match catch_unwind(test) {
        Ok(verdict) => verdict.map(|()| Completion::Completed),
        Err(payload) => match payload.downcast::<Skip>() {
            Ok(skip) if required => Err(format!("nothing may be skipped here: {}", skip.0).into()),
            Ok(skip) => Ok(Completion::ignored_with(skip.0)),
            Err(payload) => Err(said(&*payload).into()),
        },
    }
}

/// Says how long a test took, for `.ci/lanes`.
fn timed<T>(name: &str, test: impl FnOnce() -> T) -> T {
    let began = Instant::now();
    let outcome = test();
    eprintln!("took {:.1} {name}", began.elapsed().as_secs_f64());
    outcome
}

/// What a panic said.
fn said(payload: &(dyn Any + Send)) -> String {
    let text = payload.downcast_ref::<String>().cloned();
    text.or_else(|| payload.downcast_ref::<&str>().map(|s| (*s).to_owned())).unwrap_or_else(|| "panicked".to_owned())
}

/// Runs the modules of the lane that is asked for; all but the slow ones if none is.
pub fn main(modules: &[(Lane, &str, &[Test])]) -> ExitCode {
    let is = |name: &str, value: &str| std::env::var(name).is_ok_and(|v| v == value);
    let lane = std::env::var("LITE_TEST_LANE").ok();
    let required = is("LITE_TEST_REQUIRE_HOST", "1");
    let asked_for = |l: Lane| {
        lane.as_ref()
            .map_or(!matches!(l, Lane::Slow | Lane::Storage | Lane::Machine | Lane::Network), |w| w == l.name())
    };
    let wanted = modules.iter().filter(|(l, ..)| asked_for(*l));
    let trials: Vec<Trial> = wanted
        .flat_map(|(_, module, tests)| tests.iter().map(move |(name, test)| (format!("{module}::{name}"), *test)))
        .map(|(name, test)| Trial::ignorable_test(name.clone(), move || timed(&name, || run(test, required))))
        .collect();
    if trials.is_empty() {
        eprintln!("there is no lane `{}`", lane.unwrap_or_default());
        return ExitCode::FAILURE;
    }
    libtest_mimic::run(&Arguments::from_args(), trials).exit_code()
}

crate::tests![a_skip_is_no_pass];

fn a_skip_is_no_pass() {
    let outcome = |test: fn() -> Result<(), Failed>, required| match run(test, required) {
        Ok(Completion::Completed) => "passed".to_owned(),
        Ok(Completion::Ignored { reason }) => format!("skipped: {}", reason.unwrap_or_default()),
        Err(failed) => format!("failed: {}", failed.message().unwrap_or_default()),
    };
    let lacks = || crate::support::skip::skip("no `qemu`");
    assert_eq!(outcome(lacks, false), "skipped: no `qemu`");
    assert_eq!(outcome(lacks, true), "failed: nothing may be skipped here: no `qemu`");
    assert_eq!(outcome(|| resume_unwind(Box::new("broken")), false), "failed: broken");
    assert_eq!(outcome(|| Err("wrong".into()), true), "failed: wrong");
    assert_eq!(outcome(|| Ok(()), true), "passed");
}
