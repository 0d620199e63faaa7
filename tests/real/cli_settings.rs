//! Settings: defaults, the file, the environment over it, and every fault named.

use std::{fs, path::PathBuf};

use lite::{
    cli::{CONFIG, Env},
    model::{
        Accel, Acme, Api, CertificateFiles, Code, Error, Folders, Host, HostId, MailSecurity, MailServer, Overcommit,
        Paths, Ratio, ServerCertificate, Serving, Settings, Size, Subnet6,
    },
    ui::testing::Capture,
};

use crate::support::skip::skip;

crate::tests![
    defaults_are_the_system_paths,
    the_file_and_the_environment_over_it,
    a_mail_server_is_whole_or_refused,
    an_unknown_key_names_the_nearest,
    every_fault_at_once,
    values_that_are_none,
    a_file_that_is_not_there_or_not_toml,
];

fn settings(pairs: &[(&str, &str)]) -> Result<Settings, Error> {
    let vars = pairs.iter().copied().collect();
    Env { vars, clock: jiff::Timestamp::now, euid: 1000, ui: Capture::default().ui() }.settings()
}

fn with_file(text: &str, pairs: &[(&str, &str)]) -> (Result<Settings, Error>, String) {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("config.toml");
    fs::write(&file, text).unwrap();
    let path = file.to_str().unwrap().to_owned();
    let mut pairs = pairs.to_vec();
    pairs.push(("LITE_CONFIG", &path));
    (settings(&pairs), path)
}

fn defaults() -> Settings {
    Settings {
        host: Host {
            id: HostId::local(),
            connect: "qemu:///system".to_owned(),
            pool: "lite".to_owned(),
            network: "lite".to_owned(),
            subnet: None,
            subnet6: Subnet6::Auto,
            accel: Accel::Auto,
            overcommit: Overcommit::default(),
            folders: Folders { pool: "/var/lib/libvirt/images/lite".into(), logs: "/var/log/lite".into() },
        },
        mirror: "http://deb.debian.org/debian".to_owned(),
        loopback_webhooks: false,
        keep_deleted: std::time::Duration::from_secs(86_400),
        verify_snapshots: true,
        mail: None,
        acme: Acme::default(),
        serve: Serving::default(),
        api: Api::default(),
        paths: Paths {
            state: "/var/lib/lite".into(),
            blueprints: vec!["/etc/lite/blueprints".into(), "/home/ann/.config/lite/blueprints".into()],
        },
    }
}

fn defaults_are_the_system_paths() {
    if fs::exists(CONFIG).unwrap_or(true) {
        skip(format!("this host has {CONFIG}"));
    }
    assert_eq!(settings(&[("HOME", "/home/ann")]), Ok(defaults()));
    let folders = |pairs: &[(&str, &str)]| settings(pairs).map(|s| s.paths.blueprints);
    let paths = |p: &[&str]| Ok(p.iter().map(PathBuf::from).collect::<Vec<_>>());
    assert_eq!(folders(&[]), paths(&["/etc/lite/blueprints"]));
    assert_eq!(
        folders(&[("HOME", "/h"), ("XDG_CONFIG_HOME", "/x")]),
        paths(&["/etc/lite/blueprints", "/x/lite/blueprints"])
    );
    assert_eq!(folders(&[("HOME", "/h"), ("LITE_BLUEPRINTS", "/a:/b")]), paths(&["/a", "/b"]));
}

fn the_file_and_the_environment_over_it() {
    let text = "# ours\nconnect = \"qemu+ssh://root@two/system\"\npool = \"fast\"\nsubnet = \"10.9.0.0/24\"\naccel = \"tcg\"\n\
                state_dir = \"/srv/lite\"\nlisten = \"[::]:443\"\ntls = \"/c.pem,/k.pem\"\nnames = [\"nas\", \"b.example\"]\nsession_idle = \"2h\"\n\
                regions = [\"home-1\", \"us-east-1\"]\npage_size = 7\ndisk_overcommit = 2\nmemory_overcommit = 1.25\nblueprints = [\"/a\", \"/b\"]\n";
    let (read, _) = with_file(
        text,
        &[("HOME", "/home/ann"), ("LITE_POOL", "slow"), ("LITE_ACCEL", ""), ("LITE_DISK_RESERVE", "8 GiB")],
    );
    let wanted = Settings {
        host: Host {
            connect: "qemu+ssh://root@two/system".to_owned(),
            pool: "slow".to_owned(),
            subnet: "10.9.0.0/24".parse().ok(),
            accel: Accel::Tcg,
            overcommit: Overcommit {
                disk: Ratio::times(2),
                memory: Ratio::parse("1.25").unwrap(),
                disk_reserve: Some(Size::mib(8 << 10)),
            },
            ..defaults().host
        },
        serve: Serving {
            listen: "[::]:443".parse().unwrap(),
            tls: Some(ServerCertificate::Files(CertificateFiles {
                certificate: "/c.pem".into(),
                key: "/k.pem".into(),
            })),
            names: vec!["nas".to_owned(), "b.example".to_owned()],
            session_idle: std::time::Duration::from_secs(7200),
            ..Serving::default()
        },
        api: Api { regions: vec!["home-1".to_owned(), "us-east-1".to_owned()], page_size: 7 },
        paths: Paths { state: "/srv/lite".into(), blueprints: vec!["/a".into(), "/b".into()] },
        ..defaults()
    };
    assert_eq!(read, Ok(wanted));
}

fn a_mail_server_is_whole_or_refused() {
    let server = |text: &str| with_file(text, &[]).0.map(|s| s.mail);
    let whole = "smtp_server = \"mail.example.org\"\nsmtp_from = \"lite@example.org\"\n";
    let plain = MailServer {
        host: "mail.example.org".to_owned(),
        port: 587,
        security: MailSecurity::Starttls,
        user: None,
        password_file: None,
        from: "lite@example.org".to_owned(),
    };
    assert_eq!(server(whole), Ok(Some(plain.clone())));
    let login = "smtp_security = \"tls\"\nsmtp_user = \"lite\"\nsmtp_password_file = \"/etc/lite/smtp\"\n";
    let with_login = MailServer {
        port: 465,
        security: MailSecurity::Tls,
        user: Some("lite".to_owned()),
        password_file: Some("/etc/lite/smtp".into()),
        ..plain.clone()
    };
    assert_eq!(server(&format!("{whole}{login}")), Ok(Some(with_login)));
    let six = whole.replace("mail.example.org", "[2001:db8::1]:2525");
    assert_eq!(server(&six), Ok(Some(MailServer { host: "2001:db8::1".to_owned(), port: 2525, ..plain })));
    let refused =
        |text: &str| server(text).map_err(|e| e.message.splitn(3, ": ").last().unwrap_or_default().to_owned());
    for (text, why) in [
        ("smtp_user = \"lite\"\n".to_owned(), "it means nothing without `smtp_server`"),
        (whole.to_owned() + "smtp_user = \"lite\"\n", "`smtp_user` and `smtp_password_file` belong together"),
        (
            format!("{whole}{}", login.replace("\"tls\"", "\"none\"")),
            "a password is not sent without TLS: use `starttls` or `tls`",
        ),
        (whole.to_owned() + "smtp_security = \"ssl\"\n", "`ssl` is not `starttls`, `tls` or `none`"),
        (whole.replace(".org\"\nsmtp_from", ".org:0\"\nsmtp_from"), WRONG_SERVER),
    ] {
        assert_eq!(refused(&text), Err(why.to_owned()), "{text}");
    }
}

/// What is said of a port that is none.
const WRONG_SERVER: &str =
    "`mail.example.org:0` is not a mail server such as `mail.example.org` or `mail.example.org:587`";

fn an_unknown_key_names_the_nearest() {
    let (read, path) = with_file("pool = \"lite\"\n\nconect = \"x\"\n", &[]);
    let wanted = Error::new(Code::UnknownSetting, format!("`{path}`, line 3: there is no setting `conect`"))
        .hint("did you mean `connect`?");
    assert_eq!(read, Err(wanted));
}

fn every_fault_at_once() {
    let (read, path) = with_file(
        "pool = 5\ndisk_overcommit = [4]\nsubnet = \"8.8.8.0/24\"\nzzzzzzzzz = 1\n",
        &[("LITE_ACCEL", "fast"), ("LITE_STATE_DIR", "var")],
    );
    let error = read.err();
    assert_eq!(error.as_ref().map(|e| (e.exit_code(), e.message.as_str())), Some((2, "the settings have 6 faults")));
    let wanted = vec![
        format!("`{path}`, line 1: `pool` is not text in quotes"),
        format!("`{path}`, line 2: `disk_overcommit` is not a number"),
        format!("`{path}`, line 4: there is no setting `zzzzzzzzz`"),
        format!(
            "`{path}`, line 3: `subnet`: `8.8.8.0/24` is not a private subnet from `/16` to `/28`, such as `192.168.150.0/24`"
        ),
        "variable `LITE_ACCEL`: `fast` is not an acceleration".to_owned(),
        "variable `LITE_STATE_DIR`: `var` is not an absolute path without `..`".to_owned(),
    ];
    assert_eq!(error.map(|e| e.causes), Some(wanted));
}

fn values_that_are_none() {
    let bad = [
        ("LITE_CONNECT", "system"),
        ("LITE_CONNECT", "qemu:///sys tem"),
        ("LITE_POOL", "../x"),
        ("LITE_POOL", "-rf"),
        ("LITE_NETWORK", "$(id)"),
        ("LITE_SUBNET", "192.168.150.1/24"),
        ("LITE_SUBNET", "10.0.0.0/8"),
        ("LITE_SUBNET", "::/64"),
        ("LITE_DISK_OVERCOMMIT", "0.5"),
        ("LITE_DISK_OVERCOMMIT", "many"),
        ("LITE_MEMORY_OVERCOMMIT", "101"),
        ("LITE_DISK_RESERVE", "5"),
        ("LITE_DISK_RESERVE", "-5 GiB"),
        ("LITE_REGIONS", "home_1"),
        ("LITE_REGIONS", "home-1:"),
        ("LITE_REGIONS", "home-1:home-1"),
        ("LITE_REGIONS", "Home-1"),
        ("LITE_PAGE_SIZE", "0"),
        ("LITE_PAGE_SIZE", "1001"),
        ("LITE_PAGE_SIZE", "+1"),
        ("LITE_MIRROR", "file:///etc"),
        ("LITE_MIRROR", "http://"),
        ("LITE_LOG_DIR", "/var/../etc"),
        ("LITE_POOL_DIR", "/a\nb"),
        ("LITE_BLUEPRINTS", "/a::/b"),
        ("LITE_LISTEN", "127.0.0.1"),
        ("LITE_LISTEN", "127.0.0.1:0"),
        ("LITE_LISTEN", "localhost:8480"),
        ("LITE_TLS", "yes"),
        ("LITE_TLS", "cert.pem,key.pem"),
        ("LITE_NAMES", "https://nas"),
        ("LITE_NAMES", "nas:"),
        ("LITE_TRUSTED_PROXY", "0.0.0.0"),
        ("LITE_TRUSTED_PROXY", "192.0.2.7:443"),
        ("LITE_SESSION_IDLE", "8d"),
        ("LITE_SESSION_LIFE", "0"),
        ("LITE_SESSION_LIFE", "31d"),
    ];
    for (name, value) in bad {
        let error = settings(&[(name, value)]).err();
        let start = format!("variable `{name}`: ");
        assert_eq!(
            error.as_ref().map(|e| (e.exit_code(), e.message.starts_with(&start))),
            Some((2, true)),
            "{name}={value:?}: {error:?}"
        );
    }
}

fn a_file_that_is_not_there_or_not_toml() {
    let error = settings(&[("LITE_CONFIG", "/nonexistent/config.toml")]).err();
    let wanted = Error::new(Code::UnreadableSettings, "cannot read the settings in `/nonexistent/config.toml`")
        .cause("No such file or directory (os error 2)")
        .hint("put the file there, or point `LITE_CONFIG` at another");
    assert_eq!(error, Some(wanted));
    let (read, path) = with_file("pool = \"a\"\npool: b\n", &[]);
    assert_eq!(
        read.map_err(|e| (e.code.as_str(), e.message)),
        Err(("invalid_settings", format!("`{path}`, line 2: not TOML")))
    );
}
