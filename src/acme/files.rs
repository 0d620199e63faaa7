//! The files of a folder: the account, and a file for each certificate with its chain and key.

use std::{
    fs::{self, DirBuilder},
    io::{self, ErrorKind, Write},
    os::unix::fs::DirBuilderExt,
    path::Path,
};

use instant_acme::AccountCredentials;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::model::{Code, Domain, Error, Result, hex};

/// The account's file.
const ACCOUNT: &str = "account.json";
/// How the names of certificates end.
const END: &str = ".pem";

/// An account at an authority.
#[derive(Serialize, Deserialize)]
pub struct Account {
    /// The directory that it is for.
    pub directory: String,
    /// Its key and its address.
    pub credentials: AccountCredentials,
}

fn not_written(folder: &Path, cause: io::Error) -> Error {
    Error::new(Code::NotWritable, format!("cannot write into `{}`", folder.display())).cause(cause)
}

fn write(folder: &Path, name: &str, text: &[u8]) -> Result<()> {
    let write = || {
        DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
        // Mode 0600.
        let mut file = tempfile::NamedTempFile::new_in(folder)?;
        file.write_all(text)?;
        file.as_file().sync_all()?;
        file.persist(folder.join(name)).map(drop).map_err(|e| e.error)
    };
    write().map_err(|e| not_written(folder, e))
}

/// The account that is kept for a directory. One that cannot be read is none: another is made.
pub fn account(folder: &Path, directory: &str) -> Option<AccountCredentials> {
    let text = fs::read(folder.join(ACCOUNT)).ok()?;
    let account: Account = serde_json::from_slice(&text).ok()?;
    (account.directory == directory).then_some(account.credentials)
}

/// Keeps an account.
///
/// # Errors
/// The system's own.
pub fn write_account(folder: &Path, account: &Account) -> Result<()> {
    let text = serde_json::to_vec(account).map_err(|e| not_written(folder, e.into()))?;
    write(folder, ACCOUNT, &text)
}

/// An order under way, as a file has it.
#[derive(Serialize, Deserialize)]
struct Order {
    directory: String,
    url: String,
}

/// How names of a domain's files begin: the domain, or of a very long one its digest. A name of a file has 255 bytes at most.
fn start(domain: &Domain) -> String {
    match domain.as_str() {
        short if short.len() <= 200 => short.to_owned(),
        long => hex(&Sha256::digest(long)),
    }
}

fn order_name(domain: &Domain) -> String {
    format!("{}.order", start(domain))
}

/// The address of an order that was begun at a directory, and neither ended nor failed.
pub fn order(folder: &Path, domain: &Domain, directory: &str) -> Option<String> {
    let text = fs::read(folder.join(order_name(domain))).ok()?;
    let order: Order = serde_json::from_slice(&text).ok()?;
    (order.directory == directory).then_some(order.url)
}

/// Keeps the address of an order, so that another process goes on with it if this one dies.
///
/// # Errors
/// The system's own.
pub fn write_order(folder: &Path, domain: &Domain, directory: &str, url: &str) -> Result<()> {
    let order = Order { directory: directory.to_owned(), url: url.to_owned() };
    let text = serde_json::to_vec(&order).map_err(|e| not_written(folder, e.into()))?;
    write(folder, &order_name(domain), &text)
}

/// Forgets an order. Content if there is none.
///
/// # Errors
/// The system's own.
pub fn forget_order(folder: &Path, domain: &Domain) -> Result<()> {
    remove(folder, &order_name(domain))
}

/// Writes a certificate; the name of its file. A new one has a new name, so that HAProxy serves the old until it knows the new.
///
/// # Errors
/// The system's own.
pub fn write_certificate(folder: &Path, domain: &Domain, from: Timestamp, text: &str) -> Result<String> {
    let first = (0..u32::MAX).map(|n| format!("{}-{}-{n}{END}", start(domain), from.as_second()));
    let name = first.into_iter().find(|name| !folder.join(name).exists()).unwrap_or_default();
    write(folder, &name, text.as_bytes())?;
    Ok(name)
}

/// The names of the certificates that are kept.
pub fn kept(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let mut names: Vec<String> = entries.filter_map(|entry| entry.file_name().into_string().ok()).collect();
    names.retain(|name| name.ends_with(END));
    names.sort();
    names
}

/// Removes a certificate with its key. Content if it is gone.
///
/// # Errors
/// The system's own.
pub fn remove(folder: &Path, name: &str) -> Result<()> {
    match fs::remove_file(folder.join(name)) {
        Err(e) if e.kind() != ErrorKind::NotFound => Err(not_written(folder, e)),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longest_domain_has_files() {
        let folder = tempfile::tempdir().unwrap();
        let folder = folder.path();
        let [one, two] = ["a", "b"].map(|end| Domain::parse(&format!("{}{end}.x", "abcdefghi.".repeat(25))).unwrap());
        write_order(folder, &one, "directory", "first").unwrap();
        write_order(folder, &two, "directory", "second").unwrap();
        assert_eq!(order(folder, &one, "directory").as_deref(), Some("first"));
        let names = [&one, &two].map(|domain| write_certificate(folder, domain, Timestamp::MAX, "x").unwrap());
        assert_eq!(kept(folder).len(), 2, "{names:?}");
    }
}
