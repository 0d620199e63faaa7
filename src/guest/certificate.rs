//! lite's own authority of SSH users: certificates that let one log in to one instance, and for minutes alone.
//!
//! Each instance is told at create to trust the authority for its own UUID, by a line of `authorized_keys` (sshd(8), options
//! `cert-authority` and `principals`): a certificate of one opens no other.

use std::{path::Path, time::Duration};

use jiff::Timestamp;
use secrecy::SecretString;
use ssh_key::{
    Algorithm, LineEnding, PrivateKey,
    certificate::{Builder, CertType},
    rand_core::OsRng,
};
use uuid::Uuid;

use super::ssh::{self, LoginKey};
use crate::model::{Code, Error, Name, Result};

/// How long a certificate counts.
pub const LIFE: Duration = Duration::from_secs(600);

/// How far the clock of a guest may be behind.
const SLACK: Duration = Duration::from_secs(120);

/// A key with its certificate.
#[derive(Debug)]
pub struct Certificate {
    /// The private key, as OpenSSH writes it. Kept nowhere.
    pub private: SecretString,
    /// The certificate, `ssh-ed25519-cert-v01@openssh.com AAAA…`.
    pub certificate: String,
    /// Nobody new gets in by it from then on.
    pub expires_at: Timestamp,
}

/// Reads the key of the authority in `state`, or makes it.
///
/// # Errors
/// Failed where it cannot be read or written.
pub fn authority(state: &Path) -> Result<LoginKey> {
    ssh::own_key(state, "authority_ed25519")
}

/// The line of `authorized_keys` by which an instance trusts the authority.
pub fn authorized(authority: &str, instance: Uuid) -> String {
    format!("cert-authority,principals=\"{instance}\" {authority}")
}

/// Draws a key, and certifies that whoever has it may log in to an instance, by its only account, from now on for [`LIFE`].
///
/// # Errors
/// Failed where the authority's key cannot be used, or the system gives no randomness.
pub fn certify(state: &Path, (instance, name): (Uuid, &Name), who: &str, now: Timestamp) -> Result<Certificate> {
    let failed = |e: ssh_key::Error| Error::new(Code::KeyFailed, "no SSH certificate could be made").cause(e);
    let authority = ssh::private_key(&authority(state)?.file)?;
    let key = PrivateKey::random(&mut OsRng, Algorithm::Ed25519).map_err(failed)?;
    let expires_at = now + LIFE;
    let seconds = |at: Timestamp| u64::try_from(at.as_second()).unwrap_or_default();
    let times = (seconds(now - SLACK), seconds(expires_at));
    let public = key.public_key().key_data().clone();
    let signed = Builder::new_with_random_nonce(&mut OsRng, public, times.0, times.1).and_then(|mut certificate| {
        certificate.cert_type(CertType::User)?;
        certificate.key_id(format!("lite {who} {name}"))?;
        certificate.valid_principal(instance.to_string())?;
        // Nothing but a shell: no forwarding of ports or agents.
        certificate.extension("permit-pty", "")?;
        certificate.sign(&authority)
    });
    let certificate = signed.and_then(|certificate| certificate.to_openssh()).map_err(failed)?;
    let private = key.to_openssh(LineEnding::LF).map_err(failed)?;
    Ok(Certificate { private: SecretString::from(private.as_str()), certificate, expires_at })
}

#[cfg(test)]
mod tests {
    use secrecy::ExposeSecret;
    use ssh_key::{Certificate, HashAlg, PrivateKey, PublicKey};

    use super::{authority, authorized, certify};
    use crate::model::Name;

    #[test]
    fn a_certificate_is_for_one_instance_and_ten_minutes() {
        let folder = tempfile::tempdir().unwrap();
        let (instance, now) = (uuid::Uuid::from_u128(7), "2026-03-01T10:20:30Z".parse().unwrap());
        let made = certify(folder.path(), (instance, &Name::parse("web").unwrap()), "anna", now).unwrap();
        assert_eq!(made.expires_at, "2026-03-01T10:30:30Z".parse().unwrap());
        let read = Certificate::from_openssh(&made.certificate).unwrap();
        let own = PrivateKey::from_openssh(made.private.expose_secret()).unwrap();
        assert_eq!(read.public_key(), own.public_key().key_data());
        assert_eq!((read.key_id(), read.valid_principals()), ("lite anna web", &[instance.to_string()][..]));
        assert_eq!((read.valid_after(), read.valid_before()), (1_772_360_310, 1_772_361_030));
        assert_eq!(read.extensions().keys().map(String::as_str).collect::<Vec<_>>(), ["permit-pty"]);

        let key = authority(folder.path()).unwrap();
        let public = PublicKey::from_openssh(&key.public).unwrap();
        let at = |second| read.validate_at(second, &[public.fingerprint(HashAlg::Sha256)]).is_ok();
        assert_eq!([1_772_360_309, 1_772_360_310, 1_772_361_029, 1_772_361_030].map(at), [false, true, true, false]);
        let line = authorized(&key.public, instance);
        assert_eq!(line, format!("cert-authority,principals=\"{instance}\" {}", key.public));
        // It is lite's own from then on, and another than the key that lite logs in with.
        assert_eq!(authority(folder.path()).unwrap(), key);
        assert_ne!(super::ssh::login_key(folder.path()).unwrap().public, key.public);
    }
}
