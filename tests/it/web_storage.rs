//! The console's pages of snapshots and disks: what they show, make, refuse and remove.

use crate::support::{
    furnished::furnished,
    html::{fact, names, part, value},
    served::Served,
};

fn house() -> (Served, String) {
    let served = Served::of(furnished(), |_| {});
    let cookie = served.root();
    (served, cookie)
}

#[test]
fn a_snapshot_is_made_listed_and_deleted_by_its_name() {
    let (served, cookie) = house();
    let page = served.get("/snapshots", &cookie).body;
    assert_eq!(names(&page), ["shop-snap-1"]);
    served.does("/snapshots", &cookie, "instance=shop&new=before");
    served.does("/instances/shop/storage", &cookie, "action=snapshot&new=");
    assert_eq!(names(&served.get("/snapshots", &cookie).body), ["shop-snap-1", "before", "shop-snap-2"]);
    assert_eq!(
        names(&served.get("/instances/shop/storage", &cookie).body),
        ["shop-snap-1", "before", "shop-snap-2"],
        "all of them are of shop"
    );
    assert_eq!(
        served.refuses("/snapshots", &cookie, "instance=shop&new=before"),
        ["new: there is a snapshot `before` already"]
    );
    assert_eq!(
        served.refuses("/snapshots", &cookie, "instance=nobody&new=No+Name"),
        ["new: `No Name` is not a valid name"]
    );
    let one = served.get("/snapshots/before", &cookie).body;
    assert_eq!(fact(&one, "Files"), "crash-consistent");
    let refused = served.post("/snapshots/before", &cookie, "action=delete&confirm=befor");
    assert_eq!((refused.status, value(&refused.body, "confirm\" type=\"text")), (400, "befor"));
    assert!(refused.body.contains("<details open><summary>Delete snapshot</summary>"), "{}", refused.body);
    served.does("/snapshots/before", &cookie, "action=delete&confirm=before");
    assert_eq!(served.get("/snapshots/before", &cookie).status, 404);
    assert_eq!(served.refuses("/snapshots/shop-snap-1", &cookie, "action=blink").len(), 1);
}

#[test]
fn an_instance_goes_back_to_its_snapshot_and_another_begins_as_it() {
    let (served, cookie) = house();
    served.does("/instances/shop/power", &cookie, "action=switch-off");
    served.does("/snapshots/shop-snap-1", &cookie, "action=restore&instance=shop&keep=yes");
    assert_eq!(names(&served.get("/snapshots", &cookie).body), ["shop-snap-1", "shop-snap-2"], "as it was is kept");
    served.does("/snapshots/shop-snap-1", &cookie, "action=restore&instance=shop");
    assert_eq!(names(&served.get("/snapshots", &cookie).body).len(), 2);
    assert_eq!(
        served.refuses("/snapshots/shop-snap-1", &cookie, "action=create&new=blog&bundle=nano"),
        ["new: the name `blog` is taken"]
    );
    let copy = served.post("/snapshots/shop-snap-1", &cookie, "action=create&new=copy&bundle=nano");
    let operation = copy.field("location").expect("a place");
    assert_eq!(part(&served.get(operation, &cookie).body, "<h1>", "</h1>"), "create copy");
    served.does("/snapshots/shop-snap-1", &cookie, "action=disk&name=data-then&disk=data&size=");
    assert!(names(&served.get("/disks", &cookie).body).contains(&"data-then".to_owned()));
}

#[test]
fn snapshots_are_made_by_themselves_and_no_more() {
    let (served, cookie) = house();
    let path = "/instances/shop/storage";
    let says = || {
        let page = served.get(path, &cookie).body;
        part(&page, "<h2>Automatic snapshots</h2>\n<p>", " The watcher").to_owned()
    };
    assert_eq!(says(), "None is made.");
    assert_eq!(
        served.refuses(path, &cookie, "action=auto-on&time=25:00&keep=0"),
        ["time: `25:00` is not a time of the day", "keep: `0` is not a number of snapshots to keep"]
    );
    served.does(path, &cookie, "action=auto-on&time=23:30&keep=14");
    assert_eq!(says(), "There is a snapshot a day from 23:30 on, 14 kept.");
    served.does(path, &cookie, "action=auto-off&time=23:30&keep=14");
    assert_eq!(says(), "None is made.");
}

#[test]
fn a_disk_is_made_given_enlarged_taken_off_and_deleted() {
    let (served, cookie) = house();
    assert_eq!(
        served.refuses("/disks", &cookie, "name=data&size=much"),
        ["size: `much` is not a size"],
        "what is no size is told before anything is looked up"
    );
    assert_eq!(served.refuses("/disks", &cookie, "name=data&size=1GiB"), ["name: there is a disk `data` already"]);
    served.does("/disks", &cookie, "name=logs&size=64MiB");
    assert_eq!(names(&served.get("/disks", &cookie).body), ["data", "logs", "spare"]);
    assert_eq!(
        served.refuses("/disks/logs", &cookie, "action=attach&instance=blog&mount=srv"),
        ["mount: `srv` is no folder for a disk"]
    );
    served.does("/disks/logs", &cookie, "action=attach&instance=blog&mount=");
    let page = served.get("/disks/logs", &cookie).body;
    assert_eq!(fact(&page, "Instance"), "<a href=\"/instances/blog/storage\">blog</a>");
    assert!(!page.contains("Delete disk"), "what somebody has is not deleted");
    served.does("/disks/logs", &cookie, "action=snapshot&new=");
    served.does("/disks/logs", &cookie, "action=resize&size=128MiB");
    assert_eq!(served.refuses("/disks/logs", &cookie, "action=resize&size=64MiB").len(), 1);
    served.does("/instances/blog/storage", &cookie, "action=detach&detach=logs&force=yes");
    assert_eq!(fact(&served.get("/disks/logs", &cookie).body, "Instance"), "none");
    served.does("/instances/blog/storage", &cookie, "action=attach&disk=logs&mount=");
    served.does("/disks/logs", &cookie, "action=detach&force=yes");
    assert_eq!(served.refuses("/disks/logs", &cookie, "action=delete&confirm="), ["confirm: `` is not its name"]);
    served.does("/disks/logs", &cookie, "action=delete&confirm=logs");
    assert_eq!(names(&served.get("/disks", &cookie).body), ["data", "spare"]);
    let audit = served.audit();
    assert_eq!(audit.last().map(String::as_str), Some("root 127.0.0.1 disk-delete logs succeeded"));
}
