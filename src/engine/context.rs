//! What an operation works with: the host, the database, the clock, and the way to end it early.

use std::{
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use super::image_pool::images_of;
use crate::{
    clock::Clock,
    hypervisor::{Hypervisor, Machine},
    image::Images,
    model::{EventKind, HostId, Record, Requester, Result, Settings},
    plan::Place,
    store::{Store, events::Stamp},
};

/// The context of operations. Owns or shares all it needs, so that an operation may run in a thread of its own.
pub struct Ctx {
    /// What the operator decided.
    pub settings: Arc<Settings>,
    /// State.
    pub store: Store,
    /// The host.
    pub hypervisor: Arc<dyn Hypervisor>,
    /// The machine the host is, looked at beside libvirt.
    pub machine: Arc<dyn Machine>,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Set by Ctrl-C: everything is to end.
    pub cancel: Arc<AtomicBool>,
    /// Set by whoever wants the operation that runs to end. While it is reported ([`super::progress::Reporter`]) this follows
    /// `cancel` within half a second, for those who look at one flag alone.
    pub ending: Arc<AtomicBool>,
    /// How long to wait for a busy instance.
    pub wait: Duration,
    /// Who asks.
    pub requester: Requester,
}

impl Ctx {
    /// The time of now, for what is stored.
    pub fn now(&self) -> jiff::Timestamp {
        self.clock.now()
    }

    /// The time of now and the host, for events.
    pub fn stamp(&self) -> Stamp {
        Stamp::new(self.now(), self.host_id(), self.machine.hostname())
    }

    /// The host this context works on.
    pub fn host_id(&self) -> HostId {
        self.settings.host.id.clone()
    }

    /// Where the host keeps what is ours.
    pub fn place(&self) -> Place<'_> {
        Place::from(&*self.settings)
    }

    /// The images of the host.
    ///
    /// # Errors
    /// None: the host is at hand.
    pub fn images(&self) -> Result<Images> {
        images_of(&self.settings, || Ok(self.hypervisor.clone()))
    }

    /// The folder of the locks.
    pub fn locks(&self) -> PathBuf {
        self.settings.paths.state.join("locks")
    }

    /// Records an event, for `lite events` and the contacts.
    pub fn record_event(&mut self, kind: EventKind, record: Option<&Record>, text: &str) -> Result<()> {
        let stamp = self.stamp();
        self.store.record_event(&stamp.host, &stamp.event(kind, record, text)).map(drop)
    }

    /// Whether the operation is to end: looked at between steps and in every wait.
    pub fn cancelled(&self) -> bool {
        self.cancel.load(Ordering::Relaxed) || self.ending.load(Ordering::Relaxed)
    }
}

#[cfg(test)]
mod tests {
    use super::Ctx;

    #[test]
    fn a_context_may_go_into_a_thread() {
        fn sent<T: Send + 'static>() {}
        sent::<Ctx>();
    }
}
