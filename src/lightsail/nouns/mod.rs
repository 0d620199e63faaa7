//! What answers each operation, one file per noun.

pub mod add_on;
pub mod alarm;
pub mod catalog;
mod change;
pub mod contact;
pub mod cost;
pub mod create;
pub mod disk;
pub mod disk_snapshot;
pub mod firewall;
pub mod instance;
pub mod key_pair;
pub mod load_balancer;
pub mod metric;
pub mod names;
pub mod operation;
pub mod power;
pub mod snapshot;
pub mod static_ip;
pub mod tag;

use super::{
    call::{Done, done},
    fault::{Answer, Fault},
    wire::{Begun, OneOperation, Seconds},
};
use change::Started;
use jiff::Timestamp;

/// A time from its begin to its end.
fn span(start: Seconds, end: Seconds) -> Answer<(Timestamp, Timestamp)> {
    let between = start.read().zip(end.read()).filter(|(start, end)| start < end);
    between.ok_or_else(|| Fault::invalid("`startTime` has to be before `endTime`, both in seconds since 1970"))
}

/// The answer that lists what was begun.
fn all_begun(all: Vec<Started>) -> Answer<Done> {
    let (operations, works): (Vec<_>, Vec<_>) = all.into_iter().unzip();
    Ok(Done { works: works.into_iter().flatten().collect(), ..done(&Begun { operations })? })
}

/// The answer that lists the one that was begun.
fn begun(started: Started) -> Answer<Done> {
    all_begun(vec![started])
}

/// The answer that is the one that was begun.
fn one_begun((operation, work): Started) -> Answer<Done> {
    Ok(Done { works: work.into_iter().collect(), ..done(&OneOperation { operation })? })
}
