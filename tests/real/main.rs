//! Every test on a real host: libvirt, QEMU, guests. `LITE_TEST_REAL=1` runs them.

/// What several tests share; each binary takes what it needs.
#[path = "../support"]
mod support {
    pub mod boot_sector;
    pub mod daemon;
    pub mod foreign;
    pub mod host;
    pub mod http;
    pub mod https;
    pub mod idle;
    pub mod receiver;
    pub mod watch;
}

mod audit;
mod bake;
mod blueprints;
mod concurrency;
mod crash;
mod daemon;
mod deadline;
mod delete_states;
mod foreign;
mod guest;
mod hypervisor_daemon;
mod hypervisor_qemu;
mod image_build;
mod image_kill;
mod state;
mod state_kill;
mod watch;
mod watch_guest;
