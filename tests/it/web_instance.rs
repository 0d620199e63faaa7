//! The console's other pages of one instance: settings, logs, history, repair, and what brings a deleted one back.

use std::fs;

use lite::{
    model::{Role, Scope},
    plan,
};

use crate::support::{
    furnished::furnished,
    html::{fact, names, part},
    served::Served,
};

fn house() -> (Served, String) {
    let served = Served::of(furnished(), |_| {});
    let cookie = served.root();
    (served, cookie)
}

#[test]
fn tags_are_set_and_taken_off() {
    let (served, cookie) = house();
    let path = "/instances/shop/settings";
    assert_eq!(served.refuses(path, &cookie, "action=tag&tags=%3Dx"), ["tags: `=x` is not a tag"]);
    served.does(path, &cookie, "action=tag&tags=client%3Dinitech+new");
    let tags = || fact(&served.get("/instances/shop", &cookie).body, "Tags").matches("class=\"tag\"").count();
    assert_eq!(tags(), 3);
    served.does(path, &cookie, "action=untag&key=live");
    assert_eq!(tags(), 2);
    assert_eq!(served.refuses(path, &cookie, "action=untag&key=live"), ["-: instance `shop` has no tag `live`"]);
    let anna = served.log_in(&served.add("anna", Role::Operator, Scope::parse("client=initech").expect("a scope")));
    assert!(!served.get(path, &anna).body.contains("aria-label=\"Take off client=initech\""), "the scope's tag stays");
    assert_eq!(served.post(path, &anna, "action=untag&key=client").status, 403);
}

#[test]
fn another_size_is_shown_with_its_price_and_given() {
    let (served, cookie) = house();
    let path = "/instances/shop/settings";
    served.does("/instances/shop/power", &cookie, "action=switch-off");
    let plan = served.post(path, &cookie, "action=resize&bundle=micro&plan=yes");
    assert_eq!(plan.status, 200);
    let told = part(&plan.body, "<p class=\"told\" role=\"status\">", "</p>");
    assert!(told.contains("40 GiB of disk (now 64 MiB)") && told.contains("7.00 USD/month (now 5.00)"), "{told}");
    assert_eq!(served.refuses(path, &cookie, "action=resize&bundle=none"), ["bundle: there is no bundle `none`"]);
    served.does(path, &cookie, "action=resize&bundle=micro");
    let page = served.get("/instances/shop", &cookie).body;
    assert!(fact(&page, "Bundle").starts_with("micro: "), "{page}");
    assert_eq!(served.refuses(path, &cookie, "action=upgrade&plan=yes").len(), 1, "a stopped instance is not upgraded");
}

#[test]
fn a_log_is_read_in_windows_and_is_text() {
    let (served, cookie) = house();
    let path = "/instances/shop/logs";
    assert!(served.get(path, &cookie).body.contains("<p>Nothing was written since it was last started.</p>"));
    let shop = lite::model::Name::parse("shop").expect("a name");
    let record = served.world.engine().store.require(&shop).expect("there").record;
    let logs = &served.world.settings().host.folders.logs;
    fs::create_dir_all(logs).expect("a folder");
    let mut text = "a".repeat(100_000);
    text.push_str("\u{1b}[31m<script>alert(1)</script>\u{1b}[0m\r\n\u{202e}end\n");
    fs::write(plan::console_log(&record, logs), &text).expect("written");
    let page = served.get(path, &cookie).body;
    let log = part(&page, "aria-label=\"Console\">", "</pre>");
    assert!(log.ends_with("&lt;script&gt;alert(1)&lt;/script&gt;\n\\u{202e}end\n"), "{log}");
    let from = text.len() - 65_536;
    assert_eq!(part(&page, "<p class=\"hint\">", "</p>"), format!("Bytes {from} to {} of {}.", text.len(), text.len()));
    let before = served.get(&format!("{path}?log=console&to={from}"), &cookie).body;
    assert_eq!(part(&before, "aria-label=\"Console\">", "</pre>"), "a".repeat(from));
    assert!(before.contains(&format!("&amp;to={}\">What came after</a>", text.len())), "{from}");
    fs::write(plan::report_log(&record, logs), "{\"event\":\"stage\",\"stage\":\"install\"}\nnonsense\n")
        .expect("written");
    let reports = served.get(&format!("{path}?log=reports"), &cookie).body;
    assert_eq!(part(&reports, "aria-label=\"Reports\">", "</pre>"), "stage    install\n");
}

#[test]
fn its_history_has_what_was_done_and_what_happened() {
    let (served, cookie) = house();
    served.does("/instances/shop/power", &cookie, "action=switch-off");
    let page = served.get("/instances/shop/history", &cookie).body;
    let done = names(&page);
    assert_eq!((done.first().map(String::as_str), done.last().map(String::as_str)), (Some("stop"), Some("create")));
    let (_, events) = page.split_once("<h2>What happened</h2>").expect("events");
    assert!(events.contains("<td data-label=\"What\">") && events.contains("ALARM CPUUtilization on shop"), "{events}");
    assert!(!page.contains("blog"), "{page}");
}

#[test]
fn a_deleted_instance_comes_back() {
    let (served, cookie) = house();
    let page = served.get("/deleted", &cookie).body;
    assert_eq!(names(&page), ["erstwhile"]);
    let id = part(&page, "name=\"id\" value=\"", "\"").to_owned();
    assert_eq!(served.refuses("/deleted", &cookie, "id=x&new="), ["id: no deleted instance `x` is kept"]);
    assert_eq!(served.refuses("/deleted", &cookie, &format!("id={id}&new=shop")), ["new: the name `shop` is taken"]);
    let back = served.post("/deleted", &cookie, &format!("id={id}&new="));
    assert!(back.field("location").is_some_and(|to| to.starts_with("/operations/op-")), "{back:?}");
    let is_back = || served.get("/instances/erstwhile", &cookie).status == 200;
    assert!((0..600).any(|_| {
        std::thread::sleep(std::time::Duration::from_millis(50));
        is_back()
    }));
    assert!(served.get("/deleted", &cookie).body.contains("<p>None is kept."));
}

#[test]
fn what_was_cut_off_is_repaired_from_the_page_of_the_host() {
    let (served, cookie) = house();
    let told = served.post("/host", &cookie, "action=repair");
    assert_eq!(part(&told.body, "<p class=\"told\" role=\"status\">", "</p>"), "There was nothing to repair.");
    assert_eq!(served.does("/instances/shop/repair", &cookie, ""), "/instances/shop");
    assert_eq!(served.post("/instances/none/repair", &cookie, "").status, 404);
    let operator = served.log_in(&served.add("olga", Role::Operator, Scope::All));
    assert_eq!(served.post("/instances/shop/repair", &operator, "").status, 403);
}
