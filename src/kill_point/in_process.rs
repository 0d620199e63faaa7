//! Death of a thread at a point: it unwinds, so that its locks fall and its database closes, as the kernel does for a process
//! that is killed. Nothing of what comes behind the point is done. What a thread hands on by [`inherited`] is of its course.

use std::{
    cell::RefCell,
    panic::{AssertUnwindSafe, Location, catch_unwind, resume_unwind},
    sync::{Arc, Mutex, PoisonError},
};

/// What a thread that died unwinds with.
struct Death;

/// How far a thread has come.
struct Course {
    passed: Vec<String>,
    dies_at: Option<usize>,
}

thread_local! {
    static COURSE: RefCell<Option<Arc<Mutex<Course>>>> = const { RefCell::new(None) };
}

/// What became of some work.
#[derive(Debug)]
pub struct Outcome<T> {
    /// The points passed on this thread, and where it handed its work on, in order, each as `FILE:LINE`.
    pub passed: Vec<String>,
    /// What it gave; none if it died.
    pub result: Option<T>,
}

/// Does some work on this thread, and dies at the N-th point that it passes (1 is the first), if a number is given.
pub fn run<T>(dies_at: Option<usize>, work: impl FnOnce() -> T) -> Outcome<T> {
    let course = Arc::new(Mutex::new(Course { passed: Vec::new(), dies_at }));
    COURSE.set(Some(course.clone()));
    let result = catch_unwind(AssertUnwindSafe(work));
    COURSE.take();
    let passed = course.lock().unwrap_or_else(PoisonError::into_inner).passed.clone();
    match result {
        Ok(value) => Outcome { passed, result: Some(value) },
        Err(payload) if payload.is::<Death>() => Outcome { passed, result: None },
        Err(payload) => resume_unwind(payload),
    }
}

/// Work for another thread, which is of the course of this one: it dies there where this one was to die.
pub fn inherited<T>(work: impl FnOnce() -> T) -> impl FnOnce() -> T {
    let course = COURSE.with_borrow(Clone::clone);
    move || {
        COURSE.set(course);
        work()
    }
}

/// Notes a point that this thread passes, and dies there if it is to.
pub(super) fn pass(place: &Location<'_>) {
    let dies = COURSE.with_borrow(|course| {
        let Some(course) = course else { return false };
        let mut course = course.lock().unwrap_or_else(PoisonError::into_inner);
        course.passed.push(format!("{}:{}", place.file(), place.line()));
        course.dies_at == Some(course.passed.len())
    });
    if dies {
        resume_unwind(Box::new(Death));
    }
}
