//! An authority of this host alone: whoever trusts it trusts it for this host's names and addresses, and for nothing else.

use std::{
    collections::BTreeSet,
    fs::{self, File},
    io::{ErrorKind, Read, Write},
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
    path::Path,
};

use jiff::{SignedDuration, Timestamp, tz::Offset};
use rcgen::{
    BasicConstraints, CertificateParams, CidrSubnet, DnType, ExtendedKeyUsagePurpose, GeneralSubtree, IsCa, Issuer,
    KeyPair, KeyUsagePurpose, NameConstraints, SanType, date_time_ymd,
};
use rustls::{
    pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer, pem::PemObject},
    sign::CertifiedKey,
};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::{
    model::{Code, Error, Result},
    store::create_private_dir,
};

/// Where it lies in the state folder.
const FOLDER: &str = "tls";
/// Its file, which holds its key: for root alone.
const FILE: &str = "authority.json";
/// Longest file that is read.
const LONGEST: u64 = 64 * 1024;
/// Days that it is valid for, and how many of them it is used.
const AUTHORITY: (i64, i64) = (3650, 3000);
/// The same of its certificates: no browser believes one for longer than 397 days.
const LEAF: (i64, i64) = (396, 300);

/// What certificates are for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Subjects {
    names: BTreeSet<String>,
    addresses: BTreeSet<IpAddr>,
}

impl Subjects {
    /// This host as it calls itself, the address it listens on, and further names and addresses.
    pub fn new(listen: IpAddr, further: &[String]) -> Self {
        let mut names = BTreeSet::from(["localhost".to_owned()]);
        let mut addresses = BTreeSet::from([Ipv4Addr::LOCALHOST.into(), Ipv6Addr::LOCALHOST.into()]);
        if !listen.is_unspecified() {
            addresses.insert(listen);
        }
        for name in further {
            match name.parse::<IpAddr>() {
                Ok(address) => drop(addresses.insert(address)),
                Err(_) => drop(names.insert(name.clone())),
            }
        }
        Self { names, addresses }
    }

    fn holds(&self, other: &Self) -> bool {
        self.names.is_superset(&other.names) && self.addresses.is_superset(&other.addresses)
    }

    fn with(mut self, other: Self) -> Self {
        self.names.extend(other.names);
        self.addresses.extend(other.addresses);
        self
    }

    /// What an authority may vouch for, and no more.
    fn constraints(&self) -> NameConstraints {
        let address = |address: &IpAddr| match address {
            IpAddr::V4(own) => CidrSubnet::V4(own.octets(), [255; 4]),
            IpAddr::V6(own) => CidrSubnet::V6(own.octets(), [255; 16]),
        };
        let names = self.names.iter().cloned().map(GeneralSubtree::DnsName);
        let addresses = self.addresses.iter().map(address).map(GeneralSubtree::IpAddress);
        NameConstraints { permitted_subtrees: names.chain(addresses).collect(), excluded_subtrees: Vec::new() }
    }
}

/// The authority, as its file holds it. It has no `Debug`: its key would be in there.
#[derive(Serialize, Deserialize)]
pub struct Authority {
    name: String,
    made_at: Timestamp,
    subjects: Subjects,
    certificate: String,
    key: String,
}

fn failed(what: &str) -> impl Fn(rcgen::Error) -> Error {
    move |e| Error::new(Code::Internal, format!("cannot make {what}")).cause(e)
}

fn unusable(path: &Path, why: impl std::fmt::Display) -> Error {
    Error::new(Code::InvalidCertificate, format!("`{}` is not the authority of this host", path.display()))
        .cause(why)
        .hint("remove it: the next `lite serve --tls self` makes another, which browsers have to trust anew")
}

/// Says from when and until when it is valid: whole days, from yesterday, since clocks differ.
fn limit(params: &mut CertificateParams, now: Timestamp, days: i64) {
    let day = |days: i64| {
        let at = now.saturating_add(SignedDuration::from_hours(24 * days)).unwrap_or(now);
        let date = Offset::UTC.to_datetime(at).date();
        date_time_ymd(date.year().into(), date.month().unsigned_abs(), date.day().unsigned_abs())
    };
    (params.not_before, params.not_after) = (day(-1), day(days));
}

impl Authority {
    /// The one that is kept, if it has years left and vouches for all of these; else one that is made now, for what the old one
    /// vouched for too.
    ///
    /// # Errors
    /// The file is none of lite's, or cannot be written.
    pub fn open(state: &Path, wanted: Subjects, now: Timestamp) -> Result<Self> {
        let kept = Self::kept(state)?;
        let wanted = match kept {
            Some(kept) if kept.subjects.holds(&wanted) && is_young(kept.made_at, AUTHORITY.1, now) => return Ok(kept),
            Some(kept) => kept.subjects.with(wanted),
            None => wanted,
        };
        let made = Self::make(wanted, now)?;
        made.keep(state)?;
        Ok(made)
    }

    /// The one that is kept; none: there is none.
    ///
    /// # Errors
    /// The file is none of lite's.
    pub fn kept(state: &Path) -> Result<Option<Self>> {
        let (path, mut text) = (state.join(FOLDER).join(FILE), String::new());
        let read = File::open(&path).and_then(|file| file.take(LONGEST).read_to_string(&mut text));
        match read {
            Err(e) if e.kind() == ErrorKind::NotFound => return Ok(None),
            Err(e) => return Err(unusable(&path, e)),
            Ok(_) => {}
        }
        // What serde says may quote the key.
        serde_json::from_str(&text).map(Some).map_err(|_| unusable(&path, "it is not in lite's form"))
    }

    fn make(subjects: Subjects, now: Timestamp) -> Result<Self> {
        let name = format!("lite on this host, {}", now.strftime("%Y-%m-%d %H:%M:%S"));
        let key = KeyPair::generate().map_err(failed("a key"))?;
        let mut params = Self::params(&name, &subjects);
        limit(&mut params, now, AUTHORITY.0);
        let certificate = params.self_signed(&key).map_err(failed("an authority"))?.pem();
        Ok(Self { name, made_at: now, subjects, certificate, key: key.serialize_pem() })
    }

    fn params(name: &str, subjects: &Subjects) -> CertificateParams {
        let mut params = CertificateParams::default();
        params.distinguished_name = rcgen::DistinguishedName::new();
        params.distinguished_name.push(DnType::CommonName, name);
        params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        params.name_constraints = Some(subjects.constraints());
        params
    }

    /// Writes the file, whole or not at all.
    fn keep(&self, state: &Path) -> Result<()> {
        let folder = state.join(FOLDER);
        create_private_dir(&folder)?;
        let path = folder.join(FILE);
        let text = serde_json::to_vec(self).map_err(|_| unusable(&path, "it cannot be written"))?;
        let write = || {
            // Made with mode 0600.
            let mut file = tempfile::NamedTempFile::new_in(&folder)?;
            file.write_all(&text)?;
            file.as_file().sync_all()?;
            file.persist(&path).map_err(|e| e.error)?;
            fs::File::open(&folder)?.sync_all()
        };
        write().map_err(|e| Error::new(Code::StateNotWritable, format!("cannot write `{}`", path.display())).cause(e))
    }

    /// Its certificate, PEM: what browsers and programs are to trust.
    pub fn certificate(&self) -> &str {
        &self.certificate
    }

    /// By what somebody can tell that it is this one: SHA-256 of its certificate.
    ///
    /// # Errors
    /// Its file does not hold a certificate.
    pub fn fingerprint(&self) -> Result<String> {
        let der =
            CertificateDer::from_pem_slice(self.certificate.as_bytes()).map_err(|e| unusable(Path::new(FILE), e))?;
        let pairs: Vec<String> = Sha256::digest(&der).iter().map(|byte| format!("{byte:02X}")).collect();
        Ok(pairs.join(":"))
    }

    /// A new certificate of this host, with a key of its own that lies nowhere.
    ///
    /// # Errors
    /// The file does not hold a key.
    pub fn issue(&self, now: Timestamp) -> Result<CertifiedKey> {
        let own = KeyPair::from_pem(&self.key).map_err(|_| unusable(Path::new(FILE), "it holds no key"))?;
        let issuer = Issuer::new(Self::params(&self.name, &self.subjects), own);
        let mut params = CertificateParams::default();
        params.distinguished_name = rcgen::DistinguishedName::new();
        params.distinguished_name.push(DnType::CommonName, "lite");
        for name in &self.subjects.names {
            params.subject_alt_names.push(SanType::DnsName(name.as_str().try_into().map_err(failed("a name"))?));
        }
        params.subject_alt_names.extend(self.subjects.addresses.iter().copied().map(SanType::IpAddress));
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        params.use_authority_key_identifier_extension = true;
        limit(&mut params, now, LEAF.0);
        let key = KeyPair::generate().map_err(failed("a key"))?;
        let made = params.signed_by(&key, &issuer).map_err(failed("a certificate"))?;
        let private = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der()));
        CertifiedKey::from_der(vec![made.der().clone()], private, &super::provider())
            .map_err(|e| Error::new(Code::Internal, "cannot use a certificate").cause(e))
    }
}

fn is_young(made_at: Timestamp, days: i64, now: Timestamp) -> bool {
    (0..days * 24).contains(&now.duration_since(made_at).as_hours())
}

/// Whether a certificate that was issued then is still used.
pub fn is_current(issued_at: Timestamp, now: Timestamp) -> bool {
    is_young(issued_at, LEAF.1, now)
}

#[cfg(test)]
mod tests {
    use jiff::{SignedDuration, Timestamp};

    use super::{Authority, Subjects, is_current};

    fn later(days: i64) -> Timestamp {
        Timestamp::from_second(1_800_000_000).unwrap() + SignedDuration::from_hours(24 * days)
    }

    #[test]
    fn it_stays_until_it_is_old_or_another_name_is_wanted() {
        let state = tempfile::tempdir().unwrap();
        let of = |names: &[&str]| {
            let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
            Subjects::new("0.0.0.0".parse().unwrap(), &names)
        };
        let open = |names: &[&str], days| Authority::open(state.path(), of(names), later(days)).unwrap();
        assert!(Authority::kept(state.path()).unwrap().is_none());
        let first = open(&["lite.example"], 0);
        assert_eq!(open(&["lite.example"], 2999).certificate(), first.certificate());
        assert_eq!(open(&[], 0).certificate(), first.certificate(), "it vouches for less");
        let second = open(&["192.0.2.7"], 0);
        assert_ne!(second.certificate(), first.certificate());
        assert_eq!(second.subjects, of(&["lite.example", "192.0.2.7"]), "what was, is");
        assert_ne!(open(&[], 3000).certificate(), second.certificate(), "it is old");
        let mode =
            std::os::unix::fs::MetadataExt::mode(&std::fs::metadata(state.path().join("tls/authority.json")).unwrap());
        assert_eq!(mode & 0o777, 0o600);
        std::fs::write(state.path().join("tls/authority.json"), "{}").unwrap();
        assert_eq!(Authority::kept(state.path()).map(|_| ()).map_err(|e| e.exit_code()), Err(2));
    }

    #[test]
    fn a_certificate_is_replaced_long_before_it_ends() {
        assert!(is_current(later(0), later(299)) && !is_current(later(0), later(300)));
        assert!(!is_current(later(1), later(0)), "the clock was wrong");
    }
}
