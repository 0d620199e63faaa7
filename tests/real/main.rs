//! Every test on something that a machine may lack: programs of others, libvirt, QEMU, guests (`LITE_TEST_REAL=1` runs those).
//! What is lacking is told as the reason of a skip.

use std::process::ExitCode;

use harness::Lane::{Alone, Guests, Host, Machine, Network, Slow, Storage, Tools};

/// What several tests share; each binary takes what it needs.
#[path = "../support"]
mod support {
    pub mod api;
    pub mod api_listener;
    #[allow(dead_code, reason = "of the worlds of `it`, a part is used")]
    pub mod bakes;
    #[allow(dead_code, reason = "of the worlds of `it`, a part is used")]
    pub mod balanced;
    pub mod boot_sector;
    #[allow(dead_code, reason = "of the worlds of `it`, a part is used")]
    pub mod changes;
    pub mod chromium;
    pub mod daemon;
    pub mod docs;
    #[allow(dead_code, reason = "of the worlds of `it`, a part is used")]
    pub mod exports;
    pub mod foreign;
    pub mod guest_box;
    pub mod guest_net;
    pub mod host;
    pub mod http;
    pub mod https;
    pub mod idle;
    pub mod image_contract;
    pub mod jobs;
    pub mod leftovers;
    pub mod need;
    #[allow(dead_code, reason = "of the worlds of `it`, a part is used")]
    pub mod off_site;
    #[allow(dead_code, reason = "of the worlds of `it`, a part is used")]
    pub mod operations;
    pub mod pebble;
    pub mod points;
    pub mod receiver;
    pub mod s3;
    pub mod seeds;
    pub mod sftp;
    pub mod skip;
    pub mod stand_in;
    pub mod terminal;
    pub mod volume_contract;
    pub mod warmed;
    pub mod watch;
    pub mod watched;
    pub mod world;
}

mod api;
mod audit;
mod bad_input;
mod bake;
mod beside;
mod blueprint_downloads;
mod blueprints;
mod browser;
mod cli_settings;
mod cloud_init_schema;
mod concurrency;
mod crash;
mod daemon;
mod deadline;
mod delete_states;
mod disks;
mod export;
mod firewall;
mod foreign;
mod full;
mod guest;
mod harness;
mod host_vm;
mod hypervisor_daemon;
mod hypervisor_qemu;
mod image_build;
mod image_gate;
mod image_kill;
mod image_owner;
mod import;
mod ipv6;
mod job;
mod kept;
mod load_balancer;
mod load_balancer_domain;
mod mail;
mod move_network;
mod names;
mod package;
mod packet_filter;
mod prometheus;
mod publication;
mod publication_kill;
mod published;
mod remotes;
mod render;
mod resize;
mod restore;
mod reverse_proxy;
mod runner;
mod runner_values;
mod seed_image;
mod site;
mod snapshot;
mod ssh_client;
mod state;
mod state_kill;
mod static_ips;
mod storage;
mod terminal;
mod toolchain;
mod upgrade;
mod user_data;
mod verify;
mod warm;
mod watch;
mod wordpress;

fn main() -> ExitCode {
    if let Some(child) = hypervisor_qemu::child().or_else(state_kill::child) {
        return child;
    }
    harness::main(&[
        // First, for the others of its lane wait for the image that comes of it.
        (Guests, "image_kill", image_kill::TESTS),
        // Minutes of it are a wait for alarms.
        (Guests, "guest", guest::TESTS),
        // The longest, which mostly wait: begun last, they would wait alone.
        (Host, "watch", watch::TESTS),
        (Host, "remotes", remotes::TESTS),
        (Host, "daemon", daemon::TESTS),
        (Host, "load_balancer", load_balancer::TESTS),
        (Host, "audit", audit::TESTS),
        (Host, "bad_input", bad_input::TESTS),
        (Guests, "bake", bake::TESTS),
        (Slow, "bake", bake::SLOW),
        (Tools, "api", api::TESTS),
        (Slow, "api", api::SLOW),
        (Tools, "blueprint_downloads", blueprint_downloads::TESTS),
        (Guests, "guest", guest::LATER),
        (Guests, "blueprints", blueprints::TESTS),
        (Slow, "blueprints", blueprints::SLOW),
        (Tools, "cli_settings", cli_settings::TESTS),
        (Tools, "cloud_init_schema", cloud_init_schema::TESTS),
        (Alone, "concurrency", concurrency::TESTS),
        (Host, "crash", crash::TESTS),
        (Host, "crash::at_random", crash::at_random::TESTS),
        (Host, "crash::bake", crash::bake::TESTS),
        (Host, "deadline", deadline::TESTS),
        (Host, "delete_states", delete_states::TESTS),
        (Host, "disks", disks::TESTS),
        (Host, "export", export::TESTS),
        (Host, "full", full::TESTS),
        (Host, "import", import::TESTS),
        (Host, "verify", verify::TESTS),
        (Slow, "verify", verify::SLOW),
        (Guests, "warm", warm::TESTS),
        (Slow, "warm", warm::SLOW),
        (Slow, "import", import::SLOW),
        (Tools, "firewall", firewall::TESTS),
        (Host, "ipv6", ipv6::TESTS),
        (Host, "job", job::TESTS),
        (Slow, "job", job::SLOW),
        (Host, "kept", kept::TESTS),
        (Host, "move_network", move_network::TESTS),
        (Host, "names", names::TESTS),
        (Host, "resize", resize::TESTS),
        (Host, "packet_filter", packet_filter::TESTS),
        (Host, "static_ips", static_ips::TESTS),
        (Host, "foreign", foreign::TESTS),
        (Slow, "guest", guest::SLOW),
        (Tools, "harness", harness::TESTS),
        (Machine, "host_vm", host_vm::TESTS),
        (Host, "hypervisor_daemon", hypervisor_daemon::TESTS),
        (Host, "hypervisor_qemu", hypervisor_qemu::TESTS),
        (Host, "image_build", image_build::TESTS),
        (Tools, "image_gate", image_gate::TESTS),
        (Host, "image_owner", image_owner::TESTS),
        (Tools, "mail", mail::TESTS),
        (Tools, "package", package::TESTS),
        (Tools, "prometheus", prometheus::TESTS),
        (Host, "publication", publication::TESTS),
        (Host, "publication_kill", publication_kill::TESTS),
        (Tools, "render", render::TESTS),
        (Host, "restore", restore::TESTS),
        (Storage, "restore", restore::SLOW),
        (Slow, "remotes", remotes::SLOW),
        (Tools, "reverse_proxy", reverse_proxy::TESTS),
        (Tools, "published", published::TESTS),
        (Tools, "runner", runner::TESTS),
        (Tools, "runner::bake", runner::bake::TESTS),
        (Tools, "runner::cloud_init", runner::cloud_init::TESTS),
        (Tools, "runner::elsewhere", runner::elsewhere::TESTS),
        (Tools, "runner::status", runner::status::TESTS),
        (Tools, "runner_values", runner_values::TESTS),
        (Tools, "seed_image", seed_image::TESTS),
        (Host, "load_balancer_domain", load_balancer_domain::TESTS),
        (Host, "site", site::TESTS),
        (Host, "snapshot", snapshot::TESTS),
        (Host, "storage", storage::TESTS),
        (Storage, "storage", storage::SLOW),
        (Network, "load_balancer", load_balancer::NETWORK),
        (Network, "site", site::NETWORK),
        (Network, "beside", beside::NETWORK),
        (Tools, "ssh_client", ssh_client::TESTS),
        (Host, "state", state::TESTS),
        (Tools, "state_kill", state_kill::TESTS),
        (Tools, "toolchain", toolchain::TESTS),
        (Tools, "upgrade", upgrade::TESTS),
        (Slow, "terminal", terminal::SLOW),
        (Slow, "upgrade", upgrade::SLOW),
        (Tools, "user_data", user_data::TESTS),
        (Storage, "resize", resize::SLOW),
        (Slow, "wordpress", wordpress::SLOW),
        (Network, "browser", browser::NETWORK),
    ])
}
