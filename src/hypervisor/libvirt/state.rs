//! libvirt's states and reasons in our own words.

use virt_sys as sys;

use super::ffi::RawState;
use crate::hypervisor::{DomainState, StateReason};

/// Our word for a state; none (libvirt left it out) means that the domain could not be read.
pub fn state_of(raw: Option<RawState>) -> DomainState {
    let Some(RawState { state, reason }) = raw else { return DomainState::Unresponsive };
    match state {
        sys::VIR_DOMAIN_RUNNING | sys::VIR_DOMAIN_BLOCKED => DomainState::Running,
        sys::VIR_DOMAIN_PAUSED => paused(reason),
        // Crashed but still there: with `on_crash=destroy` libvirt is about to end QEMU, and only then is it off.
        sys::VIR_DOMAIN_SHUTDOWN | sys::VIR_DOMAIN_CRASHED => DomainState::ShuttingDown,
        sys::VIR_DOMAIN_SHUTOFF => match reason {
            // DAEMON: libvirtd came back and could not take the guest over.
            sys::VIR_DOMAIN_SHUTOFF_CRASHED | sys::VIR_DOMAIN_SHUTOFF_FAILED | sys::VIR_DOMAIN_SHUTOFF_DAEMON => {
                DomainState::Crashed
            }
            _ => DomainState::Off,
        },
        _ => DomainState::Other,
    }
}

/// StateReason a domain is off; of any other state libvirt's reasons are in the state already.
pub fn reason_of(raw: Option<RawState>) -> StateReason {
    match raw {
        Some(RawState { state: sys::VIR_DOMAIN_SHUTOFF, reason }) => match reason {
            sys::VIR_DOMAIN_SHUTOFF_UNKNOWN => StateReason::Unknown,
            sys::VIR_DOMAIN_SHUTOFF_SHUTDOWN => StateReason::Shutdown,
            sys::VIR_DOMAIN_SHUTOFF_CRASHED | sys::VIR_DOMAIN_SHUTOFF_FAILED | sys::VIR_DOMAIN_SHUTOFF_DAEMON => {
                StateReason::Crashed
            }
            sys::VIR_DOMAIN_SHUTOFF_DESTROYED
            | sys::VIR_DOMAIN_SHUTOFF_MIGRATED
            | sys::VIR_DOMAIN_SHUTOFF_SAVED
            | sys::VIR_DOMAIN_SHUTOFF_FROM_SNAPSHOT => StateReason::Destroyed,
            _ => StateReason::Other,
        },
        _ => StateReason::Other,
    }
}

fn paused(reason: u32) -> DomainState {
    match reason {
        sys::VIR_DOMAIN_PAUSED_IOERROR => DomainState::PausedIoError,
        sys::VIR_DOMAIN_PAUSED_SHUTTING_DOWN | sys::VIR_DOMAIN_PAUSED_CRASHED => DomainState::ShuttingDown,
        // QEMU is up and its guest about to run.
        sys::VIR_DOMAIN_PAUSED_STARTING_UP => DomainState::Running,
        _ => DomainState::Paused,
    }
}

#[cfg(test)]
mod tests {
    use super::{reason_of, state_of};
    use crate::hypervisor::{DomainState, StateReason, libvirt::ffi::RawState};

    #[test]
    fn reads_why_it_is_off() {
        let reasons = [
            (0, StateReason::Unknown),
            (1, StateReason::Shutdown),
            (2, StateReason::Destroyed),
            (3, StateReason::Crashed),
            (4, StateReason::Destroyed),
            (5, StateReason::Destroyed),
            (6, StateReason::Crashed),
            (7, StateReason::Destroyed),
            (8, StateReason::Crashed),
            (99, StateReason::Other),
        ];
        for (reason, wanted) in reasons {
            assert_eq!(reason_of(Some(RawState { state: 5, reason })), wanted, "{reason}");
        }
        assert_eq!([reason_of(Some(RawState { state: 1, reason: 1 })), reason_of(None)], [StateReason::Other; 2]);
    }

    #[test]
    fn reads_libvirts_numbers() {
        let cases = [
            ((1, 1), DomainState::Running),
            ((3, 1), DomainState::Paused),
            ((3, 5), DomainState::PausedIoError),
            ((4, 1), DomainState::ShuttingDown),
            ((5, 0), DomainState::Off),
            ((5, 1), DomainState::Off),
            ((5, 2), DomainState::Off),
            ((5, 3), DomainState::Crashed),
            ((5, 6), DomainState::Crashed),
            ((6, 1), DomainState::ShuttingDown),
            ((3, 10), DomainState::ShuttingDown),
            ((99, 0), DomainState::Other),
        ];
        for ((state, reason), ours) in cases {
            assert_eq!(state_of(Some(RawState { state, reason })), ours, "{state}/{reason}");
        }
        assert_eq!(state_of(None), DomainState::Unresponsive);
    }
}
