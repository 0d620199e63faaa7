//! What whoever is logged in has of its own on the console: sessions, keys of the API, and a log-in of late.

use lite::{
    app::{Caller, key, user},
    model::{Name, Role, Scope, Unobserved, Via},
};

use crate::support::{
    furnished::furnished,
    html::{part, rows, value},
    served::Served,
};

fn name(text: &str) -> Name {
    Name::parse(text).expect("a name")
}

/// A session of a user that is there.
fn as_user(served: &Served, of: &str) -> String {
    let code = user::log_in(&served.app, &Caller::root(Via::Cli), &name(of)).expect("a code");
    served.log_in(&code.code)
}

/// The part of the page that is one's own.
fn own(page: &str) -> &str {
    page.split_once("<h2>Your sessions</h2>").expect("one's own").1
}

/// The ids of one's own keys.
fn ids(page: &str) -> Vec<String> {
    let keys =
        part(own(page), "<h2>Your keys of the API</h2>", "<form method=\"post\" action=\"/access/own\">\n<label");
    keys.split("<th scope=\"row\">").skip(1).map(|row| row.split('<').next().unwrap_or_default().to_owned()).collect()
}

#[test]
fn a_viewer_makes_keys_no_mightier_than_itself_and_ends_them() {
    let served = Served::of(furnished(), |_| {});
    let vera = as_user(&served, "vera");
    let page = served.get("/access", &vera).body;
    assert!(!page.contains("<h2>Users</h2>") && !page.contains("All keys"), "{page}");
    let role = part(&page, "<select id=\"f-role\" name=\"role\">", "</select>");
    assert_eq!(role, "\n<option selected>viewer</option>\n");
    let [first] = &ids(&page)[..] else { panic!("one key: {page}") };
    let mightier = "action=key&label=laptop&role=operator";
    let told = ["role: user `vera` is viewer: a key of theirs cannot be operator"];
    assert_eq!(served.refuses("/access/own", &vera, mightier), told);
    assert_eq!(value(&served.post("/access/own", &vera, mightier).body, "label\" type=\"text"), "laptop");
    let made = served.post("/access/own", &vera, "action=key&label=laptop&role=viewer");
    let of = |label: &str| part(&made.body, &format!("<dt>{label}</dt><dd><code>"), "</code>").to_owned();
    let (id, secret) = (of("Key"), of("Secret"));
    assert_eq!((made.status, id.len(), secret.len(), of("Role").as_str()), (200, 20, 40, "viewer"));
    assert_eq!((made.field("cache-control"), made.field("content-encoding")), (Some("no-store"), None));
    let page = served.get("/access", &vera).body;
    assert_eq!(ids(&page), [first.clone(), id.clone()]);
    assert!(!page.contains(&secret), "it is shown once");
    for action in ["disable-key", "enable-key", "remove-key"] {
        assert_eq!(served.does("/access/own", &vera, &format!("action={action}&id={id}")), "/access");
        let is_disabled = served.get("/access", &vera).body.contains(">viewer, disabled</td>");
        assert_eq!(is_disabled, action == "disable-key", "{action}");
    }
    assert_eq!(ids(&served.get("/access", &vera).body), std::slice::from_ref(first));
    let audit = served.audit();
    let rows = ["key-create", "key-disable", "key-enable", "key-remove"];
    assert_eq!(audit[audit.len() - 4..], rows.map(|action| format!("vera 127.0.0.1 {action} {id} done")));
}

#[test]
fn keys_and_users_of_others_are_not_there_for_who_only_has_its_own() {
    let served = Served::of(furnished(), |_| {});
    let root = Caller::root(Via::Cli);
    let create = key::Create { user: name("root"), role: None, label: String::new() };
    let of_root = key::create(&served.app, &root, &create).expect("a key").key.id;
    served.add("olga", Role::Operator, Scope::All);
    served.add("adam", Role::Admin, Scope::parse("client=acme").expect("a scope"));
    for of in ["vera", "olga", "adam"] {
        let cookie = as_user(&served, of);
        let page = served.get("/access", &cookie).body;
        assert!(!page.contains(&of_root) && !page.contains("/users/"), "{of}: {page}");
        for action in ["disable-key", "enable-key", "remove-key"] {
            for id in [of_root.as_str(), "LITE0000000000000000"] {
                let told = served.refuses("/access/own", &cookie, &format!("action={action}&id={id}"));
                assert_eq!(told, [format!("-: there is no key `{id}`")], "{of} {action}");
            }
        }
        for (path, form) in [
            ("/access", "action=add&name=x&new_role=admin&only="),
            ("/access", "action=key&user=root&label=&role=admin"),
            ("/users/root", "action=code"),
            ("/users/vera", "action=log-out"),
            ("/contacts", "name=x&webhook=https://example.org/x&mail=&format=standard&header="),
            ("/contacts/oncall", "action=rotate"),
        ] {
            assert_eq!(served.post(path, &cookie, form).status, 403, "{of} {path} {form}");
        }
        for path in ["/users/vera", "/contacts", "/contacts/oncall", "/audit", "/host"] {
            assert_eq!(served.get(path, &cookie).status, 403, "{of} {path}");
        }
    }
    let keys = key::list(&served.app, &root, Some(&name("root")), &mut Unobserved).expect("keys");
    assert_eq!(keys.iter().map(|key| (key.id.as_str(), key.disabled)).collect::<Vec<_>>(), [(of_root.as_str(), false)]);
}

#[test]
fn a_scoped_administrator_has_its_own_keys_which_see_what_it_sees() {
    let served = Served::of(furnished(), |_| {});
    served.add("adam", Role::Admin, Scope::parse("client=acme").expect("a scope"));
    let adam = as_user(&served, "adam");
    let page = served.get("/access", &adam).body;
    let role = part(&page, "<select id=\"f-role\" name=\"role\">", "</select>");
    assert_eq!(role, "\n<option>viewer</option>\n<option>operator</option>\n<option selected>admin</option>\n");
    let made = served.post("/access/own", &adam, "action=key&label=&role=operator");
    let id = part(&made.body, "<dt>Key</dt><dd><code>", "</code>");
    let signer = key::signer(&served.app, id, None).expect("read").expect("a key");
    assert_eq!(signer.caller.scope(), &Scope::parse("client=acme").expect("a scope"));
}

#[test]
fn a_log_in_of_long_ago_is_told_with_the_way_to_another_and_may_still_end_all() {
    let served = Served::of(furnished(), |_| {});
    let (vera, elsewhere) = (as_user(&served, "vera"), as_user(&served, "vera"));
    let page = served.get("/access", &vera).body;
    let sessions = rows(&page);
    assert_eq!(sessions.len(), 2, "{page}");
    assert!(sessions.iter().all(|row| row.contains("<td data-label=\"From\">127.0.0.1</td>")), "{sessions:?}");
    assert!(!page.contains("Log in again"), "{page}");
    served.world.sql("UPDATE session SET began_at = began_at - 3600000000");
    let page = served.get("/access", &vera).body;
    let again = "<form method=\"post\" action=\"/logout\"><p class=\"hint\">Your log-in is longer ago than a quarter of an hour: log in \
                 again before you change something here.</p><p class=\"actions\"><button>Log in again</button></p></form>";
    assert!(page.contains(again), "{page}");
    for form in ["action=key&label=laptop&role=viewer", "action=remove-key&id=x"] {
        let told = served.refuses("/access/own", &vera, form);
        assert_eq!(told, ["-: the log-in is too long ago for this"], "{form}");
    }
    let kept = served.post("/access/own", &vera, "action=key&label=laptop&role=viewer").body;
    assert_eq!(value(&kept, "label\" type=\"text"), "laptop");
    assert_eq!(served.does("/access/own", &vera, "action=log-out"), "/access");
    for cookie in [&vera, &elsewhere] {
        assert_eq!(served.get("/access", cookie).field("location"), Some("/login"), "its session is over");
    }
    assert_eq!(served.audit().last().map(String::as_str), Some("vera 127.0.0.1 user-logout vera done"));
}

#[test]
fn who_adds_a_user_is_given_the_code_and_a_link_once() {
    let served = Served::of(furnished(), |_| {});
    let root = served.root();
    let made = served.post("/access", &root, "action=add&name=anna&new_role=operator&only=client%3Dacme");
    let code = part(&made.body, "<dt>Code</dt><dd><code>", "</code>");
    let link = part(&made.body, "<dt>Link</dt><dd><code>", "</code>");
    let (page, of) = link.split_once('#').expect("a fragment, which is in no log");
    assert_eq!((of, page.ends_with("/login")), (code, true), "{link}");
    assert_eq!((made.field("cache-control"), made.field("content-encoding")), (Some("no-store"), None));
    for path in ["/access", "/users/anna", "/audit"] {
        assert!(!served.get(path, &root).body.contains(code), "{path}");
    }
    assert_eq!(served.audit().last().map(String::as_str), Some("root 127.0.0.1 user-add anna done"));
}

#[test]
fn labels_are_text() {
    let served = Served::of(furnished(), |_| {});
    let root = served.root();
    let label = "%3Cscript%3Ealert(1)%3C%2Fscript%3E%22%3E%3Cimg+onerror%3Dx%3E%7B%7B7*7%7D%7D%E2%80%AE";
    let made = served.post("/access/own", &root, &format!("action=key&label={label}&role=viewer"));
    assert_eq!(made.status, 200, "{made:?}");
    let shown = "<td data-label=\"For\">&lt;script&gt;alert(1)&lt;/script&gt;&quot;&gt;&lt;img onerror=x&gt;{{7*7}}\\u{202e}</td>";
    for path in ["/access", "/users/root"] {
        let page = served.get(path, &root).body;
        assert!(page.contains(shown), "{path}: {page}");
        assert!(!page.contains("<img") && !page.contains("<script>"), "{path}: {page}");
    }
    let refused = served.post("/access/own", &root, &format!("action=key&label={label}{label}&role=%3Cb%3E"));
    assert_eq!(refused.status, 400);
    assert!(!refused.body.contains("<img") && !refused.body.contains("<b>"), "{}", refused.body);
}
