//! One look at all domains for the watcher.

use std::time::Duration;

use virt::connect::Connect;

use super::{
    connect::Link,
    errors::{Outcome, is_unsupported},
    ffi::{self, Figures, Seen},
    hung,
    state::{state_of, why},
};
use crate::{
    hypervisor::{DiskSample, DomainSample, DomainState, MemorySample},
    model::{Code, Result},
};

/// A look that takes longer was caught by a QEMU that stopped just now.
const SHORT: Duration = Duration::from_secs(4);

/// A sample of each domain. A QEMU that is stopped is known from the kernel and left out of the bulk call: asking its
/// monitor would hang the call for all. One that stops between the two costs one more attempt.
pub fn all(link: &Link) -> Result<Vec<DomainSample>> {
    let look = hung::can_look(link.uri());
    let attempt = || link.call("look at the domains", SHORT, move |c| take(c, look));
    match attempt() {
        Err(error) if error.code == Code::LibvirtTimeout => attempt(),
        answer => answer,
    }
}

fn take(connection: &Connect, look: bool) -> Outcome<Vec<DomainSample>> {
    let stopped = if look { hung::stopped() } else { Vec::new() };
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
            let seen = Seen { uuid: domain.uuid()?, name, state: None, size: None };
            out.push(sample((seen, Figures::default())));
        } else {
            others.push(domain);
        }
    }
    out.extend(ffi::figures(connection, Some(&others), true)?.into_iter().map(sample));
    Ok(out)
}

fn sample((seen, figures): (Seen, Figures)) -> DomainSample {
    let state = state_of(seen.state);
    let up = !matches!(state, DomainState::Off | DomainState::Crashed);
    let [available, usable, told] = figures.balloon;
    let memory = available.zip(usable).map(|(available_kib, usable_kib)| MemorySample {
        available_kib,
        usable_kib,
        told_at: told.and_then(|t| i64::try_from(t).ok()).unwrap_or(0),
    });
    let [rx, tx] = figures.network;
    let disks = match figures.disks {
        [Some(read_bytes), Some(write_bytes), Some(reads), Some(writes)] => {
            Some(DiskSample { read_bytes, write_bytes, reads, writes })
        }
        _ => None,
    };
    DomainSample {
        uuid: seen.uuid,
        name: seen.name,
        state,
        why: why(seen.state),
        cpu_ns: figures.cpu_ns.filter(|_| up),
        memory: memory.filter(|_| up),
        network: rx.zip(tx).filter(|_| up),
        disks: disks.filter(|_| up),
    }
}
