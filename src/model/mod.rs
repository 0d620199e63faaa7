//! Plain types that cannot hold a bad value. No effects, no dependencies on other rooms.

mod drift;
mod error;
mod instance;
mod money;
mod name;
mod net;
mod settings;
mod size;

pub use drift::Drift;
pub use error::{Error, Kind, Result, escaped, nearest};
pub use instance::{Instance, InstanceState, NetworkMode, Phase, Record, Tag, Wanted};
pub use money::{Currency, Money};
pub use name::Name;
pub use net::{DhcpHost, Mac, Port, Protocol};
pub use settings::{Accel, Paths, Settings};
pub use size::Size;
