//! Load balancers at the ports that domains share: one by its domain, with a certificate, and one for what no domain claims.

use crate::{
    site::Web,
    support::{
        guest_net::{Outside, REFUSED},
        host::text,
        idle::clean,
        watch::wait_for,
    },
};

crate::tests![a_load_balancer_has_a_domain_and_another_what_no_domain_claims];

const A: &str = "lite-test-lbd-a";
const B: &str = "lite-test-lbd-b";

/// Waits until all instances of a load balancer are healthy.
fn await_healthy(web: &Web, name: &str) {
    wait_for("healthy instances", 15, || {
        let shown = web.host.json(&["lb", "show", name]);
        let targets = shown["load_balancers"][0]["targets"].as_array().expect("targets").clone();
        !targets.is_empty() && targets.iter().all(|target| target["state"] == "healthy")
    });
}

fn certificate(web: &Web, name: &str) -> String {
    web.host.json(&["lb", "show", name])["load_balancers"][0]["certificate"].as_str().expect("a state").to_owned()
}

fn a_load_balancer_has_a_domain_and_another_what_no_domain_claims() {
    let web = Web::new("lbd", 130, 86_400);
    let made = web.lite(&["lb", "create", "shop", "--domain", "shop.example.org"]);
    assert_eq!(made.status.code(), Some(0), "{}", text(&made.stderr));
    assert_eq!(
        web.asked_securely("shop.example.org", &["-o", "/dev/null"]),
        Err("503".to_owned()),
        "without instances"
    );
    web.host.ok(&["lb", "attach", "shop", A, B]);
    await_healthy(&web, "shop");
    let asked = web.asked_securely("shop.example.org", &[]).expect("served, with a certificate that is right");
    assert_eq!((&asked["host"], &asked["proto"]), (&"shop.example.org".into(), &serde_json::json!(["https"])));
    assert_eq!(web.asked("blog.example.org", &[]), Err("404".to_owned()));
    let wanted = "HAProxy serves domains and load balancers, and nothing on this host stops the world";
    assert_eq!(web.check("web"), wanted);
    clean(&web.host, "with a load balancer");

    // What no domain claims has one place.
    web.host.ok(&["lb", "create", "front", "--port", "80"]);
    web.host.ok(&["lb", "attach", "front", B]);
    await_healthy(&web, "front");
    assert_eq!(web.asked("blog.example.org", &[]).expect("served")["host"], "blog.example.org");
    let location = ["-o", "/dev/null", "-w", "%{redirect_url}\n%{http_code}"];
    assert_eq!(web.asked("shop.example.org", &location), Err("308".to_owned()), "a domain goes before it");
    let wanted = "error: `80/tcp` of this host leads to load balancer `front`";
    assert_eq!(web.refused(&["lb", "create", "next"]), (Some(2), wanted.to_owned()));
    assert_eq!(web.refused(&["publish", A, "80"]), (Some(2), wanted.to_owned()));

    // An authority that refuses: the domain is served over HTTP, and the load balancer goes all the same.
    web.pebble.name(&web.outside, "refused.example.org", Outside::ADDRESS);
    let wanted = "error: `refused.example.org` is served over HTTP alone: it has no certificate yet";
    let created = ["lb", "create", "refused", "--domain", "refused.example.org"];
    assert_eq!(web.refused(&created), (Some(1), wanted.to_owned()));
    assert_eq!(certificate(&web, "refused"), "failed");
    web.host.ok(&["lb", "delete", "refused"]);

    // One whose command died while the authority looked: the domain's load is the first, then the saga's end, then the answer's.
    assert_eq!(web.killed(&["lb", "create", "cut", "--domain", "blog.example.org"], "effect:3"), Some(9));
    assert_eq!(certificate(&web, "cut"), "pending");
    web.host.ok(&["lb", "delete", "cut"]);
    assert_eq!(web.asked("blog.example.org", &[]).expect("served")["host"], "blog.example.org");
    clean(&web.host, "after one that was pending");

    ["shop", "front"].iter().for_each(|name| drop(web.host.ok(&["lb", "delete", name])));
    assert_eq!(web.outside.asks("tcp", 80), REFUSED);
    [A, B].iter().for_each(|name| drop(web.host.ok(&["delete", name, "--yes"])));
    clean(&web.host, "after the load balancers");
}
