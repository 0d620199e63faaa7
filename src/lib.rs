//! lite: a private Lightsail. Applications in real virtual machines on one's own server.
//!
//! The rooms and the direction of their dependencies are in `docs/design.md`; `tests/it/layering.rs` holds them.
#![deny(clippy::print_stdout, clippy::print_stderr)]

pub mod access;
pub mod acme;
pub mod app;
pub mod catalog;
pub mod cli;
pub mod clock;
pub mod doctor;
pub mod engine;
pub mod guest;
pub mod hypervisor;
pub mod image;
pub mod kill_point;
pub mod lightsail;
pub mod model;
pub mod monitor;
pub mod notify;
pub mod plan;
pub mod render;
pub mod serve;
pub mod store;
pub mod ui;
pub mod view;
pub mod web;
