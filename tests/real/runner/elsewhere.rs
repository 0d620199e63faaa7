//! A disk that is in another instance now, or an instance that has another address.

use super::*;

crate::tests![
    a_copy_is_told_apart_and_neither_installed_nor_configured,
    an_instance_that_came_back_elsewhere_tells_its_application_once,
];

fn a_copy_is_told_apart_and_neither_installed_nor_configured() {
    ready();
    let id = "00000000-0000-0000-0000-0000deadbeef";
    let guest = Guest::new(&job(json!({"uuid": id, "name": "web-2", "address": "192.168.150.11",
        "copied": {"name": "web-1", "address": "192.168.150.10"}})));
    for folder in
        ["etc/ssl/private", "usr/sbin", "var/lib/dbus", "var/lib/cloud/instances/old", "var/lib/cloud/instances/new"]
    {
        fs::create_dir_all(guest.path(folder)).expect("made");
    }
    std::os::unix::fs::symlink(guest.path("var/lib/cloud/instances/new"), guest.path("var/lib/cloud/instance"))
        .expect("linked");
    // What the other instance left.
    guest.write("etc/machine-id", "0123\n");
    guest.write("var/lib/dbus/machine-id", "0123\n");
    guest.write("etc/ssl/private/ssl-cert-snakeoil.key", "old\n");
    guest.write("var/lib/lite/state.json", r#"{"uuid": "u1", "event": "done", "report": {"event": "done"}}"#);
    guest.write("var/lib/lite/published.json", r#"{"url": "https://old.example.org/"}"#);
    guest.write("var/lib/lite/install.sh", "echo installed\n");
    guest.write("var/lib/lite/configure.sh", "echo configured\n");
    guest.write("var/lib/lite/published.sh", "echo \"$LITE_NAME at $LITE_URL\"\n");
    guest.write(
        "var/lib/lite/moved.sh",
        "echo \"$LITE_FORMER_NAME at $LITE_FORMER_ADDRESS is $LITE_NAME at $LITE_ADDRESS, $LITE_URL\"\n",
    );
    let make_cert = guest.path("usr/sbin/make-ssl-cert");
    guest.write("usr/sbin/make-ssl-cert", "#!/bin/sh\necho \"cert: $*\"\n");
    let mode = std::os::unix::fs::PermissionsExt::from_mode(0o755);
    fs::set_permissions(make_cert, mode).expect("may run");
    let (events, console) = guest.boot();
    assert_eq!(events[..3], [stage("identity"), stage("renew"), stage("moved")]);
    assert_eq!((events.len(), &events[3]["event"]), (4, &json!("done")));
    let said = "cert: generate-default-snakeoil --force-overwrite\nweb-1 at 192.168.150.10 is web-2 at 192.168.150.11, \
                http://192.168.150.11/\nweb-2 at http://192.168.150.11/\n";
    assert_eq!(console, said);
    assert_eq!(guest.read("etc/machine-id"), "000000000000000000000000deadbeef\n");
    let there = |path: &str| guest.path(path).exists();
    let paths = ["var/lib/dbus/machine-id", "var/lib/cloud/instances/old", "var/lib/cloud/instances/new"];
    assert_eq!(paths.map(there), [false, false, true]);
    assert_eq!(guest.boot(), (vec![json!({"event": "booted"})], String::new()));
    // An application that does not take its address is a set-up that failed, whichever part it was; `true` is of an earlier lite.
    for (uuid, copied, part) in
        [("u3", json!({"name": "web-1", "address": ""}), "published"), ("u4", json!(true), "moved")]
    {
        guest.write(&format!("var/lib/lite/{part}.sh"), "false\n");
        guest.write("var/lib/lite/instance.json", &job(json!({"uuid": uuid, "copied": copied})).to_string());
        let (events, _) = guest.boot();
        let failed = events.last().expect("an event");
        let told = ["event", "module", "command"].map(|key| failed[key].as_str().unwrap_or_default());
        assert_eq!((told, &failed["code"], failed.get("url")), (["failed", "moved", "false"], &json!(1), None));
    }
}

fn an_instance_that_came_back_elsewhere_tells_its_application_once() {
    ready();
    let guest = Guest::new(&job(json!({"secrets": {"admin": SECRET}})));
    guest.write("var/lib/lite/published.sh", "echo \"$LITE_NAME at $LITE_URL\"\n");
    guest.boot();
    let booted = json!({"event": "booted"});
    assert_eq!(guest.boot(), (vec![booted.clone()], String::new()));
    // What cloud-init writes for the new id. A part that failed runs again at the next boot.
    let news = json!({"uuid": job(json!({}))["uuid"], "name": "old", "address": "192.168.150.77",
        "former": {"name": "web-1", "address": "192.168.150.10"}});
    guest.write("var/lib/lite/moved.json", &news.to_string());
    guest.write("var/lib/lite/moved.sh", "false\n");
    let (events, console) = guest.boot();
    assert_eq!((events.len(), &events[..2], &*console), (3, &[stage("moved"), booted.clone()][..], ""));
    let told = ["event", "command"].map(|key| events[2][key].as_str().unwrap_or_default());
    assert_eq!((told, &events[2]["code"], events[2].get("module")), (["published", "false"], &json!(1), None));
    guest.write(
        "var/lib/lite/moved.sh",
        "echo \"$LITE_FORMER_NAME at $LITE_FORMER_ADDRESS is $LITE_NAME at $LITE_ADDRESS, $LITE_URL\"\n",
    );
    let (events, console) = guest.boot();
    assert_eq!(events, [stage("moved"), booted.clone()]);
    let said =
        "web-1 at 192.168.150.10 is old at 192.168.150.77, http://192.168.150.77/\nold at http://192.168.150.77/\n";
    assert_eq!(console, said);
    // It is so from then on, and keeps what else it knows.
    let known: Value = serde_json::from_str(&guest.read("var/lib/lite/instance.json")).expect("JSON");
    let known = [&known["name"], &known["address"], &known["secrets"]["admin"], &known["copied"]];
    assert_eq!(known, [&json!("old"), &json!("192.168.150.77"), &json!(SECRET), &Value::Null]);
    assert_eq!(guest.boot(), (vec![booted.clone()], String::new()));
    // That of another instance, whose disk this was, is none.
    guest.write("var/lib/lite/moved.json", &json!({"uuid": "u9", "name": "x", "address": ""}).to_string());
    assert_eq!(guest.boot(), (vec![booted], String::new()));
    assert!(!guest.path("var/lib/lite/moved.json").exists());
}
