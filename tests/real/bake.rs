//! WordPress baked once and made twice from it, without a network, under TCG. Minutes, root and a libvirtd: `LITE_TEST_REAL=1`.

use std::collections::BTreeSet;

use crate::support::{
    host::{Host, needs_host},
    http::{curl, get},
};

crate::tests![wordpress_baked_once_made_twice_without_a_network,];

/// Would break HTML, YAML, SQL or a shell if it were spliced anywhere.
const TITLE: &str = "Fish & <chips> \"$(reboot)\" it's 100% 'ok' \\n ñ";
const TITLE_HTML: &str = "Fish &amp; &lt;chips&gt; &quot;$(reboot)&quot; it&#039;s 100% &#039;ok&#039; \\n ñ";

/// What must not be the same on two machines, each printed by a command in the guest.
const OWN: [(&str, &str); 10] = [
    ("machine id", "cat /etc/machine-id"),
    ("boot id", "cat /proc/sys/kernel/random/boot_id"),
    ("host name", "hostname"),
    ("host key", "cat /etc/ssh/ssh_host_ed25519_key.pub"),
    ("database password", "sudo grep DB_PASSWORD /etc/wordpress/config-default.php"),
    ("keys", "sudo grep _KEY /etc/wordpress/config-default.php"),
    ("salts", "sudo grep _SALT /etc/wordpress/config-default.php"),
    ("administrator's hash", "sudo mariadb -N wordpress -e 'SELECT user_pass FROM wp_users'"),
    ("random seed", "sudo sha256sum /var/lib/systemd/random-seed"),
    (
        "cloud-init's instance",
        "cat /run/cloud-init/instance-data.json | python3 -c 'import json,sys; print(json.load(sys.stdin)[\"v1\"][\"instance_id\"])'",
    ),
];

fn wordpress_baked_once_made_twice_without_a_network() {
    needs_host();
    let host = Host::new("bake", 73);
    host.debian_13();
    let folder = host.folder.path().join("blueprints");
    std::fs::create_dir_all(&folder).expect("a folder");
    let small =
        "currency: USD\nbundles:\n  - {id: tiny, vcpus: 2, memory: 1 GiB, disk: 5 GiB, transfer: 1 TiB, price: 1}\n";
    std::fs::write(folder.join("bundles.yaml"), small).expect("written");

    let baked = host.json(&["image", "bake", "wordpress"]);
    assert_eq!(host.left(), Vec::<String>::new(), "the machine that baked is left");
    let image = &baked["images"][0];
    let about = serde_json::json!({"blueprint": "wordpress", "version": "1", "base": "debian-13", "parameters": {}, "current": true});
    assert_eq!((&image["origin"], &image["baked"]), (&"baked".into(), &about));
    let id = image["id"].as_str().expect("an id");
    assert_eq!(host.json(&["image", "bake", "wordpress"]), baked, "a second bake does nothing");

    host.without_a_way_out();
    let names = ["lite-test-bake-a", "lite-test-bake-b"];
    let mut own: Vec<BTreeSet<String>> = vec![BTreeSet::new(); OWN.len()];
    for name in names {
        let title = format!("title={TITLE}");
        let set = ["--set", title.as_str(), "--set", "admin_user=Ada.L"];
        let create =
            ["create", "wordpress", "--bundle", "tiny", "--name", name, "--timeout", "20m", "--json", "--verbose"];
        let out = host.lite(&[create.as_slice(), &set].concat());
        let said = String::from_utf8_lossy(&out.stderr).into_owned();
        assert_eq!(out.status.code(), Some(0), "{said}");
        assert!(said.contains(&format!("`wordpress` is installed already: baked image `{id}`\n")), "{said}");
        assert!(!said.contains("cloud-init: install"), "installed again: {said}");
        let created: serde_json::Value = serde_json::from_slice(&out.stdout).expect("JSON");
        let used = serde_json::json!({"id": id, "digest": image["digest"], "baked": true});
        assert_eq!((&created["instance"]["image"], &created["instance"]["ready"]), (&used, &true.into()));
        assert!(!host.ok(&["logs", name, "--boot"]).contains("stage    install"));
        for (seen, (_, command)) in own.iter_mut().zip(OWN) {
            seen.insert(host.ok(&["ssh", name, "--", command]));
        }
        unsealed(&host, name);
        installed_and_logged_in(&host, name, created["instance"]["address"].as_str().expect("an address"));
    }
    for (seen, (what, _)) in own.iter().zip(OWN) {
        assert_eq!(seen.len(), names.len(), "the {what} is the same: {seen:?}");
        assert!(seen.iter().all(|s| !s.trim().is_empty()), "no {what}");
    }
    in_use_it_stays(&host, image, names);

    host.ok(&["delete", names[0], names[1], "--yes"]);
    assert!(host.ok(&["image", "prune", "--yes"]).starts_with(&format!("went    baked image `{id}`")));
    assert_eq!(host.left(), Vec::<String>::new());
    host.ok(&["image", "remove", "debian-13", "--yes"]);
}

/// Nothing of the machine that baked is on the disk. The pattern does not match itself: sudo writes the command to the journal.
fn unsealed(host: &Host, name: &str) {
    let traces = "sudo grep -rlsE 'bake-wordpress-[1]' /etc /var/lib/cloud /var/lib/lite /var/log /home /root; \
                  sudo find /var/cache/apt -name '*.deb'; sudo ls /var/lib/apt/lists | grep -v -e lock -e partial; \
                  ls /etc/ssh | grep ssh_host | grep -v ed25519; true";
    assert_eq!(host.ok(&["ssh", name, "--", traces]), "");
}

/// WordPress as its user meets it.
fn installed_and_logged_in(host: &Host, name: &str, address: &str) {
    let secrets = host.json(&["secrets", name]);
    let admin = secrets["secrets"].as_array().expect("secrets").iter().find(|s| s["name"] == "admin").expect("admin");
    assert_eq!(admin["user"], "Ada.L");
    let password = admin["value"].as_str().expect("a password");

    let page = get(address, "/");
    assert!(page.contains("<meta name=\"generator\" content=\"WordPress"), "{page}");
    assert!(page.contains(&format!("<title>{TITLE_HTML}</title>")), "{page}");
    assert!(!log_in(host, address, "not the password").contains("<h1>Dashboard</h1>"));
    assert!(log_in(host, address, password).contains("<h1>Dashboard</h1>"));
    assert!(get(address, "/wp-admin/install.php").contains("Already Installed"));
    let listening = host.ok(&["ssh", name, "--", "sudo ss -Hltn"]);
    assert!(!listening.contains(":3306"), "the database has no port: {listening}");
}

/// Posts the log-in form as a browser does; the page behind it.
fn log_in(host: &Host, address: &str, password: &str) -> String {
    let jar = host.folder.path().join("cookies");
    let _ = std::fs::remove_file(&jar);
    let jar = jar.to_str().expect("a path");
    let form = format!("http://{address}/wp-login.php");
    let to = format!("redirect_to=http://{address}/wp-admin/");
    let password = format!("pwd={password}");
    curl(&["-c", jar, &form]);
    let data = ["--data-urlencode", "log=Ada.L", "--data-urlencode", &password, "--data-urlencode", &to];
    curl(&[&["-L", "-b", jar, "-c", jar, "-d", "testcookie=1"], data.as_slice(), &[form.as_str()]].concat())
}

/// An image in use goes neither by hand nor by `prune`, whether it is current or not.
fn in_use_it_stays(host: &Host, image: &serde_json::Value, names: [&str; 2]) {
    let id = image["id"].as_str().expect("an id");
    assert!(host.fails(2, &["image", "remove", id, "--yes"]).contains(names[0]));
    let newer = include_str!("../../blueprints/wordpress.yaml").replace("version: \"1\"", "version: \"2\"");
    std::fs::write(host.folder.path().join("blueprints/wordpress.yaml"), newer).expect("written");
    let pruned = host.json(&["image", "prune", "--yes"]);
    assert_eq!(pruned["receipts"][0]["removed"], serde_json::json!([]));
    let kept = pruned["receipts"][0]["kept"][0].as_str().expect("words");
    assert!(kept.contains("used by lite-test-bake-a, lite-test-bake-b"), "{kept}");
    let outdated = host.json(&["blueprints", "outdated"]);
    assert_eq!((&outdated["outdated"][0]["name"], &outdated["outdated"][1]["today"]), (&names[0].into(), &"2".into()));
    let columns = host.ok(&["list", "--columns", "name,version,image"]);
    let digest = &image["digest"].as_str().expect("a digest")[..12];
    assert_eq!(columns.lines().nth(1), Some(format!("{}  1        {digest}", names[0]).as_str()));
}
