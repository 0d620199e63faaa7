//! A step as a journal has it: also one that an older lite wrote, with a word for each kind of thing.

use serde::Deserialize;
use uuid::Uuid;

use super::{DiskCopy, Object, OwnedKind, Step};
use crate::model;

/// Every form in which a step was ever written.
#[derive(Deserialize)]
#[serde(rename_all = "snake_case", tag = "step")]
pub(super) enum Journalled {
    Ensure {
        kind: OwnedKind,
        object: Object,
        xml: String,
    },
    Clone {
        kind: OwnedKind,
        object: Object,
        from: String,
        xml: String,
    },
    Remove {
        object: Object,
    },
    // Until the firewall was lite's own, a start had two halves.
    #[serde(alias = "launch")]
    StartUnlinked {
        uuid: Uuid,
    },
    #[serde(alias = "connect")]
    LinkUp {
        uuid: Uuid,
    },
    Rename {
        uuid: Uuid,
        name: String,
    },
    Redefine {
        uuid: Uuid,
        from: String,
        to: String,
    },
    Grow {
        pool: String,
        volume: String,
        domain: Option<Uuid>,
        bytes: u64,
    },
    Start {
        uuid: Uuid,
    },
    Destroy {
        uuid: Uuid,
    },
    StartPaused {
        uuid: Uuid,
        xml: String,
    },
    Restore {
        uuid: Uuid,
        path: String,
    },
    Identify {
        uuid: Uuid,
    },
    Plug {
        uuid: Uuid,
        xml: String,
    },
    EndPaused {
        uuid: Uuid,
    },
    Copy {
        uuid: Uuid,
        copy: DiskCopy,
        xml: String,
    },
    EndCopy {
        uuid: Uuid,
        copy: DiskCopy,
    },
    Freeze {
        uuid: Uuid,
    },
    Thaw {
        uuid: Uuid,
    },
    Suspend {
        uuid: Uuid,
    },
    Resume {
        uuid: Uuid,
    },
    Cut {
        uuid: Uuid,
        copies: Vec<DiskCopy>,
    },
    Upgrade {
        uuid: Uuid,
        snapshot: Uuid,
    },
    MoveNetwork {
        name: String,
        mode: model::ForwardMode,
        before: String,
        links: Vec<model::Tap>,
    },
    RestoreNetwork {
        name: String,
        xml: String,
        links: Vec<model::Tap>,
    },
    // Schemas 1 to 3 of the database.
    Filter {
        name: String,
        xml: String,
    },
    DhcpHost {
        network: String,
        host: model::DhcpHost,
    },
    RootVolume {
        pool: String,
        name: String,
        xml: String,
    },
    SeedVolume {
        pool: String,
        name: String,
        xml: String,
    },
    Domain {
        uuid: Uuid,
        xml: String,
    },
    RemoveDomain {
        uuid: Uuid,
    },
    RemoveVolume {
        pool: String,
        name: String,
    },
    RemoveDhcpHost {
        network: String,
        host: model::DhcpHost,
    },
    RemoveFilter {
        name: String,
    },
    RemoveLogs {
        files: Vec<String>,
    },
}

impl From<Journalled> for Step {
    fn from(step: Journalled) -> Self {
        let ensure = |kind, object, xml| Self::Ensure { kind, object, xml };
        let remove = |object| Self::Remove { object };
        match step {
            Journalled::Ensure { kind, object, xml } => ensure(kind, object, xml),
            Journalled::Clone { kind, object, from, xml } => Self::Clone { kind, object, from, xml },
            Journalled::Remove { object } => remove(object),
            Journalled::StartUnlinked { uuid } => Self::StartUnlinked { uuid },
            Journalled::LinkUp { uuid } => Self::Start { uuid },
            Journalled::Rename { uuid, name } => Self::Rename { uuid, name },
            Journalled::Redefine { uuid, from, to } => Self::Redefine { uuid, from, to },
            Journalled::Grow { pool, volume, domain, bytes } => Self::Grow { pool, volume, domain, bytes },
            Journalled::Start { uuid } => Self::Start { uuid },
            Journalled::Destroy { uuid } => Self::Destroy { uuid },
            Journalled::StartPaused { uuid, xml } => Self::StartPaused { uuid, xml },
            Journalled::Restore { uuid, path } => Self::Restore { uuid, path },
            Journalled::Identify { uuid } => Self::Identify { uuid },
            Journalled::Plug { uuid, xml } => Self::Plug { uuid, xml },
            Journalled::EndPaused { uuid } => Self::EndPaused { uuid },
            Journalled::Copy { uuid, copy, xml } => Self::Copy { uuid, copy, xml },
            Journalled::EndCopy { uuid, copy } => Self::EndCopy { uuid, copy },
            Journalled::Freeze { uuid } => Self::Freeze { uuid },
            Journalled::Thaw { uuid } => Self::Thaw { uuid },
            Journalled::Suspend { uuid } => Self::Suspend { uuid },
            Journalled::Resume { uuid } => Self::Resume { uuid },
            Journalled::Cut { uuid, copies } => Self::Cut { uuid, copies },
            Journalled::Upgrade { uuid, snapshot } => Self::Upgrade { uuid, snapshot },
            Journalled::MoveNetwork { name, mode, before, links } => Self::MoveNetwork { name, mode, before, links },
            Journalled::RestoreNetwork { name, xml, links } => Self::RestoreNetwork { name, xml, links },
            Journalled::Filter { name, xml } => ensure(OwnedKind::Filter, Object::Filter { name }, xml),
            Journalled::DhcpHost { network, host } => {
                ensure(OwnedKind::DhcpHost, Object::DhcpHost { network, host }, String::new())
            }
            Journalled::RootVolume { pool, name, xml } => {
                ensure(OwnedKind::RootDisk, Object::Volume { pool, name }, xml)
            }
            Journalled::SeedVolume { pool, name, xml } => ensure(OwnedKind::Seed, Object::Volume { pool, name }, xml),
            Journalled::Domain { uuid, xml } => ensure(OwnedKind::Domain, Object::Domain { uuid }, xml),
            Journalled::RemoveDomain { uuid } => remove(Object::Domain { uuid }),
            Journalled::RemoveVolume { pool, name } => remove(Object::Volume { pool, name }),
            Journalled::RemoveDhcpHost { network, host } => remove(Object::DhcpHost { network, host }),
            Journalled::RemoveFilter { name } => remove(Object::Filter { name }),
            Journalled::RemoveLogs { files } => remove(Object::Logs { files }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Mac;

    const ID: Uuid = Uuid::from_u128(7);

    fn read(text: &str) -> Step {
        serde_json::from_str(text).unwrap_or_else(|e| panic!("{text}: {e}"))
    }

    #[test]
    fn what_is_written_is_read_back() {
        let host =
            model::DhcpHost { mac: Mac::ours([0, 0, 1]), address: [192, 168, 150, 2].into(), name: "web".into() };
        let objects = [
            (OwnedKind::Domain, Object::Domain { uuid: ID }),
            (OwnedKind::RootDisk, Object::Volume { pool: "lite".into(), name: "v".into() }),
            (OwnedKind::Filter, Object::Filter { name: "f".into() }),
            (OwnedKind::DhcpHost, Object::DhcpHost { network: "lite".into(), host }),
            (OwnedKind::ConsoleLog, Object::Logs { files: vec!["/l".into()] }),
            (OwnedKind::Lock, Object::Lock { instance: ID }),
        ];
        let tap = model::Tap { name: "vnet0".into(), bridge: Some("litebr0".into()), isolated: false };
        let copy = DiskCopy { device: "vda".into(), path: "/pool/copy".into() };
        let volume = Object::Volume { pool: "lite".into(), name: "v".into() };
        let mut steps = vec![
            Step::Clone { kind: OwnedKind::Disk, object: volume, from: "w".into(), xml: "<volume/>".into() },
            Step::StartUnlinked { uuid: ID },
            Step::Rename { uuid: ID, name: "web".into() },
            Step::Redefine { uuid: ID, from: "<a/>".into(), to: "<b/>".into() },
            Step::Grow { pool: "lite".into(), volume: "v".into(), domain: Some(ID), bytes: 7 },
            Step::Start { uuid: ID },
            Step::Destroy { uuid: ID },
            Step::StartPaused { uuid: ID, xml: "<domain/>".into() },
            Step::Restore { uuid: ID, path: "/pool/m.sav".into() },
            Step::Identify { uuid: ID },
            Step::Plug { uuid: ID, xml: "<interface/>".into() },
            Step::EndPaused { uuid: ID },
            Step::Copy { uuid: ID, copy: copy.clone(), xml: "<disk/>".into() },
            Step::EndCopy { uuid: ID, copy: copy.clone() },
            Step::Freeze { uuid: ID },
            Step::Thaw { uuid: ID },
            Step::Suspend { uuid: ID },
            Step::Resume { uuid: ID },
            Step::Cut { uuid: ID, copies: vec![copy] },
            Step::Upgrade { uuid: ID, snapshot: Uuid::from_u128(8) },
            Step::MoveNetwork {
                name: "lite".into(),
                mode: model::ForwardMode::Route,
                before: "<network/>".into(),
                links: vec![tap.clone()],
            },
            Step::RestoreNetwork { name: "lite".into(), xml: "<network/>".into(), links: vec![tap] },
        ];
        for (kind, object) in objects {
            steps.push(Step::Remove { object: object.clone() });
            steps.push(Step::Ensure { kind, object, xml: "<x/>".into() });
        }
        for step in steps {
            let text = serde_json::to_string(&step).unwrap();
            assert_eq!(read(&text), step, "{text}");
        }
    }

    /// As lite wrote them at ab5d622, one of each.
    #[test]
    fn an_older_journal_is_read() {
        let id = ID.to_string();
        let host = r#"{"mac":"52:54:00:00:00:01","address":"192.168.150.2","name":"web"}"#;
        let kept = Object::DhcpHost {
            network: "lite".into(),
            host: model::DhcpHost { mac: Mac::ours([0, 0, 1]), address: [192, 168, 150, 2].into(), name: "web".into() },
        };
        let volume = || Object::Volume { pool: "lite".into(), name: "v".into() };
        let filter = || Object::Filter { name: "f".into() };
        let ensure = |kind, object, xml: &str| Step::Ensure { kind, object, xml: xml.into() };
        let old = [
            (r#"{"step":"filter","name":"f","xml":"<f/>"}"#.to_owned(), ensure(OwnedKind::Filter, filter(), "<f/>")),
            (
                format!(r#"{{"step":"dhcp_host","network":"lite","host":{host}}}"#),
                ensure(OwnedKind::DhcpHost, kept.clone(), ""),
            ),
            (
                r#"{"step":"root_volume","pool":"lite","name":"v","xml":"<v/>"}"#.to_owned(),
                ensure(OwnedKind::RootDisk, volume(), "<v/>"),
            ),
            (
                r#"{"step":"seed_volume","pool":"lite","name":"v","xml":"<v/>"}"#.to_owned(),
                ensure(OwnedKind::Seed, volume(), "<v/>"),
            ),
            (
                format!(r#"{{"step":"domain","uuid":"{id}","xml":"<d/>"}}"#),
                ensure(OwnedKind::Domain, Object::Domain { uuid: ID }, "<d/>"),
            ),
            (format!(r#"{{"step":"launch","uuid":"{id}","xml":"<d/>"}}"#), Step::StartUnlinked { uuid: ID }),
            (format!(r#"{{"step":"connect","uuid":"{id}","interfaces":["<a/>","<b/>"]}}"#), Step::Start { uuid: ID }),
            (
                format!(r#"{{"step":"rename","uuid":"{id}","name":"web"}}"#),
                Step::Rename { uuid: ID, name: "web".into() },
            ),
            (format!(r#"{{"step":"start","uuid":"{id}"}}"#), Step::Start { uuid: ID }),
            (format!(r#"{{"step":"destroy","uuid":"{id}"}}"#), Step::Destroy { uuid: ID }),
            (
                format!(r#"{{"step":"remove_domain","uuid":"{id}"}}"#),
                Step::Remove { object: Object::Domain { uuid: ID } },
            ),
            (r#"{"step":"remove_volume","pool":"lite","name":"v"}"#.to_owned(), Step::Remove { object: volume() }),
            (format!(r#"{{"step":"remove_dhcp_host","network":"lite","host":{host}}}"#), Step::Remove { object: kept }),
            (r#"{"step":"remove_filter","name":"f"}"#.to_owned(), Step::Remove { object: filter() }),
            (
                r#"{"step":"remove_logs","files":["/a","/b"]}"#.to_owned(),
                Step::Remove { object: Object::Logs { files: vec!["/a".into(), "/b".into()] } },
            ),
        ];
        for (text, step) in old {
            assert_eq!(read(&text), step, "{text}");
        }
    }
}
