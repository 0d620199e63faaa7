//! Commands killed at random times.

use super::*;

crate::tests![killed_at_random_times];

/// Kills commands at random times until `wanted` of them were hit before their end; how many were tried.
fn kill_at_random(tag: &str, third: u8, seed: u64, wanted: usize) -> usize {
    let host = idle_host(tag, third);
    let name = format!("lite-test-{tag}");
    let mut random = seed;
    let mut next = |limit: u128| {
        // xorshift64: the times only have to be spread.
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        u128::from(random) % limit.max(1)
    };
    let timed = |mut command: Command| {
        let begun = Instant::now();
        assert!(command.status().expect("lite runs").success());
        begun.elapsed()
    };
    let delete = || host.command(&["delete", &name, "--yes", "--quiet"]);
    // The first makes the network of the host as well: later ones would mostly be over before they are killed.
    let _ = (timed(create(&host, &name)), timed(delete()));
    let (creating, deleting) = (timed(create(&host, &name)), timed(delete()));
    let (mut hit, mut tried, mut there) = (0, 0, false);
    while hit < wanted {
        let (mut command, usual) = if there { (delete(), deleting) } else { (create(&host, &name), creating) };
        let after =
            format!("{tag}: {} number {tried} killed at random, seed {seed}", if there { "delete" } else { "create" });
        let mut child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("lite runs");
        thread::sleep(Duration::from_micros(u64::try_from(next(usual.as_micros())).expect("a time")));
        child.kill().expect("killed, or ended by itself");
        hit += usize::from(child.wait().expect("waited").signal() == Some(SIGKILL));
        tried += 1;
        assert!(tried < wanted * 3, "only {hit} of {tried} were hit");
        there = whole_or_gone(&host, &name, &after);
    }
    if there {
        host.ok(&["delete", &name, "--yes"]);
    }
    assert!(!whole_or_gone(&host, &name, "the end"));
    tried
}

fn killed_at_random_times() {
    needs_host();
    let each = if std::env::var_os("LITE_TEST_SOAK").is_some_and(|v| v == "1") { 1000 } else { 20 };
    let seed = u64::from(std::process::id()) << 20 | 1;
    let tried: usize = thread::scope(|scope| {
        let first = scope.spawn(|| kill_at_random("rnd1", 63, seed, each));
        let second = scope.spawn(|| kill_at_random("rnd2", 64, seed + 2, each));
        first.join().expect("joined") + second.join().expect("joined")
    });
    println!("{} kills at random times, {tried} tries", each * 2);
}
