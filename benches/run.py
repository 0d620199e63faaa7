#!/usr/bin/env python3
"""Measures lite against virsh and virt-install in one run, and writes the tables of benches/README.md.

Each number is a median; the two sides take turns (A B A B), so that both see the same machine. Python's library only.
Everything made is named lite-test-bench-… and is removed at the end, on an error and on Ctrl-C as well.
"""

import argparse
import contextlib
import datetime
import glob
import json
import os
import pathlib
import re
import signal
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import threading
import time
import urllib.error
import urllib.request
import uuid
import xml.etree.ElementTree as ET

ROOT = pathlib.Path(__file__).resolve().parent.parent
README = ROOT / "benches" / "README.md"
PREFIX = "lite-test-bench"
URI = os.environ.get("LITE_CONNECT", "qemu:///system")
VIRSH = ["virsh", "-q", "-c", URI]

# Time and peak memory of one command, taken by a bare interpreter of its own: a child's peak starts at its parent's size.
PROBE = """
import json, os, sys, time
null = os.open(os.devnull, os.O_RDWR)
quiet = [(os.POSIX_SPAWN_DUP2, null, 0), (os.POSIX_SPAWN_DUP2, null, 1)]
begun = time.perf_counter()
pid = os.posix_spawnp(sys.argv[1], sys.argv[1:], os.environ, file_actions=quiet)
_, status, usage = os.wait4(pid, 0)
took = time.perf_counter() - begun
print(json.dumps([took, usage.ru_maxrss * 1024, os.waitstatus_to_exitcode(status)]))
"""


def run(*command, text_in=None, env=None):
    """Runs a command, returns what it prints; its own message is the error."""
    done = subprocess.run(command, input=text_in, capture_output=True, text=True, env=env, check=False)
    if done.returncode:
        raise RuntimeError(f"`{' '.join(map(str, command))}`: exit code {done.returncode}: {done.stderr.strip()[-600:]}")
    return done.stdout


def virsh(*arguments, **options):
    return run(*VIRSH, *arguments, **options)


def probe(command, env=None):
    """Seconds and peak bytes of one command."""
    done = subprocess.run([sys.executable, "-I", "-S", "-c", PROBE, *command],
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=env, check=True)
    seconds, peak, code = json.loads(done.stdout)
    if code:
        raise RuntimeError(f"`{' '.join(command)}`: exit code {code}: {done.stderr.strip()[-600:]}")
    return seconds, peak


def duel(ours, theirs, runs, env=None):
    """Median seconds and largest peak of both, in turns, after one round that does not count."""
    sides = ([], [])
    for turn in range(runs + 1):
        for side, command in zip(sides, (ours, theirs)):
            measured = probe(command, env)
            if turn:
                side.append(measured)
    return [(statistics.median(s for s, _ in side), max(p for _, p in side)) for side in sides]


def quick_table(rows):
    """Rows of (what, ours, theirs) of `duel`."""
    lines = ["| command | lite | virsh | ratio (at most 1.5) | peak lite (at most 40 MiB) | peak virsh |", "|---|--:|--:|--:|--:|--:|"]
    for what, (seconds, peak), (peer, peer_peak) in rows:
        lines.append(f"| {what} | {seconds * 1e3:.1f} ms | {peer * 1e3:.1f} ms | {seconds / peer:.2f} "
                     f"| {peak / 2**20:.1f} MiB | {peer_peak / 2**20:.1f} MiB |")
    return lines


def bench_version(options, _stack):
    # The second reads every blueprint that lite has, as each command does that names one.
    ours = (["--version"], ["blueprints"])
    rows = [(f"`{' '.join(words)}`", *duel([options.lite, *words], ["virsh", "--version"], options.runs)) for words in ours]
    return quick_table(rows)


# ---- list

# Columns of a row of `light_domain`.
INSTANCE = ("uuid, name, host, mac, network, address, desired_state, phase, failure, vcpus, memory, disk, record, blueprint, "
            "parameters, image, seed")


def light_domain(n):
    """A domain without a disk, and the row lite would keep of it."""
    name, ident = f"{PREFIX}-{n}", f"00000000-0000-4000-8000-{n:012x}"
    domain = (f"<domain type='qemu'><name>{name}</name><uuid>{ident}</uuid><memory unit='MiB'>32</memory>"
              "<vcpu>1</vcpu><os><type arch='x86_64'>hvm</type></os></domain>")
    mac = f"52:54:00:be:{n >> 8:02x}:{n & 255:02x}"
    address = f"198.18.{n >> 8}.{n & 255}"
    record = {
        "name": name, "uuid": ident, "blueprint": "debian-13", "blueprint_version": "1", "base": "debian-13",
        "image_digest": "00", "bundle": "nano", "vcpus": 1, "memory": "32 MiB", "disk": "1 GiB", "transfer": "1 TiB",
        "price": "5.00", "currency": "USD", "mac": mac, "address": address, "network": "nat", "ports": ["22/tcp"],
        "tags": [], "created_at": "2025-01-01T00:00:00Z",
    }
    row = (ident, name, "local", mac, "lite-test-bench", address, "stopped", "ready", None, 1, 32 << 20, 1 << 30,
           json.dumps(record), "{}", "{}", "none", None)
    return domain, row


def state_database(folder):
    """A state.db as lite makes it, from lite's own schema."""
    files = sorted((ROOT / "src/store/schema").glob("*.sql"), key=lambda path: int(path.stem))
    steps = [path.read_text() for path in files]
    database = sqlite3.connect(pathlib.Path(folder) / "state.db", isolation_level=None)
    database.execute("PRAGMA journal_mode = WAL")
    if database.execute("PRAGMA user_version").fetchone()[0] == 0:
        for step in steps:
            database.executescript(step)
        database.execute(f"PRAGMA user_version = {len(steps)}")
    return database


def drop_light_domains():
    names = [n for n in virsh("list", "--all", "--name").split() if re.fullmatch(rf"{PREFIX}-\d+", n)]
    if names:
        virsh(text_in="".join(f"undefine {name}\n" for name in names))


def bench_list(options, stack):
    folder = stack.enter_context(tempfile.TemporaryDirectory(prefix=f"{PREFIX}-"))
    files = stack.enter_context(tempfile.TemporaryDirectory(prefix=f"{PREFIX}-"))
    database = state_database(folder)
    stack.callback(database.close)
    stack.callback(drop_light_domains)
    drop_light_domains()
    env = {**os.environ, "LITE_STATE_DIR": folder}
    rows, made = [], 0
    for count in options.counts:
        commands, entries = [], []
        for n in range(made + 1, count + 1):
            domain, row = light_domain(n)
            path = pathlib.Path(files) / f"{n}.xml"
            path.write_text(domain)
            commands.append(f"define {path}\n")
            entries.append(row)
        virsh(text_in="".join(commands))
        database.executemany("INSERT INTO resource VALUES (?, 'instance', ?, 'local', 0)", [e[:2] for e in entries])
        database.executemany(f"INSERT INTO instance ({INSTANCE}) VALUES ({','.join('?' * 17)})", entries)
        made = count
        shown = len(re.findall(rf"^{PREFIX}-\d+ ", run(options.lite, "list", env=env), re.M))
        if shown != count:
            raise RuntimeError(f"`lite list` shows {shown} of {count} instances")
        both = duel([options.lite, "list"], ["virsh", "-c", URI, "list", "--all"], options.runs, env)
        rows.append((f"list, {count} domain{'s'[:count > 1]}", *both))
    return quick_table(rows)


# ---- create

class Twin:
    """What a lite instance is made of, so that virt-install can make the same."""

    def __init__(self, name):
        tree = ET.fromstring(virsh("dumpxml", name))
        self.name, self.uuid = name, tree.findtext("uuid")
        self.kind, self.cpu = tree.get("type"), tree.find("cpu").get("mode")
        self.accel = {"kvm": "KVM", "qemu": "no KVM (TCG)"}.get(self.kind, self.kind)
        self.machine = tree.find("os/type").get("machine")
        self.memory = int(tree.findtext("memory")) // 1024
        self.vcpus = tree.findtext("vcpu")
        root, seed = (d.find("source").get("file") for d in tree.findall("devices/disk"))
        self.pool = pathlib.Path(root).parent
        info = json.loads(run("qemu-img", "info", "-U", "--output=json", root))
        self.image, self.size = info["full-backing-filename"], info["virtual-size"]
        interface = tree.find("devices/interface")
        self.mac = interface.find("mac").get("address")
        # Read now: lite takes the secrets out once the application answers.
        self.seed = {f: run("isoinfo", "-R", "-i", seed, "-x", f"/{f}") for f in ("user-data", "meta-data", "network-config")}
        self.address = re.search(r"\d+\.\d+\.\d+\.\d+(?=/)", self.seed["network-config"])[0]

    def seed_of(self, name, mac):
        """The same seed for another machine."""
        documents = dict(self.seed)
        meta = documents["meta-data"].replace(self.uuid, str(uuid.uuid4()))
        documents["meta-data"] = re.sub(r"(?m)^local-hostname:.*$", f"local-hostname: {name}", meta)
        # Another subnet, which is lite's otherwise: the same hosts in it.
        network = documents["network-config"].replace(self.mac, mac).replace(f"{self.address}/", f"{PEER_ADDRESS}/")
        documents["network-config"] = network.replace(self.address.rsplit(".", 1)[0] + ".", PEER_SUBNET + ".")
        return documents


# The peers are on a network as libvirt's own is: on lite's, the host would not reach a machine that lite does not know.
PEER_SUBNET = "198.51.100"
PEER_ADDRESS = f"{PEER_SUBNET}.254"


def peer_network(stack):
    xml = (f"<network><name>{PREFIX}</name><forward mode='nat'/><bridge name='lbench0' stp='off' delay='0'/>"
           f"<ip address='{PEER_SUBNET}.1' netmask='255.255.255.0'/></network>")
    drop_peer_network()
    stack.callback(drop_peer_network)
    virsh("net-define", "/dev/stdin", text_in=xml)
    virsh("net-start", PREFIX)


def drop_peer_network():
    for command in ("net-destroy", "net-undefine"):
        subprocess.run([*VIRSH, command, PREFIX], capture_output=True, check=False)


def new_mac():
    # With a letter: of decimal digits alone, and unquoted, it would be a number of base 60 to YAML 1.1.
    return "52:54:00:be:" + ":".join(f"{b:02x}" for b in os.urandom(2))


def virt_install(twin, name, mac):
    """Makes the same machine with qemu-img, genisoimage and virt-install; seconds of both parts."""
    root, seed, report = (twin.pool / f"{name}.{end}" for end in ("qcow2", "iso", "report"))
    report.touch()
    with tempfile.TemporaryDirectory(prefix=f"{PREFIX}-") as folder:
        for file, text in twin.seed_of(name, mac).items():
            (pathlib.Path(folder) / file).write_text(text)
        begun = time.perf_counter()
        run("qemu-img", "create", "-q", "-f", "qcow2", "-F", "qcow2", "-b", twin.image, str(root), str(twin.size))
        run("genisoimage", "-quiet", "-V", "cidata", "-r", "-J", "-o", str(seed), folder)
    prepared = time.perf_counter()
    run("virt-install", "--connect", URI, "--import", "--noautoconsole", "--quiet", "--name", name, "--osinfo", "detect=off,require=off",
        "--virt-type", twin.kind, "--machine", twin.machine, "--cpu", f"mode={twin.cpu}",
        "--memory", str(twin.memory), "--vcpus", twin.vcpus, "--graphics", "none",
        "--disk", f"path={root},format=qcow2,bus=virtio", "--disk", f"path={seed},format=raw,bus=virtio,readonly=on",
        "--network", f"network={PREFIX},mac={mac},model=virtio", "--rng", "/dev/urandom",
        "--channel", f"type=file,source.path={report},target.type=virtio,target.name=org.lite.report")
    return prepared - begun, time.perf_counter() - prepared


def drop_peer(twin, name):
    for command in (["destroy", name], ["undefine", name]):
        subprocess.run([*VIRSH, *command], capture_output=True, check=False)
    for path in glob.glob(f"{twin.pool}/{name}.*"):
        os.unlink(path)
    for pool in virsh("pool-list", "--name").split():
        target = ET.fromstring(virsh("pool-dumpxml", pool)).findtext("target/path")
        if target == str(twin.pool):
            virsh("pool-refresh", pool)


def drop_ours(lite, name):
    if name in virsh("list", "--all", "--name").split():
        run(lite, "delete", name, "--yes", "--now")
    else:  # undone by lite itself, or never made
        subprocess.run([lite, "delete", name, "--yes", "--now"], capture_output=True, check=False)


def prepare_host(options):
    run(options.lite, "doctor", "--fix")
    run(options.lite, "image", "build", "debian-13")


class Starts:
    """When libvirt said of which domain that it started: one listener for both sides."""

    def __init__(self, stack):
        self.seen = {}
        self.process = subprocess.Popen(["stdbuf", "-oL", *VIRSH, "event", "--event", "lifecycle", "--loop"],
                                        stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        stack.callback(self.process.wait)
        stack.callback(self.process.terminate)
        threading.Thread(target=self.listen, daemon=True).start()
        time.sleep(1)  # until it has subscribed; the round that does not count would show if not

    def listen(self):
        for line in self.process.stdout:
            found = re.search(r"domain '([^']+)': Started", line)
            if found:
                self.seen.setdefault(found[1], time.perf_counter())

    def since(self, begun, name):
        return wait_for(f"start of `{name}`", lambda: self.seen.get(name), 10) - begun


def bench_create(options, stack):
    prepare_host(options)
    peer_network(stack)
    starts = Starts(stack)
    ours, wholes, peers, preparations, stages = [], [], [], [], {}
    for turn in range(options.create_runs + 1):  # the first does not count
        name, peer, mac = f"{PREFIX}-a{turn}", f"{PREFIX}-b{turn}", new_mac()
        with contextlib.ExitStack() as round_:
            round_.callback(drop_ours, options.lite, name)
            begun = time.perf_counter()
            out = run(options.lite, "create", "debian-13", "--bundle", "nano", "--name", name, "--no-wait", "--json")
            whole = time.perf_counter() - begun
            took = starts.since(begun, name)
            if virsh("domstate", name).strip() != "running":
                raise RuntimeError("lite came back before its domain ran")
            twin = Twin(name)
            options.accel = twin.accel
        with contextlib.ExitStack() as round_:
            round_.callback(drop_peer, twin, peer)
            begun = time.perf_counter()
            preparation, _ = virt_install(twin, peer, mac)
            installed = starts.since(begun + preparation, peer)
        if turn:
            ours.append(took)
            wholes.append(whole)
            preparations.append(preparation)
            peers.append(installed)
            for stage in json.loads(out)["instance"]["stages"]:
                stages.setdefault(stage["name"], []).append(stage["milliseconds"])
    a, w, b, c = map(statistics.median, (ours, wholes, peers, preparations))
    lines = ["| from command to \"domain running\" | seconds | lite is … of it |", "|---|--:|--:|",
             f"| `lite create --no-wait debian-13 --bundle nano` | {a:.2f} | |",
             f"| … until the command ends, address and firewall in place | {w:.2f} | |",
             f"| `virt-install --import` alone | {b:.2f} | {a / b:.2f} (at most 1) |",
             f"| `qemu-img create`, `genisoimage`, `virt-install --import` | {b + c:.2f} | {a / (b + c):.2f} |",
             "", "| stage of lite | ms |", "|---|--:|"]
    lines += [f"| {name} | {statistics.median(times):.0f} |" for name, times in stages.items()]
    rest = w * 1e3 - sum(statistics.median(t) for t in stages.values())
    return [*lines, f"| outside the stages | {rest:.0f} |"]


# ---- page

def wait_for(what, look, seconds, process=None):
    """Asks `look` until it answers; no answer in time is an error."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        found = look()
        if found:
            return found
        if process is not None and process.poll() not in (None, 0):
            raise RuntimeError(f"{what}: lite ended with {process.returncode}: {process.stderr.read()[-600:]}")
        time.sleep(0.1)
    raise RuntimeError(f"no {what} in {seconds} s")


def served(address):
    try:
        with urllib.request.urlopen(f"http://{address}/", timeout=2) as answer:
            return answer.status == 200
    except (OSError, urllib.error.URLError):
        return False


def seed_ready(name):
    """The twin, once domain and seed are there."""
    try:
        return Twin(name) if "running" in virsh("domstate", name) else None
    except RuntimeError:
        return None


def bench_page(options, stack):
    prepare_host(options)
    peer_network(stack)
    pages, ends, peers = [], [], []
    for turn in range(1, options.page_runs + 1):
        name, peer, mac = f"{PREFIX}-a{turn}", f"{PREFIX}-b{turn}", new_mac()
        with contextlib.ExitStack() as round_:
            round_.callback(drop_ours, options.lite, name)
            begun = time.perf_counter()
            process = subprocess.Popen([options.lite, "create", "nginx", "--bundle", "nano", "--name", name, "--json"],
                                       stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
            round_.callback(process.wait)
            round_.callback(process.terminate)
            twin = wait_for("domain of lite's", lambda: seed_ready(name), 120, process)
            options.accel = twin.accel
            wait_for("page of lite's", lambda: served(twin.address), options.limit, process)
            pages.append(time.perf_counter() - begun)
            if process.wait(timeout=120):
                raise RuntimeError(f"lite create: exit code {process.returncode}: {process.stderr.read()[-600:]}")
            ends.append(time.perf_counter() - begun)
        with contextlib.ExitStack() as round_:
            round_.callback(drop_peer, twin, peer)
            begun = time.perf_counter()
            virt_install(twin, peer, mac)
            wait_for("page of the peer's", lambda: served(PEER_ADDRESS), options.limit)
            peers.append(time.perf_counter() - begun)
    page, end, peer = map(statistics.median, (pages, ends, peers))
    return ["| from command to the page of nginx | seconds | ratio |", "|---|--:|--:|",
            f"| virt-install, same seed | {peer:.1f} | 1 |",
            f"| lite: page served | {page:.1f} | {page / peer:.3f} (at most 1.02) |",
            f"| lite: command came back | {end:.1f} | {end / peer:.3f} |"]


# ---- baked

def answers(address):
    """The application's own page, not the one that nginx has before it is set up: what lite's health check wants to see."""
    try:
        with urllib.request.urlopen(f"http://{address}/", timeout=2) as answer:
            return answer.status == 200 and b'content="lite-nginx"' in answer.read()
    except (OSError, urllib.error.URLError):
        return False


def create_timed(options, name, *flags):
    """Seconds from `lite create nginx` until its page is there and until the command ends, and the twin. The caller drops it."""
    begun = time.perf_counter()
    process = subprocess.Popen([options.lite, "create", "nginx", "--bundle", "nano", "--name", name, "--json", *flags],
                               stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        twin = wait_for("domain of lite's", lambda: seed_ready(name), 120, process)
        wait_for("page of lite's", lambda: answers(twin.address), options.limit, process)
        page = time.perf_counter() - begun
        out, said = process.communicate(timeout=120)
    finally:
        process.terminate()
        process.wait()
    if process.returncode:
        raise RuntimeError(f"lite create: exit code {process.returncode}: {said[-600:]}")
    return page, time.perf_counter() - begun, twin, json.loads(out)["instance"]["image"]["baked"]


def raw_qemu(options, twin, name, mac, stack):
    """The same machine by QEMU alone, on a tap of its own; seconds until the page is there. Overlay and seed are made before."""
    root, seed, report, console = (twin.pool / f"{name}.{end}" for end in ("qcow2", "iso", "report", "console"))
    tap = "lbench" + mac.replace(":", "")[-6:]
    stack.callback(lambda: [path.unlink(missing_ok=True) for path in (root, seed, report, console)])
    with tempfile.TemporaryDirectory(prefix=f"{PREFIX}-") as folder:
        for file, text in twin.seed_of(name, mac).items():
            (pathlib.Path(folder) / file).write_text(text)
        run("genisoimage", "-quiet", "-V", "cidata", "-r", "-J", "-o", str(seed), folder)
    run("qemu-img", "create", "-q", "-f", "qcow2", "-F", "qcow2", "-b", twin.image, str(root), str(twin.size))
    run("ip", "tuntap", "add", tap, "mode", "tap")
    stack.callback(run, "ip", "link", "delete", tap)
    run("ip", "link", "set", tap, "master", "lbench0", "up")
    kvm = twin.kind == "kvm"
    begun = time.perf_counter()
    process = subprocess.Popen(
        ["qemu-system-x86_64", "-machine", f"{twin.machine},accel={'kvm' if kvm else 'tcg'}", "-cpu", "host" if kvm else "max",
         "-m", str(twin.memory), "-smp", twin.vcpus, "-nodefaults", "-display", "none", "-serial", f"file:{console}",
         "-drive", f"file={root},format=qcow2,if=virtio,discard=unmap", "-drive", f"file={seed},format=raw,if=virtio,readonly=on",
         "-netdev", f"tap,id=n,ifname={tap},script=no,downscript=no", "-device", f"virtio-net-pci,netdev=n,mac={mac}",
         "-device", "virtio-rng-pci", "-device", "virtio-balloon-pci", "-device", "virtio-serial-pci",
         "-chardev", f"file,id=r,path={report}", "-device", "virtserialport,chardev=r,name=org.lite.report"],
        stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    try:
        wait_for("page of QEMU's", lambda: answers(PEER_ADDRESS), options.limit, process)
        return time.perf_counter() - begun
    finally:
        process.terminate()
        process.wait()


def bench_baked(options, stack):
    prepare_host(options)
    peer_network(stack)
    begun = time.perf_counter()
    run(options.lite, "image", "bake", "nginx", "--json")
    bake = time.perf_counter() - begun
    pages, ends, raws, installs = [], [], [], []
    for turn in range(1, options.baked_runs + 1):
        with contextlib.ExitStack() as round_:
            name = f"{PREFIX}-a{turn}"
            round_.callback(drop_ours, options.lite, name)
            page, end, twin, baked = create_timed(options, name)
            if not baked:
                raise RuntimeError("lite took no baked image")
            options.accel = twin.accel
        with contextlib.ExitStack() as round_:
            raws.append(raw_qemu(options, twin, f"{PREFIX}-b{turn}", new_mac(), round_))
        with contextlib.ExitStack() as round_:
            name = f"{PREFIX}-c{turn}"
            round_.callback(drop_ours, options.lite, name)
            install, *_ = create_timed(options, name, "--no-baked")
        pages.append(page)
        ends.append(end)
        installs.append(install)
    page, end, raw, install = map(statistics.median, (pages, ends, raws, installs))
    return ["| from command to the application's page | seconds | baked is … of it |", "|---|--:|--:|",
            f"| `lite create nginx`, baked | {page:.1f} | |",
            f"| … until the command came back | {end:.1f} | |",
            f"| QEMU alone, same baked image and seed (the floor) | {raw:.1f} | {page / raw:.2f} (at most 1.1) |",
            f"| `lite create nginx --no-baked` | {install:.1f} | {page / install:.2f} |",
            # Of an image that is there already nothing was measured.
            *([] if bake < 5 else ["", f"`lite image bake nginx` itself, once: {bake:.0f} s."])]


# ---- watch

def bench_watch(options, _stack):
    """The tables and lines that the Rust benches of the watcher printed; they measure inside."""
    options.accel = "guests of TCG"
    text = pathlib.Path(options.watch_output).read_text()
    # Cargo has no line break after the name of a test that runs.
    lines = [re.sub(r"^test \S+ \.\.\. ", "", line) for line in text.splitlines()]
    rows = [line for line in lines if line.startswith("|")]
    said = [line for line in lines if re.match(r"2,000 alarms: |\d+ instances, \d+ days: ", line)]
    if len(rows) < 3 or len(said) != 2:
        raise RuntimeError(f"`{options.watch_output}` does not hold what the watcher's benches print")
    return [*rows, "", *(line for said_line in said for line in (f"{said_line}.", ""))][:-1]


# ---- README

def circumstances(options, runs):
    """The line above a table; known once the part has run."""
    qemu = re.search(r"version (\S+)", run("qemu-img", "--version")).group(1)
    return (f"{datetime.date.today()}, {os.cpu_count()} CPUs, {options.accel}, "
            f"{run(options.lite, '--version').strip()}, libvirt {run('virsh', '--version').strip()}, QEMU {qemu}; {runs if isinstance(runs, str) else f'median of {runs}'}.")


def write_table(part, lines):
    begin, end = f"<!-- {part} -->", f"<!-- /{part} -->"
    text = README.read_text()
    head, rest = text.split(begin)
    tail = rest.split(end)[1]
    README.write_text(head + "\n".join([begin, "", *lines, "", end]) + tail)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--lite", default=str(ROOT / "target/release/lite"), help="the binary to measure")
    parser.add_argument("--slow", action="store_true", help="measure create → page too, baked and not (minutes)")
    parser.add_argument("--only", choices=["version", "list", "create", "page", "baked", "watch"], action="append", help="this part; may be repeated")
    parser.add_argument("--runs", type=int, default=21, help="rounds of the quick commands")
    parser.add_argument("--create-runs", type=int, default=5)
    parser.add_argument("--page-runs", type=int, default=3)
    parser.add_argument("--baked-runs", type=int, default=3)
    parser.add_argument("--counts", type=int, nargs="+", default=[1, 50, 500], help="domains of the list part, rising")
    parser.add_argument("--limit", type=int, default=900, help="seconds a page may take")
    parser.add_argument("--watch-output", default=str(ROOT / "target/watch-bench.txt"), help="what the watcher's benches printed")
    parser.add_argument("--dry", action="store_true", help="print only, leave benches/README.md as it is")
    options = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    parts = {"version": (bench_version, options.runs), "list": (bench_list, options.runs),
             "create": (bench_create, options.create_runs), "page": (bench_page, options.page_runs),
             "baked": (bench_baked, options.baked_runs), "watch": (bench_watch, "one run, six looks")}
    wanted = options.only or [p for p in parts if p in ("version", "list", "create") or (p != "watch" and options.slow)]
    failed = False
    for part in wanted:
        options.accel = "no guest running"
        bench, runs = parts[part]
        try:
            with contextlib.ExitStack() as stack:
                table = bench(options, stack)
            lines = [circumstances(options, runs), "", *table]
        except (RuntimeError, OSError, subprocess.SubprocessError) as error:
            failed = True
            print(f"{part}: not measured: {error}", file=sys.stderr)
            continue
        print("\n".join([f"## {part}", *lines, ""]), flush=True)
        if not options.dry:
            write_table(part, lines)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
