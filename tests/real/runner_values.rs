//! Any value a user may set arrives in scripts and on the start page as it was given.

use std::fs;

use proptest::prelude::*;
use serde_json::json;

use crate::support::guest_box::{Guest, job, ready};

crate::tests![values_arrive_in_the_shell_byte_for_byte, a_title_arrives_on_the_start_page,];

proptest! {
    #![proptest_config(ProptestConfig { cases: 12, failure_persistence: None, ..ProptestConfig::default() })]

        fn values_arrive_in_the_shell_byte_for_byte(values in proptest::collection::vec("[ -~\n\t¡-ÿ€🦀]{0,60}", 16)) {
        ready();
        let values: Vec<String> = values.into_iter().map(|v| v.replace(|c: char| c.is_control() && !matches!(c, '\n' | '\t'), "")).collect();
        let params: serde_json::Map<_, _> = values.iter().enumerate().map(|(i, v)| (format!("p{i}"), json!(v))).collect();
        let guest = Guest::new(&job(json!({"params": params})));
        let out = guest.path("out").display().to_string();
        let script: String = (0..values.len()).map(|i| format!("printf '%s\\0' \"$LITE_PARAM_P{i}\" >>'{out}'\n")).collect();
        guest.write("var/lib/lite/configure.sh", &script);
        let (events, _) = guest.boot();
        prop_assert_eq!(&events.last().expect("one")["event"], &json!("done"));
        let got = guest.read("out");
        prop_assert_eq!(got.split_terminator('\0').collect::<Vec<_>>(), values);
    }

    /// The page of nginx holds the title as a browser will read it.
        fn a_title_arrives_on_the_start_page(title in "[ -~¡-ÿ€🦀]{1,60}") {
        ready();
        let guest = Guest::new(&job(json!({"params": {"title": title}})));
        let root = guest.root.path().display().to_string();
        fs::create_dir_all(guest.path("var/www/html")).expect("a folder");
        let script = include_str!("../../cloud-init/nginx/configure.sh").replace("/var/www", &format!("{root}/var/www"));
        guest.write("var/lib/lite/configure.sh", &format!("systemctl() {{ :; }}\n{script}"));
        let (events, _) = guest.boot();
        prop_assert_eq!(&events.last().expect("one")["event"], &json!("done"));
        let page = guest.read("var/www/html/index.html");
        let escaped = title.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
        let heading = format!("<h1 style=\"white-space: pre-wrap\">{escaped}</h1>\n");
        prop_assert!(page.contains(&heading), "{}", page);
    }
}
