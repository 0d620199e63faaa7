//! What the owner of a lock leaves in its file: who it is, and for the next one that libvirt hangs.

use std::{
    fs::File,
    io::{Read, Seek, Write},
};

use serde::{Deserialize, Serialize};

use super::{Ctx, Lock};
use crate::model::{Code, Error, Hint, Result};

/// How long the word of an owner whom libvirt did not answer counts for those who have waited for its lock.
const HUNG: jiff::SignedDuration = jiff::SignedDuration::from_secs(5);

/// Who holds a lock, for the message of the one who does not get it. Only the kernel's lock counts.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Owner {
    pub operation: String,
    pub pid: u32,
    pub since: jiff::Timestamp,
    /// What the owner found where libvirt hangs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hung: Option<Hung>,
}

/// That libvirt hangs, as the owner of a lock was told it.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Hung {
    pub at: jiff::Timestamp,
    pub message: String,
    pub hints: Vec<String>,
}

impl Lock {
    /// On a full disk the lock is held all the same, and nobody can say by whom.
    pub(super) fn sign(&self, owner: &Owner) {
        let text = serde_json::to_vec(owner).unwrap_or_default();
        let mut file = &self.file;
        let _ = file.rewind().and_then(|()| file.set_len(0)).and_then(|()| file.write_all(&text));
    }

    /// Does what asks libvirt under this lock, which many take in turns. Where it hangs, those who wait for the lock hear of it
    /// with the lock: each would find out for itself otherwise, one after the other.
    pub fn ask<T>(&self, ctx: &Ctx, body: impl FnOnce() -> Result<T>) -> Result<T> {
        let answer = body();
        if let Err(error) = &answer
            && ctx.hypervisor.hangs()
        {
            let hints = error.hints.iter().map(Hint::to_string).collect();
            let hung = Hung { at: ctx.now(), message: error.message.clone(), hints };
            self.sign(&Owner { hung: Some(hung), ..self.owner.clone() });
        }
        answer
    }

    /// The lock, after a wait for it. Not if its owner found that libvirt hangs: so will those find who still wait.
    pub(super) fn after_wait(self, now: jiff::Timestamp) -> Result<Self> {
        match &self.hung_before {
            Some(hung) if now.duration_since(hung.at).abs() < HUNG => {
                self.sign(&Owner { hung: self.hung_before.clone(), ..self.owner.clone() });
                let error = Error::new(Code::LibvirtTimeout, hung.message.clone());
                let error = error.cause(format!("another process, which had `{}`, found it so", self.owner.operation));
                Err(hung.hints.iter().fold(error, |error, hint| error.hint(hint.as_str())))
            }
            _ => Ok(self),
        }
    }
}

/// Who signed a lock's file last.
pub fn owner_in(file: &mut File) -> Option<Owner> {
    let mut text = String::new();
    file.rewind().and_then(|()| file.take(4096).read_to_string(&mut text)).ok()?;
    serde_json::from_str(&text).ok()
}

/// Who holds a lock, as a sentence.
pub fn describe(file: &mut File) -> String {
    match owner_in(file) {
        Some(owner) => {
            format!("`{}` by process {} since {}", owner.operation, owner.pid, owner.since.strftime("%F %T UTC"))
        }
        None => "another lite process is at work on it".to_owned(),
    }
}
