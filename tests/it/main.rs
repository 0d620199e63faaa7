//! Every test that needs no host: no libvirtd, no root, no network.

/// What several tests share; each binary takes what it needs.
#[path = "../support"]
mod support {
    pub mod guest_box;
    pub mod https;
    pub mod need;
    pub mod receiver;
    pub mod rows;
    pub mod seeds;
    pub mod world;
}

mod alarms_store;
mod audit;
mod bake;
mod blueprint_downloads;
mod blueprints_test;
mod catalog;
mod catalog_hostile;
mod cli;
mod cli_alarms;
mod cli_help;
mod cli_settings;
mod cloud_init_schema;
mod docs_blueprints;
mod doctor;
mod domain_schema;
mod drift;
mod engine;
mod failing_looks;
mod files;
mod gc;
mod health_command;
mod hypervisor_test_driver;
mod image_gate;
mod image_pull;
mod layering;
mod prometheus;
mod readme;
mod render;
mod runner;
mod runner_values;
mod seed_image;
mod specification;
mod state;
mod user_data;
mod watch;
mod webhooks;
