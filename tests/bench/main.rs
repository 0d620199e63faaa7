//! Measurements of the watcher, run by `make bench SLOW=1`.

/// What several tests share; each binary takes what it needs.
#[path = "../support"]
mod support {
    pub mod host;
    pub mod rows;
    pub mod watch;
}

mod watch;
mod watch_guests;
