#!/usr/bin/env python3
"""Measures what the network of instances costs, and writes the table of benches/README.md.

Two sides take turns, as in run.py. Guests are one boot sector, or a network namespace on the port of one; another namespace is the
world. Everything made is named lite-test-bench-net… and is removed at the end, on an error and on Ctrl-C as well.
"""

import argparse
import contextlib
import json
import os
import pathlib
import random
import re
import signal
import socket
import sqlite3
import statistics
import struct
import subprocess
import sys
import tempfile
import threading
import time

import web_front
from run import ROOT, URI, circumstances, run, virsh, write_table

NAME = "lite-test-bench-net"
NETWORK = "10.171.135"
WORLD = "198.51.100"
ROUTED = "10.171.136"
# `sti; hlt; jmp`: does nothing, for ever.
SECTOR = bytes([0xFB, 0xF4, 0xEB, 0xFD]).ljust(510, b"\0") + b"\x55\xaa"
BLUEPRINT = """id: idle
title: Idle
description: Does nothing.
group: os
version: "1"
bases: [idle]
minimum: {memory: 32 MiB, disk: 1 MiB}
ports: [22/tcp]
user: nobody
"""
BUNDLES = """currency: USD
bundles:
  - {id: tiny, vcpus: 1, memory: 32 MiB, disk: 16 MiB, transfer: 1 GiB, price: 1}
"""


class Host:
    """A pool, a network and a database of its own, with a boot sector as its only blueprint."""

    def __init__(self, lite, stack, tag, subnet):
        self.lite, self.tag = lite, tag
        folder = pathlib.Path(stack.enter_context(tempfile.TemporaryDirectory(prefix=f"{NAME}-")))
        folder.chmod(0o711)
        self.state = folder / "state"
        for file, text in (("config.toml", ""), ("blueprints/idle.yaml", BLUEPRINT), ("blueprints/bundles.yaml", BUNDLES)):
            (folder / file).parent.mkdir(exist_ok=True)
            (folder / file).write_text(text)
        self.env = {
            **os.environ, "LITE_CONNECT": URI, "LITE_CONFIG": str(folder / "config.toml"), "LITE_STATE_DIR": str(self.state),
            "LITE_LOG_DIR": str(folder / "logs"), "LITE_POOL_DIR": str(folder / "pool"), "LITE_POOL": tag, "LITE_NETWORK": tag,
            "LITE_BLUEPRINTS": str(folder / "blueprints"), "LITE_SUBNET": f"{subnet}.0/24", "LITE_ACCEL": "tcg",
            "LITE_KEEP_DELETED": "0",
        }
        stack.callback(self.remove)
        (folder / "idle.raw").write_bytes(SECTOR)
        run("qemu-img", "convert", "-f", "raw", "-O", "qcow2", folder / "idle.raw", folder / "idle.qcow2")
        self("image", "import", str(folder / "idle.qcow2"))

    def __call__(self, *arguments):
        return run(self.lite, *arguments, env=self.env)

    def create(self, name):
        """Seconds that `create --no-wait` takes."""
        begun = time.perf_counter()
        self("create", "idle", "--bundle", "tiny", "--name", name, "--no-wait", "--quiet")
        return time.perf_counter() - begun

    def remove(self):
        listed = subprocess.run([self.lite, "list", "--json"], env=self.env, capture_output=True, text=True, check=False)
        for instance in json.loads(listed.stdout or "{}").get("instances", []):
            subprocess.run([self.lite, "delete", instance["name"], "--yes"], env=self.env, capture_output=True, check=False)
        for family in ("inet", "bridge"):
            subprocess.run(["nft", "delete", "table", family, self.tag], capture_output=True, check=False)
        for command in ("net-destroy", "net-undefine", "pool-destroy", "pool-undefine"):
            subprocess.run(["virsh", "-q", "-c", URI, command, self.tag], capture_output=True, check=False)

    def last(self, kind):
        """Seconds from the commit of the last operation of a kind to its end, when it is in force."""
        with contextlib.closing(sqlite3.connect(f"file:{self.state}/state.db?mode=ro", uri=True)) as database:
            started, ended = database.execute(
                "SELECT started_at, ended_at FROM operation WHERE kind = ? ORDER BY started_at DESC LIMIT 1", (kind,)).fetchone()
        return (ended - started) / 1e6

    def begun(self, name):
        """When the create of an instance was committed, in seconds since 1970."""
        with contextlib.closing(sqlite3.connect(f"file:{self.state}/state.db?mode=ro", uri=True)) as database:
            return database.execute("SELECT started_at FROM operation WHERE kind = 'create' AND resource_name = ?", (name,)).fetchone()[0] / 1e6


def firewall(host, name, runs):
    """Median seconds of a change from its commit, and of the whole command."""
    inside, whole = [], []
    for turn in range(runs + 1):
        begun = time.perf_counter()
        host("firewall", name, ("open", "close")[turn % 2], "8080")
        if turn:
            whole.append(time.perf_counter() - begun)
            inside.append(host.last("firewall"))
    return statistics.median(inside), statistics.median(whole)


def publish_many(host, name, count):
    with contextlib.closing(sqlite3.connect(host.state / "state.db", isolation_level=None)) as database:
        uuid = database.execute("SELECT uuid FROM instance WHERE name = ?", (name,)).fetchone()[0]
        rows = [(20000 + n, uuid) for n in range(count)]
        database.executemany("INSERT INTO publication (host, address, protocol, port, instance, guest_port, sources) "
                             "VALUES ('local', '', 'tcp', ?, ?, 22, '[]')", rows)
    host("repair")
    loaded = run("nft", "list", "table", "inet", host.tag).count("proto-dst 2")
    if loaded < count:
        raise RuntimeError(f"{loaded} of {count} publications are loaded")


def load_alone(host, runs):
    """Median seconds that `nft` takes to replace the tables by what is loaded."""
    text = "".join(f"add table {family} {host.tag}\ndelete table {family} {host.tag}\n" for family in ("bridge", "inet"))
    text += "".join(run("nft", "list", "table", family, host.tag) for family in ("bridge", "inet"))
    times = []
    for turn in range(runs + 1):
        begun = time.perf_counter()
        run("nft", "-f", "-", text_in=text)
        if turn:
            times.append(time.perf_counter() - begun)
    return statistics.median(times)


def asks(name, server):
    """Whether the network's DNS server answers for a name."""
    query = struct.pack("!6H", random.getrandbits(16), 0x0100, 1, 0, 0, 0)
    query += b"".join(bytes([len(part)]) + part for part in name.encode().split(b".")) + struct.pack("!BHH", 0, 1, 1)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asked:
        asked.settimeout(0.2)
        with contextlib.suppress(OSError):
            asked.sendto(query, (server, 53))
            return struct.unpack("!H", asked.recv(512)[6:8])[0] == 1
    return False


class Resolved(threading.Thread):
    """When a name is answered for first."""

    def __init__(self, name, server):
        super().__init__(daemon=True)
        self.name_, self.server, self.when, self.ended = name, server, None, False
        self.start()

    def run(self):
        while self.when is None and not self.ended:
            if asks(self.name_, self.server):
                self.when = time.time()
            time.sleep(0.002)


def creates(host, before, runs):
    """Median seconds of `create --no-wait`, with an older lite if there is one, and from the commit to the name."""
    ours, theirs, names = [], [], []
    for turn in range(runs + 1):
        name = f"{NAME}-c{turn}"
        resolved = Resolved(f"{name}.lite.internal", f"{NETWORK}.1")
        took = host.create(name)
        resolved.join(2)
        resolved.ended = True
        if turn:
            ours.append(took)
            names.append((resolved.when or float("inf")) - host.begun(name))
        host("delete", name, "--yes")
        if before:
            took = before.create(f"{name}-b")
            before("delete", f"{name}-b", "--yes")
            if turn:
                theirs.append(took)
    return statistics.median(ours), statistics.median(theirs) if theirs else None, statistics.median(names)


def starts(host, name, stack, runs):
    """Median seconds of `lite start`, and of `virsh start` of the same machine on a network as libvirt's own is, in turns."""
    virsh("net-define", "/dev/stdin", text_in=f"<network><name>{NAME}-p</name><forward mode='nat'/><bridge name='lbench1' stp='off' "
          f"delay='0'/><ip address='{ROUTED}.129' netmask='255.255.255.128'/></network>")
    stack.callback(subprocess.run, ["virsh", "-q", "-c", URI, "net-undefine", f"{NAME}-p"], capture_output=True, check=False)
    virsh("net-start", f"{NAME}-p")
    stack.callback(subprocess.run, ["virsh", "-q", "-c", URI, "net-destroy", f"{NAME}-p"], capture_output=True, check=False)
    peer = f"{NAME}-peer"
    xml = re.sub(r"<uuid>.*?</uuid>|<metadata>.*?</metadata>|<mac address=[^>]*>|<target dev='lt-[^>]*>|<port isolated='yes'/>", "",
                 virsh("dumpxml", "--inactive", name), flags=re.S)
    xml = xml.replace(f"<name>{name}<", f"<name>{peer}<").replace(f"network='{host.tag}'", f"network='{NAME}-p'")
    virsh("define", "/dev/stdin", text_in=xml)
    stack.callback(subprocess.run, ["virsh", "-q", "-c", URI, "undefine", peer], capture_output=True, check=False)
    stack.callback(subprocess.run, ["virsh", "-q", "-c", URI, "destroy", peer], capture_output=True, check=False)
    sides = ([], [])
    for turn in range(runs + 1):
        # They share a disk: one at a time.
        host("stop", name, "--force", "--timeout", "1s")
        begun = time.perf_counter()
        virsh("start", peer)
        theirs = time.perf_counter() - begun
        virsh("destroy", peer)
        begun = time.perf_counter()
        host("start", name, "--no-wait")
        if turn:
            sides[0].append(time.perf_counter() - begun)
            sides[1].append(theirs)
    return [statistics.median(side) for side in sides]


def ip(line):
    run("ip", *line.split())


def namespace(stack, name):
    subprocess.run(["ip", "netns", "delete", name], capture_output=True, check=False)
    ip(f"netns add {name}")
    stack.callback(subprocess.run, ["ip", "netns", "delete", name], capture_output=True, check=False)
    ip(f"-n {name} link set lo up")
    return name


def stand_ins(host, name, stack):
    """Namespaces in the place of a guest and of the world, and the guest's address."""
    host("stop", name, "--force", "--timeout", "1s")
    definition = virsh("dumpxml", "--inactive", name)
    port, mac = re.search(r"<target dev='(lt-\w+)'", definition)[1], re.search(r"<mac address='([^']+)'", definition)[1]
    bridge = re.search(r"<bridge name='([^']+)'", virsh("net-dumpxml", host.tag))[1]
    address = json.loads(host("show", name, "--json"))["instances"][0]["address"]
    guest, world = namespace(stack, f"{NAME}-g"), namespace(stack, f"{NAME}-w")
    for line in (f"link add {port} type veth peer name eth0 netns {guest}", f"link set {port} master {bridge} up",
                 f"link set {port} type bridge_slave isolated on", f"-n {guest} link set eth0 address {mac} up",
                 f"-n {guest} addr add {address}/24 dev eth0", f"-n {guest} route add default via {NETWORK}.1",
                 f"link add lbench2 type veth peer name eth0 netns {world}", f"addr add {WORLD}.1/30 dev lbench2", "link set lbench2 up",
                 f"-n {world} addr add {WORLD}.2/30 dev eth0", f"-n {world} link set eth0 up",
                 f"-n {world} route add default via {WORLD}.1"):
        ip(line)
    return guest, world, address


def throughput(host, name, stack, guest, world, runs):
    """Gbit/s through a published port and on a way that no rule of lite's looks at, both from the world; medians, in turns."""
    # The other way is through a bridge as well.
    stack.callback(subprocess.run, ["ip", "link", "delete", "lbench3"], capture_output=True, check=False)
    for line in ("link add lbench3 type bridge", f"addr add {ROUTED}.1/30 dev lbench3", "link set lbench3 up",
                 f"link add lbench4 type veth peer name eth1 netns {guest}", "link set lbench4 master lbench3 up",
                 f"-n {guest} addr add {ROUTED}.2/30 dev eth1", f"-n {guest} link set eth1 up",
                 f"-n {guest} route add {WORLD}.0/30 via {ROUTED}.1 table 77", f"-n {guest} rule add from {ROUTED}.2 lookup 77"):
        ip(line)
    host("firewall", name, "open", "5201")
    server = subprocess.Popen(["ip", "netns", "exec", guest, "iperf3", "-s"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    stack.callback(server.wait)
    stack.callback(server.terminate)
    time.sleep(0.5)  # until it listens: a connection that is refused ends the measurement with its message
    host("publish", name, "5201:5201")

    def gbit(target):
        out = run("ip", "netns", "exec", world, "iperf3", "-J", "-t", "3", "-O", "1", "--connect-timeout", "5000", "-c", target)
        return json.loads(out)["end"]["sum_received"]["bits_per_second"] / 1e9

    sides = ([], [])
    for _ in range(runs):
        for side, target in zip(sides, (f"{WORLD}.1", f"{ROUTED}.2")):
            side.append(gbit(target))
    return [statistics.median(side) for side in sides]


def measure(options, stack):
    host = Host(options.lite, stack, NAME, NETWORK)
    before = options.before and Host(options.before, stack, f"{NAME}-b", "10.171.137")
    name = f"{NAME}-a"
    say = lambda what: print(f"{time.strftime('%H:%M:%S')} measuring {what}", file=sys.stderr, flush=True)
    say("creates and names")
    created, older, resolved = creates(host, before, options.create_runs)
    host.create(name)
    say("changes of the firewall")
    change, command = firewall(host, name, options.runs)
    publish_many(host, name, 500)
    loaded, (change_of_many, _) = load_alone(host, options.runs), firewall(host, name, options.runs)
    host("unpublish", name)
    say("starts")
    begun, peer = starts(host, name, stack, options.create_runs)
    say("throughput")
    guest, world, address = stand_ins(host, name, stack)
    published, routed = throughput(host, name, stack, guest, world, options.throughput_runs)
    say("a domain")
    page, ours, by_hand = web_front.measure(host, name, stack, guest, world, f"{WORLD}.1", address, options.site_runs)
    ms = lambda seconds: f"{seconds * 1e3:.0f} ms"
    rows = [
        ("a firewall change, from its commit to its end", ms(change), "at most 50 ms"),
        ("… the whole command", ms(command), ""),
        ("… with 500 publications", ms(change_of_many), ""),
        ("500 publications loaded by `nft`", ms(loaded), "at most 50 ms"),
        ("a new instance's name is answered for, from the create's commit", ms(resolved), "at most 100 ms"),
        ("`create --no-wait` of one sector", f"{created:.2f} s", "at most 1.0 s"),
        ("… of it with the lite before", f"{created / older:.2f}" if older else "not measured (`--before`)", "at most 0.45"),
        ("`lite start` of one sector, of `virsh start` on libvirt's own network", f"{begun / peer:.2f} ({begun:.2f} s of {peer:.2f} s)", "at most 1.3"),
        ("TCP through a published port, of the routed way", f"{published / routed:.2f} ({published:.1f} of {routed:.1f} Gbit/s)", "at least 0.9"),
        ("HTTPS requests to a domain, of HAProxy with a file written by hand", f"{ours / by_hand:.2f} ({ours:.0f} of {by_hand:.0f} a second)",
         "at least 0.9"),
        ("`publish --domain` on Pebble, until its page is verified", f"{page:.1f} s", "at most 5 s"),
    ]
    return ["| what | measured | aim |", "|---|--:|--:|", *(f"| {' | '.join(row)} |" for row in rows)]


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--lite", default=str(ROOT / "target/release/lite"), help="the binary to measure")
    parser.add_argument("--before", help="the binary of a lite with libvirt's filters, to compare create with")
    parser.add_argument("--runs", type=int, default=21, help="rounds of the quick changes")
    parser.add_argument("--create-runs", type=int, default=5)
    parser.add_argument("--throughput-runs", type=int, default=5)
    parser.add_argument("--site-runs", type=int, default=3)
    parser.add_argument("--dry", action="store_true", help="print only, leave benches/README.md as it is")
    options = parser.parse_args()
    options.accel = "no KVM (TCG)"
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    with contextlib.ExitStack() as stack:
        table = measure(options, stack)
    lines = [circumstances(options, options.runs), "", *table]
    print("\n".join(lines))
    if not options.dry:
        write_table("network", lines)


if __name__ == "__main__":
    main()
