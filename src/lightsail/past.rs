//! Operations of what is done at once: lite's journal has none for it, and clients want one. Its id says all of it, so that nothing is
//! kept for it.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{place::Place, wire::Operation};

/// What such an id begins with.
const PREFIX: &str = "done-";
/// Longest id that is looked at.
const LONGEST: usize = 512;

#[derive(Serialize, Deserialize)]
struct Past {
    /// What was done.
    what: String,
    /// To what kind of thing.
    kind: String,
    /// To which.
    name: String,
    /// When, in milliseconds.
    at: i64,
}

/// The operation of something that is done.
pub fn done(what: &str, (kind, name): (&'static str, &str), now: Timestamp, place: &Place) -> Operation {
    let past = Past { what: what.to_owned(), kind: kind.to_owned(), name: name.to_owned(), at: now.as_millisecond() };
    // A structure of text and a number is always written.
    let written = serde_json::to_vec(&past).unwrap_or_default();
    operation(format!("{PREFIX}{}", URL_SAFE_NO_PAD.encode(written)), kind, past, place)
}

/// The operation of such an id; none: it is none.
pub fn of_id(id: &str, place: &Place) -> Option<Operation> {
    let written = id.strip_prefix(PREFIX).filter(|rest| rest.len() <= LONGEST)?;
    let past: Past = serde_json::from_slice(&URL_SAFE_NO_PAD.decode(written).ok()?).ok()?;
    let kind = [
        "Instance",
        "KeyPair",
        "StaticIp",
        "Disk",
        "InstanceSnapshot",
        "Alarm",
        "ContactMethod",
        "LoadBalancer",
        "DiskSnapshot",
    ];
    let kind = kind.into_iter().find(|kind| *kind == past.kind)?;
    let plain = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
    (plain(&past.what) && plain(&past.name)).then(|| operation(id.to_owned(), kind, past, place))
}

fn operation(id: String, kind: &'static str, past: Past, place: &Place) -> Operation {
    let at = Timestamp::from_millisecond(past.at).unwrap_or_default().into();
    Operation {
        id,
        resource_name: past.name,
        resource_type: kind,
        created_at: at,
        location: if kind == "Instance" || kind == "Disk" { place.in_zone() } else { place.everywhere() },
        is_terminal: true,
        operation_type: past.what,
        status: "Succeeded",
        status_changed_at: at,
        error_code: None,
        error_details: None,
    }
}

#[cfg(test)]
mod tests {
    use super::{Place, done, of_id};

    #[test]
    fn an_id_says_what_was_done_and_nothing_else() {
        let place = Place { region: "home-1".to_owned(), account: "000000000000".to_owned() };
        let now = "2026-11-28T08:00:00Z".parse().unwrap();
        let made = done("ImportKeyPair", ("KeyPair", "laptop"), now, &place);
        let again = of_id(&made.id, &place).unwrap();
        assert_eq!(serde_json::to_value(&again).unwrap(), serde_json::to_value(&made).unwrap());
        let forged = |text: &str| {
            use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
            of_id(&format!("done-{}", URL_SAFE_NO_PAD.encode(text)), &place).is_some()
        };
        assert!(forged(r#"{"what":"StopInstance","kind":"Instance","name":"web","at":0}"#));
        for text in [
            "",
            "{}",
            r#"{"what":"<script>","kind":"Instance","name":"web","at":0}"#,
            r#"{"what":"A","kind":"Root","name":"web","at":0}"#,
            r#"{"what":"A","kind":"Instance","name":"\u0000","at":0}"#,
        ] {
            assert!(!forged(text), "{text}");
        }
        assert!(of_id("op-01234567", &place).is_none() && of_id(&"done-".repeat(200), &place).is_none());
    }
}
