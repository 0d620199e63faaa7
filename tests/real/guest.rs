//! Real Debian guests under TCG: the image is built here, the application comes from Debian's packages.
//! Minutes, root and a libvirtd: `LITE_TEST_REAL=1`. `SLOW` is run by `make test-guests`.

use std::{
    net::{SocketAddr, TcpStream},
    time::Duration,
};

use crate::support::{
    host::{Host, needs_host, text, virsh},
    http::{curl, get},
    watched,
};

crate::tests![an_application_from_one_command_watched_and_nothing_left];

crate::tests![LATER: a_guest_without_a_way_out_is_reported_and_another_keeps_its_word];

crate::tests![
    SLOW: a_module_that_fails_is_reported_with_command_and_lines,
    a_disk_is_mounted_used_and_taken_off,
    a_set_up_that_ends_in_a_reboot_is_ready_after_it,
];

/// Title that would break HTML, YAML or a shell if it were spliced anywhere.
const TITLE: &str = "Fish & <chips> \"$(reboot)\" it's 100% 'ok' \\n ñ";

fn an_application_from_one_command_watched_and_nothing_left() {
    needs_host();
    let host = Host::new("app", 71);
    // Both families, as whoever sets nothing has them.
    std::fs::write(host.folder.path().join("config.toml"), "").expect("written");
    host.debian_13();
    let images = host.json(&["image", "list"]);
    host.ok(&["image", "build", "debian-13"]);
    assert_eq!(host.json(&["image", "list"]), images, "a second build does nothing");

    let title = format!("title={TITLE}");
    let created = host.json(&["create", "nginx", "--name", "lite-test-app", "--bundle", "nano", "--set", &title]);
    let address = created["instance"]["address"].as_str().expect("an address").to_owned();
    assert_eq!(host.tables(), ["bridge", "inet"]);
    assert_eq!(address, "10.171.71.10");
    serves_the_title(&address);
    let address6 = created["instance"]["address6"].as_str().expect("an address");
    let page = curl(&["--noproxy", "*", &format!("http://[{address6}]/")]);
    assert!(page.contains("<title>Fish &amp; "), "{page}");
    ssh_verifies_and_passes_codes_through(&host, &address);
    an_agent_full_of_keys_does_not_matter(&host);
    files_and_folders_are_copied_there_and_back(&host);
    only_the_ports_of_the_blueprint_are_open(&host, &address);
    no_secret_where_it_does_not_belong(&host);
    watched::a_stop_and_full_memory_are_told_and_so_is_their_end(&host, "lite-test-app");

    assert!(host.fails(2, &["image", "remove", "debian-13", "--yes"]).contains("lite-test-app"));
    host.ok(&["stop", "lite-test-app"]);
    let listed = host.json(&["list"]);
    assert_eq!(listed["instances"][0]["state"], "stopped");
    host.ok(&["start", "lite-test-app"]);
    let listed = host.json(&["list"]);
    assert_eq!(listed["instances"][0]["address"], address.as_str());
    serves_the_title(&address);

    host.ok(&["delete", "lite-test-app", "--yes"]);
    assert_eq!(host.left(), Vec::<String>::new());
    assert_eq!(host.tables(), Vec::<String>::new());
    host.ok(&["image", "remove", "debian-13", "--yes"]);
}

fn serves_the_title(address: &str) {
    let answer = get(address, "/");
    assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"), "{answer}");
    let html = TITLE.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
    assert!(answer.contains(&format!("<title>{html}</title>")), "{answer}");
}

fn ssh_verifies_and_passes_codes_through(host: &Host, address: &str) {
    assert_eq!(host.ok(&["ssh", "lite-test-app", "--", "hostname"]), "lite-test-app\n");
    assert_eq!(host.ok(&["ssh", "lite-test-app", "--", "printf", "%s|", "a b", "$HOME"]), "a b|$HOME|");
    assert_eq!(host.lite(&["ssh", "lite-test-app", "--", "exit 7"]).status.code(), Some(7));
    // The guest's own host key is the one that was injected: a client that knows only that one is let in.
    let known = host.folder.path().join("state/ssh/known_hosts-lite-test-app");
    let line = std::fs::read_to_string(&known).expect("the known host");
    let scanned =
        std::process::Command::new("ssh-keyscan").args(["-t", "ed25519", address]).output().expect("ssh-keyscan");
    let key = |l: &str| l.split_whitespace().skip(1).map(str::to_owned).collect::<Vec<_>>();
    assert_eq!(key(text(&scanned.stdout).trim()), key(line.trim()));
}

/// OpenSSH offers the keys of an agent first, and a server hears six.
fn an_agent_full_of_keys_does_not_matter(host: &Host) {
    let run = |command: &mut std::process::Command| assert!(command.status().expect("runs").success());
    let folder = tempfile::tempdir().expect("a folder");
    let (socket, mut agent) = (folder.path().join("agent"), std::process::Command::new("ssh-agent"));
    let mut agent = agent.arg("-D").arg("-a").arg(&socket).stdout(std::process::Stdio::piped()).spawn().expect("runs");
    // The agent says where it listens once it does.
    let mut said = String::new();
    std::io::BufRead::read_line(&mut std::io::BufReader::new(agent.stdout.take().expect("piped")), &mut said)
        .expect("a line");
    for n in 0..8 {
        let key = folder.path().join(format!("key-{n}"));
        run(std::process::Command::new("ssh-keygen").args(["-q", "-t", "ed25519", "-N", "", "-f"]).arg(&key));
        run(std::process::Command::new("ssh-add").arg("-q").arg(&key).env("SSH_AUTH_SOCK", &socket));
    }
    let out = host
        .command(&["ssh", "lite-test-app", "--", "echo $SSH_AUTH_SOCK"])
        .env("SSH_AUTH_SOCK", &socket)
        .output()
        .expect("lite runs");
    agent.kill().and_then(|()| agent.wait()).expect("ended");
    assert_eq!((out.status.code(), text(&out.stdout), text(&out.stderr)), (Some(0), "\n".to_owned(), String::new()));
}

fn files_and_folders_are_copied_there_and_back(host: &Host) {
    let folder = tempfile::tempdir().expect("a folder");
    let at = |name: &str| folder.path().join(name).to_str().expect("a path").to_owned();
    std::fs::create_dir_all(at("site/a b")).expect("a folder");
    std::fs::write(at("site/a b/page"), "one").expect("written");
    std::fs::write(at("c:d"), "two").expect("written");
    assert_eq!(text(&host.lite(&["cp", &at("site"), &at("c:d"), "lite-test-app:"]).stderr), "lite-test-app: copied\n");
    assert_eq!(host.ok(&["ssh", "lite-test-app", "--", "cat 'site/a b/page' c:d"]), "onetwo");
    host.ok(&["cp", "lite-test-app:site", "lite-test-app:/etc/hostna*", &at(".")]);
    assert_eq!(std::fs::read_to_string(at("hostname")).expect("copied"), "lite-test-app\n");
    let changed = host.json(&["cp", "lite-test-app:c:d", &at("back")]);
    assert_eq!(changed["changed"], serde_json::json!([{"name": "lite-test-app", "result": "copied"}]));
    assert_eq!(std::fs::read_to_string(at("back")).expect("copied"), "two");
    let error = host.fails(1, &["cp", &at("c:d"), "lite-test-app:/etc/"]);
    assert!(error.contains("Permission denied") && error.contains("error: not everything was copied\n"), "{error}");
}

fn only_the_ports_of_the_blueprint_are_open(host: &Host, address: &str) {
    let listens = host.ok(&["ssh", "lite-test-app", "--", "ss -Hltun"]);
    let mut outside: Vec<&str> = listens
        .lines()
        .filter_map(|line| line.split_whitespace().nth(4))
        .filter(|at| !at.starts_with("127.") && !at.starts_with("[::1]"))
        .filter_map(|at| at.rsplit_once(':').map(|(_, port)| port))
        .collect();
    outside.sort_unstable();
    outside.dedup();
    assert_eq!(outside, ["22", "80"], "{listens}");
    // Something listens there inside the guest, so only the firewall can keep it closed.
    host.ok(&["ssh", "lite-test-app", "--", "sudo systemd-run --quiet python3 -m http.server 8081"]);
    host.ok(&[
        "ssh",
        "lite-test-app",
        "--",
        "for i in $(seq 100); do ss -ltn | grep -q :8081 && exit 0; sleep 0.2; done; exit 1",
    ]);
    let to: SocketAddr = format!("{address}:8081").parse().expect("an address");
    let error = TcpStream::connect_timeout(&to, Duration::from_secs(3)).expect_err("closed");
    assert_eq!(error.kind(), std::io::ErrorKind::ConnectionRefused);
    let to: SocketAddr = format!("{address}:22").parse().expect("an address");
    TcpStream::connect_timeout(&to, Duration::from_secs(10)).expect("22 is open");
}

fn no_secret_where_it_does_not_belong(host: &Host) {
    let pool = host.pool_dir();
    let seed = std::fs::read_dir(&pool)
        .expect("the pool")
        .filter_map(|e| e.ok().map(|e| e.path()))
        .find(|p| p.to_string_lossy().ends_with(".seed.iso"))
        .expect("a seed");
    let bytes = std::fs::read(&seed).expect("the seed");
    assert!(!text(&bytes).contains("OPENSSH PRIVATE KEY"), "the seed still holds the host key");
    let mode = std::os::unix::fs::PermissionsExt::mode(&std::fs::metadata(&seed).expect("the seed").permissions());
    assert_eq!(mode & 0o777, 0o600);
    assert!(!virsh(&["dumpxml", "lite-test-app"]).contains("OPENSSH PRIVATE KEY"));
}

/// By the guest's agent. What was written is there when the disk comes again, which is not formatted twice.
fn a_disk_is_mounted_used_and_taken_off() {
    needs_host();
    let (host, name) = (Host::new("dsg", 157), "lite-test-dsg-a");
    host.debian_13();
    host.ok(&["create", "debian-13", "--bundle", "nano", "--name", name]);
    let guest = |command: &str| host.ok(&["ssh", name, "--", command]);
    host.ok(&["disk", "create", "lite-test-data", "--size", "1GiB"]);
    let attach = ["disk", "attach", "lite-test-data", name, "--mount", "/srv/data"];
    let attached = host.json(&attach)["disks"][0].clone();
    assert_eq!((attached["instance"].as_str(), attached["mount"].as_str()), (Some(name), Some("/srv/data")));
    let device = attached["device"].as_str().expect("a device");
    let used = format!(
        "findmnt -nro TARGET,FSTYPE -S $(readlink -f {device}); echo kept | sudo tee /srv/data/word; \
         sudo systemd-run --quiet --unit=user -p WorkingDirectory=/srv/data sleep 600"
    );
    assert_eq!(guest(&used), "/srv/data ext4\nkept\n");
    let refused = host.fails(2, &["disk", "detach", "lite-test-data"]);
    let said = format!("error: the disk is in use in instance `{name}`, mounted on `/srv/data`");
    assert_eq!(refused.lines().next(), Some(&*said));
    // What is on it grows while it is used.
    host.ok(&["disk", "resize", "lite-test-data", "--size", "2GiB"]);
    let size = guest("df --output=size -BM /srv/data | tail -n 1").trim().trim_end_matches('M').parse::<u64>();
    assert!(size.as_ref().is_ok_and(|size| (1800..=2048).contains(size)), "{size:?}");
    assert_eq!(guest("cat /srv/data/word; sudo systemctl stop user"), "kept\n");
    host.ok(&["disk", "detach", "lite-test-data"]);
    host.ok(&attach);
    host.ok(&["stop", name]);
    host.ok(&["start", name]);
    // By the guest's own fstab, which no service waits for.
    let mounted = "for _ in $(seq 90); do ! mountpoint -q /srv/data || break; sleep 1; done; cat /srv/data/word; grep -c /srv/data /etc/fstab";
    assert_eq!(guest(mounted), "kept\n1\n");
    host.ok(&["delete", name, "--yes"]);
    host.ok(&["disk", "delete", "lite-test-data", "--yes"]);
    assert_eq!(host.left(), Vec::<String>::new());
}

/// A create whose set-up fails in a module, and what is said of it.
fn fails_in(host: &Host, base: &[&str], module: &str, said: &[&str]) {
    let name = "lite-test-bad-1";
    let error = host.fails(1, &[base, &["--bundle", "nano", "--name", name]].concat());
    for word in [&[format!("failed in module `{module}`").as_str()], said].concat() {
        assert!(error.contains(word), "no `{word}` in {error}");
    }
    assert!(!error.contains("was not ready after"), "only the time-out ended it: {error}");
    assert_eq!(host.json(&["show", name])["instances"][0]["state"], "failed");
    assert!(host.ok(&["logs", name, "--boot"]).contains(&format!("module `{module}`")));
    host.ok(&["delete", name, "--yes"]);
}

fn a_module_that_fails_is_reported_with_command_and_lines() {
    needs_host();
    let host = Host::new("mod", 97);
    host.debian_13();
    let with_user_data = |text: &str, module: &str, said: &[&str]| {
        let file = host.folder.path().join("user-data");
        std::fs::write(&file, text).expect("written");
        fails_in(&host, &["create", "debian-13", "--user-data", file.to_str().expect("a path")], module, said);
    };
    let runcmd = "#cloud-config\nruncmd:\n  - 'false'\n  - echo before the fault\n  - exit 3\n";
    with_user_data(runcmd, "runcmd", &["command: /bin/sh /var/lib/lite/runcmd.sh (exit 3)", "before the fault"]);
    let packages = "#cloud-config\npackages: [no-such-package-of-lite]\n";
    with_user_data(packages, "package_update_upgrade_install", &["no-such-package-of-lite"]);
    assert_eq!(host.left(), Vec::<String>::new());
}

fn a_guest_without_a_way_out_is_reported_and_another_keeps_its_word() {
    needs_host();
    let host = Host::new("bad", 72);
    host.debian_13();
    // The network is there only once something was made on it.
    let hosts = host.folder.path().join("hosts");
    std::fs::write(&hosts, "127.0.0.1 localhost\n").expect("written");
    assert!(host.lite_with_hosts(&hosts, &["doctor", "--fix"]).status.success());
    host.without_a_way_out();
    let command = "exec 3<>/dev/tcp/deb.debian.org/80' (exit 1)";
    fails_in(
        &host,
        &["create", "nginx"],
        "network",
        &[command, "deb.debian.org", "name resolution", "10.171.72.10/24", "`lite doctor` checks"],
    );
    a_command_in_the_guest_tells_its_health(&host);
    assert_eq!(host.left(), Vec::<String>::new());
}

/// No network but the cable to this host, and no guest agent, is needed for it.
fn a_command_in_the_guest_tells_its_health(host: &Host) {
    let blueprint = "id: word\ntitle: A word\ndescription: Keeps a word.\ngroup: app\nversion: '1'\nbases: [debian-13]\n\
        minimum: {memory: 512 MiB, disk: 5 GiB}\nports: [22/tcp]\nsecrets:\n  word: {description: the word}\n\
        configure: printf '%s\\n' \"$LITE_SECRET_WORD\" >/srv/word\n\
        health:\n  command: |\n    test -e /srv/asked || { touch /srv/asked; echo \"no $LITE_SECRET_WORD at first\"; exit 4; }\n    echo \"asked for $LITE_SECRET_WORD\"\n    grep -qxF \"$LITE_SECRET_WORD\" /srv/word\n";
    let folder = host.folder.path().join("blueprints");
    std::fs::create_dir_all(&folder).expect("a folder");
    std::fs::write(folder.join("word.yaml"), blueprint).expect("written");
    let name = "lite-test-bad-word";
    let created = host.lite(&["create", "word", "--bundle", "nano", "--name", name, "--verbose"]);
    assert_eq!(created.status.code(), Some(0));
    // It was not healthy at once, and what was said of that holds no secret.
    let first = "application: exit 4: no [secret] at first";
    assert!(text(&created.stderr).contains(first), "{}", text(&created.stderr));
    let health = || host.json(&["show", name])["instances"][0]["health"].as_str().unwrap_or_default().to_owned();
    assert_eq!(health(), "ok");
    host.ok(&["ssh", name, "--", "echo changed | sudo tee /srv/word"]);
    let deadline = std::time::Instant::now() + Duration::from_secs(180);
    while health() == "ok" {
        assert!(std::time::Instant::now() < deadline, "a minute's report is overdue");
        std::thread::sleep(Duration::from_secs(1));
    }
    assert_eq!(health(), "exit 1: asked for [secret]");
    // What it said before counts for nothing once it is started again.
    host.ok(&["stop", name, "--force"]);
    host.ok(&["start", name, "--no-wait"]);
    assert_eq!(health(), "starting");
    host.ok(&["delete", name, "--yes"]);
}

/// The create waits for the boot after the one that the user-data asks for, and each part ran once.
fn a_set_up_that_ends_in_a_reboot_is_ready_after_it() {
    needs_host();
    let host = Host::new("reboot", 106);
    host.debian_13();
    let file = host.folder.path().join("user-data");
    let user_data = "#cloud-config\nlocale: de_DE.UTF-8\nruncmd:\n  - cat /proc/sys/kernel/random/boot_id >>/srv/boots\n\
                     power_state: {mode: reboot}\n";
    std::fs::write(&file, user_data).expect("written");
    let (name, file) = ("lite-test-reboot-a", file.to_str().expect("a path"));
    host.ok(&["create", "debian-13", "--bundle", "nano", "--name", name, "--user-data", file]);
    let says = |command: &str| host.ok(&["ssh", name, "--", command]);
    assert_eq!(says("grep -v '^#' /etc/default/locale"), "LANG=de_DE.UTF-8\n");
    assert_eq!(says("LC_ALL=de_DE.UTF-8 locale decimal_point"), ",\n");
    assert_eq!(says("wc -l </srv/boots; grep -c -f /proc/sys/kernel/random/boot_id /srv/boots || true"), "1\n0\n");
    let told = host.ok(&["logs", name, "--boot"]);
    let told: Vec<&str> = told.lines().filter(|line| line.starts_with("stage") || line.starts_with("done")).collect();
    assert_eq!(
        told[..4],
        ["stage    cloud-init", "stage    runcmd", "stage    power_state", "stage    reboot"],
        "{told:?}"
    );
    host.ok(&["delete", name, "--yes"]);
    assert_eq!(host.left(), Vec::<String>::new());
}
