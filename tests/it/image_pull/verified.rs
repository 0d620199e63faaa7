//! Images that are pulled, and what proves that they are the right ones.

use super::*;

#[test]
fn a_pull_with_the_right_digest_is_handed_over() {
    let world = World::new();
    world
        .server
        .on("/disk.qcow2", [Reply::Cut { body: bytes(), etag: A, after: 9 }, Reply::File { body: bytes(), etag: A }]);
    let wanted = format!("sha512:{}", digest(&bytes(), Algorithm::Sha512));
    let req = PullRequest { digest: Some(wanted.to_ascii_uppercase().replace("SHA", "sha")), ..world.pull() };
    assert_eq!(run_pull(&req).expect_err("cut").code.as_str(), "truncated");
    assert_eq!(world.names(), [".pull-mine.part", ".pull-mine.part.etag"]);
    let pulled = run_pull(&req).expect("pulled");
    let file = world.folder.path().join(".pull-mine.verified");
    assert_eq!(pulled, Pulled { file: file.clone(), url: world.server.url("/disk.qcow2"), digest: wanted });
    assert_eq!(fs::read(file).expect("the file"), bytes());
    assert_eq!(world.names(), [".pull-mine.verified"]);
    assert_eq!(world.server.asked()[1].sent, 199_991);
}

#[test]
fn an_altered_image_is_removed() {
    let world = World::new();
    let mut altered = bytes();
    altered[77] ^= 1;
    world.server.on("/disk.qcow2", [Reply::File { body: altered.clone(), etag: A }]);
    let wanted = format!("sha256:{}", digest(&bytes(), Algorithm::Sha256));
    let error = run_pull(&PullRequest { digest: Some(wanted.clone()), ..world.pull() }).expect_err("altered");
    assert_eq!(
        error.message,
        format!("`{}` is not the expected file, and was removed", world.server.url("/disk.qcow2"))
    );
    assert_eq!(
        error.causes,
        [format!("expected {wanted}"), format!("got sha256:{}", digest(&altered, Algorithm::Sha256))]
    );
    assert_eq!(world.names(), [""; 0]);
}

#[test]
fn force_starts_over() {
    let world = World::new();
    world
        .server
        .on("/disk.qcow2", [Reply::Cut { body: bytes(), etag: A, after: 9 }, Reply::File { body: bytes(), etag: A }]);
    let digest = Some(format!("sha256:{}", digest(&bytes(), Algorithm::Sha256)));
    let req = PullRequest { digest, force: true, ..world.pull() };
    assert_eq!(run_pull(&req).expect_err("cut").code.as_str(), "truncated");
    run_pull(&req).expect("pulled");
    assert_eq!(world.server.asked()[1].sent, 200_000);
}

#[test]
fn one_pull_of_an_image_at_a_time() {
    let world = World::new();
    let lock = fs::File::create(world.folder.path().join(".pull-mine.lock")).expect("a lock");
    lock.lock().expect("locked");
    let error = run_pull(&PullRequest { digest: Some(format!("sha256:{}", "0".repeat(64))), ..world.pull() });
    let error = error.expect_err("busy");
    assert_eq!(error.message, "image `mine` is being downloaded by another process");
    assert_eq!(error.exit_code(), 3);
    assert_eq!(world.server.asked(), []);
}

#[test]
fn nothing_is_downloaded_without_a_way_to_verify_it() {
    let world = World::new();
    let error = run_pull(&PullRequest::new(world.folder.path(), "debian-13")).expect_err("refused");
    assert_eq!(error.message, "nothing says what the image `debian-13` must be, so it is not downloaded");
    assert_eq!(error.exit_code(), 2);
    assert_eq!(
        error.hints,
        [
            "better, from the distribution's signed packages: lite image build debian-13",
            "with a digest that you trust: lite image pull debian-13 --digest sha512:…",
            "or with a digest pinned for the image in lite's own list, src/image/images.yaml",
        ]
    );
    assert_eq!(run_pull(&world.pull()).expect_err("refused").code.as_str(), "unverifiable");
    let error = run_pull(&PullRequest { digest: Some("sha256:beef".to_owned()), ..world.pull() }).expect_err("refused");
    assert_eq!((error.message.as_str(), error.exit_code()), ("`sha256:beef` is not a digest", 2));
    let error = run_pull(&PullRequest { id: "../etc".to_owned(), ..world.pull() }).expect_err("refused");
    assert_eq!(error.message, "`../etc` is not a name for an image");
    let missing = PathBuf::from("/nonexistent/ring.gpg");
    let req = PullRequest { keyring: None, ..PullRequest::new(world.folder.path(), "ubuntu-24.04") };
    let error = run_pull(&PullRequest { keyring: Some(missing), ..req }).expect_err("refused");
    assert_eq!(error.message, "the key ring `/nonexistent/ring.gpg` is not there");
    let error = sums::require_keyring(Path::new("/nonexistent"), Some("ubuntu-keyring")).expect_err("refused");
    assert_eq!(error.hints, ["sudo apt-get install ubuntu-keyring"]);
    assert_eq!(world.server.asked(), []);
}

#[test]
fn checksum_files_are_read_strictly() {
    let (a, b) = ("a".repeat(64), "B".repeat(64));
    let find = |text: &str| sums::find(text, "disk", Algorithm::Sha256).map_err(|e| e.message);
    assert_eq!(find(&format!("{a}  other\n{b}  disk\n")), Ok("b".repeat(64)));
    assert_eq!(find(&format!("{a} *disk\n")), Ok(a.clone()));
    assert_eq!(find(&format!("{a}  ./disk\n")), Err("the checksum file has no line for `disk`".to_owned()));
    assert_eq!(
        find(&format!("{a}  disk\n{b}  disk\n")),
        Err("the checksum file has two digests for `disk`".to_owned())
    );
    for bad in [
        format!("{a} disk"),
        format!("{a}a  disk"),
        format!("{}  disk", "g".repeat(64)),
        format!("{a}  "),
        "é".repeat(70),
    ] {
        let wanted = "line 2 of the checksum file is not `sha256 digest, file name`".to_owned();
        assert_eq!(find(&format!("{a}  other\n{bad}\n")), Err(wanted), "{bad}");
    }
    let c = "c".repeat(128);
    assert_eq!(sums::find(&format!("{c}  disk\n"), "disk", Algorithm::Sha512), Ok(c));
}

/// A key ring with one key of its own, made by gpg in a folder that goes away.
struct Signer(tempfile::TempDir);

impl Signer {
    /// None, with a line that says so, where gpg is not installed.
    fn new() -> Option<Self> {
        let there = |tool| Command::new(tool).arg("--version").output().is_ok_and(|o| o.status.success());
        if !there("gpg") || !there("gpgv") {
            println!("SKIP 1 test: gpg or gpgv is not installed");
            return None;
        }
        let signer = Self(tempfile::Builder::new().prefix("g").tempdir_in("/tmp").expect("a folder"));
        signer.gpg(&["--passphrase", "", "--quick-generate-key", "test@example.invalid", "ed25519", "sign", "never"]);
        signer.gpg(&["--output", &signer.path("ring.gpg"), "--export"]);
        Some(signer)
    }

    fn path(&self, name: &str) -> String {
        self.0.path().join(name).to_string_lossy().into_owned()
    }

    fn gpg(&self, arguments: &[&str]) {
        let output = Command::new("gpg")
            .args(["--batch", "--yes", "--pinentry-mode", "loopback", "--homedir"])
            .arg(self.0.path())
            .args(arguments)
            .output()
            .expect("gpg runs");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }

    fn sign(&self, text: &[u8]) -> Vec<u8> {
        fs::write(self.path("text"), text).expect("written");
        self.gpg(&["--output", &self.path("sig"), "--detach-sign", &self.path("text")]);
        fs::read(self.path("sig")).expect("a signature")
    }
}

impl Drop for Signer {
    fn drop(&mut self) {
        let _ = Command::new("gpgconf").arg("--homedir").arg(self.0.path()).args(["--kill", "gpg-agent"]).output();
    }
}

#[test]
fn a_signed_checksum_file_verifies_an_image() {
    let (Some(signer), Some(stranger)) = (Signer::new(), Signer::new()) else { return };
    let world = World::new();
    let text = format!("{} *disk.qcow2\n", digest(&bytes(), Algorithm::Sha256)).into_bytes();
    let file = |body: &[u8]| Reply::File { body: body.to_vec(), etag: A };
    world.server.on("/disk.qcow2", [file(&bytes())]);
    world.server.on("/SHA256SUMS", [file(&text)]);
    world.server.on("/SHA256SUMS.gpg", [file(&signer.sign(&text))]);
    let req = PullRequest {
        sums_url: Some(world.server.url("/SHA256SUMS")),
        signature_url: Some(world.server.url("/SHA256SUMS.gpg")),
        keyring: Some(signer.path("ring.gpg").into()),
        ..world.pull()
    };
    let pulled = run_pull(&req).expect("pulled");
    assert_eq!(pulled.digest, format!("sha256:{}", digest(&bytes(), Algorithm::Sha256)));
    assert_eq!(world.names(), [".pull-mine.verified"]);

    let asked = |w: &World| w.server.asked().iter().filter(|a| a.path == "/disk.qcow2").count();
    let invalid = "the signature of the checksum file is not valid, so nothing was downloaded";
    let stranger = PullRequest { keyring: Some(stranger.path("ring.gpg").into()), ..req.clone() };
    let error = run_pull(&stranger).expect_err("refused");
    assert_eq!(
        (error.message.as_str(), error.causes),
        (invalid, vec!["it was made by a key that is not in the key ring".to_owned()])
    );

    world.server.on("/SHA256SUMS", [file(&[&text[..], b"\n"].concat())]);
    let error = run_pull(&req).expect_err("refused");
    assert_eq!(
        (error.message.as_str(), error.causes),
        (invalid, vec!["the checksum file was altered after it was signed".to_owned()])
    );

    world.server.on("/SHA256SUMS.gpg", [file(b"rubbish")]);
    let error = run_pull(&req).expect_err("refused");
    assert_eq!((error.message.as_str(), error.causes), (invalid, vec!["gpgv found no valid signature".to_owned()]));
    assert_eq!(asked(&world), 1);
}
