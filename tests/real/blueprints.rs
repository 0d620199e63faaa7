//! Blueprints on real Debian guests under TCG: minutes, root and a libvirtd: `LITE_TEST_REAL=1`. `SLOW` is run by
//! `make test-guests`, the full set by `make test-blueprints`.

use std::path::Path;

use crate::support::{
    docs,
    host::{Host, needs_host},
};

crate::tests![a_blueprint_is_booted_and_recorded,];

crate::tests![SLOW: the_documented_blueprint_boots];

/// Needs nothing that a Debian does not have.
const NOTE: &str = "id: note\ntitle: A note\ndescription: Keeps a note.\ngroup: app\nversion: '1'\nbases: [debian-13]\n\
    minimum: {memory: 512 MiB, disk: 5 GiB}\nports: [22/tcp]\nconfigure: echo kept >/srv/note\n\
    health:\n  command: grep -qx kept /srv/note\n";

fn a_blueprint_is_booted_and_recorded() {
    needs_host();
    let host = Host::new("docs", 75);
    host.debian_13();
    let file = host.folder.path().join("note.yaml");
    std::fs::write(&file, NOTE).expect("written");
    let record = host.folder.path().join("verified.yaml");
    boots(&host, "note", &file, &record);
}

/// Tests a blueprint by a boot; what is recorded of it.
fn boots(host: &Host, id: &str, file: &Path, record: &Path) -> String {
    let (path, record) = (file.to_str().expect("a path"), record.to_str().expect("a path"));
    let tested = host.json(&["blueprints", "test", path, "--record", record]);
    let test = &tested["tests"][0];
    assert_eq!((&test["blueprint"], &test["result"]), (&id.into(), &"boot".into()), "{test}");
    let stages: Vec<_> = test["stages"].as_array().expect("stages").iter().filter_map(|s| s["name"].as_str()).collect();
    let wanted = ["render", "host", "image", "disk", "boot", "address", "cloud-init", "application", "ports", "remove"];
    assert_eq!(stages, wanted);
    assert_eq!(host.left(), Vec::<String>::new());
    let recorded = std::fs::read_to_string(record).expect("recorded");
    let list = lite::catalog::read_verified("verified.yaml", &recorded).expect("good");
    assert_eq!(list.len(), 1);
    assert_eq!((list[0].how, list[0].image.as_deref()), (lite::catalog::VerifiedBy::Boot, test["image"].as_str()));
    recorded
}

/// The example of `docs/blueprints.md`, as a reader would try it, broken first.
fn the_documented_blueprint_boots() {
    needs_host();
    let host = Host::new("shelf", 99);
    host.debian_13();
    let good = docs::shelf();
    let file = host.folder.path().join("shelf.yaml");
    let record = host.folder.path().join("verified.yaml");
    std::fs::write(&file, &good).expect("written");
    let recorded = boots(&host, "shelf", &file, &record);
    let (path, record) = (file.to_str().expect("a path"), record.to_str().expect("a path"));

    let folder = host.folder.path().join("blueprints");
    std::fs::create_dir_all(&folder).expect("made");
    std::fs::copy(&file, folder.join("shelf.yaml")).expect("copied");
    let known = host.json(&["blueprints", "show", "shelf"]);
    assert_eq!(known["blueprints"][0]["verified"][0]["how"], "boot", "{known}");
    std::fs::write(folder.join("shelf.yaml"), good.replace("autoindex on", "autoindex off")).expect("written");
    let known = host.json(&["blueprints", "show", "shelf"]);
    assert_eq!(known["blueprints"][0]["verified"][0]["how"], "changed", "{known}");

    // What breaks in the guest is told, and nothing stays of it either.
    let broken = good.replace("nginx openssl", "no-such-package-of-lite").replace("id: shelf", "id: shelf-2");
    std::fs::write(&file, broken).expect("written");
    let error = host.fails(1, &["blueprints", "test", path, "--record", record]);
    assert!(error.contains("failed in module `install`") && error.contains("no-such-package-of-lite"), "{error}");
    assert!(error.contains("with `--keep` the virtual machine stays for a look"), "{error}");
    assert_eq!(host.left(), Vec::<String>::new());
    assert_eq!(std::fs::read_to_string(record).ok(), Some(recorded), "a failed test is not recorded");
}
