//! The part `published` of a blueprint, run by the guest's runner on this host below a folder of its own.

use std::fs;

use lite::guest::report::{PublishedReport, Report, parse_line};
use serde_json::{Value, json};

use crate::support::guest_box::{Guest, job, ready};

crate::tests![
    a_name_that_comes_or_goes_is_told_once,
    a_part_that_fails_is_told_and_runs_again,
    nothing_is_told_before_the_set_up_is_done,
    apache_believes_the_front_alone,
    nginx_believes_the_front_alone,
];

const SHOP: &str = r#"{"url": "https://shop.example.org/", "domain": "shop.example.org", "proxy": "192.168.150.1"}"#;

/// A guest whose set-up is done, and which has this part.
fn guest(script: &str) -> Guest {
    ready();
    let guest = Guest::new(&job(json!({})));
    guest.write("var/lib/lite/published.sh", script);
    assert_eq!(guest.boot().0.len(), 1, "there is no name, and that is no news");
    guest
}

/// What cloud-init keeps of a seed that names the instance.
fn seed(guest: &Guest, name: &str) {
    let kept = format!(r#"{{"ds": {{"meta_data": {{"instance-id": "u1", "lite_published": {name}}}}}}}"#);
    guest.write("run/cloud-init/instance-data.json", &kept);
}

fn published(url: &str) -> Value {
    json!({"event": "published", "url": url, "code": 0})
}

fn a_name_that_comes_or_goes_is_told_once() {
    let guest = guest("echo \"$LITE_URL <$LITE_DOMAIN> <$LITE_PROXY> $LITE_NAME $LITE_PARAM_TITLE\"\n");
    let booted = json!({"event": "booted"});
    seed(&guest, SHOP);
    let with_name = "https://shop.example.org/ <shop.example.org> <192.168.150.1> web-1 It works\n";
    assert_eq!(guest.boot(), (vec![booted.clone(), published("https://shop.example.org/")], with_name.to_owned()));
    assert_eq!(guest.boot(), (vec![booted.clone()], String::new()));
    assert_eq!(guest.tell(SHOP), (Some(0), String::new()));
    let log = || guest.read("var/log/lite-published.log");
    assert_eq!(log(), with_name);

    assert_eq!(guest.tell("{}"), (Some(0), String::new()));
    let without = "http://192.168.150.10/ <> <> web-1 It works\n";
    assert_eq!(log(), format!("{with_name}{without}"));
    guest.write("run/cloud-init/instance-data.json", "{}");
    assert_eq!(guest.boot(), (vec![booted], String::new()));
    assert_eq!(guest.tell(SHOP), (Some(0), String::new()));
    assert_eq!(log(), format!("{with_name}{without}{with_name}"));
}

fn a_part_that_fails_is_told_and_runs_again() {
    let guest = guest("echo \"no $LITE_SECRET_ADMIN\"\nfalse\n");
    let failed = PublishedReport {
        url: "https://shop.example.org/".to_owned(),
        code: 1,
        command: "false".to_owned(),
        line: 2,
        tail: vec!["no [secret]".to_owned()],
    };
    let (code, said) = guest.tell(SHOP);
    assert_eq!((code, parse_line(said.as_bytes())), (Some(1), Some(Report::Published(failed.clone()))));
    seed(&guest, SHOP);
    let last = |guest: &Guest| guest.boot().0.pop().and_then(|line| parse_line(line.to_string().as_bytes()));
    assert_eq!(last(&guest), Some(Report::Published(failed)));
    guest.write("var/lib/lite/published.sh", "true\n");
    assert_eq!(guest.boot().0.pop(), Some(published("https://shop.example.org/")));
}

fn nothing_is_told_before_the_set_up_is_done() {
    ready();
    let guest = Guest::new(&job(json!({})));
    guest.write("var/lib/lite/published.sh", "echo never >&2\n");
    let (code, said) = guest.tell(SHOP);
    let why = json!({"event": "published", "code": 1, "tail": ["the set-up of this instance is not done"]});
    assert_eq!((code, serde_json::from_str(&said).ok()), (Some(1), Some(why)));
}

/// A part of lite's own with its programs doubled: each says how it was called.
fn doubled(guest: &Guest, part: &str) -> String {
    let root = guest.root.path().display().to_string();
    let doubles: String = ["a2enmod", "a2enconf", "apache2ctl", "nginx", "systemctl"]
        .map(|name| format!("{name}() {{ echo \"{name} $*\"; }}\n"))
        .concat();
    let proxy = include_str!("../../cloud-init/common/proxy.sh");
    doubles + &format!("{proxy}\n{part}").replace("/etc/", &format!("{root}/etc/"))
}

fn apache_believes_the_front_alone() {
    let guest = guest("");
    guest.write("var/lib/lite/published.sh", &doubled(&guest, include_str!("../../cloud-init/lamp/published.sh")));
    for folder in ["etc/apache2/conf-available", "etc/apache2/conf-enabled"] {
        fs::create_dir_all(guest.path(folder)).expect("a folder");
    }
    assert_eq!(guest.tell(SHOP), (Some(0), String::new()));
    assert_eq!(guest.read("etc/lite/url"), "https://shop.example.org/\n");
    let conf = "etc/apache2/conf-available/lite-published.conf";
    assert_eq!(
        guest.read(conf),
        "RemoteIPHeader X-Forwarded-For\nRemoteIPInternalProxy 192.168.150.1\nSetEnvIfExpr \"%{CONN_REMOTE_ADDR} == \
         '192.168.150.1' && %{HTTP:X-Forwarded-Proto} != 'http'\" HTTPS=on\n"
    );
    assert_eq!(guest.tell("{}"), (Some(0), String::new()));
    assert!(!guest.path(conf).exists());
    assert_eq!(guest.read("etc/lite/url"), "http://192.168.150.10/\n");
    let (test, reload) = ("apache2ctl -t\n", "systemctl reload-or-restart apache2\n");
    let with_name = format!("a2enmod -q remoteip setenvif\na2enconf -q lite-published\n{test}{reload}");
    assert_eq!(guest.read("var/log/lite-published.log"), format!("{with_name}{test}{reload}"));
}

fn nginx_believes_the_front_alone() {
    let guest = guest("");
    guest.write("var/lib/lite/published.sh", &doubled(&guest, include_str!("../../cloud-init/nodejs/published.sh")));
    for folder in ["etc/nginx/conf.d", "etc/nginx/sites-available"] {
        fs::create_dir_all(guest.path(folder)).expect("a folder");
    }
    guest.write("etc/nginx/sites-available/app", "proxy_set_header X-Forwarded-Proto $scheme;\n");
    let conf = || guest.read("etc/nginx/conf.d/lite-published.conf");
    let maps = |front: &str| {
        format!(
            "map \"$realip_remote_addr $http_x_forwarded_proto\" $lite_scheme {{\n    default $scheme;\n{front}}}\n\
             map $lite_scheme $lite_https {{\n    https on;\n    default '';\n}}\n"
        )
    };
    for _ in 0..2 {
        assert_eq!(guest.tell(SHOP), (Some(0), String::new()));
        let front = "    \"192.168.150.1 https\" https;\n    \"192.168.150.1 \" https;\n";
        let believed = "set_real_ip_from 192.168.150.1;\nreal_ip_header X-Forwarded-For;\n";
        assert_eq!(conf(), maps(front) + believed);
        assert_eq!(guest.tell("{}"), (Some(0), String::new()));
        assert_eq!(conf(), maps(""));
        assert_eq!(guest.read("etc/nginx/sites-available/app"), "proxy_set_header X-Forwarded-Proto $lite_scheme;\n");
    }
    let each = "nginx -q -t\nsystemctl reload-or-restart nginx\n";
    assert_eq!(guest.read("var/log/lite-published.log"), each.repeat(4));
}
