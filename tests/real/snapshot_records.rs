//! What a guest wrote and acknowledged before its snapshot is in the snapshot, and its file system is whole.

use std::{
    io::{BufRead as _, BufReader},
    path::Path,
    process::{Command, Stdio},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use crate::support::{host::Host, idle::run};

/// Appends records of 4 KiB, each full of its number, and tells the number once it is on the disk.
const LOOP: &str = "import os, struct
f = os.open('records', os.O_WRONLY | os.O_CREAT | os.O_APPEND)
n = 0
while True:
    os.write(f, struct.pack('<Q', n) * 512)
    os.fsync(f)
    print(n, flush=True)
    n += 1
";

/// What the guest acknowledged: how many records, and the longest time between two of them in milliseconds.
#[derive(Default)]
struct Acknowledged {
    count: AtomicU64,
    gap: AtomicU64,
}

impl Acknowledged {
    /// Waits until so many more are acknowledged, at most a minute.
    fn wait_for(&self, more: u64) {
        let (wanted, end) = (self.count.load(Ordering::SeqCst) + more, Instant::now() + Duration::from_secs(60));
        while self.count.load(Ordering::SeqCst) < wanted {
            assert!(Instant::now() < end, "the guest wrote no {more} records within a minute");
            thread::sleep(Duration::from_millis(20));
        }
    }
}

/// Three snapshots of a Debian guest that writes all the time.
pub fn no_acknowledged_record_is_lost(host: &Host, name: &str) {
    let script = format!("exec python3 -c \"{LOOP}\"");
    let mut writer = host.command(&["ssh", name, "--", &script]).stdout(Stdio::piped()).spawn().expect("lite runs");
    let acknowledged = Arc::new(Acknowledged::default());
    let (lines, seen) = (BufReader::new(writer.stdout.take().expect("piped")), acknowledged.clone());
    let reader = thread::spawn(move || {
        let mut last = Instant::now();
        for line in lines.lines().map_while(Result::ok) {
            let number: u64 = line.parse().expect("a number");
            seen.count.store(number + 1, Ordering::SeqCst);
            seen.gap.fetch_max(last.elapsed().as_millis().try_into().unwrap_or(u64::MAX), Ordering::SeqCst);
            last = Instant::now();
        }
    });
    acknowledged.wait_for(20);
    acknowledged.gap.store(0, Ordering::SeqCst);
    let made: Vec<(String, u64)> = (0..3)
        .map(|_| {
            acknowledged.wait_for(5);
            let before = acknowledged.count.load(Ordering::SeqCst);
            let made = host.json(&["snapshot", "create", name])["snapshots"][0].clone();
            assert_eq!(made["consistency"], "frozen");
            (made["name"].as_str().expect("a name").to_owned(), before)
        })
        .collect();
    acknowledged.wait_for(5);
    println!("longest time between two acknowledgements: {} ms", acknowledged.gap.load(Ordering::SeqCst));
    writer.kill().and_then(|()| writer.wait()).expect("ended");
    reader.join().expect("read");
    host.ok(&["ssh", name, "--", "pkill python3; rm records"]);
    let mut copies: Vec<_> = std::fs::read_dir(host.pool_dir())
        .expect("a folder")
        .map(|entry| entry.expect("read").path())
        .filter(|path| path.file_name().is_some_and(|name| name.to_string_lossy().starts_with("snap-")))
        .filter(|path| path.extension().is_some_and(|end| end == "qcow2"))
        .collect();
    copies.sort_by_key(|path| path.metadata().and_then(|seen| seen.modified()).expect("a time"));
    assert_eq!(copies.len(), made.len());
    for ((snapshot, before), copy) in made.iter().zip(&copies) {
        let records = records_in(host.folder.path(), copy);
        let damaged = records.chunks(4096).enumerate().filter(|(n, record)| !is_record(*n, record)).count();
        assert_eq!(damaged, 0, "{snapshot}");
        assert!(records.len() as u64 / 4096 >= *before, "{snapshot}: {} of {before}", records.len() / 4096);
        host.ok(&["snapshot", "delete", snapshot, "--yes"]);
    }
}

/// Whether this is the `n`-th record, whole. One that the snapshot came into the midst of is short, and no write was acknowledged.
fn is_record(n: usize, record: &[u8]) -> bool {
    let number = (n as u64).to_le_bytes();
    record.len() < 4096 || record.chunks(8).all(|part| part == number)
}

/// The records in a copy of a disk, whose file system has nothing to be put right once its journal was replayed.
fn records_in(folder: &Path, copy: &Path) -> Vec<u8> {
    let (raw, out) = (folder.join("copy.raw"), folder.join("records"));
    run(Command::new("qemu-img").args(["convert", "-O", "raw"]).args([copy, &raw]));
    let table = run(Command::new("sfdisk").arg("--json").arg(&raw));
    let table: serde_json::Value = serde_json::from_slice(&table.stdout).expect("JSON");
    let partitions = table["partitiontable"]["partitions"].as_array().expect("partitions").iter();
    let root = partitions.max_by_key(|partition| partition["size"].as_u64()).expect("a partition");
    let at = format!("{}?offset={}", raw.display(), root["start"].as_u64().expect("a sector") * 512);
    // Replays the journal, and no more: a second look finds nothing.
    run(Command::new("e2fsck").args(["-E", "journal_only", "-y", &at]));
    run(Command::new("e2fsck").args(["-f", "-n", &at]));
    run(Command::new("debugfs").args(["-R", &format!("dump /home/debian/records {}", out.display()), &at]));
    let records = std::fs::read(&out).expect("dumped");
    std::fs::remove_file(raw).expect("removed");
    std::fs::remove_file(&out).expect("removed");
    records
}
