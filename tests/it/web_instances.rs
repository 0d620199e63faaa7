//! The console's pages of instances: what they show, what their forms do, and what they refuse.

use std::time::Duration;

use lite::{
    engine,
    model::{InstanceState, Role, Scope, Tag, Unobserved},
};

use crate::support::{
    html::{faults, part, rows, value},
    served::{Answer, Served},
    world::World,
};

/// A host with `shop`, which is a client's, and `blog`.
fn two() -> Served {
    let world = World::new();
    let tags = vec![Tag::parse("client=acme").expect("a tag")];
    let request = engine::Request { tags, ..world.plain_request(Some("shop")) };
    engine::create(&mut world.engine(), request, &mut Unobserved).expect("made");
    world.create("blog").expect("made");
    Served::of(world, |_| {})
}

fn root(served: &Served) -> String {
    served.log_in(&served.code())
}

/// The name and the state of what the list shows.
fn found(served: &Served, cookie: &str, query: &str) -> Vec<String> {
    let page = served.get(&format!("/instances?q={query}"), cookie);
    assert_eq!(page.status, 200, "{query}");
    if !page.body.contains("<tbody") {
        return Vec::new();
    }
    rows(&page.body).into_iter().map(|row| part(row, "<a href=\"/instances/", "\"").to_owned()).collect()
}

/// The page that a form leads to.
fn led(answer: &Answer) -> &str {
    assert_eq!(answer.status, 303, "{answer:?}");
    answer.field("location").expect("a place")
}

/// Waits until an operation has ended, and gives its page.
fn ended(served: &Served, cookie: &str, path: &str) -> String {
    assert!(path.starts_with("/operations/op-"), "{path}");
    for _ in 0..600 {
        let page = served.get(path, cookie).body;
        if !page.contains(">started</span>") {
            return page;
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    panic!("{path} does not end");
}

fn state(served: &Served, name: &str) -> InstanceState {
    let listed = engine::list(&served.world.engine()).expect("listed");
    listed.into_iter().find(|one| one.instance.record.name.as_str() == name).expect("there").state
}

#[test]
fn the_list_shows_state_health_address_price_and_the_sum() {
    let served = two();
    let page = served.get("/instances", &root(&served));
    let row = |name: &str, address: &str| {
        format!(
            "<tr id=\"r-{name}\"><td class=\"pick\"><input type=\"checkbox\" name=\"name\" value=\"{name}\" aria-label=\"Choose {name}\"></td>\
             <th scope=\"row\"><a href=\"/instances/{name}\">{name}</a></th>\
             <td data-label=\"State\"><span class=\"state good\"><span class=\"shape\" aria-hidden=\"true\">●</span>running</span></td>\
             <td data-label=\"Health\"><span class=\"state busy\"><span class=\"shape\" aria-hidden=\"true\">◌</span>setting-up</span></td>\
             <td data-label=\"Blueprint, bundle\">debian-13, nano</td><td data-label=\"Address\">{address}</td>\
             <td data-label=\"CPU\" class=\"number\">–</td><td data-label=\"Memory\" class=\"number\">–</td>\
             <td data-label=\"Disk\" class=\"number\">–</td><td data-label=\"Price/month\" class=\"number\">5.00 USD</td></tr>"
        )
    };
    assert_eq!(rows(&page.body), [row("blog", "192.168.150.3"), row("shop", "192.168.150.2")]);
    assert_eq!(part(&page.body, "<p class=\"sum\" id=\"sum\">", "</p>"), "2 · 10.00 USD/month");
    let notice = "nothing is measured, and no alarm fires: nobody watches this host; <code>lite watch</code> on the host watches";
    assert_eq!(part(&page.body, "<p class=\"notice\">", "</p>"), notice);
    let rail = part(&page.body, "<nav id=\"rail\" aria-label=\"Main\" popover>", "</nav>");
    assert!(
        rail.starts_with("\n<ul>\n<li><a href=\"/instances\" aria-current=\"true\">Instances</a></li>\n"),
        "{rail}"
    );
    let lines: Vec<_> = rail.split("<a href=\"").skip(1).filter_map(|line| line.split('"').next()).collect();
    let all = [
        "/instances",
        "/snapshots",
        "/disks",
        "/network",
        "/alarms",
        "/operations",
        "/cost",
        "/key-pairs",
        "/images",
        "/remotes",
        "/host",
        "/contacts",
        "/access",
        "/audit",
    ];
    assert_eq!(lines, all);
}

#[test]
fn an_empty_host_says_what_comes_first() {
    let served = Served::new();
    let cookie = root(&served);
    let page = served.get("/instances", &cookie);
    assert_eq!(part(&page.body, "<pre>", "</pre>"), "sudo lite doctor\nsudo lite create nginx");
    assert!(!page.body.contains("<table>") && !page.body.contains("role=\"search\""), "{}", page.body);
    let page = served.get("/operations", &cookie);
    assert!(page.body.contains("<p>Nothing was changed yet."), "{}", page.body);
}

#[test]
fn a_question_finds_and_says_what_it_does_not_know() {
    let served = two();
    let cookie = root(&served);
    for (query, names) in [
        ("", &["blog", "shop"][..]),
        ("sho", &["shop"]),
        ("-tag:client%3Dacme", &["blog"]),
        ("state:running+bundle:nano", &["blog", "shop"]),
        ("state:stopped", &[]),
    ] {
        assert_eq!(found(&served, &cookie, query), names, "{query}");
    }
    let page = served.get("/instances?q=sho", &cookie);
    assert_eq!(part(&page.body, "<p class=\"sum\" id=\"sum\">", "</p>"), "1 of 2 · 5.00 USD/month");
    let page = served.get("/instances?q=stat:%3Cb%3E", &cookie);
    assert_eq!(page.status, 400);
    assert_eq!(value(&page.body, "q\" type=\"search"), "stat:&lt;b&gt;", "it is kept");
    let fault = "<a href=\"#f-q\">instances have no <code>stat</code> to search by</a>\
                 <br><span class=\"hint\">did you mean <code>state:&lt;b&gt;</code>?</span>\
                 <br><span class=\"hint\">there are address, base, blueprint, bundle, health, name, state, tag</span>";
    assert_eq!(faults(&page.body), [fault]);
}

#[test]
fn a_stop_and_a_start_are_operations_with_pages() {
    let served = two();
    let cookie = root(&served);
    let page = served.get("/instances/shop", &cookie);
    assert!(page.body.contains("<button name=\"action\" value=\"stop\">Stop</button>"), "{}", page.body);
    let answer = served.post("/instances/shop/power", &cookie, "action=switch-off");
    let done = ended(&served, &cookie, led(&answer));
    assert_eq!(part(&done, "<h1>", "</h1>"), "stop shop");
    assert!(
        done.contains("<span class=\"state good\"><span class=\"shape\" aria-hidden=\"true\">●</span>succeeded</span>"),
        "{done}"
    );
    assert_eq!(state(&served, "shop"), InstanceState::Stopped);
    assert_eq!(found(&served, &cookie, "state:stopped"), ["shop"]);
    let again = served.post("/instances/shop/power", &cookie, "action=stop");
    assert_eq!(led(&again), "/instances/shop", "there is nothing to do");
    let page = served.get("/instances/shop", &cookie);
    assert!(page.body.contains("<button name=\"action\" value=\"start\">Start</button>"), "{}", page.body);
    let answer = served.post("/instances/shop/power", &cookie, "action=blink");
    assert_eq!(answer.status, 400);
    assert_eq!(part(&answer.body, "</h1>", "<p><a").trim(), "<p>there is nothing to do called <code>blink</code></p>");
    let audit = served.audit();
    assert_eq!(audit.last().map(String::as_str), Some("root 127.0.0.1 stop shop succeeded"));
}

#[test]
fn several_are_switched_at_once_and_each_refusal_is_told() {
    let served = two();
    let cookie = root(&served);
    let answer = served.post("/instances", &cookie, "action=reboot&name=shop&name=blog");
    assert_eq!(led(&answer), "/instances");
    let answer = served.post("/instances", &cookie, "action=stop&name=none&name=N%C3%B6");
    assert_eq!(answer.status, 400);
    let told: Vec<_> = faults(&answer.body).iter().map(|one| one.split("<br>").next().unwrap_or_default()).collect();
    assert_eq!(told, ["there is no instance <code>none</code>", "<code>N\\u{f6}</code> is not a valid name"]);
}

#[test]
fn a_delete_wants_the_name_and_an_instance_that_is_not_protected() {
    let served = two();
    let cookie = root(&served);
    let wrong = served.post("/instances/shop/delete", &cookie, "name=shoq");
    assert_eq!((wrong.status, value(&wrong.body, "name")), (400, "shoq"));
    let fault = "<a href=\"#f-name\"><code>shoq</code> is not the name of this instance</a>\
                 <br><span class=\"hint\">type <code>shop</code> to delete it</span>";
    assert_eq!(faults(&wrong.body), [fault]);
    let protected = served.post("/instances/shop/protect", &cookie, "protected=yes");
    ended(&served, &cookie, led(&protected));
    let refused = served.post("/instances/shop/delete", &cookie, "name=shop");
    assert_eq!(refused.status, 400);
    assert!(faults(&refused.body)[0].contains("is protected"), "{}", refused.body);
    assert_eq!(state(&served, "shop"), InstanceState::Running);
    let unprotected = served.post("/instances/shop/protect", &cookie, "protected=no");
    ended(&served, &cookie, led(&unprotected));
    let deleted = served.post("/instances/shop/delete", &cookie, "name=shop");
    let page = ended(&served, &cookie, led(&deleted));
    assert_eq!(part(&page, "<h1>", "</h1>"), "delete shop");
    assert_eq!(found(&served, &cookie, ""), ["blog"]);
}

#[test]
fn a_viewer_sees_and_is_offered_nothing_that_is_refused() {
    let served = two();
    let cookie = served.log_in(&served.add("vera", Role::Viewer, Scope::All));
    for path in ["/instances", "/instances/shop", "/operations"] {
        let page = served.get(path, &cookie);
        assert_eq!(page.status, 200, "{path}");
        let forms: Vec<_> =
            page.body.split("<form method=\"post\" action=\"").skip(1).map(|f| f.split('"').next()).collect();
        let none = [Some("/logout"), Some("/instances")];
        assert!(forms.iter().all(|form| none.contains(form)), "{path}: {forms:?}");
        for word in ["<button name=\"action\"", "/create", "Delete…", "type=\"checkbox\""] {
            assert!(!page.body.contains(word), "{path}: {word}");
        }
    }
    let answer = served.get("/create", &cookie);
    assert_eq!(
        (answer.status, part(&answer.body, "</h1>", "<p><a").trim()),
        (403, "<p><code>vera</code> may not change this</p>")
    );
}

#[test]
fn who_sees_one_tag_meets_nothing_else() {
    let served = two();
    let cookie = served.log_in(&served.add("anna", Role::Operator, Scope::parse("client=acme").expect("a scope")));
    assert_eq!(found(&served, &cookie, ""), ["shop"]);
    let absent = |name: &str| {
        let page = served.get(&format!("/instances/{name}"), &cookie);
        (page.status, page.body.replace(name, "NAME"))
    };
    assert_eq!(absent("blog"), absent("none"));
    let absent = |name: &str| {
        let page = served.post(&format!("/instances/{name}/power"), &cookie, "action=stop");
        (page.status, page.body.replace(name, "NAME"))
    };
    assert_eq!(absent("blog"), absent("none"));
    assert_eq!(state(&served, "blog"), InstanceState::Running);
    let operations = served.get("/operations", &cookie).body;
    assert!(operations.contains("<td data-label=\"Of\">shop</td>") && !operations.contains("blog"), "{operations}");
}

#[test]
fn hostile_text_is_text() {
    let world = World::new();
    let hostile = ["a=<script>alert(1)</script>", "b=\"><img/onerror=x>", "c={{7777*7777}}"];
    let tags: Vec<Tag> = hostile.iter().filter_map(|text| Tag::parse(text).ok()).collect();
    let request = engine::Request { tags: tags.clone(), ..world.plain_request(Some("shop")) };
    engine::create(&mut world.engine(), request, &mut Unobserved).expect("made");
    world.sql("UPDATE instance SET failure = '\u{202e}<b>`{{7777*7777}}`\u{1b}[2J'");
    let served = Served::of(world, |_| {});
    let cookie = root(&served);
    let page = served.get("/instances/shop", &cookie).body;
    let failure = part(&page, "<h2 id=\"failed\">Its set-up failed</h2>\n<p>", "</p>");
    assert_eq!(failure, "\\u{202e}&lt;b&gt;<code>{{7777*7777}}</code>\\u{1b}[2J");
    for path in [
        "/instances?q=%3Cscript%3E%7B%7B7777*7777%7D%7D%22%3E%3Cimg%3E",
        "/instances/%3Cscript%3Ealert(1)%3C%2Fscript%3E",
        "/operations/%22%3E%3Cimg%20onerror%3Dx%3E",
        "/create?blueprint=%3Cscript%3E%7B%7B7777*7777%7D%7D%E2%80%AE",
        "/instances/shop",
    ] {
        let page = served.get(path, &cookie).body;
        let main = part(&page, "<main", "</main>");
        for word in ["<script", "<img", "<b>", "60481729", "\u{202e}", "\u{1b}"] {
            assert!(!main.contains(word), "{path}: {word}: {main}");
        }
    }
}
