//! Every test that needs no host: no libvirtd, no root, no network.

/// What several tests share; each binary takes what it needs.
#[path = "../support"]
mod support {
    pub mod bakes;
    pub mod changes;
    pub mod create_request;
    pub mod fake_clock;
    pub mod https;
    pub mod image_contract;
    pub mod operations;
    pub mod points;
    pub mod receiver;
    pub mod rows;
    pub mod source;
    pub mod volume_contract;
    pub mod warned;
    pub mod world;
}

mod accept;
mod alarms_store;
mod app;
mod audit;
mod bake;
mod blueprint_files;
mod blueprints_test;
mod cancel;
mod capacity;
mod catalog;
mod catalog_hostile;
mod certificates;
mod circles;
mod cli;
mod cli_alarms;
mod cli_help;
mod deaths;
mod docs_blueprints;
mod docs_cli;
mod doctor;
mod domain_schema;
mod drift;
mod engine;
mod failing_calls;
mod failing_looks;
mod files;
mod firewall;
mod gc;
mod health_command;
mod hypervisor_test_driver;
mod image_pool;
mod image_pull;
mod images;
mod ipv6;
mod kept;
mod lan_address;
mod layering;
mod load_balancers;
mod metrics_store;
mod move_network;
mod names;
mod operations;
mod owned;
mod package;
mod protect;
mod published;
mod readme;
mod snapshots;
mod specification;
mod state;
mod static_ips;
mod template_limits;
mod user_data;
mod user_data_forms;
mod waits;
mod watch;
mod watch_faults;
mod webhooks;
