//! The console's pages of what is watched and what happened: who may do what with alarms, pages of a history, logs over several files, and
//! machines that were changed by hand.

use std::fs;

use lite::{
    app::{Caller, event},
    hypervisor::prelude::*,
    model::{EventKind, Name, Role, Scope, Unobserved, Via},
    plan,
};

use crate::support::{
    furnished::furnished,
    html::{faults, names, part, rows},
    served::Served,
};

const ALARM: &str =
    "when=%3E%3D+90&datapoints=3&of=5&period=1&statistic=average&missing=missing&repeat=240&notify=no-data";

fn house() -> (Served, String) {
    let served = Served::of(furnished(), |_| {});
    let cookie = served.root();
    (served, cookie)
}

fn record(served: &Served, of: &str) -> lite::model::Record {
    served.world.engine().store.require(&Name::parse(of).expect("a name")).expect("there").record
}

/// What may be chosen in a field.
fn options<'a>(page: &'a str, field: &str) -> Vec<&'a str> {
    let all = part(page, &format!("<select id=\"f-{field}\" name=\"{field}\">"), "</select>");
    all.lines().filter_map(|line| line.split_once('>')?.1.strip_suffix("</option>")).collect()
}

#[test]
fn an_alarm_is_made_for_whatever_whoever_makes_it_sees() {
    let (served, root) = house();
    let page = served.get("/alarms", &root).body;
    assert_eq!(options(&page, "instance"), ["blog", "shop", "frontdoor"]);
    let of = |subject: &str, metric: &str| format!("instance={subject}&metric={metric}&name=&{ALARM}");
    let other = served.post("/alarms", &root, &of("frontdoor", "CPUUtilization"));
    let fault = "<a href=\"#f-metric\"><code>CPUUtilization</code> is a metric of instances, and <code>frontdoor</code> is none of them</a>";
    assert_eq!((other.status, faults(&other.body)[0].split("<br>").next()), (400, Some(fault)));
    let boxes: Vec<&str> = other.body.split("name=\"notify\" value=\"").skip(1).collect();
    let ticked: Vec<_> = boxes.iter().map(|one| part(one, "\"", ">")).collect();
    assert_eq!(ticked, ["", "", " checked"], "boxes stay as they were ticked");
    assert_eq!(served.does("/alarms", &root, &of("frontdoor", "HealthyHostCount")), "/alarms");
    let own = ["shop-disk-space-utilization", "shop-memory-utilization"];
    let of_root = ["high", "blog-disk-space-utilization", "blog-memory-utilization", "frontdoor-healthy-host-count"];
    assert_eq!(names(&served.get("/alarms", &root).body), [&of_root[..], &own[..]].concat(), "what fires is first");
    assert_eq!(
        served.audit().last().map(String::as_str),
        Some("root 127.0.0.1 alarm-put frontdoor-healthy-host-count done")
    );
    let olga = served.log_in(&served.add("olga", Role::Operator, Scope::parse("client=acme").expect("a scope")));
    let page = served.get("/alarms", &olga).body;
    assert_eq!(options(&page, "instance"), ["shop"]);
    assert_eq!(names(&page), [&["high"][..], &own[..]].concat());
    for absent in ["blog", "frontdoor", "none"] {
        let told = served.refuses("/alarms", &olga, &of(absent, "CPUUtilization"));
        assert_eq!(told, [format!("instance: there is no instance `{absent}`")]);
    }
    assert_eq!(served.get("/alarms/frontdoor-healthy-host-count", &olga).status, 404);
    assert_eq!(served.post("/alarms/frontdoor-healthy-host-count", &olga, "action=mute&minutes=30").status, 404);
    assert_eq!(served.does("/alarms", &olga, &of("shop", "CPUUtilization")), "/alarms");
    let vera = served.log_in(&served.add("vita", Role::Viewer, Scope::All));
    for (path, form) in [
        ("/alarms", of("shop", "CPUUtilization")),
        ("/alarms/high", "action=delete".to_owned()),
        ("/alarms/high", "action=mute&minutes=30".to_owned()),
        ("/instances/shop/alarms", of("shop", "CPUUtilization")),
    ] {
        assert!(!served.get(path, &vera).body.contains(&format!("action=\"{path}\"")), "{path} offers nothing");
        assert_eq!(served.post(path, &vera, &form).status, 403, "{path} {form}");
    }
}

/// Follows a link from page to page, and gives what each of them lists.
fn followed(served: &Served, cookie: &str, link: &str, listed: fn(&str) -> Vec<String>) -> Vec<String> {
    let (mut path, mut all) = ("/instances/shop/history".to_owned(), Vec::new());
    for _ in 0..9 {
        let page = served.get(&path, cookie).body;
        all.extend(listed(&page));
        let Some((before, _)) = page.split_once(&format!("\">{link}</a>")) else { return all };
        path = before.rsplit("href=\"").next().unwrap_or_default().replace("&amp;", "&");
    }
    panic!("the pages have no end")
}

/// The ids of the operations of a page of a history.
fn operations(page: &str) -> Vec<String> {
    let done = part(page, "<h2>What was done to it</h2>", "<h2>What happened</h2>");
    let ids = done.split("href=\"/operations/").skip(1);
    ids.map(|rest| rest.split('"').next().unwrap_or_default().to_owned()).collect()
}

/// The titles of its events.
fn events(page: &str) -> Vec<String> {
    let (_, happened) = page.split_once("<h2>What happened</h2>").expect("events");
    rows(happened).into_iter().map(|row| part(row, "<td data-label=\"What\">", "</td>").to_owned()).collect()
}

#[test]
fn a_history_is_read_page_by_page_and_each_row_is_there_once() {
    let (served, root) = house();
    let shop = record(&served, "shop");
    served.world.engine().record_event(EventKind::InstanceCrashed, Some(&shop), "it crashed").expect("an event");
    served.world.sql(
        "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 120)
         INSERT INTO operation (id, kind, resource_kind, resource_id, resource_name, host, actor, via, state, started_at, ended_at)
         SELECT printf('op-%08x', i), 'reboot', resource_kind, resource_id, resource_name, host, actor, via, state, started_at + i, ended_at
         FROM n, operation WHERE kind = 'create' AND resource_name = 'shop' ORDER BY i;
         WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 120)
         INSERT INTO event (host, at, kind, instance, suppressed, data)
         SELECT host, at + i, kind, instance, i % 2, data
         FROM n, (SELECT * FROM event WHERE kind = 'instance.crashed' ORDER BY id DESC LIMIT 1) ORDER BY i;",
    );
    let all = followed(&served, &root, "Earlier operations", operations);
    let made: Vec<String> = (1..=120).rev().map(|i| format!("op-{i:08x}")).collect();
    assert_eq!(all[..120], made);
    let store = served.world.engine().store;
    let own = store.operations_of(shop.uuid, None, u32::MAX).expect("operations");
    assert_eq!(all, own.iter().map(|one| one.id.clone()).collect::<Vec<_>>());
    let all = followed(&served, &root, "Earlier events", events);
    let name = Name::parse("shop").expect("a name");
    let listed =
        event::list(&served.app, &Caller::root(Via::Cli), Some(&name), u32::MAX, &mut Unobserved).expect("events");
    let last = &listed.last().expect("it crashed").title;
    assert_eq!((all.len(), all[..121].iter().all(|title| title == last)), (listed.len(), true), "{all:?}");
    // One list stays where it was while the other is turned.
    let first = served.get("/instances/shop/history?operation=op-00000047", &root).body;
    assert_eq!(operations(&first)[..2], ["op-00000046", "op-00000045"]);
    let link = part(&first, "<a class=\"button\" href=\"/instances/shop/history?event=", "\">Earlier events</a>");
    assert!(link.ends_with("&amp;operation=op-00000047"), "{link}");
    for odd in ["?operation=%00&event=1", "?event=x", "?operation=op-ffffffff"] {
        assert_eq!(served.get(&format!("/instances/shop/history{odd}"), &root).status, 200, "{odd}");
    }
    let olga = served.log_in(&served.add("olga", Role::Viewer, Scope::parse("client=acme").expect("a scope")));
    assert_eq!(
        followed(&served, &olga, "Earlier operations", operations),
        followed(&served, &root, "Earlier operations", operations)
    );
    assert_eq!(served.get("/instances/blog/history", &olga).status, 404);
}

#[test]
fn reports_are_read_over_all_files_of_their_log_and_are_text() {
    let (served, root) = house();
    let logs = &served.world.settings().host.folders.logs;
    fs::create_dir_all(logs).expect("a folder");
    let file = plan::report_log(&record(&served, "shop"), logs);
    let stage = |word: &str| format!("{{\"event\":\"stage\",\"stage\":\"{word}\"}}\n");
    fs::write(format!("{}.0", file.display()), stage("first")).expect("written");
    let hostile = stage("<img onerror=x>{{7*7}}\\u202e\\u001b[31mred");
    fs::write(&file, format!("nonsense\n{hostile}{}", stage("last"))).expect("written");
    let page = served.get("/instances/shop/logs?log=reports", &root).body;
    let text = part(&page, "aria-label=\"Reports\">", "</pre>");
    assert_eq!(text, "stage    first\nstage    &lt;img onerror=x&gt;{{7*7}}\\u{202e}\\u{1b}[31mred\nstage    last\n");
    for odd in ["?log=%3Cscript%3E", "?to=-1", "?to=99999999999999999999", "?to=x&log=reports", "?to=0"] {
        let page = served.get(&format!("/instances/shop/logs{odd}"), &root);
        assert!(page.status == 200 && !page.body.contains("<script>"), "{odd}: {}", page.body);
    }
    let olga = served.log_in(&served.add("olga", Role::Operator, Scope::parse("client=other").expect("a scope")));
    let vita = served.log_in(&served.add("vita", Role::Viewer, Scope::All));
    let status = |cookie: &str| served.get("/instances/shop/logs", cookie).status;
    assert_eq!((status(&olga), status(&vita)), (404, 403));
}

#[test]
fn what_was_changed_by_hand_is_shown_with_both_values_and_put_back_by_an_administrator() {
    let (served, root) = house();
    let uuid = record(&served, "blog").uuid;
    let host = &served.world.hypervisor;
    let was = host.domain_xml(uuid).expect("read").expect("there");
    host.destroy(uuid).expect("stopped by hand");
    host.ensure_domain(&was.replace(">2</vcpu>", ">4</vcpu>")).expect("edited by hand");
    let row = "<tr><th scope=\"row\">vcpus</th><td data-label=\"Recorded\">2</td><td data-label=\"Now\">4</td></tr>";
    let form = "<form method=\"post\" action=\"/instances/blog/repair\">";
    let page = served.get("/instances/blog", &root).body;
    assert_eq!((rows(&page), page.contains(form)), (vec![row], true), "{page}");
    let olga = served.log_in(&served.add("olga", Role::Operator, Scope::All));
    let adam = served.log_in(&served.add("adam", Role::Admin, Scope::parse("client=acme").expect("a scope")));
    let page = served.get("/instances/blog", &olga).body;
    let told = "<p class=\"hint\"><code>sudo lite repair blog</code> on the host does it.</p>";
    assert!(page.contains(told) && !page.contains(form), "{page}");
    for cookie in [&olga, &adam] {
        assert_eq!(served.post("/instances/blog/repair", cookie, "").status, 403);
    }
    assert_eq!(served.does("/instances/blog/repair", &root, ""), "/instances/blog");
    assert!(!served.get("/instances/blog", &root).body.contains("Changed by hand"));
    assert!(host.domain_xml(uuid).expect("read").expect("there").contains(">2</vcpu>"));
    host.remove_domain(uuid).expect("undefined by hand");
    let page = served.get("/instances/blog", &root).body;
    assert!(page.contains("<h2 id=\"lost\">Its machine is gone</h2>") && page.contains(form), "{page}");
    assert_eq!(served.does("/instances/blog/repair", &root, ""), "/instances/blog");
    assert!(host.domain_xml(uuid).expect("read").is_some(), "defined again");
    let page = served.get("/instances/blog", &root).body;
    assert!(!page.contains("Its machine is gone"), "{page}");
    assert_eq!(served.audit().last().map(String::as_str), Some("root 127.0.0.1 repair blog succeeded"));
}

#[test]
fn a_deleted_instance_is_brought_back_by_who_may_and_sees_it() {
    let (served, root) = house();
    let page = served.get("/deleted", &root).body;
    let id = part(&page, "name=\"id\" value=\"", "\"").to_owned();
    let until = part(&page, "data-label=\"Kept until\">", "</td>");
    assert!(until.starts_with("<time datetime=\"") && until.ends_with(" UTC</time>"), "{until}");
    let vita = served.log_in(&served.add("vita", Role::Viewer, Scope::All));
    let page = served.get("/deleted", &vita).body;
    assert_eq!((names(&page), page.contains("action=\"/deleted\"")), (vec!["erstwhile".to_owned()], false));
    assert_eq!(served.post("/deleted", &vita, &format!("id={id}&new=")).status, 403);
    let olga = served.log_in(&served.add("olga", Role::Operator, Scope::parse("client=acme").expect("a scope")));
    assert!(served.get("/deleted", &olga).body.contains("<p>None is kept."));
    let absent = "00000000-0000-4000-8000-000000000000";
    let told = |id: &str| served.refuses("/deleted", &olga, &format!("id={id}&new=")).join("").replace(id, "ID");
    assert_eq!(told(&id), told(absent), "what is others' is not there");
    let back = served.post("/deleted", &root, &format!("id={id}&new="));
    assert!(back.field("location").is_some_and(|to| to.starts_with("/operations/op-")), "{back:?}");
    // What it waits for then is its guest.
    assert!((0..600).any(|_| {
        std::thread::sleep(std::time::Duration::from_millis(50));
        served.get("/instances/erstwhile", &root).body.contains("<h1>erstwhile</h1>")
            && !served.get("/deleted", &root).body.contains(&id)
    }));
}
