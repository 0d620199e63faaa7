//! Kernel locks on instances: freed by the death of their owner, never a pid file.

mod word;

use std::{
    fs::{File, OpenOptions, TryLockError},
    io::ErrorKind,
    os::unix::fs::{MetadataExt, OpenOptionsExt},
    path::{Path, PathBuf},
    time::Duration,
};

use uuid::Uuid;

use self::word::{Hung, Owner, describe, owner_in};
use super::Ctx;
use crate::{
    clock::Clock,
    model::{Code, Error, Hint, Instance, OperationKind, Phase, ResourceKind, Result, Verb},
    store::Operation,
};

/// How often a waiting command tries again. flock has no time-out, and a blocking one could not be interrupted.
const RETRY: Duration = Duration::from_millis(100);

/// How long even a command that does not wait tries: others hold a lock that long only to see whether its owner lives.
const MOMENT: Duration = Duration::from_millis(300);

/// The lock of those who make what all instances share: pool and network.
pub const HOST: Uuid = Uuid::nil();
/// The lock of those who collect what nobody owns.
pub const GC: Uuid = Uuid::max();
/// The lock of those who load the rules of the firewall.
pub const FIREWALL: Uuid = Uuid::from_u128(5);
/// The lock of those who write the names of instances.
pub const NAMES: Uuid = Uuid::from_u128(9);
/// The lock of those who load the web front.
pub const PROXY: Uuid = Uuid::from_u128(6);
/// The lock of those who ask for certificates.
pub const CERTIFICATES: Uuid = Uuid::from_u128(7);
/// The locks of those who ask libvirt for something that it does for one client at a time: power, addresses. Many
/// that asked at once would use up its workers and their own deadlines; a few may, so that one that waits for a hung guest
/// does not hold up the others.
pub const LIBVIRT_SLOTS: [Uuid; 4] = [Uuid::from_u128(1), Uuid::from_u128(2), Uuid::from_u128(3), Uuid::from_u128(4)];

/// The ids of locks of operations begin so; behind it is the operation's number. No version of uuids is made this way.
const OF_OPERATIONS: u128 = 0x6f70_6572_6174_0000_0000_0000_0000_0000;
/// The same of jobs.
const OF_JOBS: u128 = 0x6a6f_6273_0000_0000_0000_0000_0000_0000;

/// A lock that belongs to no instance.
pub fn is_shared(id: &Uuid) -> bool {
    [HOST, GC, FIREWALL, NAMES, PROXY, CERTIFICATES].contains(id) || LIBVIRT_SLOTS.contains(id)
}

/// The lock that the owner of an operation holds. That of an instance keeps others from it. Work on an image takes turns by the
/// image's own lock, and a create or a start frees its instance before it waits for the application: each of these has one of
/// its own. A snapshot is made under the lock of its instance, and a disk that one has is made larger, or copied, under that.
pub fn owner(operation: &Operation) -> Uuid {
    match (operation.resource.kind, operation.kind) {
        (ResourceKind::Instance, OperationKind::Create | OperationKind::Start) => of_operation(operation),
        (ResourceKind::Snapshot, OperationKind::CreateSnapshot | OperationKind::CreateDiskSnapshot)
        | (ResourceKind::Disk, OperationKind::ResizeDisk) => operation.machine.unwrap_or(operation.resource.id),
        (
            ResourceKind::Instance
            | ResourceKind::LoadBalancer
            | ResourceKind::Snapshot
            | ResourceKind::Disk
            | ResourceKind::Remote,
            _,
        ) => operation.resource.id,
        (ResourceKind::Network, _) => HOST,
        (
            ResourceKind::Image
            | ResourceKind::Alarm
            | ResourceKind::Contact
            | ResourceKind::StaticIp
            | ResourceKind::KeyPair,
            _,
        ) => of_operation(operation),
    }
}

fn of_operation(operation: &Operation) -> Uuid {
    numbered(OF_OPERATIONS, operation.id.strip_prefix("op-"))
}

/// The lock that the process of a job holds.
pub fn of_job(id: &str) -> Uuid {
    numbered(OF_JOBS, id.strip_prefix("job-"))
}

fn numbered(kind: u128, hex: Option<&str>) -> Uuid {
    Uuid::from_u128(kind | hex.and_then(|hex| u128::from_str_radix(hex, 16).ok()).unwrap_or(0))
}

/// Takes the lock that an operation has for itself, before it is journalled.
pub fn own(dir: &Path, operation: &Operation, now: jiff::Timestamp) -> Result<Lock> {
    match Lock::attempt(dir, of_operation(operation), operation.kind.as_str(), now)? {
        Attempt::Held(lock) => Ok(lock),
        Attempt::Busy(_) => Err(Error::new(Code::Busy, "the id of this operation is in use").hint("try again")),
    }
}

/// A held lock; dropped with the process or this value.
#[derive(Debug)]
pub struct Lock {
    file: File,
    path: PathBuf,
    owner: Owner,
    /// What the owner before found where libvirt hangs.
    hung_before: Option<Hung>,
}

/// What happened when a lock was asked for.
#[derive(Debug)]
pub enum Attempt {
    /// It is ours.
    Held(Lock),
    /// Somebody else holds it: what they do and since when, as a sentence.
    Busy(String),
}

impl Drop for Lock {
    fn drop(&mut self) {
        // Closing the file would not do while a process that another thread is just starting holds a copy of it.
        let _ = self.file.unlock();
    }
}

impl Lock {
    /// Tries once.
    pub fn attempt(dir: &Path, instance: Uuid, operation: &str, now: jiff::Timestamp) -> Result<Attempt> {
        crate::store::create_private_dir(dir)?;
        let path = dir.join(format!("{instance}.lock"));
        loop {
            let fail = |e: std::io::Error| {
                Error::new(Code::StateNotWritable, format!("cannot lock `{}`", path.display()))
                    .cause(e)
                    .hint(Hint::again_as_root_or("LITE_STATE_DIR"))
            };
            let mut file = OpenOptions::new()
                .read(true)
                .write(true)
                .create(true)
                .truncate(false)
                .mode(0o600)
                .open(&path)
                .map_err(fail)?;
            match file.try_lock() {
                Ok(()) => {}
                Err(TryLockError::WouldBlock) => return Ok(Attempt::Busy(describe(&mut file))),
                Err(TryLockError::Error(e)) => return Err(fail(e)),
            }
            // The file may have been removed by its last owner between open and lock.
            let same = std::fs::metadata(&path).is_ok_and(|on_disk| {
                file.metadata().is_ok_and(|ours| (ours.dev(), ours.ino()) == (on_disk.dev(), on_disk.ino()))
            });
            if same {
                let hung_before = owner_in(&mut file).and_then(|owner| owner.hung);
                let pid = std::process::id();
                let owner = Owner { operation: operation.to_owned(), pid, since: now, hung: None };
                let lock = Self { file, path, owner, hung_before };
                lock.sign(&lock.owner);
                return Ok(Attempt::Held(lock));
            }
        }
    }

    /// Who holds a lock of the folder, as a sentence; none: nobody does.
    pub fn held(dir: &Path, now: jiff::Timestamp) -> Result<Option<String>> {
        let fail = |e: std::io::Error| {
            Error::new(Code::StateNotReadable, format!("cannot look at `{}`", dir.display())).cause(e)
        };
        let entries = match std::fs::read_dir(dir) {
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            entries => entries.map_err(fail)?,
        };
        for entry in entries {
            let name = entry.map_err(fail)?.file_name();
            let id = name.to_str().and_then(|n| Uuid::try_parse(n.strip_suffix(".lock")?).ok());
            let Some(id) = id else { continue };
            if let Attempt::Busy(who) = Self::attempt(dir, id, "look", now)? {
                return Ok(Some(who));
            }
        }
        Ok(None)
    }

    /// Tries until `wait` has passed, and a moment at least. Busy (exit 3) with who holds it and since when.
    pub fn acquire(
        dir: &Path,
        instance: Uuid,
        name: &str,
        operation: &str,
        clock: &dyn Clock,
        wait: Duration,
    ) -> Result<Self> {
        Self::acquire_of(dir, (instance, &format!("instance `{name}`")), operation, clock, wait)
    }

    /// The same for what is not an instance: its id, and what a sentence calls it.
    pub fn acquire_of(
        dir: &Path,
        (id, what): (Uuid, &str),
        operation: &str,
        clock: &dyn Clock,
        wait: Duration,
    ) -> Result<Self> {
        let end = clock.instant() + wait.max(MOMENT);
        let mut waited = false;
        loop {
            match Self::attempt(dir, id, operation, clock.now())? {
                Attempt::Held(lock) if waited => return lock.after_wait(clock.now()),
                Attempt::Held(lock) => return Ok(lock),
                Attempt::Busy(who) if clock.instant() >= end => {
                    return Err(Error::new(Code::Busy, format!("{what} is busy: {who}"))
                        .hint("try again later, or wait for it with `--wait`"));
                }
                Attempt::Busy(_) => {
                    waited = true;
                    clock.sleep(RETRY);
                }
            }
        }
    }

    /// The instances that have a lock file.
    pub fn files(dir: &Path) -> Result<Vec<Uuid>> {
        let fail = |e: std::io::Error| unreadable(dir, e);
        let entries = match std::fs::read_dir(dir) {
            Err(e) if e.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
            entries => entries.map_err(fail)?,
        };
        let mut found = Vec::new();
        for entry in entries {
            let name = entry.map_err(fail)?.file_name();
            found.extend(name.to_str().and_then(|n| Uuid::try_parse(n.strip_suffix(".lock")?).ok()));
        }
        Ok(found)
    }

    /// The instances that have a lock file, each with whether somebody holds it. Nothing is written; a lock that is free
    /// is shared for an instant.
    pub fn survey(dir: &Path) -> Result<Vec<(Uuid, bool)>> {
        let mut found = Vec::new();
        for id in Self::files(dir)? {
            let file = match File::open(dir.join(format!("{id}.lock"))) {
                Err(e) if e.kind() == ErrorKind::NotFound => continue,
                file => file.map_err(|e| unreadable(dir, e))?,
            };
            match file.try_lock_shared() {
                Ok(()) => {
                    // As a lock's end: a process that is just being started would hold it on, and its owner be told of nobody.
                    let _ = file.unlock();
                    found.push((id, false));
                }
                Err(TryLockError::WouldBlock) => found.push((id, true)),
                Err(TryLockError::Error(e)) => return Err(unreadable(dir, e)),
            }
        }
        Ok(found)
    }

    /// Takes the first of some locks that is free, trying until `wait` has passed; none then.
    pub fn any_of(
        dir: &Path,
        ids: &[Uuid],
        operation: &str,
        clock: &dyn Clock,
        wait: Duration,
    ) -> Result<Option<Self>> {
        let end = clock.instant() + wait;
        let mut waited = false;
        loop {
            for id in ids {
                if let Attempt::Held(lock) = Self::attempt(dir, *id, operation, clock.now())? {
                    return if waited { lock.after_wait(clock.now()).map(Some) } else { Ok(Some(lock)) };
                }
            }
            if clock.instant() >= end {
                return Ok(None);
            }
            waited = true;
            clock.sleep(RETRY);
        }
    }

    /// Removes the file of an instance that is gone.
    pub fn retire(self) {
        // A leftover empty file is harmless, so a failure here is none.
        let _ = std::fs::remove_file(&self.path);
    }
}

/// Takes the lock of an instance for an operation, and makes sure the instance still is what was read before.
pub fn take(ctx: &mut Ctx, instance: &Instance, operation: &str) -> Result<Lock> {
    take_within(ctx, instance, operation, ctx.wait)
}

/// As [`take`], waiting so long for a busy instance.
pub fn take_within(ctx: &mut Ctx, instance: &Instance, operation: &str, wait: Duration) -> Result<Lock> {
    let record = &instance.record;
    let lock = Lock::acquire(&ctx.locks(), record.uuid, record.name.as_str(), operation, &*ctx.clock, wait)?;
    let deleted = || Error::new(Code::NoSuchInstance, format!("instance `{}` was deleted meanwhile", record.name));
    match ctx.store.instance_by_uuid(record.uuid)? {
        None => {
            lock.retire();
            Err(deleted().hint(Hint::new().run(Verb::List).text(" shows all instances")))
        }
        Some(now) if now.phase == Phase::Kept => Err(deleted().hint(now.record.way_back())),
        Some(_) => Ok(lock),
    }
}

fn unreadable(dir: &Path, e: std::io::Error) -> Error {
    Error::new(Code::StateUnreadable, format!("cannot read `{}`", dir.display())).cause(e)
}

/// Whether a process works on an operation. Nothing is written.
pub fn has_owner(state: &Path, operation: &Operation) -> Result<bool> {
    let own = owner(operation);
    Ok(held_locks(state)?.contains(&own))
}

/// The instances whose lock somebody holds. Nothing is written.
pub fn held_locks(state: &Path) -> Result<Vec<Uuid>> {
    let all = Lock::survey(&state.join("locks"))?;
    Ok(all.into_iter().filter(|(_, held)| *held).map(|(id, _)| id).collect())
}

/// The locks that this process holds. Nothing is written.
pub fn locks_of_this_process(state: &Path) -> Result<Vec<Uuid>> {
    let is_ours = |id: &Uuid| {
        let file = File::open(state.join("locks").join(format!("{id}.lock")));
        file.ok().and_then(|mut file| owner_in(&mut file)).is_some_and(|owner| owner.pid == std::process::id())
    };
    Ok(held_locks(state)?.into_iter().filter(is_ours).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_owner_hears_who_and_since_when() {
        let dir = tempfile::tempdir().unwrap();
        let id = Uuid::from_u128(7);
        let now = jiff::Timestamp::UNIX_EPOCH;
        let clock: &dyn Clock = &((|| jiff::Timestamp::UNIX_EPOCH) as fn() -> jiff::Timestamp);
        let first = Lock::acquire(dir.path(), id, "web", "create", clock, Duration::ZERO).unwrap();
        let error = Lock::acquire(dir.path(), id, "web", "delete", clock, Duration::ZERO).unwrap_err();
        let pid = std::process::id();
        assert_eq!(
            error.message,
            format!("instance `web` is busy: `create` by process {pid} since 1970-01-01 00:00:00 UTC")
        );
        assert_eq!(error.exit_code(), 3);
        let who = format!("`create` by process {pid} since 1970-01-01 00:00:00 UTC");
        assert_eq!(Lock::held(dir.path(), now), Ok(Some(who)));
        first.retire();
        assert!(!dir.path().join(format!("{id}.lock")).exists());
        assert_eq!(Lock::held(dir.path(), now), Ok(None));
        drop(Lock::acquire(dir.path(), id, "web", "delete", clock, Duration::ZERO).unwrap());
        assert_eq!(Lock::survey(dir.path()), Ok(vec![(id, false)]));
    }

    #[test]
    fn who_waited_behind_one_whom_libvirt_did_not_answer_hears_of_it_at_once() {
        let dir = tempfile::tempdir().unwrap();
        let id = Uuid::from_u128(7);
        let clock: &dyn Clock = &crate::clock::SystemClock;
        let acquire = |wait: u64| Lock::acquire(dir.path(), id, "names", "names", clock, Duration::from_secs(wait));
        let first = acquire(0).unwrap();
        let said = std::thread::scope(|scope| {
            let waiting: Vec<_> = (0..2).map(|_| scope.spawn(|| acquire(60).map(drop))).collect();
            // Both have met the lock by then.
            std::thread::sleep(3 * RETRY);
            let hung = Hung { at: clock.now(), message: "it hangs".to_owned(), hints: vec!["restart it".to_owned()] };
            first.sign(&Owner { hung: Some(hung), ..first.owner.clone() });
            drop(first);
            waiting.into_iter().map(|w| w.join().unwrap().unwrap_err()).collect::<Vec<_>>()
        });
        let wanted = Error::new(Code::LibvirtTimeout, "it hangs").hint("restart it");
        assert_eq!(said, vec![wanted.cause("another process, which had `names`, found it so"); 2]);
        // Who has not waited asks libvirt itself.
        drop(acquire(0).unwrap());
    }
}
