#!/usr/bin/env python3
"""Measures what snapshots, restores and resizes cost, and writes the table of benches/README.md.

One nginx instance of a baked image, made once. Everything made is named lite-test-bench-store… and is removed at the end, on an error
and on Ctrl-C as well. Python's library only.
"""

import argparse
import contextlib
import json
import os
import pathlib
import signal
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import threading
import time

from run import PREFIX, ROOT, circumstances, create_timed, drop_ours, duel, prepare_host, run, state_database, write_table

NAME = f"{PREFIX}-store"
# What the guest runs: a record, fsync, and its number told to the host.
RECORDS = """
import os, sys
file = os.open("/srv/records", os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
for n in range(10 ** 9):
    os.write(file, n.to_bytes(8, "big") * 512)
    os.fsync(file)
    print(n, flush=True)
    if n % 2000 == 1999:
        os.lseek(file, 0, os.SEEK_SET)
"""


def seconds(command):
    begun = time.perf_counter()
    run(*command)
    return time.perf_counter() - begun


def guest(options, script, name=NAME):
    return run(options.lite, "ssh", name, "--", "sudo", "sh", "-c", script)


class Records(threading.Thread):
    """When each record of the guest was acknowledged to the host."""

    def __init__(self, options, stack):
        super().__init__(daemon=True)
        self.times = []
        self.process = subprocess.Popen([options.lite, "ssh", NAME, "--", "sudo", "python3", "-c", RECORDS],
                                        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        stack.callback(self.process.wait)
        stack.callback(self.process.terminate)
        self.start()

    def run(self):
        for _ in self.process.stdout:
            self.times.append(time.perf_counter())

    def gaps(self, begun, ended):
        seen = [when for when in self.times if begun <= when <= ended]
        if len(seen) < 10:
            raise RuntimeError(f"{len(seen)} records in {ended - begun:.1f} s")
        return [after - before for before, after in zip(seen, seen[1:])]


class Frozen(threading.Thread):
    """How long the journal has a freeze begun and its thaw not done, looked at each 2 ms: what lite adds is in it."""

    def __init__(self, database):
        super().__init__(daemon=True)
        self.database, self.ended, self.took = database, False, None
        self.start()

    def run(self):
        query = ("SELECT step ->> '$.step', state FROM step WHERE operation = "
                 "(SELECT id FROM operation WHERE kind = 'snapshot-create' ORDER BY started_at DESC LIMIT 1)")
        begun = None
        with contextlib.closing(sqlite3.connect(f"file:{self.database}?mode=ro", uri=True)) as database:
            while not self.ended and self.took is None:
                steps = dict(database.execute(query).fetchall())
                if begun is None and "freeze" in steps and steps.get("thaw") != "done":
                    begun = time.perf_counter()
                if begun is not None and steps.get("thaw") == "done":
                    self.took = time.perf_counter() - begun
                time.sleep(0.002)


def snapshot(options, state, name):
    """Seconds of a snapshot, and of its guest frozen."""
    frozen = Frozen(state / "state.db")
    took = seconds([options.lite, "snapshot", "create", NAME, "--name", name])
    frozen.join(0.1)
    frozen.ended = True
    frozen.join()
    if frozen.took is None:
        raise RuntimeError("the guest was not seen frozen")
    return took, frozen.took


def drop_snapshots(options):
    with contextlib.suppress(RuntimeError, ValueError):
        listed = json.loads(run(options.lite, "snapshot", "list", "--json"))["snapshots"]
        names = [one["name"] for one in listed if one["name"].startswith(NAME)]
        if names:
            run(options.lite, "snapshot", "delete", *names, "--yes")


def of_cp(options, state, pool, runs):
    """Seconds of a snapshot with 1 GiB in the overlay, of `cp` of that file, and until that copy is on the disk, in turns.

    QEMU flushes a copy before its job ends (two calls of fdatasync, by strace); `cp` leaves it in the page cache.
    """
    guest(options, "head -c 1G /dev/urandom >/srv/gib && sync")
    root = next(path for path in pool.glob(f"lite-{NAME}-*.qcow2"))
    ours, theirs, lasting = [], [], []
    for turn in range(runs + 1):
        took, _ = snapshot(options, state, f"{NAME}-g")
        run(options.lite, "snapshot", "delete", f"{NAME}-g", "--yes")
        copy = pool / f"{NAME}.copy"
        try:
            begun = time.perf_counter()
            run("cp", "--reflink=never", str(root), str(copy))
            copied = time.perf_counter() - begun
            run("sync", str(copy))
            synced = time.perf_counter() - begun
        finally:
            copy.unlink(missing_ok=True)
        if turn:
            ours.append(took)
            theirs.append(copied)
            lasting.append(synced)
    guest(options, "rm /srv/gib && sync && fstrim /")
    return [statistics.median(each) for each in (ours, theirs, lasting)]


def freezes(options, state, stack, rounds):
    """Medians over rounds: the guest frozen, and the longest gap between acknowledged records near a snapshot; the quiet p99."""
    records = Records(options, stack)
    time.sleep(3)
    begun = time.perf_counter()
    time.sleep(15)
    quiet = statistics.quantiles(records.gaps(begun, time.perf_counter()), n=100)[98]
    frozen, longest = [], []
    for turn in range(rounds):
        begun = time.perf_counter()
        _, took = snapshot(options, state, f"{NAME}-f{turn}")
        time.sleep(0.5)
        frozen.append(took)
        longest.append(max(records.gaps(begun, time.perf_counter())))
        run(options.lite, "snapshot", "delete", f"{NAME}-f{turn}", "--yes")
        time.sleep(1)
    records.process.terminate()
    return statistics.median(frozen), max(longest), quiet


def stop_and_start(options):
    return seconds([options.lite, "stop", NAME]) + seconds([options.lite, "start", NAME])


def copies(options, runs):
    """Seconds from `create --from-snapshot` and from a baked create until the command says that the application answers, in turns."""
    ours, theirs = [], []
    for turn in range(runs):
        name = f"{NAME}-c{turn}"
        with contextlib.ExitStack() as round_:
            round_.callback(drop_ours, options.lite, name)
            ours.append(seconds([options.lite, "create", "--from-snapshot", f"{NAME}-s", "--name", name, "--quiet"]))
        with contextlib.ExitStack() as round_:
            name = f"{NAME}-b{turn}"
            round_.callback(drop_ours, options.lite, name)
            theirs.append(create_timed(options, name)[1])
    return statistics.median(ours), statistics.median(theirs)


def of_stop_and_start(options, change, runs):
    """Seconds of a change that stops and starts the instance, and of a stop and a start, in turns."""
    ours, theirs = [], []
    for turn in range(runs):
        theirs.append(stop_and_start(options))
        ours.append(seconds([options.lite, *change(turn)]))
    return statistics.median(ours), statistics.median(theirs)


def lists(options, stack):
    """Medians of `list` with 500 snapshots in the database, and with none, in turns."""
    sides = []
    for count in (500, 0):
        folder = stack.enter_context(tempfile.TemporaryDirectory(prefix=f"{NAME}-"))
        database = state_database(folder)
        stack.callback(database.close)
        rows = [(f"00000000-0000-4000-8000-{n:012x}", f"{NAME}-{n}") for n in range(count)]
        database.executemany("INSERT INTO resource VALUES (?, 'snapshot', ?, 'local', 0)", rows)
        record = json.dumps({
            "name": NAME, "uuid": "00000000-0000-4000-8000-ffffffffffff", "blueprint": "debian-13", "blueprint_version": "1",
            "base": "debian-13", "image_digest": "00", "bundle": "nano", "vcpus": 1, "memory": "32 MiB", "disk": "1 GiB",
            "transfer": "1 TiB", "price": "5.00", "currency": "USD", "mac": "52:54:00:be:ff:ff", "address": "198.18.255.1",
            "network": "nat", "ports": ["22/tcp"], "tags": [], "created_at": "2025-01-01T00:00:00Z"})
        database.executemany(
            "INSERT INTO snapshot (id, name, host, source, image, size, allocation, consistency, state, record, blueprint, parameters, "
            f"created_at) VALUES (?, ?, 'local', '00000000-0000-4000-8000-ffffffffffff', 'base', 1073741824, 1048576, 'frozen', "
            f"'available', '{record}', '{{}}', '{{}}', 0)", rows)
        sides.append(["env", f"LITE_STATE_DIR={folder}", options.lite, "list"])
    (ours, _), (theirs, _) = duel(*sides, options.runs)
    return ours, theirs


def measure(options, stack):
    say = lambda what: print(f"{time.strftime('%H:%M:%S')} measuring {what}", file=sys.stderr, flush=True)
    say("lists")
    listed, without = lists(options, stack)
    prepare_host(options)
    run(options.lite, "image", "bake", "nginx", "--json")
    stack.callback(drop_snapshots, options)
    stack.callback(drop_ours, options.lite, NAME)
    _, _, twin, baked = create_timed(options, NAME)
    if not baked:
        raise RuntimeError("lite took no baked image")
    state = pathlib.Path(os.environ.get("LITE_STATE_DIR", "/var/lib/lite"))
    say("freezes")
    frozen, longest, quiet = freezes(options, state, stack, options.rounds)
    say("copies of 1 GiB")
    whole, copied, synced = of_cp(options, state, twin.pool, options.copy_runs)
    run(options.lite, "snapshot", "create", NAME, "--name", f"{NAME}-s")
    say("restores")
    restored, restarted = of_stop_and_start(
        options, lambda _: ("restore", NAME, f"{NAME}-s", "--no-keep", "--yes"), options.guest_runs)
    say("resizes")
    resized, restarted_too = of_stop_and_start(
        options, lambda turn: ("resize", NAME, "--bundle", ("micro", "nano")[turn % 2], "--yes"), options.guest_runs)
    say("new instances")
    made, baked_create = copies(options, options.guest_runs)
    ratio = lambda ours, theirs: f"{ours / theirs:.2f} ({ours:.2f} s of {theirs:.2f} s)"
    rows = [
        ("a snapshot of a running guest with 1 GiB in its overlay, of `cp` of that file", ratio(whole, copied), "at most 2.5"),
        ("the same, of `cp` and `sync` of the copy: as lasting as a snapshot is", ratio(whole, synced), "at most 2.5"),
        (f"the guest frozen, median of {options.rounds}", f"{frozen:.2f} s", "at most 0.25 s"),
        ("the longest gap between acknowledged fsyncs near a snapshot, of the quiet p99",
         f"{longest / quiet:.1f} ({longest * 1e3:.0f} ms of {quiet * 1e3:.0f} ms)", "at most 10"),
        ("`create --from-snapshot` until the application answers, of a baked create", ratio(made, baked_create), "at most 1.1"),
        ("`restore` of a running instance, of `stop` and `start`", ratio(restored, restarted), "at most 1.1"),
        ("`resize` of a running instance, of `stop` and `start`", ratio(resized, restarted_too), "at most 1.1"),
        ("`list` with 500 snapshots, of `list` without", f"{listed / without:.2f} ({listed * 1e3:.1f} ms of {without * 1e3:.1f} ms)",
         "at most 1.2"),
    ]
    return ["| what | measured | aim |", "|---|--:|--:|", *(f"| {' | '.join(row)} |" for row in rows)]


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--lite", default=str(ROOT / "target/release/lite"), help="the binary to measure")
    parser.add_argument("--runs", type=int, default=21, help="rounds of `list`")
    parser.add_argument("--rounds", type=int, default=10, help="snapshots under the loop")
    parser.add_argument("--copy-runs", type=int, default=3, help="snapshots of 1 GiB")
    parser.add_argument("--guest-runs", type=int, default=2, help="restores, resizes and new instances")
    parser.add_argument("--limit", type=int, default=900, help="seconds a page may take")
    parser.add_argument("--dry", action="store_true", help="print only, leave benches/README.md as it is")
    options = parser.parse_args()
    options.accel = "no KVM (TCG)"
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    with contextlib.ExitStack() as stack:
        table = measure(options, stack)
    lines = [circumstances(options, f"medians, of {options.guest_runs} where a guest boots"), "", *table]
    print("\n".join(lines))
    if not options.dry:
        write_table("storage", lines)


if __name__ == "__main__":
    main()
