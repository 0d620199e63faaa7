//! What a template may cost: of a blueprint's, of a webhook's format.

use lite::{catalog::check, notify::format::Format};
use rustix::time::{ClockId, clock_gettime};

/// Templates that grow what they bind, twenty-four times or more.
fn growing() -> Vec<String> {
    let doubled = |first: &str, op: &str, last: &str| {
        format!("{{% set a = {first} %}}{}{{{{ {last} }}}}", format!("{{% set a = a {op} a %}}").repeat(24))
    };
    let mut all = vec![
        doubled("'xxxxxxxxxxxxxxxx'", "~", "a|length"),
        doubled("'xxxxxxxxxxxxxxxx'", "+", "a|length"),
        doubled("(1, 2)", "+", "a|length"),
        "{{ 'x' * 4000000000 }}".to_owned(),
        "{{ (1,) * 400000000 }}".to_owned(),
        "{{ ([1] * 400000000)|list|length }}".to_owned(),
        "{{ ([1] * 400000000)|join }}".to_owned(),
        "{{ range(100000)|map('string')|list|length }}".to_owned(),
        "{{ 'x'|indent(400000000) }}".to_owned(),
        "{{ '%400000000d'|format(1) }}".to_owned(),
        "{{ [1]|batch(400000000, 1)|list }}".to_owned(),
        "{{ [1]|slice(400000000)|list }}".to_owned(),
        "{% for i in range(100000) %}{% for j in range(100000) %}x{% endfor %}{% endfor %}".to_owned(),
        "{% macro m(n) %}{{ m(n + 1) }}{{ m(n + 1) }}{% endmacro %}{{ m(0) }}".to_owned(),
    ];
    for last in [
        "a|length",
        "a|join",
        "a",
        "a|tojson",
        "a|sort|length",
        "a|list|length",
        "a[16000000]",
        "1 in a",
        "a == a",
        "a|unique",
        "a|reverse|list|length",
        "a|last",
        "a|sum",
        "a|map('string')|join",
        "a|tojson|length",
    ] {
        all.push(doubled("[1, 2, 3, 4]", "+", last));
    }
    all.push(doubled("'\"'", "|tojson ~", "a"));
    all
}

fn cpu_milliseconds() -> i64 {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    time.tv_sec * 1000 + time.tv_nsec / 1_000_000
}

#[test]
fn no_template_takes_a_second_or_much_memory() {
    let nginx = include_str!("../../blueprints/nginx.yaml");
    for text in growing() {
        let began = cpu_milliseconds();
        let refused = Format::custom("x.txt.j2", text.clone()).map(drop).is_err();
        let output = format!("output:\n  URL: {}", serde_json::to_string(&text).expect("JSON"));
        let faults = check("nginx.yaml", &nginx.replacen("output:\n  URL: http://{{ address }}/", &output, 1));
        let taken = cpu_milliseconds() - began;
        assert!(taken < 1000, "{taken} ms for {text}");
        assert!(refused && !faults.is_empty(), "{text}");
    }
}
