//! The part `upgrade` of a blueprint: run by the guest's runner on this host below a folder of its own, and in a guest.

use std::fs;

use lite::guest::report::{Report, UpgradedReport, parse_line};
use serde_json::{Value, json};

use crate::support::{
    guest_box::{Guest, SECRET, job, ready},
    host::{Host, needs_host},
    idle::clean,
};

crate::tests![
    an_upgrade_is_told_line_by_line_and_by_its_end,
    a_part_that_fails_is_told_with_its_command,
    nothing_runs_before_the_set_up_is_done,
    what_the_distribution_has_newer_is_installed_without_a_question,
];

crate::tests![SLOW: a_guest_is_upgraded_and_goes_back];

/// A guest whose set-up is done, which was brought this part.
fn guest(part: &str) -> Guest {
    ready();
    let guest = Guest::new(&job(json!({})));
    guest.write("var/lib/lite/configure.sh", "true\n");
    assert_eq!(guest.boot().0.last().expect("an event")["event"], "done");
    bring(&guest, part);
    guest.program("systemctl", "echo \"systemctl $*\" >>\"$LITE_ROOT/calls\"\n");
    guest.program("systemd-run", "echo \"systemd-run $*\" >>\"$LITE_ROOT/calls\"\n");
    guest
}

fn bring(guest: &Guest, part: &str) {
    fs::create_dir_all(guest.path("run/lite-upgrade")).expect("a folder");
    guest.write("run/lite-upgrade/upgrade.sh", part);
    guest.write("run/lite-upgrade/health.json", "{}");
}

fn last(lines: &[Value]) -> Option<Report> {
    lines.last().and_then(|line| parse_line(line.to_string().as_bytes()))
}

fn upgraded(reboot: bool) -> Option<Report> {
    let nothing = (String::new(), Vec::new());
    Some(Report::Upgraded(UpgradedReport { code: 0, command: nothing.0, line: 0, tail: nothing.1, reboot }))
}

fn an_upgrade_is_told_line_by_line_and_by_its_end() {
    let guest =
        guest("echo \"$LITE_NAME $LITE_PARAM_TITLE $LITE_SECRET_ADMIN\"\necho at once\nsleep 1.2\necho later\n");
    guest.write("run/lite-upgrade/health.json", r#"{"run": "true", "timeout": 9}"#);
    let (lines, _) = guest.upgrade("run/lite-upgrade");
    let progress = |line: &str| json!({"event": "progress", "line": line});
    // What comes within a second of a line is not told.
    assert_eq!(lines[..2], [progress("web-1 It works [secret]"), progress("later")]);
    assert_eq!((lines.len(), last(&lines)), (3, upgraded(false)));
    assert_eq!(guest.read("var/log/lite-upgrade.log"), "web-1 It works [secret]\nat once\nlater\n");
    assert!(!lines.iter().any(|line| line.to_string().contains(SECRET)));
    // The runner goes on watching by the health check of today, and nothing else of the instance changed.
    let kept: Value = serde_json::from_str(&guest.read("var/lib/lite/instance.json")).expect("JSON");
    assert_eq!(kept, job(json!({"health": {"run": "true", "timeout": 9}})));
    assert_eq!(guest.read("calls"), "systemctl try-restart lite-status.service\n");

    // One that asks for it starts the guest anew.
    bring(&guest, &format!("touch {}\n", guest.path("run/reboot-required").display()));
    assert_eq!(last(&guest.upgrade("run/lite-upgrade").0), upgraded(true));
    assert_eq!(guest.read("calls").lines().last(), Some("systemctl --no-block reboot"));
    assert_eq!(guest.boot().0[0], json!({"event": "booted"}));
}

fn a_part_that_fails_is_told_with_its_command() {
    let guest = guest("echo \"no $LITE_SECRET_ADMIN\"\nfalse\necho never\n");
    let before = guest.read("var/lib/lite/instance.json");
    guest.write("run/lite-upgrade/health.json", r#"{"run": "true", "timeout": 9}"#);
    let (lines, _) = guest.upgrade("run/lite-upgrade");
    let failed = UpgradedReport {
        code: 1,
        command: "false".to_owned(),
        line: 2,
        tail: vec!["no [secret]".to_owned()],
        reboot: false,
    };
    assert_eq!(last(&lines), Some(Report::Upgraded(failed)));
    assert_eq!((guest.read("var/lib/lite/instance.json"), guest.path("calls").exists()), (before, false));
}

fn nothing_runs_before_the_set_up_is_done() {
    ready();
    let guest = Guest::new(&job(json!({})));
    bring(&guest, "echo never\n");
    let (lines, printed) = guest.upgrade("run/lite-upgrade");
    let why = json!({"event": "upgraded", "code": 1, "tail": ["the set-up of this instance is not done"]});
    assert_eq!((lines, printed), (vec![why], String::new()));
}

/// Each part of lite's own, its programs doubled: each says how it was called.
fn what_the_distribution_has_newer_is_installed_without_a_question() {
    let upgrade = "systemctl stop apt-daily.timer apt-daily-upgrade.timer apt-daily.service\n\
                   systemctl show --property=ActiveState --value apt-daily-upgrade.service\n\
                   dpkg --force-confdef --force-confold --configure --pending\n\
                   apt-get -q -o APT::Update::Error-Mode=any -o Acquire::Retries=3 -o Acquire::Languages=none update\n\
                   apt-get -q -y --with-new-pkgs -o Acquire::Retries=3 -o Dpkg::Options::=--force-confdef -o \
                   Dpkg::Options::=--force-confold upgrade\napt-get clean\n";
    let after = "systemctl start apt-daily.timer apt-daily-upgrade.timer\n";
    for (part, then) in [
        (include_str!("../../cloud-init/nginx/upgrade.sh"), "nginx -q -t\nsystemctl restart nginx\n"),
        (include_str!("../../cloud-init/lamp/upgrade.sh"), "apache2ctl -t\nsystemctl restart mariadb apache2\n"),
        (include_str!("../../cloud-init/nodejs/upgrade.sh"), "nginx -q -t\nsystemctl restart app nginx\n"),
        (
            include_str!("../../cloud-init/docker/upgrade.sh"),
            "systemctl restart docker\ndocker info --format Docker {{.ServerVersion}}, {{.Driver}}\n",
        ),
        (
            include_str!("../../cloud-init/wordpress/upgrade.sh"),
            "apache2ctl -t\nsystemctl restart mariadb\nsetpriv www-data\nsystemctl restart apache2\n",
        ),
    ] {
        let doubles: String = ["apache2ctl", "apt-get", "docker", "dpkg", "nginx", "systemctl"]
            .map(|name| format!("{name}() {{ echo \"{name} $*\" >>\"$calls\"; }}\n"))
            .concat();
        let guest = guest("");
        let calls = format!("calls={}\n", guest.path("said").display());
        let setpriv = "setpriv() { local user=${1#--reuid=}; echo \"setpriv $user\" >>\"$calls\"; }\n";
        let common = include_str!("../../cloud-init/common/upgrade.sh");
        bring(&guest, &format!("{calls}{doubles}{setpriv}{common}{part}"));
        // Where apt would go on this host is nobody's business.
        fs::create_dir_all(guest.path("etc/apt")).expect("a folder");
        let (lines, _) = guest.upgrade("run/lite-upgrade");
        assert_eq!(last(&lines), upgraded(false), "{part}: {lines:?}");
        assert_eq!(guest.read("said"), format!("{upgrade}{then}{after}"), "{part}");
    }
}

/// A web server: an upgrade that goes well, by a version of its blueprint that came later, and one that breaks its page on purpose.
fn a_guest_is_upgraded_and_goes_back() {
    needs_host();
    let (host, name) = (Host::new("ugguest", 40), "lite-test-ugguest");
    host.debian_13();
    let created = host.json(&["create", "nginx", "--name", name, "--bundle", "nano"]);
    let address = created["instance"]["address"].as_str().expect("an address").to_owned();
    let run = |script: &str| host.ok(&["ssh", name, "--", "sudo", "sh", "-c", script]);
    let page = || crate::support::http::get(&address, "/");
    run("echo by hand >>/var/www/html/index.html; echo '# by hand' >>/etc/nginx/nginx.conf; sync");
    let file = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("blueprints/nginx.yaml");
    let today = fs::read_to_string(file).expect("the blueprint");
    let folder = host.folder.path().join("blueprints");
    fs::create_dir_all(&folder).expect("a folder");
    let write = |version: &str, part: &str| {
        let text = today.replace("version: \"2\"", &format!("version: \"{version}\""));
        let text = text.replace("upgrade: [common/upgrade.sh, nginx/upgrade.sh]", part);
        assert!(text.contains(part), "{text}");
        fs::write(folder.join("nginx.yaml"), text).expect("written");
    };

    write("3", "upgrade: [common/upgrade.sh, nginx/upgrade.sh]");
    let command = host.json(&["blueprints", "outdated"])["outdated"][0]["command"].clone();
    assert_eq!(command, format!("lite upgrade {name}"));
    let done = host.json(&["upgrade", name, "--yes"]);
    let result = done["changed"][0]["result"].as_str().expect("text").to_owned();
    let start = format!("upgraded by version 3; snapshot `{name}-snap-1` of before is kept until ");
    assert!(result.starts_with(&start), "{result}");
    assert_eq!(host.json(&["show", name])["instances"][0]["blueprint_version"], "3");
    assert!(page().contains("by hand"), "{}", page());
    assert_eq!(run("tail -n 1 /etc/nginx/nginx.conf"), "# by hand\n");
    assert_eq!(run("apt-get -s upgrade | grep -c ^Inst || true"), "0\n");
    clean(&host, "upgraded");

    // One whose part goes through, and whose page is another afterwards.
    write("4", "upgrade: sed -i s/lite-nginx/broken/ /var/www/html/index.html");
    run("echo before >/srv/record; sync");
    let failed = host.fails(1, &["upgrade", name, "--timeout", "2m", "--yes"]);
    let said = format!(
        "error: could not upgrade instance `{name}`: it runs as before, with the disk of snapshot `{name}-snap-2`"
    );
    assert_eq!(failed.lines().find(|line| line.starts_with("error: ")), Some(&*said), "{failed}");
    host.ok(&["repair"]);
    answers(&host, name);
    assert_eq!(run("cat /srv/record; grep -c lite-nginx /var/www/html/index.html"), "before\n1\n");
    assert_eq!(host.json(&["show", name])["instances"][0]["blueprint_version"], "3");
    clean(&host, "gone back");

    host.ok(&["delete", name, "--now", "--yes"]);
    for kept in ["snap-1", "snap-2"] {
        host.ok(&["snapshot", "delete", &format!("{name}-{kept}"), "--yes"]);
    }
    host.ok(&["image", "remove", "debian-13", "--yes"]);
}

/// Waits until the guest lets one in and its page is there.
fn answers(host: &Host, name: &str) {
    let there = || host.json(&["show", name])["instances"][0]["health"] == "ok";
    for _ in 0..60 {
        if there() && host.lite(&["ssh", name, "--", "true"]).status.success() {
            return;
        }
        std::thread::sleep(std::time::Duration::from_secs(5));
    }
    panic!("`{name}` does not answer");
}
