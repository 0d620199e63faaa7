//! What the console's pages load of others: as it is listed, and as the lock file of the browser's tests has it.

use std::{collections::BTreeMap, fs, path::Path};

use lite::access::digest;

#[derive(serde::Deserialize)]
pub struct Vendored {
    pub file: String,
    pub package: String,
    pub version: String,
    pub path: String,
    pub licence: String,
    pub sha256: String,
}

pub fn folder() -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("src/web/assets/vendor")
}

pub fn all() -> Vec<Vendored> {
    let text = fs::read_to_string(folder().join("versions.json")).expect("a list");
    serde_json::from_str(&text).expect("the list")
}

#[test]
fn each_file_of_others_is_listed_with_its_digest_licence_and_version() {
    let lock = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/web/package-lock.json"));
    let lock: serde_json::Value = serde_json::from_str(&lock.expect("a lock file")).expect("JSON");
    let mut files: Vec<String> = vec!["versions.json".to_owned()];
    let mut texts = BTreeMap::new();
    for one in all() {
        let text = fs::read_to_string(folder().join(&one.file)).expect(&one.file);
        assert_eq!(digest(&text), one.sha256, "{}", one.file);
        let locked = &lock["packages"][format!("node_modules/{}", one.package)]["version"];
        assert_eq!(locked.as_str(), Some(one.version.as_str()), "{}", one.package);
        let (_, licence) = one.licence.split_once(": ").expect("its name and file");
        texts
            .entry(licence.to_owned())
            .or_insert_with(|| fs::read_to_string(folder().join(licence)).expect("a licence"));
        files.push(one.file);
    }
    files.extend(texts.into_keys());
    files.sort();
    let there = fs::read_dir(folder()).expect("a folder").map(|e| e.expect("read").file_name().into_string());
    let mut there: Vec<String> = there.map(|name| name.expect("UTF-8")).collect();
    there.sort();
    assert_eq!(there, files, "nothing beside what is listed");
}
