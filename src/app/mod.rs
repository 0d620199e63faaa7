//! The use cases, one file per noun: what a front end can ask for, and what it gets.
//!
//! A function takes the process's [`App`], the [`Caller`] and plain values, checks the caller's right, and returns a view. Where
//! a front end may want to ask before something is destroyed, `find` or `check` comes first, and `plan` or `run` after it.
//! A change that takes longer than a transaction is [`Accepted`] first: who cannot wait for its run has the operation then.
//! How things go meanwhile is told to an [`Observer`](crate::model::Observer). Nothing here prints, or knows arguments, a terminal
//! or the environment.

pub mod alarm;
pub mod answered;
pub mod audit;
pub mod blueprint;
pub mod bundle;
pub mod contact;
pub mod disk;
pub mod doctor;
pub mod event;
pub mod export;
pub mod files;
pub mod front;
pub mod gc;
pub mod host;
pub mod image;
pub mod instance;
pub mod job;
pub mod key;
pub mod key_pair;
pub mod live;
pub mod load_balancer;
pub mod metric;
pub mod names;
pub mod notice;
pub mod operation;
pub mod own;
pub mod rebuild;
pub mod remote;
pub mod repair;
pub mod second_factor;
pub mod session;
pub mod settings;
pub mod snapshot;
pub mod static_ip;
pub mod turns;
pub mod user;
pub mod watch;

mod accepted;
mod caller;
mod context;
mod denied;
mod elsewhere;
mod interrupted;
mod scope;
pub mod sources;
mod stages;
mod storage;
mod syntax;

pub use accepted::Accepted;
pub use caller::{Caller, Right};
pub use context::App;
