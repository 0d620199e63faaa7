#!/usr/bin/python3 -IS
"""What a guest does whose memory is kept, for others to go on from (`lite image warm`).

The guest of the template runs this in place of lite-guest.py's set-up: it puts away what belongs to one machine, says that it is
ready, and waits on the virtio-serial port `org.lite.thaw`. Its memory is saved then, and it is gone. Each guest that goes on from
that memory finds one line of JSON there: who it is. It takes that over before anything of it is reached, for its network has no
link yet, and then has the first boot of lite-guest.py, whose end it answers with. The port counts once.
Standard library only; for tests LITE_ROOT moves every path.
"""
import fcntl
import glob
import importlib.machinery
import importlib.util
import json
import mmap
import os
import shutil
import socket
import sys
import time

ROOT = os.environ.get("LITE_ROOT", "")
DIR = ROOT + "/var/lib/lite"
PORT = ROOT + "/dev/virtio-ports/org.lite.thaw"
# Longest document of the host.
LONGEST = 4 << 20
# Seconds between two looks for the host; a port that nobody has opened reads as ended.
LOOK = 0.02
# Seconds the link may take after the answer.
LINK_WAIT = 30
# <linux/random.h>: takes what was written to the device into the generator that everything draws from.
RNDRESEEDCRNG = 0x5207
# Memory that stays free while the rest is emptied, in bytes.
SPARE = 48 << 20


def load():
    """lite's runner, as a module."""
    path = DIR + "/lite-guest.py"
    loader = importlib.machinery.SourceFileLoader("lite_guest", path)
    module = importlib.util.module_from_spec(importlib.util.spec_from_loader("lite_guest", loader))
    loader.exec_module(module)
    return module


def put_away(guest):
    """Takes off a running machine what belongs to it alone, and stops what would do something by the clock."""
    guest.tool("/usr/bin/systemctl", "stop", "*.timer")
    guest.tool("/usr/bin/systemctl", "stop", "ssh.service", "ssh.socket")
    for pattern in ("/etc/ssh/ssh_host_*", "/root/.ssh/authorized_keys", "/home/*/.ssh/authorized_keys", "/root/.*_history"):
        for path in glob.glob(ROOT + pattern):
            guest.remove(path)
    # Without its keys it fails, and systemd would hold that against the next start.
    guest.tool("/usr/bin/systemctl", "reset-failed", "ssh.service")
    # cloud-init still writes here: what it wrote so far tells of the template.
    for path in glob.glob(ROOT + "/var/log/cloud-init*.log"):
        os.truncate(path, 0)
    for name in ("state.json", "env", "instance.json"):
        if os.path.exists(DIR + "/" + name):
            os.unlink(DIR + "/" + name)


def empty_memory():
    """Has the kernel write zeros over the memory that nobody uses: what was freed keeps its bytes otherwise, and is saved."""
    free = 0
    for line in open(ROOT + "/proc/meminfo", encoding="ascii"):
        if line.startswith("MemFree:"):
            free = int(line.split()[1]) << 10
    size = max(free - SPARE, 0) // mmap.PAGESIZE * mmap.PAGESIZE
    if size:
        with mmap.mmap(-1, size, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS) as empty:
            for at in range(0, size, mmap.PAGESIZE):
                empty[at] = 0


def receive(port):
    """The line that the host writes. It may come in pieces, and before it nobody has the other end open."""
    said = b""
    while not said.endswith(b"\n"):
        piece = os.read(port, 65536)
        if not piece:
            time.sleep(LOOK)
        said += piece
        if len(said) > LONGEST:
            raise ValueError("the host says too much")
    return json.loads(said)


def answer(port, event):
    data = json.dumps(event).encode() + b"\n"
    while data:
        data = data[os.write(port, data):]


def reseed(text):
    """Random numbers of its own before anybody draws one: by what the host drew, whatever the kernel has noticed."""
    fd = os.open(ROOT + "/dev/urandom", os.O_WRONLY)
    try:
        os.write(fd, bytes.fromhex(text))
        if not ROOT:
            fcntl.ioctl(fd, RNDRESEEDCRNG)
    finally:
        os.close(fd)


def set_names(guest, job, name):
    """Host name and machine id."""
    guest.rewrite("/etc/machine-id", job["uuid"].replace("-", "") + "\n", 0o444)
    guest.rewrite("/etc/hostname", name + "\n", 0o644)
    hosts = [line for line in guest.read_text(ROOT + "/etc/hosts").splitlines(True) if not line.startswith("127.0.1.1")]
    guest.rewrite("/etc/hosts", "127.0.1.1 %s %s\n" % (name, name) + "".join(hosts), 0o644)
    if not ROOT:
        socket.sethostname(name)


def set_keys(guest, told):
    """The host's key, and who may log in."""
    key = told["host_key"]
    guest.rewrite("/etc/ssh/ssh_host_ed25519_key", key["private"], 0o600)
    guest.rewrite("/etc/ssh/ssh_host_ed25519_key.pub", key["public"] + "\n", 0o644)
    account = guest.entry("/etc/passwd", told["user"])
    folder = account[5] + "/.ssh"
    os.makedirs(ROOT + folder, mode=0o700, exist_ok=True)
    guest.rewrite(folder + "/authorized_keys", "".join(line + "\n" for line in told["ssh_keys"]), 0o600)
    for path in (folder, folder + "/authorized_keys"):
        os.chown(ROOT + path, int(account[2]), int(account[3]))


def link():
    """The name of the network interface: there is one."""
    return next(name for name in sorted(os.listdir(ROOT + "/sys/class/net")) if name != "lo")


def set_network(guest, network):
    """The address, for this run: what cloud-init writes counts from the next boot on."""
    name = link()
    commands = [["link", "set", name, "down"], ["link", "set", name, "address", network["mac"]]]
    if name != "eth0":
        commands.append(["link", "set", name, "name", "eth0"])
    commands += [["link", "set", "eth0", "addrgenmode", "none"], ["link", "set", "eth0", "up"], ["address", "add", network["address"], "dev", "eth0"],
                 ["route", "add", "default", "via", network["gateway"], "dev", "eth0"]]
    if network.get("address6"):
        commands += [["address", "add", network["address6"], "dev", "eth0", "nodad"],
                     ["-6", "route", "add", "default", "via", network["gateway6"], "dev", "eth0", "onlink"]]
    for words in commands:
        said, code = guest.output(["ip", *words])
        if code:
            raise OSError("ip %s: %s" % (" ".join(words), " ".join(said[-2:])))
    if not guest.tool("/usr/bin/resolvectl", "dns", "eth0", network["gateway"]):
        guest.rewrite("/etc/resolv.conf", "nameserver %s\n" % network["gateway"], 0o644)
    elif network.get("search"):
        guest.tool("/usr/bin/resolvectl", "domain", "eth0", network["search"])


def keep_for_later_boots(job):
    """cloud-init shall find a new instance at the next boot, whose network it writes, and whose set-up is done: the folder of what is
    done has the new id, the note of who it was last has not."""
    base = ROOT + "/var/lib/cloud"
    there = os.path.realpath(base + "/instance")
    own = base + "/instances/" + job["uuid"]
    if os.path.isdir(there) and there != own:
        os.rename(there, own)
        os.unlink(base + "/instance")
        os.symlink(own[len(ROOT):] if not ROOT else own, base + "/instance")
    former = [own + "/" + name for name in ("obj.pkl", "user-data.txt", "user-data.txt.i", "cloud-config.txt")]
    for path in former + [base + "/data/previous-hostname", base + "/data/set-hostname"]:
        if os.path.exists(path):
            os.unlink(path)
    folder = ROOT + "/var/lib/systemd"
    if os.path.isdir(folder):
        with open(folder + "/random-seed", "wb") as seed:
            os.fchmod(seed.fileno(), 0o600)
            seed.write(os.urandom(512))


def become(guest, told):
    """Takes over who this machine is. Milliseconds of each step."""
    job, took = told["job"], {}
    steps = (("entropy", lambda: reseed(told["entropy"])), ("clock", lambda: ROOT or time.clock_settime(time.CLOCK_REALTIME, told["time"])),
             ("names", lambda: set_names(guest, job, told["host_name"])), ("keys", lambda: set_keys(guest, told)),
             ("network", lambda: set_network(guest, told["network"])), ("boots", lambda: keep_for_later_boots(job)),
             ("ssh", lambda: guest.tool("/usr/bin/systemctl", "start", "--no-block", "ssh.service")))
    for name, step in steps:
        begun = time.monotonic()
        step()
        took[name] = round((time.monotonic() - begun) * 1000)
    guest.write_private(DIR + "/instance.json", json.dumps({**job, "thawed": True}))
    return took


def afterwards(guest):
    """Once it is reached: the journal begins anew under the new id, and what does something by the clock does so again."""
    guest.greet()
    own = guest.read_text(ROOT + "/etc/machine-id").strip()
    guest.tool("/usr/bin/systemctl", "restart", "systemd-journald.service")
    for path in glob.glob(ROOT + "/var/log/journal/*") + glob.glob(ROOT + "/run/log/journal/*"):
        if os.path.basename(path) != own:
            shutil.rmtree(path, ignore_errors=True)
    guest.tool("/usr/bin/systemctl", "start", "--no-block", "timers.target")
    for unit in guest.output(["systemctl", "list-unit-files", "--type=timer", "--state=enabled", "--no-legend", "--plain"])[0]:
        guest.tool("/usr/bin/systemctl", "start", "--no-block", unit.split()[0])


def wait_for_link():
    """Until the host has plugged the network in."""
    deadline = time.monotonic() + LINK_WAIT
    while time.monotonic() < deadline:
        try:
            with open(ROOT + "/sys/class/net/eth0/carrier", encoding="ascii") as file:
                if file.read().strip() == "1":
                    return
        except OSError:
            pass
        time.sleep(LOOK)


def main():
    os.umask(0o077)
    guest = load()
    reporter = guest.Reporter([])
    try:
        fault = guest.judge(guest.read_json(DIR + "/instance.json"))
        if fault is not None:
            reporter.send(fault)
            return
        put_away(guest)
        os.sync()
        empty_memory()
        port = os.open(PORT, os.O_RDWR | os.O_NOCTTY)
    except Exception as error:
        reporter.send({"event": "failed", "module": "template", "command": "", "code": 1, "tail": [repr(error)]})
        return
    reporter.send({"event": "warm"})
    told = receive(port)
    try:
        took = become(guest, told)
    except Exception as error:
        answer(port, {"event": "failed", "module": "thaw", "tail": [repr(error)]})
        return
    guest.main(lambda end: answer(port, {"event": end["event"], "took": took}))
    os.close(port)
    wait_for_link()
    afterwards(guest)


if __name__ == "__main__":
    main()
