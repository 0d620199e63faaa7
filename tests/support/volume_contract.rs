//! What every hypervisor does with the bytes of volumes.

use std::io::Read;

use lite::{
    hypervisor::{Hypervisor, Upload},
    model::Result,
};

/// Bytes of a volume here: more than go in one piece.
const SIZE: usize = 1 << 20;

fn xml(name: &str) -> String {
    format!(
        "<volume><name>{name}</name><capacity unit='bytes'>{SIZE}</capacity><target><format type='raw'/></target></volume>"
    )
}

fn content(host: &dyn Hypervisor, pool: &str, volume: &str) -> Vec<u8> {
    let mut bytes = Vec::new();
    host.download(pool, volume).expect("opened").read_to_end(&mut bytes).expect("read");
    bytes
}

/// Bytes go into a volume, out of it, and into a copy of it; what is not there, or does not fit, is refused.
pub fn bytes_go_in_out_and_into_a_copy(host: &dyn Hypervisor, pool: &str) {
    fn code<T>(answer: Result<T>) -> &'static str {
        answer.map(|_| ()).expect_err("refused").code.as_str()
    }
    let write = |volume: &str, mut bytes: &[u8], length: usize| {
        host.upload_from(pool, volume, Upload { source: &mut bytes, length: length as u64 })
    };
    let bytes: Vec<u8> = (0..SIZE).map(|n| u8::try_from(n % 251).expect("small")).collect();
    host.ensure_volume(pool, "in", &xml("in")).expect("made");
    write("in", &bytes, SIZE).expect("written");
    assert!(content(host, pool, "in") == bytes, "what was written is read");
    for _ in 0..2 {
        host.clone_volume(pool, "in", "copy", &xml("copy")).expect("copied");
    }
    assert!(content(host, pool, "copy") == bytes, "the copy is the same");
    write("in", b"abc", 3).expect("written");
    let begin: Vec<u8> = content(host, pool, "in")[..3].to_vec();
    assert_eq!((begin, content(host, pool, "copy") == bytes), (b"abc".to_vec(), true), "the copy is its own");
    assert_eq!(
        [
            code(write("in", b"abc", 4)),
            code(write("in", b"abc", SIZE + 1)),
            code(write("none", b"abc", 3)),
            code(host.download(pool, "none")),
            code(host.clone_volume(pool, "none", "other", &xml("other"))),
        ],
        ["file_unreadable", "volume_too_small", "no_volume", "no_volume", "no_volume"]
    );
    // A reader that goes before the end leaves nothing behind that keeps the volume.
    drop(host.download(pool, "in").expect("opened"));
    ["in", "copy"].iter().for_each(|v| host.remove_volume(pool, v).expect("removed"));
}
