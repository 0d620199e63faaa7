//! `lite alarm`, `contact`, `events` and `metrics` in process, on a database without a host.

use std::ffi::OsString;

use crate::support::rows::{balancer, record, store, time};
use lite::{
    cli::{Env, run},
    model::{HostId, Metric, Point},
    store::{
        Store, load_balancers,
        metrics::{MinuteOf, SeriesCache, insert_minute},
    },
    ui::testing::Capture,
};
use secrecy::ExposeSecret;

struct Lite {
    dir: tempfile::TempDir,
    loopback: bool,
}

impl Lite {
    /// Two instances without alarms.
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        drop(store(&dir.path().join("state"), 2, false));
        std::fs::write(dir.path().join("config.toml"), "").unwrap();
        Self { dir, loopback: false }
    }

    fn at(&self, name: &str) -> String {
        self.dir.path().join(name).to_str().unwrap().to_owned()
    }

    fn store(&self) -> Store {
        Store::open(&self.dir.path().join("state")).unwrap()
    }

    fn run(&self, args: &[&str]) -> (u8, String, String) {
        let capture = Capture::default();
        let mut vars = vec![
            ("LITE_STATE_DIR", self.at("state")),
            ("LITE_CONFIG", self.at("config.toml")),
            // A double of libvirt: nothing here needs a host.
            ("LITE_CONNECT", "test:///default".to_owned()),
            ("LITE_SUBNET", "10.77.0.0/24".to_owned()),
        ];
        if self.loopback {
            vars.push(("LITE_LOOPBACK_WEBHOOKS", "yes".to_owned()));
        }
        let mut env = Env { vars: vars.into_iter().collect(), clock: || time(3600), euid: 0, ui: capture.ui() };
        let words = std::iter::once("lite").chain(args.iter().copied()).map(OsString::from);
        (run(words, &mut env), capture.stdout(), capture.stderr())
    }

    fn ok(&self, args: &[&str]) -> String {
        let (code, out, err) = self.run(args);
        assert_eq!(code, 0, "{args:?}: {err}");
        out
    }

    /// What a change says.
    fn said(&self, args: &[&str]) -> String {
        let (code, _, err) = self.run(args);
        assert_eq!(code, 0, "{args:?}: {err}");
        err
    }

    fn json(&self, args: &[&str]) -> serde_json::Value {
        serde_json::from_str(&self.ok(&[args, &["--json"]].concat())).unwrap()
    }

    /// The first line of what is said when it is refused.
    fn refused(&self, args: &[&str]) -> String {
        let (code, out, err) = self.run(args);
        assert_eq!((code, out.as_str()), (2, ""), "{args:?}: {err}");
        err.lines().next().unwrap_or_default().to_owned()
    }
}

#[test]
fn an_alarm_is_put_changed_tested_muted_and_deleted() {
    let lite = Lite::new();
    let put = ["alarm", "put", "web-1", "--metric", "MemoryUtilization", "--when", ">=90"];
    assert_eq!(lite.said(&[&put[..], &["--dry-run"]].concat()), "web-1-memory-utilization: would be made\n");
    assert_eq!(lite.ok(&["alarm", "list"]), "");
    assert_eq!(lite.said(&put), "web-1-memory-utilization: made\n");
    let test = ["alarm", "test", "web-1-memory-utilization", "--state"];
    assert_eq!(lite.said(&[&test[..], &["ALARM"]].concat()), "web-1-memory-utilization: ALARM\n");
    assert_eq!(
        lite.said(&[&put[..], &["--period", "5m", "--notify", "no-data"]].concat()),
        "web-1-memory-utilization: changed\n"
    );
    let shown = lite.json(&["alarm", "show", "web-1-memory-utilization"]);
    let alarm = &shown["alarms"][0];
    assert_eq!((&alarm["state"], &alarm["period_minutes"]), (&"INSUFFICIENT_DATA".into(), &5.into()));
    assert_eq!(alarm["notify"], serde_json::json!(["no-data"]));
    lite.ok(&["alarm", "mute", "web-1-memory-utilization", "--for", "2h"]);
    assert!(lite.ok(&["alarm", "list", "web-1"]).ends_with("2026-03-01T03:00:00Z\n"));
    lite.ok(&["alarm", "mute", "web-1-memory-utilization", "--off"]);
    assert_eq!(lite.refused(&["alarm", "delete", "web-1-memory-utilization"]).split(':').next(), Some("error"));
    lite.ok(&["alarm", "delete", "web-1-memory-utilization", "--yes"]);
    let history = lite.ok(&["alarm", "history"]);
    let words: Vec<&str> = history.lines().skip(1).map(|l| l.split_whitespace().nth(1).unwrap()).collect();
    assert_eq!(words, ["alarm.firing", "alarm.resolved"]);
    assert!(history.lines().last().unwrap().ends_with("edited"), "{history}");
    assert_eq!(lite.json(&["events", "web-1"])["events"].as_array().map(Vec::len), Some(2));
    assert_eq!(lite.json(&["events", "web-2"])["events"].as_array().map(Vec::len), Some(0));
}

#[test]
fn bad_alarms_are_refused_and_nothing_is_saved() {
    let lite = Lite::new();
    let put = |more: &[&str]| {
        let base = ["alarm", "put", "web-1", "--metric", "CPUUtilization", "--when", "> 80"];
        lite.refused(&[&base[..], more].concat())
    };
    let said = |args: &[&str]| lite.refused(&[&["alarm", "put", "web-1"], args].concat());
    assert_eq!(
        said(&["--metric", "MemoryUtilisation", "--when", ">1"]),
        "error: `--metric`: there is no metric `MemoryUtilisation`"
    );
    for when in ["NaN", "> NaN", "> inf", "90", "=> 1", "> 1e400", ""] {
        let wanted = format!("error: `--when`: `{when}` is not a condition");
        assert_eq!(said(&["--metric", "CPUUtilization", "--when", when]), wanted);
    }
    assert_eq!(put(&["--datapoints", "6"]), "error: 6 breaching periods of 5 cannot be");
    assert_eq!(put(&["--datapoints", "0"]), "error: 0 breaching periods of 5 cannot be");
    assert_eq!(put(&["--of", "289", "--period", "5m"]), "error: 289 periods of 5 minutes are more than 24 hours");
    assert_eq!(put(&["--period", "90s"]), "error: `--period`: `90s` is not whole minutes");
    assert_eq!(put(&["--missing", "breach"]), "error: `--missing`: `breach` is not a way to treat missing periods");
    assert_eq!(put(&["--notify", "alarm,okay"]), "error: `--notify`: `okay` is not a kind of notification");
    assert_eq!(put(&["--statistic", "p99"]), "error: `--statistic`: `p99` is not a statistic");
    assert_eq!(put(&["--name", "web-2"]), "error: an instance is called `web-2`");
    let nobody = lite.refused(&["alarm", "put", "web-3", "--metric", "CPUUtilization", "--when", ">1"]);
    assert_eq!(nobody, "error: there is no instance `web-3`");
    for verb in ["show", "test", "mute", "delete"] {
        let more: &[&str] = match verb {
            "test" => &["--state", "OK"],
            "mute" => &["--off"],
            "delete" => &["--yes"],
            _ => &[],
        };
        assert_eq!(lite.refused(&[&["alarm", verb, "cpu"], more].concat()), "error: there is no alarm `cpu`");
    }
    assert_eq!(lite.store().alarms().unwrap(), []);
    lite.ok(&["alarm", "put", "web-1", "--metric", "CPUUtilization", "--when", "> 80", "--name", "cpu"]);
    let other = ["alarm", "put", "web-2", "--metric", "CPUUtilization", "--when", "> 80", "--name", "cpu"];
    assert_eq!(lite.refused(&other), "error: the alarm `cpu` belongs to another instance or load balancer");
}

#[test]
fn an_alarm_watches_a_load_balancer() {
    let lite = Lite::new();
    lite.store().write(|t| load_balancers::insert(t, &HostId::local(), &balancer(), time(0))).unwrap();
    let put = |subject, metric| ["alarm", "put", subject, "--metric", metric, "--when", "<2"];
    assert_eq!(
        lite.refused(&put("front", "CPUUtilization")),
        "error: `CPUUtilization` is a metric of instances, and `front` is none of them"
    );
    assert_eq!(
        lite.refused(&put("web-1", "HealthyHostCount")),
        "error: `HealthyHostCount` is a metric of load balancers, and `web-1` is none of them"
    );
    lite.ok(&put("front", "HealthyHostCount"));
    lite.ok(&put("web-1", "CPUUtilization"));
    let listed = |args: &[&str]| {
        let all = lite.json(&[&["alarm", "list"], args].concat())["alarms"].as_array().unwrap().clone();
        all.iter().map(|a| [&a["name"], &a["instance"], &a["load_balancer"]].map(Clone::clone)).collect::<Vec<_>>()
    };
    let of_front = ["front-healthy-host-count".into(), serde_json::Value::Null, "front".into()];
    let of_web = ["web-1-cpu-utilization".into(), "web-1".into(), serde_json::Value::Null];
    assert_eq!(listed(&["front"]), std::slice::from_ref(&of_front));
    assert_eq!(listed(&[]), [of_front, of_web]);
    let table = lite.ok(&["alarm", "list", "front"]);
    assert_eq!(
        table,
        "NAME                      RESOURCE  STATE              SINCE                 METRIC            WHEN  WINDOW       MUTED UNTIL\n\
         front-healthy-host-count  front     INSUFFICIENT_DATA  2026-03-01T01:00:00Z  HealthyHostCount  < 2   3 of 5 x 1m  -\n"
    );
    let shown = lite.ok(&["alarm", "show", "front-healthy-host-count"]);
    assert_eq!(shown.lines().nth(1), Some("LOAD BALANCER  front"));
    lite.ok(&["alarm", "test", "front-healthy-host-count", "--state", "ALARM"]);
    lite.ok(&["alarm", "delete", "front-healthy-host-count", "--yes"]);
    let events = lite.json(&["events", "front"])["events"].as_array().unwrap().clone();
    let told: Vec<_> =
        events.iter().map(|e| (e["type"].as_str(), e["data"]["load_balancer"]["listen"].as_u64())).collect();
    assert_eq!(told, [(Some("alarm.firing"), Some(8080)), (Some("alarm.resolved"), Some(8080))]);
    assert!(events[0]["data"]["instance"].is_null());
    let last = lite.ok(&["events", "front"]);
    let last = last.lines().last().unwrap();
    assert_eq!(last.split_whitespace().skip(1).collect::<Vec<_>>(), ["alarm.resolved", "front", "deleted"]);
}

#[test]
fn bad_contacts_are_refused_and_nothing_is_saved() {
    let lite = Lite::new();
    let add = |args: &[&str]| lite.refused(&[&["contact", "add", "ops", "--webhook"], args].concat());
    let invalid =
        "error: `hooks.example.org` is not the address of a webhook: it does not start with `https://` or `http://`";
    assert_eq!(add(&["hooks.example.org"]), invalid);
    for (url, why) in [
        ("http://127.0.0.1:1/", "messages may not go to 127.0.0.1: it is this host"),
        ("http://0x7f.1/", "messages may not go to 127.0.0.1: it is this host"),
        ("http://[::ffff:127.0.0.1]/", "messages may not go to ::ffff:127.0.0.1: it is an IPv4 address in disguise"),
        ("http://169.254.169.254/", "messages may not go to 169.254.169.254: it is link-local"),
        ("http://10.1.2.3/", "messages may not go to 10.1.2.3: it is private"),
    ] {
        assert_eq!(add(&[url]), format!("error: {why}"));
    }
    let guest = "error: messages may not go to 10.77.0.9: it is in a network of guests";
    assert_eq!(add(&["http://10.77.0.9/", "--allow-private"]), guest);
    assert_eq!(add(&["https://8.8.8.8/", "--format", "slak"]), "error: there is no format `slak`");
    let template = lite.at("mine.json.j2");
    for text in ["{{ titel }}", "{\"a\": ", "{% for i in range(9999999999) %}x{% endfor %}"] {
        std::fs::write(&template, text).unwrap();
        assert!(add(&["https://8.8.8.8/", "--format", &template]).ends_with("the template does not render"), "{text}");
    }
    assert!(add(&["https://8.8.8.8/", "--format", "./none.json.j2"]).starts_with("error: cannot read"));
    assert_eq!(lite.ok(&["contact", "list"]), "");
    for verb in [&["test", "ops"][..], &["rotate", "ops"], &["remove", "ops", "--yes"], &["deliveries", "ops"]] {
        assert_eq!(lite.refused(&[&["contact"], verb].concat()), "error: there is no contact `ops`");
    }
    assert_eq!(lite.refused(&["contact", "redeliver", "msg_1"]), "error: there is no message `msg_1`");
}

#[test]
fn a_contact_shows_its_secret_once_and_its_token_never() {
    let lite = Lite::new();
    let url = "https://8.8.8.8/services/T0/token";
    assert_eq!(lite.said(&["contact", "add", "ops", "--webhook", url, "--dry-run"]), "ops: would be added\n");
    // By a file: an argument is seen by every user of the machine.
    std::fs::write(lite.at("url.txt"), format!("{url}\n")).unwrap();
    let file = lite.at("url.txt");
    let added = lite.json(&["contact", "add", "ops", "--webhook-file", &file, "--format", "slack"]);
    assert_eq!(lite.store().contacts().unwrap()[0].url.expose_secret(), url);
    std::fs::write(&file, "one secret\ntwo").unwrap();
    let refused = lite.refused(&["contact", "add", "two", "--webhook-file", &file]);
    assert_eq!(refused, format!("error: `{file}` does not hold one line of text"));
    let secret = added["contacts"][0]["secret"].as_str().unwrap().to_owned();
    assert!(secret.starts_with("whsec_") && secret.len() == 6 + 44, "{secret}");
    assert_eq!(lite.refused(&["contact", "add", "ops", "--webhook", url]), "error: there is a contact `ops` already");
    let listed = lite.ok(&["contact", "list"]);
    assert!(listed.contains("https://8.8.8.8/…  slack") && !listed.contains("token"), "{listed}");
    assert!(!lite.json(&["contact", "list"]).to_string().contains("whsec_"));
    let rotated = lite.ok(&["contact", "rotate", "ops"]);
    assert!(rotated.contains("whsec_") && !rotated.contains(&secret), "{rotated}");
    lite.ok(&["contact", "remove", "ops", "--yes"]);
    assert_eq!(lite.ok(&["contact", "list"]), "");
}

#[test]
fn metrics_are_listed_and_plotted() {
    let lite = Lite::new();
    let mut db = lite.store();
    let begin = time(0).as_second();
    for n in 0..60_i64 {
        let points = vec![(Metric::CpuUtilization, Point::of(n as f64).unwrap())];
        let known = [MinuteOf { instance: record(1).uuid, points }];
        db.write(|t| {
            insert_minute(
                t,
                &mut SeriesCache::default(),
                &HostId::local(),
                begin / 60 + n,
                begin + n * 60,
                &known,
                |_| true,
            )
        })
        .unwrap();
    }
    let latest = lite.json(&["metrics", "web-1"]);
    assert_eq!(
        (&latest["metrics"][0]["metric"], &latest["metrics"][0]["value"]),
        (&"CPUUtilization".into(), &59.0.into())
    );
    assert_eq!(latest["metrics"].as_array().map(Vec::len), Some(15));
    let points = lite.json(&["metrics", "web-1", "--metric", "CPUUtilization", "--since", "10m"]);
    let values: Vec<f64> =
        points["points"].as_array().unwrap().iter().map(|p| p["average"].as_f64().unwrap()).collect();
    assert_eq!(values, (50..60).map(f64::from).collect::<Vec<_>>());
    let plain = lite.ok(&["metrics", "web-1", "--metric", "CPUUtilization", "--since", "2m"]);
    assert_eq!(plain.lines().count(), 3);
    assert_eq!(lite.refused(&["metrics", "web-1", "--metric", "cpu"]), "error: `--metric`: there is no metric `cpu`");
    assert_eq!(
        lite.refused(&["metrics", "web-1", "--metric", "NetworkIn", "--since", "457d"]),
        "error: `--since`: `457d` is not a time"
    );
    assert_eq!(lite.ok(&["metrics", "web-2", "--metric", "NetworkIn"]), "");
}

#[test]
fn a_test_message_goes_the_real_way() {
    let mut lite = Lite::new();
    lite.loopback = true;
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/hook", listener.local_addr().unwrap());
    let answers = std::thread::spawn(move || {
        ["204 No Content", "500 Oops"].map(|status| {
            use std::io::{BufRead, Read, Write};
            let (stream, _) = listener.accept().unwrap();
            let mut reader = std::io::BufReader::new(stream);
            let (mut head, mut length) = (String::new(), 0);
            while reader.read_line(&mut head).unwrap() > 2 {
                let last = head.lines().last().unwrap().to_ascii_lowercase();
                length = last.strip_prefix("content-length: ").map_or(length, |l| l.parse().unwrap());
            }
            let mut body = vec![0; length];
            reader.read_exact(&mut body).unwrap();
            reader.get_mut().write_all(format!("HTTP/1.1 {status}\r\nContent-Length: 0\r\n\r\n").as_bytes()).unwrap();
            (head, String::from_utf8(body).unwrap())
        })
    });
    lite.ok(&["contact", "add", "ops", "--webhook", &url]);
    assert_eq!(lite.said(&["contact", "test", "ops"]), "ops: reached\n");
    let (code, _, err) = lite.run(&["contact", "test", "ops"]);
    assert_eq!((code, err.lines().next()), (1, Some("error: the test did not arrive at contact `ops`")));
    let got = answers.join().unwrap();
    let (head, body) = &got[0];
    assert!(head.starts_with("POST /hook HTTP/1.1"), "{head}");
    for name in ["webhook-id: msg_", "webhook-timestamp: ", "webhook-signature: v1,", "content-type: application/json"]
    {
        assert!(head.contains(name), "{name}: {head}");
    }
    assert!(body.starts_with(r#"{"type":"contact.test","timestamp":"2026-03-01T01:00:00Z","data":{"#), "{body}");
    let deliveries = lite.json(&["contact", "deliveries"]);
    let states: Vec<_> = deliveries["deliveries"].as_array().unwrap().iter().map(|d| d["state"].clone()).collect();
    assert_eq!(states, ["queued", "delivered"]);
    assert!(deliveries["deliveries"][0]["next_at"].is_string());
}

#[test]
fn mail_needs_a_server_and_a_header_is_checked_before_anything_is_saved() {
    let lite = Lite::new();
    let mail = |address: &str| lite.refused(&["contact", "add", "me", "--mail", address]);
    assert_eq!(mail("anna"), "error: `anna` is not a mail address");
    assert_eq!(mail("anna@example.org"), "error: no mail server is configured, so no mail can be sent");
    std::fs::write(lite.at("config.toml"), "smtp_server = \"mail.example.org\"\n").unwrap();
    let place = format!("`{}`, line 1: `smtp_server`", lite.at("config.toml"));
    assert_eq!(
        mail("anna@example.org"),
        format!("error: {place}: `smtp_from` says which address mail comes from: it is missing")
    );
    let settings = "smtp_server = \"mail.example.org\"\nsmtp_from = \"lite@example.org\"\n";
    std::fs::write(lite.at("config.toml"), settings).unwrap();
    assert_eq!(lite.said(&["contact", "add", "me", "--mail", "anna@example.org", "--dry-run"]), "me: would be added\n");
    std::fs::write(lite.at("key"), "s3cret").unwrap();
    let url = "https://198.41.0.4/hook";
    let (code, out, err) = lite.run(&["contact", "add", "ops", "--webhook", url, "--header-file", &lite.at("key")]);
    assert_eq!((code, out.as_str()), (2, ""));
    let wanted = "error: the header is not one: there is no colon in it\n\
                  \x20 hint: its file holds one line such as `Authorization: Bearer KEY`\n";
    assert_eq!(err, wanted);
    assert_eq!(lite.ok(&["contact", "list"]), "");
    std::fs::write(lite.at("key"), "X-Key: s3cret\n").unwrap();
    lite.ok(&["contact", "add", "ops", "--webhook", url, "--header-file", &lite.at("key")]);
    assert!(!lite.json(&["contact", "list"]).to_string().contains("s3cret"));
    assert_eq!(lite.refused(&["contact", "verify", "ops", "1"]), "error: contact `ops` is a webhook: it has no code");
}
