//! Downloads from a hostile, broken or slow server on loopback; no other network.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
    sync::atomic::{AtomicBool, Ordering},
    time::Duration,
};

use crate::support::https::{Reply, Server};
use lite::{
    image::{
        download::{Download, download},
        pull::{PullRequest, Pulled, pull},
        sums::{self, Algorithm},
    },
    model::{Class, Error, Result},
};

const KEPT: &str = "what has arrived is kept; the same command resumes it";
const A: &str = "\"a\"";
const B: &str = "\"b\"";

struct World {
    server: Server,
    folder: tempfile::TempDir,
}

impl World {
    fn new() -> Self {
        Self { server: Server::start(), folder: tempfile::tempdir().expect("a folder") }
    }

    fn part(&self) -> PathBuf {
        self.folder.path().join("image.part")
    }

    fn request(&self, path: &str) -> Download {
        Download {
            url: self.server.url(path),
            dest_part: self.part(),
            extra_ca: Some(self.server.ca.clone()),
            max_bytes: 1 << 20,
            idle_timeout: Duration::from_secs(20),
        }
    }

    fn get(&self, path: &str) -> Result<Vec<u8>> {
        run(&self.request(path)).map(|()| fs::read(self.part()).expect("the part"))
    }

    fn fails(&self, path: &str) -> Error {
        self.get(path).expect_err("an error")
    }

    fn pull(&self) -> PullRequest {
        let mut req = PullRequest::new(self.folder.path(), "mine");
        req.url = Some(self.server.url("/disk.qcow2"));
        req.extra_ca = Some(self.server.ca.clone());
        req
    }

    fn names(&self) -> Vec<String> {
        let mut names: Vec<String> = fs::read_dir(self.folder.path())
            .expect("a folder")
            .map(|e| e.expect("an entry").file_name().to_string_lossy().into_owned())
            .filter(|n| !n.ends_with(".lock"))
            .collect();
        names.sort();
        names
    }
}

fn run(req: &Download) -> Result<()> {
    download(req, &AtomicBool::new(false), &mut |_, _| {})
}

fn run_pull(req: &PullRequest) -> Result<Pulled> {
    pull(req, &AtomicBool::new(false), &mut |_, _| {})
}

/// 200 000 bytes that no shift of themselves equals.
fn bytes() -> Vec<u8> {
    (0..50_000_u32).flat_map(u32::to_le_bytes).collect()
}

fn digest(bytes: &[u8], algorithm: Algorithm) -> String {
    sums::digest(bytes, algorithm, &AtomicBool::new(false)).expect("a digest")
}

#[test]
fn a_whole_file_arrives_with_progress() {
    let world = World::new();
    world.server.on("/f", [Reply::File { body: bytes(), etag: A }]);
    let mut seen = Vec::new();
    download(&world.request("/f"), &AtomicBool::new(false), &mut |done, total| seen.push((done, total)))
        .expect("arrives");
    assert_eq!(fs::read(world.part()).expect("the part"), bytes());
    assert_eq!(seen.first(), Some(&(0, Some(200_000))));
    assert_eq!(seen.last(), Some(&(200_000, Some(200_000))));
    assert!(seen.is_sorted());
}

#[test]
fn a_cut_download_is_kept_and_resumed() {
    let world = World::new();
    world
        .server
        .on("/f", [Reply::Cut { body: bytes(), etag: A, after: 70_000 }, Reply::File { body: bytes(), etag: A }]);
    let error = world.fails("/f");
    assert_eq!(
        error.message,
        format!("the download of `{}` was cut after 70000 of 200000 bytes", world.server.url("/f"))
    );
    assert_eq!((error.code.as_str(), error.exit_code(), error.hint_texts()), ("truncated", 1, vec![KEPT.to_owned()]));
    assert_eq!(fs::read(world.part()).expect("kept"), bytes()[..70_000]);

    assert_eq!(world.get("/f").expect("resumed"), bytes());
    let asked = world.server.asked();
    assert_eq!(asked.len(), 2);
    assert_eq!((asked[0].range.as_deref(), asked[0].sent), (None, 70_000));
    assert_eq!((asked[1].range.as_deref(), asked[1].if_range.as_deref()), (Some("bytes=70000-"), Some(A)));
    assert_eq!(asked[1].sent, 130_000);
}

#[test]
fn a_complete_part_is_not_sent_again() {
    let world = World::new();
    world.server.on("/f", [Reply::File { body: bytes(), etag: A }]);
    world.get("/f").expect("arrives");
    assert_eq!(world.get("/f").expect("is there"), bytes());
    assert_eq!(world.server.asked().iter().map(|a| a.sent).collect::<Vec<_>>(), [200_000, 0]);
}

#[test]
fn a_file_that_changed_meanwhile_starts_over() {
    for second in [
        Reply::File { body: b"another file, from another day".to_vec(), etag: B },
        Reply::WrongPart { body: [&bytes()[..], b"longer"].concat(), etag: B, shift: 0 },
        Reply::WrongPart { body: bytes(), etag: A, shift: 1 },
    ] {
        let world = World::new();
        let (Reply::File { body, etag } | Reply::WrongPart { body, etag, .. }) = second.clone() else { unreachable!() };
        world.server.on("/f", [Reply::Cut { body: bytes(), etag: A, after: 70_000 }, second]);
        assert_eq!(world.fails("/f").code.as_str(), "truncated");
        assert_eq!(world.get("/f").expect("starts over"), body);
        assert_eq!(world.server.asked().last().map(|a| a.sent), Some(body.len()));
        assert_eq!(fs::read_to_string(world.folder.path().join("image.part.etag")).expect("an ETag"), etag);
    }
}

#[test]
fn a_part_without_a_strong_etag_starts_over() {
    let world = World::new();
    world.server.on(
        "/f",
        [Reply::Cut { body: bytes(), etag: "W/\"a\"", after: 70_000 }, Reply::File { body: bytes(), etag: A }],
    );
    assert_eq!(world.fails("/f").code.as_str(), "truncated");
    assert_eq!(world.get("/f").expect("starts over"), bytes());
    assert_eq!(world.server.asked()[1].range, None);
}

#[test]
fn only_https_is_spoken() {
    let world = World::new();
    for url in ["http://127.0.0.1/f", "ftp://127.0.0.1/f", "file:///etc/shadow"] {
        let error = run(&Download { url: url.to_owned(), ..world.request("/f") }).expect_err("refused");
        assert_eq!((error.message, error.class), (format!("`{url}` is not an https address"), Class::InvalidInput));
    }
    let error = run(&Download { url: "disk.qcow2".to_owned(), ..world.request("/f") }).expect_err("refused");
    assert_eq!((error.message.as_str(), error.exit_code()), ("`disk.qcow2` is not an address", 2));
    assert_eq!(world.server.asked(), []);
}

#[test]
fn redirects_stay_with_https_and_end() {
    let world = World::new();
    world.server.on("/f", [Reply::File { body: bytes(), etag: A }]);
    for n in 1..=5 {
        let to = if n == 5 { "/f".to_owned() } else { world.server.url(&format!("/r{}", n + 1)) };
        world.server.on(&format!("/r{n}"), [Reply::Redirect { to }]);
    }
    assert_eq!(world.get("/r1").expect("five are followed"), bytes());

    let to = "http://127.0.0.1/f".to_owned();
    world.server.on("/plain", [Reply::Redirect { to }]);
    let error = world.fails("/plain");
    assert_eq!(
        error.message,
        format!("`{}` redirects to `http://127.0.0.1/f`, which is not https", world.server.url("/plain"))
    );
    assert_eq!(error.exit_code(), 2);

    let before = world.server.asked().len();
    world.server.on("/loop", [Reply::Redirect { to: "/loop".to_owned() }]);
    assert_eq!(world.fails("/loop").message, format!("`{}` redirects more than 5 times", world.server.url("/loop")));
    assert_eq!(world.server.asked().len() - before, 6);
}

#[test]
fn a_page_is_not_a_file() {
    let world = World::new();
    let page = |kind, body: &[u8]| Reply::Status { status: "200 OK", kind, body: body.to_vec() };
    world.server.on("/typed", [page("text/html; charset=utf-8", b"hello")]);
    world.server.on("/doctype", [page("application/octet-stream", b"\n <!DocType html><p>Log in, please")]);
    world.server.on("/html", [page("application/octet-stream", b"<HTML>")]);
    for path in ["/typed", "/doctype", "/html"] {
        let error = world.fails(path);
        assert_eq!(error.message, format!("`{}` answered with a web page, not with a file", world.server.url(path)));
        assert_eq!(world.names(), [""; 0]);
    }
}

#[test]
fn a_status_is_named() {
    let world = World::new();
    let status = |status| Reply::Status { status, kind: "text/plain", body: b"no".to_vec() };
    for (path, line, hint) in [
        ("/404", "404 Not Found", "the file is not there; check the address, or the distribution has moved it"),
        ("/206", "206 Partial Content", ""),
        ("/503", "503 Service Unavailable", "the server has a problem of its own; try again later"),
    ] {
        world.server.on(path, [status(line)]);
        let error = world.fails(path);
        assert_eq!(error.message, format!("`{}` answered {line}", world.server.url(path)));
        assert_eq!(
            (error.hint_texts(), error.class),
            ([hint.to_owned()].into_iter().filter(|h| !h.is_empty()).collect(), Class::Failed)
        );
    }
    assert_eq!(world.names(), [""; 0]);
}

#[test]
fn a_passing_trouble_of_the_server_keeps_the_part() {
    let world = World::new();
    world.server.on(
        "/f",
        [
            Reply::Cut { body: bytes(), etag: A, after: 70_000 },
            Reply::Status { status: "503 Service Unavailable", kind: "text/html", body: b"<html>".to_vec() },
            Reply::File { body: bytes(), etag: A },
        ],
    );
    assert_eq!(world.fails("/f").code.as_str(), "truncated");
    assert_eq!(world.fails("/f").code.as_str(), "http_status");
    assert_eq!(world.get("/f").expect("resumed"), bytes());
    assert_eq!(world.server.asked()[2].sent, 130_000);
}

#[test]
fn a_silent_server_is_left() {
    let world = World::new();
    world.server.on("/hang", [Reply::Hang]);
    world.server.on("/stall", [Reply::Stall { body: bytes(), etag: A, after: 10 }]);
    for path in ["/hang", "/stall"] {
        let error =
            run(&Download { idle_timeout: Duration::from_millis(1500), ..world.request(path) }).expect_err("silent");
        assert_eq!(error.message, format!("`{}` sent nothing for 1.5s", world.server.url(path)));
        assert_eq!(error.hints, [KEPT]);
    }
    assert_eq!(fs::read(world.part()).expect("kept"), bytes()[..10]);
}

#[test]
fn a_server_that_trickles_is_left_and_the_part_goes_on() {
    let world = World::new();
    // Sent to its end it takes eight seconds.
    let body = bytes()[..1400].to_vec();
    let whole = || Reply::File { body: body.clone(), etag: A };
    world.server.on("/f", [Reply::Trickle { body: body.clone(), etag: A, after: 1000 }, whole()]);
    let request = Download { idle_timeout: Duration::from_millis(1500), ..world.request("/f") };
    let error = run(&request).expect_err("slow");
    assert_eq!(error.message, format!("`{}` sends less than 4 KiB a second", world.server.url("/f")));
    assert_eq!((error.code.as_str(), error.hints), ("idle_timeout", vec![KEPT.into()]));
    let kept = fs::read(world.part()).expect("kept");
    assert!(kept.len() > 1000 && body.starts_with(&kept));
    assert_eq!(world.get("/f").expect("resumed"), body);
    assert_eq!(world.server.asked()[1].sent, body.len() - kept.len());
}

#[test]
fn an_interruption_ends_the_wait_and_keeps_the_part() {
    let world = World::new();
    world.server.on("/f", [Reply::Stall { body: bytes(), etag: A, after: 10 }, Reply::File { body: bytes(), etag: A }]);
    let cancel = AtomicBool::new(false);
    let error = download(&world.request("/f"), &cancel, &mut |done, _| cancel.store(done >= 10, Ordering::Relaxed));
    let error = error.expect_err("interrupted");
    assert_eq!((error.code.as_str(), error.message.as_str()), ("interrupted", "the download was interrupted"));
    assert_eq!(world.get("/f").expect("resumed"), bytes());
    assert_eq!(world.server.asked()[1].sent, 199_990);
}

#[test]
fn a_file_above_the_limit_is_refused() {
    let world = World::new();
    world.server.on("/measured", [Reply::File { body: bytes(), etag: A }]);
    world.server.on("/unmeasured", [Reply::Unmeasured { body: bytes() }]);
    for path in ["/measured", "/unmeasured"] {
        let error = run(&Download { max_bytes: 199_999, ..world.request(path) }).expect_err("too large");
        assert_eq!(error.message, format!("`{}` is larger than the limit of 199999 bytes", world.server.url(path)));
        assert_eq!(error.exit_code(), 2);
        assert_eq!(world.names(), [""; 0]);
        run(&Download { max_bytes: 200_000, ..world.request(path) }).expect("just fits");
        fs::remove_file(world.part()).expect("removed");
        let _ = fs::remove_file(world.folder.path().join("image.part.etag"));
    }
}

#[test]
fn an_unknown_certificate_is_not_trusted() {
    let world = World::new();
    let stranger = Server::start();
    world.server.on("/f", [Reply::File { body: bytes(), etag: A }]);
    for extra_ca in [None, Some(stranger.ca.clone())] {
        let error = run(&Download { extra_ca, ..world.request("/f") }).expect_err("untrusted");
        assert_eq!(error.message, "the certificate of `127.0.0.1` is not trusted");
        assert_eq!((error.code.as_str(), error.exit_code()), ("untrusted_certificate", 1));
    }
    assert_eq!(world.server.asked(), []);
}

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
