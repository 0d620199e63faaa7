//! Files nobody wrote by hand: no text makes the catalog panic or take long.

use lite::{
    catalog::check,
    render::{UserDataFor, parse_user_data},
};
use proptest::prelude::*;
use rustix::time::{ClockId, clock_gettime};

const FOR: UserDataFor<'static> = UserDataFor { name: None, account: "debian" };
const NGINX: &str = include_str!("../../blueprints/nginx.yaml");
const BUNDLES: &str = include_str!("../../blueprints/bundles.yaml");

/// Seconds that this thread has computed: how busy the machine is does not count.
fn cpu_seconds() -> i64 {
    clock_gettime(ClockId::ThreadCPUTime).tv_sec
}

#[test]
fn large_files_are_judged_quickly() {
    let keys: String = (0..30_000).map(|i| format!("k{i}: 1\n")).collect();
    let same = "a: 1\n".repeat(50_000);
    let items = format!("bundles: [{}]\n", "a,".repeat(100_000));
    let open = "[".repeat(200_000);
    let comment = format!("#{}\n", "x".repeat(200_000));
    for text in [keys, same, items, open, comment] {
        let started = cpu_seconds();
        assert!(!check("x.yaml", &text).is_empty());
        assert!(!check("bundles.yaml", &text).is_empty());
        let taken = cpu_seconds() - started;
        assert!(taken < 10, "{taken} s for {:?}", &text[..20]);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_text_panics(text in "\\PC{0,200}", bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        check("x.yaml", &text);
        check("bundles.yaml", &text);
        let _ = parse_user_data(&bytes, FOR);
        let _ = parse_user_data(format!("#cloud-config\n{text}").as_bytes(), FOR);
    }

    /// One line of a good file left out, or one stretch replaced: judged, with every fault on a line of the file.
    #[test]
    fn no_damage_panics(at in 0usize..2000, length in 0usize..40, with in "[ -~\n]{0,10}", bundles: bool) {
        let (name, text) = if bundles { ("bundles.yaml", BUNDLES) } else { ("nginx.yaml", NGINX) };
        let at = at % text.len();
        let end = (at + length).min(text.len());
        let damaged = format!("{}{with}{}", &text[..at], &text[end..]);
        let lines = damaged.matches('\n').count() + 1;
        for fault in check(name, &damaged) {
            prop_assert!((1..=lines).contains(&fault.line), "{} of {}", fault, lines);
        }
    }
}
