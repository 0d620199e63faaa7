//! Terminals in the browser, over WebSocket: the serial console of an instance, which many watch and one types into, and logging in
//! to it by ssh. Bytes are what a terminal shows and what is typed; texts are JSON, and say what is beside that.

mod flow;
mod keyboards;
mod serial;
mod shell;
mod socket;

use std::sync::Arc;

use bytes::Bytes;
use keyboards::Keyboards;
use serde::{Deserialize, Serialize};
pub use serial::watch;
pub use shell::log_in;
use tokio::sync::Semaphore;

use crate::model::{Code, Error, Result};

/// Terminals that are open at a time.
const MOST: usize = 32;

/// What the terminals of a server share.
pub struct Terminals {
    room: Arc<Semaphore>,
    keyboards: Arc<Keyboards>,
}

impl Default for Terminals {
    fn default() -> Self {
        Self { room: Arc::new(Semaphore::new(MOST)), keyboards: Arc::default() }
    }
}

impl Terminals {
    fn room(&self) -> Result<tokio::sync::OwnedSemaphorePermit> {
        let full = || Error::new(Code::TooManyRequests, "too many terminals are open").hint("close one of them");
        self.room.clone().try_acquire_owned().map_err(|_| full())
    }
}

/// What a browser asks for, in a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase", deny_unknown_fields)]
enum Asked {
    /// Its terminal has so many columns and rows.
    Size(u16, u16),
    /// It wants to type.
    Take,
    /// It no longer does.
    Give,
}

/// What a browser does.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Does {
    Asks(Asked),
    Types(Bytes),
}

/// What a browser is told, in a text.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
enum Told {
    /// Who types; none: nobody does.
    Keyboard {
        /// Who.
        holder: Option<String>,
        /// Whether it is this browser.
        own: bool,
    },
    /// So many bytes were left out: they came faster than they are shown.
    Dropped(u64),
    /// What was asked for is not to be had, and why.
    Note(String),
    /// It is over, and why.
    End(String),
}

/// An error in one sentence, with what to do next.
fn sentence(error: &Error) -> String {
    let hints: Vec<String> = error.hint_texts();
    std::iter::once(error.message.clone()).chain(hints).collect::<Vec<_>>().join("; ")
}

#[cfg(test)]
mod tests {
    use super::{Asked, Told};

    #[test]
    fn what_is_said_is_json_of_these_forms() {
        let told = |told: Told| serde_json::to_string(&told).unwrap();
        assert_eq!(
            told(Told::Keyboard { holder: Some("anna".to_owned()), own: false }),
            r#"{"keyboard":{"holder":"anna","own":false}}"#
        );
        assert_eq!(told(Told::Dropped(7)), r#"{"dropped":7}"#);
        assert_eq!(told(Told::End("\u{1b}".to_owned())), r#"{"end":"\u001b"}"#);
        let asked = |text: &str| serde_json::from_str::<Asked>(text).ok();
        assert_eq!(asked(r#"{"size":[80,24]}"#), Some(Asked::Size(80, 24)));
        assert_eq!((asked(r#""take""#), asked(r#""give""#)), (Some(Asked::Take), Some(Asked::Give)));
        for wrong in [r#"{"size":[80]}"#, r#"{"size":[80,70000]}"#, r#"{"keys":"x"}"#, "", "[]", r#"{"size":[-1,2]}"#] {
            assert_eq!(asked(wrong), None, "{wrong}");
        }
    }
}
