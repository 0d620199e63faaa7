#!/usr/bin/env python3
"""Measures instances that go on from saved memory beside the same ones that boot, in turns: the page, memory, six in a row.

Python's library only. Instances are named lite-test-bench-… and deleted at the end.
"""

import argparse
import contextlib
import json
import pathlib
import signal
import statistics
import sys
import time

from run import PREFIX, ROOT, circumstances, create_timed, drop_ours, prepare_host, run, virsh, write_table

IN_A_ROW = 6


def private_memory(name):
    """MiB that QEMU has of its own for this instance."""
    domain = next(line for line in virsh("list", "--name").split() if line == name)
    pid = pathlib.Path(f"/run/libvirt/qemu/{domain}.pid").read_text().strip()
    lines = pathlib.Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    return sum(int(line.split()[1]) for line in lines if line.startswith("Private_")) / 1024


def once(options, name, *flags):
    """Seconds until the page is there, and MiB at that time. The instance is gone afterwards."""
    try:
        page, _, _, _ = create_timed(options, name, *flags)
        return page, private_memory(name)
    finally:
        drop_ours(options.lite, name)


def measure(options, stack):
    say = lambda what: print(f"{time.strftime('%H:%M:%S')} measuring {what}", file=sys.stderr, flush=True)
    prepare_host(options)
    run(options.lite, "image", "bake", "nginx", "--json")
    say("the making")
    begun = time.perf_counter()
    kept = json.loads(run(options.lite, "image", "warm", "nginx", "--bundle", "nano", "--json"))["images"][0]
    making = time.perf_counter() - begun
    stack.callback(run, options.lite, "image", "remove", kept["id"], "--yes")
    warm, cold = [], []
    for turn in range(options.runs):
        say(f"round {turn + 1}")
        warm.append(once(options, f"{PREFIX}-w"))
        cold.append(once(options, f"{PREFIX}-w", "--no-warm"))
    say("six in a row")
    names = [f"{PREFIX}-r{n}" for n in range(IN_A_ROW)]
    for name in names:
        stack.callback(drop_ours, options.lite, name)
    row = [create_timed(options, name)[0] for name in names]
    pages = [statistics.median(one[0] for one in side) for side in (warm, cold)]
    memory = [statistics.median(one[1] for one in side) for side in (warm, cold)]
    first, last = statistics.mean(row[:3]), statistics.mean(row[-3:])
    size, whole = kept["baked"]["warm"]["size_bytes"], kept["baked"]["warm"]["memory_bytes"]
    rows = [
        ("`create nginx` from the command to its page, of one that boots the baked image",
         f"{pages[0] / pages[1]:.3f} ({pages[0]:.2f} s of {pages[1]:.1f} s)", "at most 0.1"),
        ("slowest of them", f"{max(one[0] for one in warm):.2f} s", "at most 3.0 s"),
        ("memory of QEMU's own at that time, of one that booted", f"{memory[0] / memory[1]:.2f} ({memory[0]:.0f} of {memory[1]:.0f} MiB)",
         "at most 0.65"),
        ("the saved memory, of the machine's", f"{size / whole:.2f} ({size / 2**20:.0f} of {whole / 2**20:.0f} MiB)", "at most 0.45"),
        ("making it with its trial, of a create that boots", f"{making / pages[1]:.2f} ({making:.0f} s)", "at most 1.5 and the trial"),
        ("six one after another, all kept: the last three, of the first three", f"{last / first:.2f} ({last:.2f} s of {first:.2f} s)",
         "at most 1.2"),
    ]
    return ["| what | measured | aim |", "|---|--:|--:|", *(f"| {' | '.join(row)} |" for row in rows)]


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--lite", default=str(ROOT / "target/release/lite"), help="the binary to measure")
    parser.add_argument("--runs", type=int, default=5, help="rounds, each with one of both")
    parser.add_argument("--limit", type=int, default=900, help="seconds a page may take")
    parser.add_argument("--dry", action="store_true", help="print only, leave benches/README.md as it is")
    options = parser.parse_args()
    options.accel = "no KVM (TCG)"
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    with contextlib.ExitStack() as stack:
        table = measure(options, stack)
    lines = [circumstances(options, options.runs), "", *table]
    print("\n".join(lines))
    if not options.dry:
        write_table("warm", lines)


if __name__ == "__main__":
    main()
