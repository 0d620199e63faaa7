//! The digest of what a create asks for, by which a retry is told from another request.

use std::{collections::BTreeMap, net::Ipv4Addr};

use ipnet::Ipv4Net;
use serde::Serialize;
use sha2::{Digest, Sha256};

use super::request::Create;
use crate::model::{Code, Error, NetworkMode, Result, hex};

/// Version of the canonical form. A digest of another version tells nothing of what was asked for.
const FORM: u32 = 2;

/// What is asked for, in one form. How it is waited for is no part of it: a retry may be more patient.
#[derive(Serialize)]
struct Canonical<'a> {
    /// Version of this form.
    create: u32,
    blueprint: &'a str,
    bundle: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    from_snapshot: Option<&'a str>,
    name: Option<&'a str>,
    base: Option<&'a str>,
    parameters: Vec<(&'a str, &'a str)>,
    ssh_keys: Vec<String>,
    user_data: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    fqdn: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    timezone: Option<&'a str>,
    tags: BTreeMap<&'a str, &'a str>,
    network: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    address: Option<(Ipv4Net, Ipv4Addr)>,
    use_baked: bool,
}

/// The version of the request's canonical form, `:`, and the form's SHA-256, hexadecimal.
pub fn digest(request: &Create) -> Result<String> {
    let sha256 = |bytes: &[u8]| hex(&Sha256::digest(bytes));
    let mut parameters: Vec<(&str, &str)> =
        request.parameters.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    parameters.sort_unstable();
    let canonical = Canonical {
        create: FORM,
        blueprint: &request.blueprint,
        bundle: request.bundle.as_deref(),
        from_snapshot: request.from_snapshot.as_ref().map(|n| n.as_str()),
        name: request.name.as_ref().map(|n| n.as_str()),
        base: request.base.as_deref(),
        parameters,
        ssh_keys: request.ssh_keys.iter().map(|k| sha256(&k.bytes)).collect(),
        user_data: request.user_data.as_ref().map(|u| sha256(&u.bytes)),
        fqdn: request.fqdn.as_ref().map(|f| f.as_str()),
        timezone: request.timezone.as_ref().map(|t| t.as_str()),
        tags: request.tags.iter().map(|t| (t.key.as_str(), t.value.as_str())).collect(),
        network: match &request.network {
            NetworkMode::Nat => "nat".to_owned(),
            NetworkMode::Bridge(name) => format!("bridge:{name}"),
        },
        address: request.address,
        use_baked: request.use_baked,
    };
    let text = serde_json::to_vec(&canonical)
        .map_err(|e| Error::new(Code::Json, "cannot write the request's canonical form").cause(e))?;
    Ok(format!("{FORM}:{}", sha256(&text)))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::digest;
    use crate::{
        app::{files::Attachment, instance::create::Create},
        model::{Name, NetworkMode, Tag},
    };

    fn request() -> Create {
        Create {
            blueprint: "nginx".to_owned(),
            from_snapshot: None,
            bundle: None,
            name: None,
            base: None,
            parameters: vec![("title".to_owned(), "Hi".to_owned())],
            ssh_keys: vec![Attachment { name: "a.pub".to_owned(), bytes: b"key".to_vec() }],
            user_data: None,
            fqdn: None,
            timezone: None,
            tags: vec![],
            network: NetworkMode::Nat,
            address: None,
            use_baked: true,
            use_warm: true,
            asked: None,
            request_id: Some("r".to_owned()),
            wait: false,
            timeout: Duration::from_secs(900),
            until_ready: true,
        }
    }

    #[test]
    fn how_it_is_waited_for_is_no_part_of_what_is_asked_for() {
        let asked = digest(&request());
        let patient = Create { wait: true, timeout: Duration::from_secs(1), until_ready: false, ..request() };
        assert_eq!(digest(&patient), asked);
        let renamed = vec![Attachment { name: "elsewhere/a.pub".to_owned(), bytes: b"key".to_vec() }];
        assert_eq!(digest(&Create { ssh_keys: renamed, ..request() }), asked);
    }

    #[test]
    fn everything_that_is_asked_for_is_in_it() {
        let asked = digest(&request());
        let other = [
            Create { blueprint: "lamp".to_owned(), ..request() },
            Create { from_snapshot: Name::parse("before").ok(), ..request() },
            Create { bundle: Some("small".to_owned()), ..request() },
            Create { name: Name::parse("web").ok(), ..request() },
            Create { base: Some("debian-12".to_owned()), ..request() },
            Create { parameters: vec![], ..request() },
            Create { ssh_keys: vec![], ..request() },
            Create { user_data: Some(Attachment { name: "u".to_owned(), bytes: b"#!".to_vec() }), ..request() },
            Create { tags: Tag::parse("live").into_iter().collect(), ..request() },
            Create { network: NetworkMode::Bridge("br0".to_owned()), ..request() },
            Create { use_baked: false, ..request() },
        ];
        for (nth, request) in other.iter().enumerate() {
            assert_ne!(digest(request), asked, "{nth}");
        }
    }
}
