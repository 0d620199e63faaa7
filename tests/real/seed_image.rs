//! The seed image, read by programs that did not write it.

use lite::guest::seed::{SEED_BYTES, scrubbed_iso, seed_iso};
use secrecy::ExposeSecret as _;

use crate::support::seeds::{piped, resolved, seed};

use crate::support::need;

crate::tests![seed_images_hold_the_documents,];

fn seed_images_hold_the_documents() {
    need::programs(&["/usr/sbin/blkid", "isoinfo"]);
    let seed = seed(&resolved("nginx", "small", None), "It works", "correct-horse-battery", None);
    let dir = tempfile::tempdir().expect("a folder");
    let images = [
        ("full", seed_iso(&seed), seed.user_data.expose_secret()),
        ("scrubbed", scrubbed_iso(&seed), seed.user_data_scrubbed.as_str()),
    ];
    for (name, image, user_data) in images {
        let image = image.expect("fits");
        assert_eq!(image.len(), SEED_BYTES);
        let path = dir.path().join(name);
        std::fs::write(&path, &image).expect("writes");
        let path = path.to_str().expect("UTF-8");
        let label = piped("/usr/sbin/blkid", &["-p", "-s", "LABEL", "-s", "TYPE", "-o", "export", path], b"");
        let label = String::from_utf8_lossy(&label).to_lowercase();
        assert!(label.contains("label=cidata") && label.contains("type=iso9660"), "{label}");
        for kind in ["-R", "-J"] {
            for (file, text) in
                [("user-data", user_data), ("meta-data", &seed.meta_data), ("network-config", &seed.network_config)]
            {
                let got = piped("isoinfo", &["-i", path, kind, "-x", &format!("/{file}")], b"");
                assert!(got == text.as_bytes(), "{name} {kind} {file}: {} bytes, {} expected", got.len(), text.len());
            }
        }
    }
}
