//! One look at all domains for the watcher.

use std::time::Duration;

use virt::connect::Connect;

use super::{
    connect::Link,
    errors::{Outcome, is_unsupported},
    ffi::{self, Figures, Record},
    hung,
    state::{reason_of, state_of},
};
use crate::{
    hypervisor::{DiskSample, DomainSample, DomainState, LocalMachine, MemorySample},
    model::{Code, Result},
};

/// A look that takes longer was caught by a QEMU that stopped just now.
const SHORT: Duration = Duration::from_secs(4);

/// A sample of each domain. A QEMU that is stopped is known from the kernel and left out of the bulk call: asking its
/// monitor would hang the call for all. One that stops between the two costs one more attempt.
pub fn all(link: &Link) -> Result<Vec<DomainSample>> {
    let here = hung::look_at(link.uri());
    let attempt = || link.call("look at the domains", SHORT, move |c| take(c, here));
    match attempt() {
        Err(error) if error.code == Code::LibvirtTimeout => attempt(),
        answer => answer,
    }
}

fn take(connection: &Connect, here: Option<LocalMachine>) -> Outcome<Vec<DomainSample>> {
    let stopped = here.map_or(Vec::new(), |machine| hung::stopped(&machine));
    if stopped.is_empty() {
        let figures = match ffi::figures(connection, None, true) {
            Err(error) if is_unsupported(&error) => ffi::figures(connection, None, false)?,
            answer => answer?,
        };
        return Ok(figures.into_iter().map(sample).collect());
    }
    let (mut others, mut out) = (Vec::new(), Vec::new());
    for domain in connection.list_all_domains(0)? {
        let name = domain.name()?;
        if stopped.contains(&name) {
            let record = Record { uuid: domain.uuid()?, name, state: None, size: None };
            out.push(sample((record, Figures::default())));
        } else {
            others.push(domain);
        }
    }
    out.extend(ffi::figures(connection, Some(&others), true)?.into_iter().map(sample));
    Ok(out)
}

fn sample((record, figures): (Record, Figures)) -> DomainSample {
    let state = state_of(record.state);
    let up = !matches!(state, DomainState::Off | DomainState::Crashed);
    let [available, usable, updated] = figures.balloon;
    let memory = available.zip(usable).map(|(available_kib, usable_kib)| MemorySample {
        available_kib,
        usable_kib,
        last_update: updated.and_then(|t| i64::try_from(t).ok()).unwrap_or(0),
    });
    let [rx, tx] = figures.network;
    let disks = match figures.disks {
        [Some(read_bytes), Some(write_bytes), Some(reads), Some(writes)] => {
            Some(DiskSample { read_bytes, write_bytes, reads, writes })
        }
        _ => None,
    };
    DomainSample {
        uuid: record.uuid,
        name: record.name,
        state,
        reason: reason_of(record.state),
        cpu_ns: figures.cpu_ns.filter(|_| up),
        memory: memory.filter(|_| up),
        network: rx.zip(tx).filter(|_| up),
        disks: disks.filter(|_| up),
    }
}
