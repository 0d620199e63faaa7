//! The console's pages of users and keys.

use lite::model::{Role, Scope};

use crate::support::{
    furnished::furnished,
    html::{names, part},
    served::Served,
};

fn house() -> (Served, String) {
    let served = Served::of(furnished(), |_| {});
    let cookie = served.root();
    (served, cookie)
}

#[test]
fn a_user_is_added_changed_kept_out_and_removed() {
    let (served, cookie) = house();
    assert_eq!(
        served.refuses("/access", &cookie, "action=add&name=A&new_role=king&only=client"),
        [
            "name: `A` is not a valid name",
            "new_role: `king` is not a role",
            "only: `client` is no tag to sort instances by",
        ]
    );
    assert_eq!(
        served.refuses("/access", &cookie, "action=add&name=vera&new_role=viewer&only="),
        ["name: there is a user `vera` already"]
    );
    let made = served.post("/access", &cookie, "action=add&name=anna&new_role=operator&only=client%3Dacme");
    let code = part(&made.body, "<dt>Code</dt><dd><code>", "</code>").to_owned();
    let anna = served.log_in(&code);
    let theirs = served.get("/instances", &anna).body;
    assert!(theirs.contains("/instances/shop\"") && !theirs.contains("blog"), "{theirs}");
    assert_eq!(served.get("/users/anna", &anna).status, 403);
    served.does("/users/anna", &cookie, "action=role&new_role=viewer&only=client%3Dacme");
    assert_eq!(served.get("/instances", &anna).status, 303, "her sessions end");
    served.does("/users/anna", &cookie, "action=disable");
    assert!(part(&served.get("/users/anna", &cookie).body, "<p class=\"sum\">", "</p>").ends_with("disabled"));
    served.does("/users/anna", &cookie, "action=enable");
    let again = served.post("/users/anna", &cookie, "action=code");
    let anna = served.log_in(part(&again.body, "<dt>Code</dt><dd><code>", "</code>"));
    served.does("/users/anna", &cookie, "action=log-out");
    assert_eq!(served.get("/instances", &anna).status, 303);
    assert_eq!(
        served.refuses("/users/root", &cookie, "action=disable"),
        ["-: user `root` is there on every host, and may do everything"]
    );
    assert_eq!(served.does("/users/anna", &cookie, "action=remove&confirm=anna"), "/access");
    assert_eq!(names(&served.get("/access", &cookie).body), ["root", "vera"]);
}

#[test]
fn a_key_of_the_api_is_shown_once_and_ended() {
    let (served, cookie) = house();
    assert_eq!(
        served.refuses("/users/vera", &cookie, "action=key&label=laptop&role=admin"),
        ["role: user `vera` is viewer: a key of theirs cannot be admin"]
    );
    let made = served.post("/users/vera", &cookie, "action=key&label=laptop&role=viewer");
    let lines = part(&made.body, "<pre>", "</pre>");
    let of = |name: &str| part(lines, &format!("{name} = "), "\n").to_owned();
    let (id, secret) = (of("aws_access_key_id"), of("aws_secret_access_key"));
    assert!(id.starts_with("LITE") && secret.len() == 40, "{lines}");
    for path in ["/access", "/users/vera", "/audit"] {
        let page = served.get(path, &cookie).body;
        assert!(page.contains(&id) && !page.contains(&secret), "{path}");
    }
    served.does("/users/vera", &cookie, &format!("action=disable-key&id={id}"));
    let page = served.get("/users/vera", &cookie).body;
    assert!(page.contains("viewer, disabled"), "{page}");
    served.does("/users/vera", &cookie, &format!("action=enable-key&id={id}"));
    served.does("/users/vera", &cookie, &format!("action=remove-key&id={id}"));
    assert!(!served.get("/access", &cookie).body.contains(&id));
}

#[test]
fn what_lasts_wants_a_log_in_of_late() {
    let (served, cookie) = house();
    served.world.sql("UPDATE session SET began_at = began_at - 3600000000");
    let late = ["-: the log-in is too long ago for this"];
    for (path, form) in [
        ("/access", "action=add&name=anna&new_role=viewer&only="),
        ("/users/vera", "action=role&new_role=admin&only="),
        ("/users/vera", "action=code"),
        ("/users/vera", "action=key&label=&role=viewer"),
        ("/users/vera", "action=remove&confirm=vera"),
    ] {
        assert_eq!(served.refuses(path, &cookie, form), late, "{path} {form}");
    }
    let operator = served.log_in(&served.add("olga", Role::Operator, Scope::All));
    for (path, form) in
        [("/access", "action=add&name=x&new_role=admin&only="), ("/users/olga", "action=role&new_role=admin")]
    {
        assert_eq!(served.post(path, &operator, form).status, 403, "{path}");
    }
}
