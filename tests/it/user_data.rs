//! User-data and a blueprint's `cloud_config`: what is judged before anything is changed.

use lite::{
    app::{App, Caller, files::Attachment, instance::create},
    catalog::check,
    model::{Code, DnsName, Error, Name, TimeZone, Via},
    render::{UserData, UserDataFor, parse_user_data},
};
use serde_json::{Value, json};

use crate::support::{create_request::create_request, world::World};

/// For an instance `web` whose account is `debian`.
fn parse(text: &str) -> Result<UserData, Error> {
    let name = Name::parse("web")?;
    parse_user_data(text.as_bytes(), UserDataFor { name: Some(&name), account: "debian" })
}

/// The keys of a cloud-config.
fn keys(text: &str) -> Value {
    Value::Object(parse(&format!("#cloud-config\n{text}")).expect("good").cloud_config)
}

/// What is said of a cloud-config that is refused: the message, and each fault.
fn refused(text: &str) -> (String, Vec<String>) {
    let error = parse(&format!("#cloud-config\n{text}")).expect_err("refused");
    assert_eq!((error.code, error.exit_code()), (Code::InvalidUserData, 2));
    (error.message, error.causes)
}

#[test]
fn an_empty_key_is_as_if_absent() {
    let empty =
        "bootcmd:\nwrite_files: []\nssh_authorized_keys: ~\nusers: []\npackages:\nruncmd: []\napt: {}\ntimezone: ''\n";
    assert_eq!(keys(empty), json!({}));
}

#[test]
fn keys_that_lite_relies_on_are_judged_by_type_with_their_line() {
    let text = "bootcmd: echo\nwrite_files: {path: /x}\nssh_authorized_keys: ssh-ed25519 AAAA\nusers: ada\npackages: htop\n\
                apt: x\nchpasswd: []\npackage_update: 1\nfqdn: mail\ntimezone: ../x\n";
    let list = "must be a list (`- item`)";
    let mapping = "must be a mapping (`key: value`)";
    let faults = [
        format!("user-data:2: bootcmd: {list}"),
        format!("user-data:3: write_files: {list}"),
        format!("user-data:4: ssh_authorized_keys: {list}"),
        format!("user-data:5: users: {list}"),
        format!("user-data:6: packages: {list}"),
        format!("user-data:7: apt: {mapping}"),
        format!("user-data:8: chpasswd: {mapping}"),
        "user-data:9: package_update: must be `true` or `false`".to_owned(),
        "user-data:10: fqdn: must be a full name in DNS such as `mail.example.org`".to_owned(),
        "user-data:11: timezone: must be a time zone such as `Europe/Berlin`".to_owned(),
    ];
    let chpasswd = text.replace("chpasswd: []", "chpasswd: [a]");
    assert_eq!(
        refused(&chpasswd),
        ("the user-data file cannot be used: 10 values are refused".to_owned(), faults.to_vec())
    );
}

#[test]
fn items_of_lists_are_judged_too() {
    let text = "bootcmd:\n  - echo: 1\n  - []\nwrite_files:\n  - x\n  - content: a\n  - path: a\n  - path: /var/lib/lite/x\n  - path: /x\n    \
                permissions: rw\n    owner: {}\nssh_authorized_keys: [[a]]\nusers:\n  - {uid: 1}\n  - name: ada\n    ssh_authorized_keys: k\n  - [a]\n";
    let faults = [
        "user-data:3: bootcmd[0]: must be a text or a list of texts; put quotes around what holds `: `",
        "user-data:4: bootcmd[1]: must be a text or a list of texts; put quotes around what holds `: `",
        "user-data:6: write_files[0]: must be a mapping with `path` and `content`",
        "user-data:7: write_files[1].path: is missing",
        "user-data:8: write_files[2].path: must be an absolute path",
        "user-data:9: write_files[3].path: must not be below `/var/lib/lite`, where lite keeps its own files, nor hold `..`",
        "user-data:11: write_files[4].permissions: `rw` is not a file mode such as `0644`",
        "user-data:12: write_files[4].owner: must be a text",
        "user-data:13: ssh_authorized_keys[0]: must be a text",
        "user-data:15: users[0].name: is missing",
        "user-data:17: users[1].ssh_authorized_keys: must be a list of texts (`- ssh-ed25519 …`)",
        "user-data:18: users[2]: must be a name, or a mapping with `name`",
    ];
    assert_eq!(refused(text).1, faults);
}

#[test]
fn a_blueprints_cloud_config_is_judged_the_same() {
    let nginx = include_str!("../../blueprints/nginx.yaml");
    let text = nginx.replacen("packages:", "bootcmd:\n  write_files: x\n  hostname: a\n  packages:", 1);
    let text = if text == nginx {
        format!("{nginx}cloud_config:\n  bootcmd:\n  write_files: x\n  hostname: a\n")
    } else {
        text
    };
    let said: Vec<String> = check("nginx.yaml", &text).iter().map(|d| format!("{}: {}", d.key, d.message)).collect();
    assert_eq!(
        said,
        [
            "cloud_config.write_files: must be a list (`- item`)",
            "cloud_config.hostname: is set by lite itself; use `install` and `configure` for commands",
        ]
    );
}

#[test]
fn texts_of_digits_stay_as_they_are_written() {
    let text = "write_files:\n  - {path: /x, permissions: 0644, content: 007}\npassword: 0123\nusers:\n  - {name: 1000, uid: 1000, passwd: 12e3}\n\
                runcmd: [[mount, -o, 0755], 5, true]\nmounts: [[/dev/vdb, /mnt, auto, noauto, 0, 2]]\npackages: [[nginx, 1.20]]\n";
    assert_eq!(
        keys(text),
        json!({
            "write_files": [{"path": "/x", "permissions": "0644", "content": "007"}],
            "password": "0123",
            "users": [{"name": "1000", "uid": 1000, "passwd": "12e3"}],
            "runcmd": [["mount", "-o", "0755"], "5", "true"],
            "mounts": [["/dev/vdb", "/mnt", "auto", "noauto", "0", "2"]],
            "packages": [["nginx", "1.20"]],
        })
    );
}

#[test]
fn what_lite_sets_may_be_said_again_and_the_rest_is_refused_at_once() {
    let same = "hostname: web\npreserve_hostname: false\nmanage_etc_hosts: localhost\nssh_pwauth: no\ndisable_root: true\n\
                ssh_deletekeys: true\nssh_genkeytypes: [ed25519]\nuser: debian\nfqdn: web.example.org\n";
    assert_eq!(keys(same), json!({"fqdn": "web.example.org"}));
    let other = "hostname: db\nssh_pwauth: true\ndisable_root: false\nsystem_info: {}\n";
    assert_eq!(
        refused(other).1,
        [
            "user-data:2: hostname: is set by lite itself, to `web`; name the instance so with `--name`",
            "user-data:3: ssh_pwauth: is set by lite itself, to `false`; passwords cannot log in by SSH; give keys with `--ssh-key`",
            "user-data:4: disable_root: is set by lite itself, to `true`; log in as the account, which may use `sudo`",
            "user-data:5: system_info: is set by lite itself; add accounts with `users`",
        ]
    );
}

#[test]
fn a_locale_is_one_of_utf_8_and_a_keyboard_has_names() {
    for good in ["de_DE.UTF-8", "sr_RS.UTF-8@latin", "fil_PH.UTF-8", "C.UTF-8", "POSIX"] {
        assert_eq!(keys(&format!("locale: {good}\n")), json!({"locale": good}));
    }
    let wanted = "must be a locale such as `de_DE.UTF-8`, or `C.UTF-8`";
    for bad in [
        "de_DE",
        "de_DE.utf8",
        "de_DE.ISO-8859-1",
        "DE_de.UTF-8",
        "'de_DE.UTF-8 UTF-8'",
        "[a]",
        "de_DE.UTF-8@",
        "false",
    ] {
        assert_eq!(refused(&format!("locale: {bad}\n")).1, [format!("user-data:2: locale: {wanted}")], "{bad}");
    }
    let keyboard = json!({"keyboard": {"layout": "de,us", "variant": "nodeadkeys", "options": "ctrl:nocaps"}});
    assert_eq!(keys("keyboard: {layout: 'de,us', variant: nodeadkeys, options: ctrl:nocaps}\n"), keyboard);
    assert_eq!(
        refused("keyboard:\n  model: pc$(id)\n  layouts: de\n").1,
        [
            "user-data:2: keyboard.layout: is missing",
            "user-data:3: keyboard.model: must be a name such as `de`, or some with `,` between",
            "user-data:4: keyboard.layouts: is not a key of `keyboard`",
        ]
    );
}

#[test]
fn a_reboot_or_a_power_off_ends_the_set_up_and_nothing_else_may() {
    let text = "power_state: {mode: reboot, delay: +5, message: 5, timeout: 30, condition: [test, -e, 1]}\n";
    let reboot = json!({"mode": "reboot", "delay": 5, "message": "5", "timeout": 30, "condition": ["test", "-e", "1"]});
    assert_eq!(keys(text), json!({"power_state": reboot}));
    assert_eq!(
        keys("power_state: {mode: poweroff, delay: now}\n"),
        json!({"power_state": {"mode": "poweroff", "delay": "now"}})
    );
    assert_eq!(refused("power_state: reboot\n").1, ["user-data:2: power_state: must be a mapping (`key: value`)"]);
    let other = "power_state:\n  delay: soon\n  condition: 5\n  timeout: x\n  modus: reboot\n";
    let mut said = refused(other).1;
    said.extend(refused("power_state:\n  mode: halt\n").1);
    assert_eq!(
        said,
        [
            "user-data:2: power_state.mode: is missing",
            "user-data:3: power_state.delay: must be `now` or a number of minutes",
            "user-data:4: power_state.condition: must be `true`, `false` or a command",
            "user-data:5: power_state.timeout: must be a number of seconds",
            "user-data:6: power_state.modus: is not a key of `power_state`",
            "user-data:3: power_state.mode: must be `reboot` or `poweroff`; a machine that halts stays on",
        ]
    );
}

#[test]
fn old_spellings_become_todays() {
    assert_eq!(
        keys("ca-certs: {remove-defaults: true, trusted: [a]}\ngrub-dpkg: {enabled: false}\n"),
        json!({"ca_certs": {"remove_defaults": true, "trusted": ["a"]}, "grub_dpkg": {"enabled": false}})
    );
    let text = "apt_update: true\nssh-authorized-keys: [a]\nusers:\n  - {name: ada, ssh-authorized-keys: [k], lock-passwd: true, x-y: 1}\n";
    assert_eq!(
        keys(text),
        json!({
            "package_update": true,
            "ssh_authorized_keys": ["a"],
            "users": [{"name": "ada", "ssh_authorized_keys": ["k"], "lock_passwd": true, "x-y": 1}],
        })
    );
    assert_eq!(
        refused("package_update: true\napt_update: true\n").1,
        ["user-data:3: apt_update: is `package_update`, which is on line 2 too"]
    );
}

#[test]
fn the_name_in_dns_and_the_time_zone_are_options_too() {
    let world = World::new();
    let app =
        App::of_host(world.settings().clone(), std::sync::Arc::new(lite::clock::SystemClock), world.hypervisor.clone());
    let root = Caller::root(Via::Cli);
    let user_data = |text: &str| Some(Attachment { name: "u".to_owned(), bytes: text.as_bytes().to_vec() });
    let mut request = create_request();
    request.fqdn = DnsName::parse("web.example.org").ok();
    request.timezone = TimeZone::parse("Europe/Berlin").ok();
    request.user_data = user_data("#cloud-config\ntimezone: Europe/Berlin\n");
    let digest = create::check(&app, &root, request.clone()).expect("good").digest().to_owned();
    request.fqdn = DnsName::parse("www.example.org").ok();
    assert_ne!(create::check(&app, &root, request.clone()).expect("good").digest(), digest);
    request.user_data = user_data("#cloud-config\nfqdn: other.example.org\n");
    let said = create::check(&app, &root, request.clone()).map(drop).map_err(|e| e.message);
    let text = "`fqdn` is `other.example.org` in the user-data and `www.example.org` by `--fqdn`";
    assert_eq!(said, Err(text.to_owned()));
    request.user_data = None;
    request.timezone = TimeZone::parse("Europe/Berlim").ok();
    let said = create::check(&app, &root, request).map(drop).map_err(|e| (e.message.clone(), e.hint_texts()));
    assert_eq!(
        said,
        Err(("there is no time zone `Europe/Berlim`".to_owned(), vec!["did you mean `Europe/Berlin`?".to_owned()]))
    );
}
