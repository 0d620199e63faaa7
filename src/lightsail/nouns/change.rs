//! From a change that was accepted to its operation, and to what is left to do.

use std::time::Duration;

use crate::{
    app::{Accepted, turns::Work},
    lightsail::{call::Call, fault::Answer, map::operation::operation as map, past, wire::Operation},
    model::{Class, Result, Unobserved},
};

/// How long a change waits for whatever else works on the same instance.
const PATIENCE: Duration = Duration::from_secs(10);
/// How often it looks.
const POLL: Duration = Duration::from_millis(250);

/// The operation of a change, and what is left to do.
pub type Started = (Operation, Option<Work>);

/// Accepts a change; while something else works on the same thing, again and again for a while.
///
/// # Errors
/// It is refused, or still busy.
pub fn patiently<T>(call: &Call<'_>, accept: impl Fn() -> Result<T>) -> Answer<T> {
    let clock = &call.app().clock;
    let begun = clock.instant();
    loop {
        match accept() {
            Err(error) if error.class == Class::Busy && clock.instant().duration_since(begun) < PATIENCE => {
                clock.sleep(POLL);
            }
            accepted => return Ok(accepted?),
        }
    }
}

/// What was begun. `what` and `about` tell of what was done already.
///
/// # Errors
/// There was nothing to do, and that failed.
pub fn started<V: 'static>(
    call: &Call<'_>,
    (what, about): (&str, (&'static str, &str)),
    accepted: Accepted<V>,
) -> Answer<Started> {
    let place = call.place()?;
    let Some(row) = accepted.operation().cloned() else {
        accepted.run(&mut Unobserved)?;
        return Ok((past::done(what, about, call.app().clock.now(), &place), None));
    };
    let run = move || {
        // How it ends, the operation tells.
        let _ = accepted.run(&mut Unobserved);
    };
    Ok((map(row, &place), Some(Box::new(run))))
}
