//! Downloads from a hostile, broken or slow server on loopback; no other network.

mod verified;

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
