//! The console's pages of alarms and contacts.

use lite::{
    app::{
        Caller, alarm,
        audit::{self, Filter},
        instance::list,
    },
    model::{Unobserved, Via},
    view::{AlarmsDocument, CostDocument, OperationsDocument},
};

use crate::support::{
    furnished::furnished,
    html::{fact, names, part, value},
    served::Served,
};

const ALARM: &str = "metric=CPUUtilization&when=%3E%3D+90&datapoints=3&of=5&period=1&statistic=average&missing=missing&repeat=240&notify=alarm&notify=ok";

fn house() -> (Served, String) {
    let served = Served::of(furnished(), |_| {});
    let cookie = served.root();
    (served, cookie)
}

#[test]
fn an_alarm_is_made_tested_muted_changed_and_deleted() {
    let (served, cookie) = house();
    let of = "/instances/shop/alarms";
    let wrong = ALARM.replace("when=%3E%3D+90", "when=much").replace("of=5", "of=x");
    assert_eq!(
        served.refuses(of, &cookie, &format!("{wrong}&name=")),
        ["when: `much` is not a condition", "of: `x` is no number here"]
    );
    let kept = served.post(of, &cookie, &format!("{wrong}&name=load"));
    assert_eq!((value(&kept.body, "when\" type=\"text"), value(&kept.body, "name\" type=\"text")), ("much", "load"));
    let none = ALARM.replace("datapoints=3", "datapoints=6");
    assert_eq!(served.refuses(of, &cookie, &format!("{none}&name=")), ["of: 6 breaching periods of 5 cannot be"]);
    assert_eq!(served.does(of, &cookie, &format!("{ALARM}&name=")), of);
    // Two came with the blueprint.
    let all = ["high", "shop-cpu-utilization", "shop-disk-space-utilization", "shop-memory-utilization"];
    assert_eq!(names(&served.get(of, &cookie).body), all);
    let one = "/alarms/shop-cpu-utilization";
    assert_eq!(served.refuses(one, &cookie, "action=test&state=BAD").len(), 1);
    served.does(one, &cookie, "action=test&state=ALARM");
    let page = served.get(one, &cookie).body;
    assert_eq!(fact(&page, "Why it is so"), "set by hand, for a test");
    assert_eq!(
        names(&served.get("/alarms", &cookie).body)[..2],
        ["high", "shop-cpu-utilization"],
        "those that fire first"
    );
    served.does(one, &cookie, "action=mute&minutes=120");
    let page = served.get(one, &cookie).body;
    assert!(part(&page, "<p class=\"sum\">", "</p>").contains("muted until"), "{page}");
    served.does(one, &cookie, "action=mute&minutes=0");
    let changed = ALARM.replace("%3E%3D+90", "%3E+50");
    served.does(one, &cookie, &format!("action=change&instance=shop&{changed}"));
    let page = served.get(one, &cookie).body;
    assert_eq!(fact(&page, "Fires at"), "CPUUtilization &gt; 50, 3 of 5 × 1 min");
    assert_eq!(names(&page).len(), 2, "fired, and closed as it was changed: {page}");
    assert_eq!(served.does(one, &cookie, "action=delete"), "/alarms");
    assert_eq!(served.get(one, &cookie).status, 404);
}

#[test]
fn the_pages_of_alarms_operations_cost_and_audit_are_as_their_json() {
    let (served, cookie) = house();
    let root = Caller::root(Via::Cli);
    let all = alarm::list(&served.app, &root, None, &mut Unobserved).expect("alarms");
    let json = serde_json::to_value(AlarmsDocument { alarms: &all }).expect("a document");
    let mut listed = json["alarms"].as_array().expect("a list").clone();
    listed.sort_by_key(|alarm| alarm["state"] != "ALARM");
    let listed: Vec<&str> = listed.iter().flat_map(|alarm| alarm["name"].as_str()).collect();
    assert_eq!(names(&served.get("/alarms", &cookie).body), listed);
    let all = lite::app::operation::list(&served.app, &root, 100, &mut Unobserved).expect("operations");
    let json = serde_json::to_value(OperationsDocument { operations: &all }).expect("a document");
    let page = served.get("/operations", &cookie).body;
    let listed: Vec<&str> =
        json["operations"].as_array().expect("a list").iter().flat_map(|o| o["kind"].as_str()).collect();
    assert_eq!(names(&page), listed);
    let (rows, storage) = list::cost(&served.app, &root, &[], &mut Unobserved).expect("prices");
    let json = serde_json::to_value(CostDocument::of(&rows, &storage)).expect("a document");
    let page = served.get("/cost", &cookie).body;
    let both = ["instances", "storage"].map(|key| json[key].as_array().expect("a list").clone()).concat();
    assert_eq!(names(&page), both.iter().flat_map(|one| one["name"].as_str()).collect::<Vec<_>>());
    let total = format!("{} USD/month", json["totals"][0]["price"].as_str().expect("a sum"));
    assert_eq!(part(&page, "<p class=\"sum\">", "</p>"), total);
    let filter = Filter { limit: 200, ..Filter::default() };
    let page = served.get("/audit", &cookie).body;
    let all = audit::list(&served.app, &root, &filter, &mut Unobserved).expect("the audit");
    let actions: Vec<String> =
        page.split("data-label=\"What\">").skip(1).map(|cell| text(cell.split("</td>").next())).collect();
    assert_eq!(actions, all.iter().rev().map(|row| row.action.clone()).collect::<Vec<_>>());
}

/// What stands in a cell, without its link.
fn text(cell: Option<&str>) -> String {
    let cell = cell.unwrap_or_default().trim_end_matches("</a>");
    cell.rsplit('>').next().unwrap_or_default().to_owned()
}

#[test]
fn the_secret_of_a_contact_is_shown_once_and_wants_a_log_in_of_late() {
    let (served, cookie) = house();
    let form = |name: &str| format!("name={name}&webhook=http://127.0.0.1:9/secret-path&mail=&format=slack&header=");
    let made = served.post("/contacts", &cookie, &form("pager"));
    assert_eq!(made.status, 200, "{made:?}");
    let secret = part(&made.body, "<dt>Secret</dt><dd><code>", "</code>").to_owned();
    assert!(secret.len() > 20, "{secret}");
    assert_eq!(made.field("cache-control"), Some("no-store"));
    for path in ["/contacts", "/contacts/pager", "/audit"] {
        let page = served.get(path, &cookie).body;
        assert!(!page.contains(&secret) && !page.contains("secret-path"), "{path}: {page}");
    }
    assert_eq!(names(&served.get("/contacts", &cookie).body), ["oncall", "pager"]);
    assert_eq!(served.refuses("/contacts", &cookie, &form("pager")), ["name: there is a contact `pager` already"]);
    assert_eq!(served.refuses("/contacts", &cookie, "name=x&webhook=&mail="), ["webhook: no address is given"]);
    assert_eq!(
        served.refuses("/contacts", &cookie, "name=x&webhook=&mail=a@example.org"),
        ["mail: no mail server is configured, so no mail can be sent"]
    );
    let rotated = served.post("/contacts/pager", &cookie, "action=rotate");
    assert_ne!(part(&rotated.body, "<dt>Secret</dt><dd><code>", "</code>"), secret);
    let tried = served.refuses("/contacts/pager", &cookie, "action=test");
    assert_eq!(tried, ["-: the test did not arrive at contact `pager`"]);
    assert_eq!(names(&served.get("/contacts/pager", &cookie).body).len(), 1, "the message is there");
    served.world.sql("UPDATE session SET began_at = began_at - 3600000000");
    let late = ["-: the log-in is too long ago for this"];
    assert_eq!(served.refuses("/contacts", &cookie, &form("third")), late);
    assert_eq!(served.refuses("/contacts/pager", &cookie, "action=rotate"), late);
    assert_eq!(served.does("/contacts/pager", &cookie, "action=remove&confirm=pager"), "/contacts");
    assert_eq!(names(&served.get("/contacts", &cookie).body), ["oncall"]);
}

#[test]
fn a_ready_choice_fills_the_form_that_it_is_made_by() {
    let (served, cookie) = house();
    let of = "/instances/shop/alarms";
    let page = served.get(of, &cookie).body;
    let choices: Vec<&str> = page.match_indices("?preset=").map(|(at, _)| part(&page[at..], "=", "#")).collect();
    assert_eq!(choices, ["cpu", "memory", "disk", "silent", "application", "transfer", "snapshot"]);
    for choice in choices {
        let page = served.get(&format!("{of}?preset={choice}"), &cookie).body;
        let (_, form) = page.split_once("<form method=\"post\" action=\"/instances/shop/alarms\">").expect("the form");
        let form = form.split("</form>").next().expect("its end");
        assert!(form.contains("<details open>"), "{form}");
        // As a browser sends it.
        let fields = ["when", "datapoints", "of", "period", "repeat"].map(|field| {
            let typed = value(form, &format!("{field}\" type=\"text"));
            format!("{field}={}", typed.replace("&gt;", "%3E").replace("&lt;", "%3C").replace(' ', "+"))
        });
        let chosen = ["metric", "statistic", "missing"].map(|field| {
            let select = part(form, &format!("<select id=\"f-{field}\""), "</select>");
            format!("{field}={}", part(select, "<option selected>", "</option>"))
        });
        let sent = format!("{}&{}&notify=alarm&notify=ok&name=by-{choice}", fields.join("&"), chosen.join("&"));
        assert_eq!(form.matches(" checked>").count(), 2, "{form}");
        assert_eq!(served.does(of, &cookie, &sent), of, "{sent}");
    }
    let all = names(&served.get(of, &cookie).body);
    assert!(all.contains(&"by-snapshot".to_owned()) && all.contains(&"by-silent".to_owned()), "{all:?}");
    let row = "<td data-label=\"Fires at\">LastSnapshotAge maximum &gt;= 172800, 1 of 1 × 5 min</td>";
    assert!(served.get(of, &cookie).body.contains(row), "{}", served.get(of, &cookie).body);
    let none = served.get(&format!("{of}?preset=%22%3E%3Cscript%3E"), &cookie);
    assert_eq!((none.status, none.body.contains("<details open>")), (200, false));
    let disk = served.get("/alarms?preset=disk", &cookie).body;
    assert!(disk.contains("<option selected>DiskSpaceUtilization</option>"), "{disk}");
}
