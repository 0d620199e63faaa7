//! Measurements, run by `make bench SLOW=1`.

/// What several tests share; each binary takes what it needs.
#[path = "../support"]
#[allow(dead_code, reason = "it is shared with the tests")]
mod support {
    pub mod boot_sector;
    pub mod host;
    pub mod rows;
    pub mod skip;
    pub mod watch;
}

mod listing;
mod watch;
mod watch_guests;
