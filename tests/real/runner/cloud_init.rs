//! What cloud-init did, and a network that is missing, are told before anything runs.

use super::*;

crate::tests![
    what_cloud_init_hides_is_told_before_anything_runs,
    what_breaks_cloud_inits_schema_is_a_warning,
    a_guest_without_a_network_says_so_before_anything_runs
];

fn what_cloud_init_hides_is_told_before_anything_runs() {
    ready();
    let error = "('package_update_upgrade_install', ProcessExecutionError(\"Unexpected error while running command.\\nCommand: ['apt-get', \
                 'install', 'foo']\\nExit code: 100\\nReason: -\\nStdout: -\\nStderr: -\"))";
    let guest = Guest::new(&job(json!({})));
    guest.write("var/lib/lite/configure.sh", "echo never\n");
    guest.write(
        "run/cloud-init/status.json",
        &json!({"v1": {"stage": null, "modules-final": {"errors": [error.replace('\n', "\\n")]}}}).to_string(),
    );
    guest.write("var/log/cloud-init-output.log", "E: Unable to locate package foo\n");
    let failed = json!({"event": "failed", "module": "package_update_upgrade_install", "command": "['apt-get', 'install', 'foo']", "code": 100,
        "tail": ["E: Unable to locate package foo"]});
    assert_eq!(guest.boot(), (vec![failed], String::new()));

    // Newer ones raise an error of their own, and print much that tells nothing.
    let error = "('package_update_upgrade_install', PackageInstallerError(\"Failed to install the following packages: {'foo'}. See logs.\"))";
    let guest = Guest::new(&job(json!({})));
    guest.write("run/cloud-init/status.json", &json!({"v1": {"modules-final": {"errors": [error]}}}).to_string());
    let printed = "ci-info: | 1 |\nRunning as unit: lite-guest.service\nCloud-init v. 25.1.4 running\nGet:1 http://m/debian x\nHit:2 http://m/debian x\n\
                   Err:3 http://m/debian x\n2026-11-24 [WARNING]: Failure when attempting to install packages: ['foo']\n\
                   2026-11-24 log_util.py[WARNING]: Running module x failed\n";
    guest.write("var/log/cloud-init-output.log", printed);
    let failed = json!({"event": "failed", "module": "package_update_upgrade_install", "command": "", "code": 1,
        "tail": ["Err:3 http://m/debian x", "2026-11-24 [WARNING]: Failure when attempting to install packages: ['foo']",
        "Failed to install the following packages: {'foo'}. See logs."]});
    assert_eq!(guest.boot().0, [failed]);
}

fn what_breaks_cloud_inits_schema_is_a_warning() {
    ready();
    let done = |guest: &Guest| guest.boot().0.pop().map(|event| (event["event"].clone(), event["warnings"].clone()));
    for (line, warnings) in [
        ("schema.py[WARNING]: Invalid cloud-config provided:", json!(["it is [secret]"])),
        ("schema.py[WARNING]: cloud-config failed schema validation! You may run x", json!(["it is [secret]"])),
        ("schema.py[WARNING]: Deprecated cloud-config provided:", Value::Null),
        ("schema.py[DEBUG]: cloud-config failed schema validation!", Value::Null),
    ] {
        let guest = Guest::new(&job(json!({})));
        guest.program("cloud-init", &format!("echo it is {SECRET}; exit 1\n"));
        guest.write("var/log/cloud-init.log", &format!("2026-11-24 12:00:00,000 - {line}\n"));
        assert_eq!(done(&guest), Some((json!("done"), warnings)), "{line}");
    }
    let guest = Guest::new(&job(json!({"own": {"write_files": 4, "users": 1}})));
    guest.write("var/log/cloud-init.log", "schema.py[WARNING]: cloud-config failed schema validation!\n");
    let says = "echo Found cloud-config data types\necho '  Error: Cloud config schema errors: ntp: 5, write_files.4: no, \
                write_files.3: no, users.10.name: no, runcmd.2: no'\necho Valid schema network-config\nexit 1\n";
    guest.program("cloud-init", says);
    let said = "ntp: 5, write_files.0: no, write_files.3: no, users.9.name: no, runcmd.2: no";
    assert_eq!(done(&guest), Some((json!("done"), json!([said]))));
}

fn a_guest_without_a_network_says_so_before_anything_runs() {
    ready();
    let network = |guest: &Guest| {
        let events = guest.boot().0;
        let [event] = &events[..] else { panic!("{events:?}") };
        assert_eq!((&event["event"], &event["module"]), (&json!("failed"), &json!("network")));
        (event["command"].clone(), event["code"].clone(), event["tail"].as_array().cloned().unwrap_or_default())
    };
    let guest = Guest::new(&job(json!({})));
    guest.write("var/lib/lite/configure.sh", "echo never\n");
    guest.write("proc/net/route", "Iface\tDestination\nlo\t0000007F\n");
    guest.write("proc/net/if_inet6", "fe800000000000005054 02 40 20 80 eth0\n00000000000000000001 01 80 10 80 lo\n");
    let (command, code, tail) = network(&guest);
    assert_eq!((command, code), (json!("ip -brief address"), json!(1)));
    assert_eq!(tail[..2], ["no interface has an address", "# ip -brief address"]);

    // An address, but the mirror refuses.
    let listener = std::net::TcpListener::bind(("127.0.0.1", 0)).expect("binds");
    let at = listener.local_addr().expect("bound");
    let guest = Guest::new(&job(json!({})));
    guest.write("proc/net/route", "");
    guest.write("proc/net/if_inet6", "2001db8000000000 02 40 00 80 eth0\n");
    guest.write("var/lib/lite/install.sh", "apt-get() { echo got; }\napt-get update\n");
    fs::create_dir_all(guest.path("etc/apt/sources.list.d")).expect("a folder");
    guest.write("etc/apt/sources.list", "# deb http://192.0.2.1/old x main\n");
    guest.write("etc/apt/sources.list.d/a.sources", &format!("Types: deb\nURIs: http://{at}/debian\nSuites: x\n"));
    drop(listener);
    let (command, code, tail) = network(&guest);
    assert_eq!((command, code), (json!(format!("/bin/bash -c 'exec 3<>/dev/tcp/127.0.0.1/{}'", at.port())), json!(1)));
    assert!(tail[0].as_str().is_some_and(|l| l.ends_with("Connection refused")), "{tail:?}");

    // The mirror answers; a proxy is asked instead; nothing is fetched at all.
    let done = |guest: &Guest| assert_eq!(guest.boot().0.last().expect("one")["event"], json!("done"));
    let again = |change: &dyn Fn(&Guest)| {
        fs::remove_file(guest.path("var/lib/lite/state.json")).expect("there");
        let _ = fs::remove_file(guest.path("var/lib/lite/installed.json"));
        change(&guest);
        done(&guest);
    };
    let listener = std::net::TcpListener::bind(at).expect("binds again");
    again(&|_| {});
    drop(listener);
    again(&|guest| guest.write("etc/apt/apt.conf", "Acquire::http::Proxy \"http://proxy:3142\";\n"));
    fs::remove_file(guest.path("etc/apt/apt.conf")).expect("there");
    again(&|guest| guest.write("var/lib/lite/install.sh", "echo adapt install\n"));
}
