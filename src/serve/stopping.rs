//! What lies between two runs of the server: operations that were cut off are taken care of, and those that would be are let come to the
//! end of their steps.

use std::time::Duration;

use tokio::{
    task::spawn_blocking,
    time::{Instant, sleep},
};

use super::Say;
use crate::app::{
    App, Caller,
    front::{self, Waits},
};

/// How often a signal to stop is looked at, and systemd told that all is well.
pub const SLICE: Duration = Duration::from_millis(250);
/// How often it is looked whether a process died that was at work.
const AGAIN: Duration = Duration::from_secs(5);

/// Takes care of operations whose process died, now and whenever there is one. Never returns.
pub async fn tend(app: App, caller: Caller, say: Say) {
    let (waits, mut told) = (Waits::default(), None);
    loop {
        let (app, caller, waits) = (app.clone(), caller.clone(), waits.clone());
        let failed = match spawn_blocking(move || front::go_on(&app, &caller, &waits)).await {
            Ok(Ok(lines)) => {
                lines.iter().for_each(|line| say.say(line));
                None
            }
            Ok(Err(e)) => Some(format!("operations that were cut off stay so: {e}")),
            Err(_) => None,
        };
        // One trouble is told once, for as long as it lasts.
        failed.iter().filter(|_| failed != told).for_each(|text| say.say(text));
        told = failed;
        sleep(AGAIN).await;
    }
}

/// Waits until no operation of this process is amid its steps, at most so long.
pub async fn let_end(app: &App, caller: &Caller, deadline: Instant, say: &Say) {
    let mut told = 0;
    loop {
        let (app, caller) = (app.clone(), caller.clone());
        // Of what cannot be asked nothing is known: it is waited for.
        let left = match spawn_blocking(move || front::in_steps(&app, &caller)).await {
            Ok(Ok(left)) => left,
            _ => 1,
        };
        if left == 0 || Instant::now() >= deadline {
            return;
        }
        if left != told {
            say.say(&format!("waiting for the steps of {left} operation{}", if left == 1 { "" } else { "s" }));
            told = left;
        }
        let _ = sd_notify::notify(&[sd_notify::NotifyState::Watchdog]);
        sleep(SLICE).await;
    }
}
