#!/usr/bin/python3 -IS
"""lite's runner inside a guest. systemd starts it on every boot once cloud-init is through (see render/document.rs).

On the first boot it judges cloud-init's result, runs the blueprint's install and configure scripts, the user's runcmd
and the user's script, and reports each step as one line of JSON on the virtio-serial port. A step that reboots the
guest is no fault: the next boot goes on after it. On later boots it reports that the guest is up. Then it tells the
application under which name it is published, where that is news; so does `lite-guest.py published VALUES`, by SSH.
`lite-guest.py watch` goes on in a unit of its own and reports each minute how the guest fares.
`lite-guest.py upgrade FOLDER` runs the blueprint's part `upgrade`, which lite laid there, and says line by line how that goes.
A copy of another instance's disk runs neither script: it makes anew what belongs to one machine, and tells the application where
it is now; so does an instance that came back with another address.
A guest that bakes an image runs the install script alone, takes off its disk what belongs to one machine, and goes down.
Standard library only; for tests LITE_ROOT moves every path, and LITE_NETWORK_WAIT shortens a wait.
"""
import collections
import errno
import fcntl
import fnmatch
import functools
import glob
import hashlib
import json
import os
import re
import select
import shlex
import shutil
import signal
import stat
import subprocess
import sys
import threading
import time

ROOT = os.environ.get("LITE_ROOT", "")
DIR = ROOT + "/var/lib/lite"
LOGS = ROOT + "/var/log"
RUN = ROOT + "/run/cloud-init"
PORT = ROOT + "/dev/virtio-ports/org.lite.report"
LINE_LIMIT = 16 * 1024
TAIL_LINES = 20
ANSWER_LIMIT = 200
# Seconds between two lines of an upgrade that the host is told.
LINE_PAUSE = 1
# Seconds a network may take to come up.
NETWORK_WAIT = int(os.environ.get("LITE_NETWORK_WAIT", "30"))

# What takes the machine down, and what the host is told of it.
DOWN = {"reboot.target": "reboot", "kexec.target": "reboot", "soft-reboot.target": "reboot", "poweroff.target": "poweroff",
        "halt.target": "halt"}
# Seconds to a planned shutdown that count as under way. `shutdown -r` alone means in a minute.
SOON = 300
# Seconds a step may go on once systemd wants this runner gone: of `reboot` as its last command the end is still to be seen.
GRACE = 10

# RFC 863: whoever listens there throws away what comes.
DISCARD_PORT = 9

# What a machine makes for itself, what only fills an image, and what would tell two machines of one image apart from others.
# Globs; a folder that ends in `/*` stays and loses what is in it.
SEALED_OFF = (
    "/var/lib/cloud/*", "/etc/netplan/50-cloud-init.yaml", "/etc/network/interfaces.d/50-cloud-init*",
    "/etc/systemd/network/*cloud-init*", "/etc/udev/rules.d/70-persistent-net.rules",
    "/etc/hostname", "/etc/ssh/ssh_host_*", "/root/.ssh/authorized_keys", "/home/*/.ssh/authorized_keys",
    "/root/.*_history", "/home/*/.*_history", "/root/.cache", "/home/*/.cache", "/root/.lesshst",
    "/var/lib/apt/lists/*", "/var/lib/apt/periodic/*", "/var/cache/apt/*",
    "/var/lib/dhcp/*", "/var/lib/dhcpcd/*", "/var/lib/NetworkManager/*", "/var/lib/systemd/network/*",
    "/var/lib/systemd/random-seed", "/var/lib/systemd/credential.secret", "/var/lib/systemd/timers/*",
    "/var/lib/systemd/coredump/*", "/var/log/journal/*", "/var/crash/*", "/tmp/*", "/tmp/.[!.]*", "/var/tmp/*",
)
ROTATED = re.compile(r"\.(\d+|old|gz|xz|zst)$")
# Where an install part makes private keys, and what one looks like.
KEY_FOLDERS = ("/etc", "/home", "/opt", "/root", "/srv", "/usr/local", "/var/lib")
MOST_OF_KEY = 1 << 20
PRIVATE_KEY = re.compile(rb"-----BEGIN [A-Z ]{0,20}PRIVATE KEY-----")
# Debian's self-signed certificate: its key is one machine's own.
MAKE_CERT = "/usr/sbin/make-ssl-cert"
CERT_KEY = "/etc/ssl/private/ssl-cert-snakeoil.key"

# Sourced by bash before each script. The last command that failed is left in a file for the report. Values are shell
# variables and not exported: what a script starts does not see the secrets.
PRELUDE = r"""
unset BASH_ENV
export -n LITE_TRAP LITE_ENV
. "$LITE_ENV"
trap 'printf "%s\0%s\0%s" "$?" "$LINENO" "$BASH_COMMAND" >"$LITE_TRAP"' ERR
set -E -e -u -o pipefail
"""


def read_json(path):
    """The object in a file; empty if there is none."""
    try:
        with open(path, encoding="utf-8") as file:
            value = json.load(file)
    except (OSError, ValueError):
        return {}
    return value if isinstance(value, dict) else {}


def write_private(path, text, mode=0o600):
    """Replaces a file in one step; nobody but root ever sees it."""
    fresh = path + ".new"
    fd = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode)
    with os.fdopen(fd, "w", encoding="utf-8", newline="") as file:
        os.fchmod(fd, mode)
        file.write(text)
        file.flush()
        os.fsync(fd)
    os.replace(fresh, path)


def open_port():
    """The port to the host; None if there is none. One process has it at a time, for a line."""
    for _ in range(50):
        try:
            return os.open(PORT, os.O_WRONLY | os.O_NOCTTY)
        except OSError as error:
            if error.errno != errno.EBUSY:
                return None
        time.sleep(0.1)
    return None


class Reporter:
    """Writes events to the host, without the secrets."""

    def __init__(self, secrets):
        self.secrets = sorted((s for s in secrets if s), key=len, reverse=True)

    def redact(self, text):
        for secret in self.secrets:
            text = text.replace(secret, "[secret]")
        return text

    def line(self, event):
        """An event as a line for the host, cut where it is too long."""
        event = {k: self.redact(v) if isinstance(v, str) else v for k, v in event.items()}
        lists = [key for key in ("tail", "warnings") if key in event]
        for key in lists:
            event[key] = [self.redact(line)[:400] for line in event[key]][-TAIL_LINES:]
        for key in ("command", "module"):
            if key in event:
                event[key] = event[key][:1000]
        line = json.dumps(event)
        while len(line) >= LINE_LIMIT and any(event[key] for key in lists):
            for key in lists:
                event[key] = event[key][1:]
            line = json.dumps(event)
        return line.encode() + b"\n"

    def send(self, event):
        data = self.line(event)
        fd = open_port()
        if fd is None:
            return
        try:
            while data:
                data = data[os.write(fd, data):]
        except OSError:
            pass
        finally:
            os.close(fd)


def variables(job):
    """What scripts find as shell variables."""
    values = {"LITE_NAME": job.get("name", ""), "LITE_ADDRESS": job.get("address", "")}
    values.update({"LITE_PARAM_" + k.upper(): v for k, v in job.get("params", {}).items()})
    values.update({"LITE_SECRET_" + k.upper(): v for k, v in job.get("secrets", {}).items()})
    return values


def write_env(values, path=DIR + "/env"):
    lines = (name + "=" + shlex.quote(value) + "\n" for name, value in sorted(values.items()))
    write_private(path, "".join(lines))


def pump(stream, sinks, reporter, tail):
    """Copies a script's output, line by line, to its log and the console. A full disk must not stop the script here."""
    for raw in iter(lambda: stream.readline(8192), b""):
        line = reporter.redact(raw.decode("utf-8", "replace"))
        tail.append(line.rstrip())
        for sink in sinks:
            try:
                sink.write(line.encode("utf-8", "replace"))
                sink.flush()
            except OSError:
                pass


def script_env(env):
    # `systemctl enable` would keep the links of System V in step as well, with two reloads of all units: seconds, for nobody.
    base = {"PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "HOME": "/root", "LANG": "C.UTF-8",
            "SYSTEMCTL_SKIP_SYSV": "1"}
    base.update(env)
    return base


def bash_env(trap, values=DIR + "/env"):
    """Makes bash read the prelude first."""
    # Written once: the health check and the part `published` may come here at the same time.
    if read_text(DIR + "/prelude.sh") != PRELUDE:
        write_private(DIR + "/prelude.sh", PRELUDE)
    return {"BASH_ENV": DIR + "/prelude.sh", "LITE_ENV": values, "LITE_TRAP": trap}


def run(module, argv, env, reporter, console=sys.stdout.buffer):
    """Runs one part. None if it succeeded, else the event that says what failed."""
    trap = DIR + "/trap"
    write_private(trap, "")
    tail = collections.deque(maxlen=TAIL_LINES)
    fd = os.open(LOGS + "/lite-" + module + ".log", os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    with os.fdopen(fd, "wb") as log:
        try:
            child = subprocess.Popen(argv, env=script_env(env), cwd="/", stdin=subprocess.DEVNULL,
                                     stdout=subprocess.PIPE, stderr=subprocess.STDOUT, umask=0o022)
        except OSError as error:
            return {"event": "failed", "module": module, "command": shlex.join(argv), "code": 127, "tail": [str(error)]}
        copier = threading.Thread(target=pump, args=(child.stdout, (log, console), reporter, tail), daemon=True)
        copier.start()
        code = child.wait()
        # A daemon the script left behind may hold the pipe open; what it says later is not waited for.
        copier.join(2)
    if code == 0:
        return None
    with open(trap, encoding="utf-8", errors="replace", newline="") as file:
        said = file.read().split("\0")
    event = {"event": "failed", "module": module, "command": shlex.join(argv), "code": code if code > 0 else 128 - code,
             "tail": list(tail)}
    if len(said) == 3 and said[0] == str(event["code"]):
        event.update(command=said[2], line=int(said[1]) if said[1].isdigit() else 0)
    return event


def bash(module, script, reporter):
    return run(module, ["/bin/bash", script], bash_env(DIR + "/trap"), reporter)


def read_text(path):
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            return file.read()
    except OSError:
        return ""


def output(argv, seconds=20):
    """The lines a program prints, and its exit code; 127 if it cannot be run."""
    try:
        done = subprocess.run(argv, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                              timeout=seconds, check=False)
    except subprocess.TimeoutExpired:
        return ["no answer within %d s" % seconds], 124
    except OSError as error:
        return [str(error)], 127
    return done.stdout.decode("utf-8", "replace").splitlines(), done.returncode


def addressed():
    """Whether an interface other than the loopback has an address that leads somewhere."""
    routes = (line.split() for line in read_text(ROOT + "/proc/net/route").splitlines()[1:])
    if any(route and route[0] != "lo" for route in routes):
        return True
    # Columns: address, index, length of the prefix, scope (00 is global), flags, interface.
    six = (line.split() for line in read_text(ROOT + "/proc/net/if_inet6").splitlines())
    return any(len(line) == 6 and line[3] == "00" and line[5] != "lo" for line in six)


def greet():
    """Sends the gateway an empty datagram, for the sake of the ARP request before it: the host may still hold the hardware
    address of an instance that had this address until just now, and would not find this one for a minute."""
    import socket  # here, since later boots need none of it

    for line in read_text(ROOT + "/proc/net/route").splitlines()[1:]:
        # Columns: interface, destination, gateway; numbers are hexadecimal, as the machine keeps them.
        route = line.split()
        if len(route) > 2 and route[1] == "00000000" and route[2] != "00000000":
            gateway = socket.inet_ntoa(int(route[2], 16).to_bytes(4, sys.byteorder))
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as out:
                out.setblocking(False)
                try:
                    out.sendto(b"", (gateway, DISCARD_PORT))
                except OSError:
                    pass


def mirror(script):
    """Host and port of the package mirror that a script is going to need; None if it needs none, or goes another way."""
    if not re.search(r"\bapt(-get)?\s", script) or re.search(r"(?i)proxy|sources\.list", script):
        return None
    apt = ROOT + "/etc/apt/"
    conf = [apt + "apt.conf"] + glob.glob(apt + "apt.conf.d/*")
    if any(re.search("(?i)proxy", read_text(path)) for path in conf):
        return None
    for path in [apt + "sources.list"] + sorted(glob.glob(apt + "sources.list.d/*")):
        found = re.search(r"(?m)^\s*(?:deb\s+(?:\[[^]]*\]\s+)?|URIs:\s*)(https?)://([\w.-]+)(?::(\d+))?/", read_text(path))
        if found:
            return found[2], found[3] or ("443" if found[1] == "https" else "80")
    return None


def network_fault(script, reporter):
    """Looks before a script fails slowly for want of a network: an address, and the way to the package mirror."""
    there = mirror(script)
    connect = ["/bin/bash", "-c", "exec 3<>/dev/tcp/%s/%s" % there] if there else None
    deadline = time.monotonic() + NETWORK_WAIT
    said = False
    while True:
        argv, lines, code = ["ip", "-brief", "address"], ["no interface has an address"], 1
        if addressed():
            if connect is None:
                return None
            argv = connect
            lines, code = output(connect, 15)
            lines = lines[:5]
            if code == 0:
                return None
        if time.monotonic() >= deadline:
            break
        if not said:
            reporter.send({"event": "stage", "stage": "network"})
            said = True
        time.sleep(2)
    for more in (["ip", "-brief", "address"], ["ip", "route"]):
        # Few of each: the report keeps the last lines, and the reason is the first.
        lines += ["# " + shlex.join(more)] + output(more)[0][:6]
    return {"event": "failed", "module": "network", "command": shlex.join(argv), "code": code, "tail": lines}


def to_install():
    """The install script, and its digest; None where there is none, or a baked image has the same behind it."""
    try:
        with open(DIR + "/install.sh", "rb") as file:
            text = file.read()
    except FileNotFoundError:
        return None
    digest = hashlib.sha256(text).hexdigest()
    if read_json(DIR + "/installed.json").get("sha256") == digest:
        return None
    return text.decode("utf-8", "replace"), digest


def install(digest, baked, reporter):
    fault = bash("install", DIR + "/install.sh", reporter)
    if fault is None:
        write_private(DIR + "/installed.json", json.dumps({"sha256": digest, "baked": baked}))
    return fault


def tool(*argv):
    """Runs a program of the guest's; `False` if it failed or is not there."""
    lines, code = output([ROOT + argv[0], *argv[1:]], 120)
    if code not in (0, 127):
        print("%s: exit %d: %s" % (argv[0], code, " ".join(lines[-3:])))
    return code == 0


def remove(path):
    """Removes a file, a link itself, or a folder with all in it."""
    if os.path.isdir(path) and not os.path.islink(path):
        shutil.rmtree(path)
    else:
        os.unlink(path)


def empty_logs():
    """Empties the logs and keeps the files: a service that runs has its log open, with an owner of its own."""
    for folder, _, names in os.walk(LOGS):
        for name in names:
            path = os.path.join(folder, name)
            if ROTATED.search(name) or os.path.islink(path):
                os.unlink(path)
            elif os.path.isfile(path):
                os.truncate(path, 0)


def rewrite(path, text, mode):
    """Writes a small file anew."""
    write_private(ROOT + path, text, mode)


class NotSealed(Exception):
    """The install part made what only one machine may have."""


def new_keys():
    """Private keys made since this boot: not unpacked, whose time would be the archive's."""
    booted = time.time() - time.clock_gettime(time.CLOCK_BOOTTIME)
    found = []
    for top in KEY_FOLDERS:
        for folder, _, names in os.walk(ROOT + top):
            for path in (os.path.join(folder, name) for name in names):
                try:
                    info = os.lstat(path)
                    if stat.S_ISREG(info.st_mode) and info.st_mtime >= booted and info.st_size <= MOST_OF_KEY:
                        with open(path, "rb") as file:
                            found += [path[len(ROOT):]] if PRIVATE_KEY.search(file.read(MOST_OF_KEY)) else []
                except FileNotFoundError:  # a service that still runs removed it
                    continue
    return [path for path in found if path != CERT_KEY and not (ROOT + path).startswith(DIR + "/")]


def seal(paths):
    """Takes off the disk what belongs to one machine alone, and these paths of the blueprint. What cannot be removed is an
    error: the image would hold it; so is a private key that nobody named."""
    # The distribution's own way first, with the hooks its packages bring; what it leaves goes below.
    tool("/usr/bin/cloud-init", "clean", "--logs")
    tool("/usr/bin/apt-get", "clean")
    # The journal goes on in memory, and the seed is not written again on the way down.
    tool("/usr/bin/journalctl", "--relinquish-var")
    tool("/usr/bin/systemctl", "stop", "systemd-random-seed.service")
    for pattern in (*SEALED_OFF, *paths):
        for path in glob.glob(ROOT + pattern):
            # systemd's own folders in /tmp are a running service's; they go when it ends.
            if not os.path.basename(path).startswith("systemd-private-"):
                remove(path)
    keys = new_keys()
    if keys:
        raise NotSealed("the install part made private keys: " + ", ".join(keys[:5])
                        + "; make them in the configure part, or name them under `seal`")
    empty_logs()
    for name in os.listdir(DIR):
        if name != "installed.json":
            remove(DIR + "/" + name)
    # Empty, not `uninitialized`: systemd would take that for a first boot and enable units again that a package disabled.
    rewrite("/etc/machine-id", "", 0o444)
    if os.path.lexists(ROOT + "/var/lib/dbus/machine-id") and not os.path.islink(ROOT + "/var/lib/dbus/machine-id"):
        os.unlink(ROOT + "/var/lib/dbus/machine-id")
    hosts = read_text(ROOT + "/etc/hosts").splitlines(True)
    rewrite("/etc/hosts", "".join(line for line in hosts if not line.startswith("127.0.1.1")), 0o644)
    # Younger than /usr: packages made what systemd would otherwise make again at the next boot.
    for path in ("/etc/.updated", "/var/.updated"):
        rewrite(path, "# made by lite: the image is up to date\n", 0o644)
    tool("/usr/sbin/fstrim", "/")
    os.sync()


def renew(_job, reporter):
    """The first boot of an instance from a baked image: a key that packages made while baking is made again."""
    argv = [ROOT + MAKE_CERT, "generate-default-snakeoil", "--force-overwrite"]
    fault = run("renew", argv, {}, reporter)
    if fault is None:
        tool("/usr/bin/systemctl", "--no-block", "try-reload-or-restart", "apache2.service", "nginx.service", "postgresql.service")
    return fault


def to_renew():
    baked = read_json(DIR + "/installed.json").get("baked")
    return bool(baked) and os.path.exists(ROOT + MAKE_CERT) and os.path.exists(ROOT + CERT_KEY)


def identity(job, _reporter):
    """The first boot of a copy of another instance's disk: what tells two machines apart, and cloud-init does not make anew."""
    rewrite("/etc/machine-id", job["uuid"].replace("-", "") + "\n", 0o444)
    of_dbus = ROOT + "/var/lib/dbus/machine-id"
    if os.path.lexists(of_dbus) and not os.path.islink(of_dbus):
        os.unlink(of_dbus)
    # What cloud-init keeps of the other one holds its seed, with its host key.
    own = os.path.realpath(ROOT + "/var/lib/cloud/instance")
    for path in glob.glob(ROOT + "/var/lib/cloud/instances/*"):
        if os.path.realpath(path) != own:
            remove(path)
    if not job.get("address"):
        # The id is a part of what DHCP knows a machine by: until the next boot the two are one.
        tool("/usr/bin/systemctl", "--no-block", "reboot")
    return None


def moved(job, reporter):
    """Tells the application of a copy where it is now: by the part `moved`, which is told as well where it was, and then by the part
    `published`."""
    address = job.get("address") or (output(["hostname", "-I"])[0] + [""])[0].partition(" ")[0]
    here, name = {**job, "address": address}, name_in_seed()
    script = DIR + "/moved.sh"
    if os.path.exists(script):
        former = job["copied"] if isinstance(job["copied"], dict) else {}
        values = variables(here)
        values.update(LITE_URL=name.get("url") or "http://%s/" % address, LITE_FORMER_NAME=former.get("name", ""),
                      LITE_FORMER_ADDRESS=former.get("address", ""))
        write_env(values, DIR + "/moved.env")
        fault = run("moved", ["/bin/bash", script], bash_env(DIR + "/trap", DIR + "/moved.env"), reporter)
        if fault is not None:
            return fault
    write_private(DIR + "/published.json", json.dumps({"copied": job["uuid"]}))
    told = tell(here, name, reporter, sys.stdout.buffer)
    if told is None or told["code"] == 0:
        return None
    fault = {key: value for key, value in told.items() if key != "url"}
    return {**fault, "event": "failed", "module": "moved"}


def news_in_seed(job, reporter):
    """An instance that came back with another address (`lite undelete`): its seed brings a file that says so. The values are those of
    now from then on, and the application is told once. The values, and the event of what failed: then the next boot tries again."""
    path = DIR + "/moved.json"
    news = read_json(path)
    if not news:
        return job, None
    if news.get("uuid") != job.get("uuid"):
        # It came with the disk of another instance.
        os.unlink(path)
        return job, None
    job = {**job, "name": news.get("name", ""), "address": news.get("address", "")}
    write_private(DIR + "/instance.json", json.dumps(job))
    reporter.send({"event": "stage", "stage": "moved"})
    fault = moved({**job, "copied": news.get("former")}, reporter)
    if fault is None:
        os.unlink(path)
        return job, None
    return job, {**{key: value for key, value in fault.items() if key != "module"}, "event": "published"}


def parts_of_copy():
    """The steps of a copy: neither install nor configure, which would write over what is there."""
    steps = [("identity", identity)]
    if os.path.exists(ROOT + MAKE_CERT) and os.path.exists(ROOT + CERT_KEY):
        steps.append(("renew", renew))
    if any(os.path.exists(DIR + script) for script in ("/moved.sh", "/published.sh")):
        steps.append(("moved", moved))
    return steps


def runcmd(job, reporter):
    """The user's runcmd, run as cloud-init does: one script for `sh`, which goes on after an item that fails. The exit code of
    the last item counts."""
    items = [item if isinstance(item, str) else shlex.join(str(word) for word in item) for item in job["runcmd"]]
    write_private(DIR + "/runcmd.sh", "\n".join([". " + shlex.quote(DIR + "/env"), *items]) + "\n", 0o700)
    return run("runcmd", ["/bin/sh", DIR + "/runcmd.sh"], {}, reporter)


def user_script(module, text, job, reporter):
    write_private(DIR + "/" + module, text, 0o700)
    env = {k: v for k, v in variables(job).items() if not k.startswith("LITE_SECRET_")}
    return run(module, [DIR + "/" + module], env, reporter)


def power_state(job, reporter):
    """The user's power_state, which comes last as in cloud-init (cc_power_state_change)."""
    wanted = job["power_state"]
    condition = wanted.get("condition", True)
    if not isinstance(condition, bool):
        argv = condition if isinstance(condition, list) else ["/bin/sh", "-c", condition]
        condition = run("power_state", argv, {}, reporter) is None
    if not condition:
        return None
    delay = wanted.get("delay", "now")
    argv = [ROOT + "/usr/sbin/shutdown", {"reboot": "-r", "poweroff": "-P"}[wanted["mode"]],
            delay if delay == "now" else "+%d" % int(delay)]
    return run("power_state", argv + [m for m in (wanted.get("message"),) if m], {}, reporter)


def parts(job, wanted):
    """The steps this instance has, in order."""
    if job.get("copied"):
        return parts_of_copy()
    steps = []
    if wanted:
        steps.append(("install", lambda job, reporter: install(wanted[1], bool(job.get("seal")), reporter)))
    elif to_renew():
        steps.append(("renew", renew))
    if os.path.exists(DIR + "/configure.sh"):
        steps.append(("configure", lambda job, reporter: bash("configure", DIR + "/configure.sh", reporter)))
    if job.get("runcmd"):
        steps.append(("runcmd", runcmd))
    for number, text in enumerate(job.get("scripts", []), 1):
        module = "user-data" if number == 1 else "user-data-%d" % number
        steps.append((module, functools.partial(user_script, module, text)))
    if job.get("power_state"):
        steps.append(("power_state", power_state))
    return steps


def queued():
    """The way down that systemd has begun; None if there is none."""
    said, _ = output([ROOT + "/usr/bin/systemctl", "show", "--property=Id", "--property=Job", *DOWN])
    for unit in "\n".join(said).split("\n\n"):
        fields = dict(line.partition("=")[::2] for line in unit.splitlines())
        if fields.get("Job"):
            return DOWN.get(fields.get("Id"))
    return None


def planned():
    """The way down that `shutdown` has planned for soon (a file of systemd-logind's); None if there is none."""
    lines = read_text(ROOT + "/run/systemd/shutdown/scheduled").splitlines()
    fields = dict(line.partition("=")[::2] for line in lines)
    at = fields.get("USEC", "")
    if not at.isdigit() or int(at) / 1e6 - time.time() > SOON:
        return None
    return DOWN.get(fields.get("MODE", "") + ".target")


def held_back():
    """Whether systemd-logind is about to go down, and waits for a program that asked it to."""
    login = "org.freedesktop.login1"
    return output([ROOT + "/usr/bin/busctl", "get-property", login, "/org/freedesktop/login1", login + ".Manager",
                   "PreparingForShutdown"])[0] == ["b true"]


def going_down():
    """How the machine goes down now or soon; None where it stays up."""
    while True:
        held = held_back()
        way = queued() or planned()
        if way or not held:
            return way
        time.sleep(1)


def take_down(*_):
    """systemd wants the runner gone: the step at work has a little time to end."""
    signal.alarm(GRACE)


def step_aside(reporter, save):
    """Where the machine goes down, saves how far the set-up is, and waits for the end. Returns where it stays up (after all)."""
    way = going_down()
    if way is None:
        return
    save()
    reporter.send({"event": "stage", "stage": way})
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    if signal.alarm(0):
        # systemd has asked already.
        sys.exit()
    while going_down():
        time.sleep(2)
    signal.signal(signal.SIGTERM, take_down)


def between(text, start, end):
    """The text between two marks, empty if they are not there."""
    _, found, rest = text.partition(start)
    return rest.partition(end)[0] if found else ""


# What cloud-init and apt print however it goes.
NOISE = re.compile(r"ci-info:|Cloud-init v\.|Running as unit:|(Get|Hit):\d|Reading package lists|"
                   r".*\[WARNING\]: (Running module|\d+ failed with exceptions)")


def module_fault():
    """The first module that cloud-init says failed (status.json, `v1.<stage>.errors`)."""
    printed = [line for line in read_text(LOGS + "/cloud-init-output.log").splitlines() if not NOISE.match(line)]
    for stage in read_json(RUN + "/status.json").get("v1", {}).values():
        for error in (stage.get("errors") or []) if isinstance(stage, dict) else []:
            text = str(error)
            code = between(text, "Exit code: ", "\\n")
            # An exception's own words, unless they only repeat what a program printed.
            words = re.search(r"""\w+\((["'])(.*)\1\)\)$""", text)
            told = printed + ([words[2]] if words and not code else [])
            return {"event": "failed", "module": between(text, "('", "'") or "cloud-init",
                    "command": between(text, "Command: ", "\\n"), "code": int(code) if code.isdigit() else 1,
                    "tail": told or [text]}
    errors = read_json(RUN + "/result.json").get("v1", {}).get("errors") or []
    if errors:
        return {"event": "failed", "module": "cloud-init", "command": "", "code": 1, "tail": [str(e) for e in errors]}
    return None


def schema_warnings(job):
    """What breaks cloud-init's schema. It warns of that and goes on: what it cannot do for it, its modules tell as an error."""
    marks = ("failed schema validation", "Invalid cloud-config")
    try:
        with open(LOGS + "/cloud-init.log", encoding="utf-8", errors="replace") as log:
            warned = any(mark in line for line in log if "WARNING" in line for mark in marks)
    except OSError:
        warned = False
    if not warned:
        return []
    said, _ = output(["cloud-init", "schema", "--system"], 120)
    faults = [line.partition("schema errors: ")[2] for line in said]
    own = job.get("own", {})

    def users_number(item):
        """The user's number of an item: he knows only his own."""
        number = int(item[2]) - own.get(item[1], 0)
        return "%s.%d" % (item[1], number) if number >= 0 else item[0]

    return [re.sub(r"\b(\w+)\.(\d+)", users_number, fault) for fault in faults if fault] or said


def entry(path, name):
    """The fields of a name in a file such as /etc/passwd; none if it is not there."""
    lines = (line.split(":") for line in read_text(ROOT + path).splitlines())
    return next((fields for fields in lines if fields[0] == name), [])


def login_fault(login):
    """Why lite's own login cannot work after all that others set up; None where nothing speaks against it."""
    user = login["user"]
    account = entry("/etc/passwd", user)
    if len(account) < 7:
        return "there is no account `%s`" % user
    if os.path.basename(account[6]) in ("nologin", "false"):
        return "the shell of `%s` is `%s`" % (user, account[6])
    shadow = entry("/etc/shadow", user)
    if len(shadow) > 7 and shadow[2] == "0":
        return "the password of `%s` has expired and has to be changed first (`chpasswd: {expire: false}`)" % user
    if len(shadow) > 7 and shadow[7].isdigit() and int(shadow[7]) * 86400 <= time.time():
        return "the account `%s` has expired" % user
    lines, code = output([ROOT + "/usr/sbin/sshd", "-T", "-C", "user=%s,host=lite,addr=127.0.0.1" % user])
    settings = collections.defaultdict(list)
    for key, _, value in (line.partition(" ") for line in lines if code == 0):
        settings[key] += value.split()
    if settings["pubkeyauthentication"] == ["no"]:
        return "sshd takes no keys (PubkeyAuthentication)"
    groups = output(["id", "-Gn", user])[0][0].split() if settings["allowgroups"] or settings["denygroups"] else []
    for names, kind in (([user], "users"), (groups, "groups")):
        def listed(key):
            return any(fnmatch.fnmatchcase(n, pattern.split("@")[0]) for pattern in settings[key] for n in names)
        if listed("deny" + kind) or (settings["allow" + kind] and not listed("allow" + kind)):
            return "sshd refuses `%s` (Allow%s, Deny%s)" % (user, kind.title(), kind.title())
    key = login["key"].split()[1]
    for path in settings["authorizedkeysfile"] or [".ssh/authorized_keys"]:
        path = os.path.join(account[5], path.replace("%h", account[5]).replace("%u", user))
        if any(key in line.split() for line in read_text(ROOT + path).splitlines()):
            return None
    return "lite's key is not among those of `%s`" % user


def judge(job):
    """What is wrong with what cloud-init did; None if nothing is."""
    fault = module_fault()
    if fault is None and not job:
        fault = {"event": "failed", "module": "write_files", "command": "", "code": 1, "tail": ["instance.json is missing"]}
    return fault


def set_up(job, passed, state, reporter):
    """Everything of a first boot, without what `passed` before the guest rebooted. The event that ends it."""
    if passed is None:
        step_aside(reporter, lambda: None)
        fault = judge(job)
        if fault is not None:
            return fault
    wanted = None if job.get("copied") else to_install()
    fault = network_fault(wanted[0] if wanted else "", reporter)
    if fault is not None:
        return fault
    greet()
    write_env(variables(job))
    seconds = dict(passed or {})
    for name, step in parts(job, wanted):
        if name in seconds:
            continue
        reporter.send({"event": "stage", "stage": name})
        write_private(state, json.dumps({"uuid": job["uuid"], "running": name}))
        started = time.monotonic()
        fault = step(job, reporter)
        if fault is not None:
            return fault
        seconds[name] = round(time.monotonic() - started, 1)
        step_aside(reporter, lambda: write_private(state, json.dumps({"uuid": job["uuid"], "passed": seconds})))
    done = {"event": "done", "seconds": seconds}
    login = job.get("login")
    fault = login_fault(login) if login else None
    if fault is not None:
        done["login"] = fault
    # A guest that went on from saved memory has no user-data of its own, and no seed read yet.
    warnings = [] if job.get("thawed") else schema_warnings(job)
    if warnings:
        done["warnings"] = warnings
    return done


def boot(job, before, state, reporter):
    """What this boot is, and the event that ends it. True where that event is news and has to be kept."""
    if before.get("event") == "done":
        return {"event": "booted"}, False
    if before.get("report"):
        return before["report"], False
    if before.get("running"):
        return {"event": "failed", "module": before["running"], "command": "", "code": 1,
                "tail": ["the guest went down while this ran"]}, True
    return set_up(job, before.get("passed"), state, reporter), True


def name_in_seed():
    """The name that the seed says this instance is published under; {} where it has none."""
    told = read_json(RUN + "/instance-data.json").get("ds", {}).get("meta_data", {}).get("lite_published")
    return told if isinstance(told, dict) else {}


def tell(job, name, reporter, console):
    """Runs the blueprint's part `published`, unless it ran for this name last. The event that tells of it; None if it did not
    run. A part that failed runs again."""
    script, known = DIR + "/published.sh", DIR + "/published.json"
    if not os.path.exists(script):
        return None
    with open(DIR + "/published.lock", "w", encoding="utf-8") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if read_json(known) == name:
            return None
        values = variables(job)
        url = name.get("url") or "http://%s/" % values["LITE_ADDRESS"]
        values.update(LITE_URL=url, LITE_DOMAIN=name.get("domain", ""), LITE_PROXY=name.get("proxy", ""))
        write_env(values, DIR + "/published.env")
        # Until it is through nobody knows what it did, so whatever is to be told next runs.
        write_private(known, json.dumps({"running": name}))
        fault = run("published", ["/bin/bash", script], bash_env(DIR + "/trap", DIR + "/published.env"), reporter, console)
        if fault is None:
            write_private(known, json.dumps(name))
            return {"event": "published", "url": url, "code": 0}
        return {**fault, "event": "published", "url": url}


def tell_by_ssh(job, state, text, reporter):
    """Tells the application what lite says over SSH, and lite how that ended: the exit code, and a line on stdout if it failed."""
    if state.get("event") != "done":
        end = {"event": "published", "code": 1, "tail": ["the set-up of this instance is not done"]}
    else:
        with open(os.devnull, "wb") as console:
            end = tell(job, json.loads(text), reporter, console) or {}
    if end.get("code"):
        sys.stdout.buffer.write(reporter.line(end))
        sys.stdout.buffer.flush()
    return 1 if end.get("code") else 0


class Progress:
    """Tells the host what a part says: one line a second, which is enough to see it work."""

    def __init__(self, reporter):
        self.reporter, self.last = reporter, None

    def write(self, line):
        text, now = line.decode("utf-8", "replace").strip(), time.monotonic()
        if text and (self.last is None or now - self.last >= LINE_PAUSE):
            self.last = now
            self.reporter.send({"event": "progress", "line": text[:ANSWER_LIMIT]})

    def flush(self):
        pass


def upgrade(job, state, folder, reporter):
    """Runs the part `upgrade` that lies in a folder. The event that ends it: whether it asks for a reboot, or what failed."""
    if state.get("event") != "done":
        return {"event": "upgraded", "code": 1, "tail": ["the set-up of this instance is not done"]}
    script = folder + "/upgrade.sh"
    fault = network_fault(read_text(script), reporter)
    if fault is None:
        write_env(variables(job), folder + "/env")
        env = bash_env(DIR + "/trap", folder + "/env")
        fault = run("upgrade", ["/bin/bash", script], env, reporter, Progress(reporter))
    if fault is not None:
        return {**{key: value for key, value in fault.items() if key != "module"}, "event": "upgraded"}
    # Its own health check from now on is that of the blueprint that it was brought to.
    health = read_json(folder + "/health.json")
    if health:
        write_private(DIR + "/instance.json", json.dumps({**job, "health": health}))
    return {"event": "upgraded", "code": 0, "reboot": reboot_required()}


def run_upgrade(job, state, folder, reporter):
    """An upgrade from its start to what follows it: a reboot, or a new answer of the health check."""
    try:
        end = upgrade(job, state, folder, reporter)
    except Exception as error:
        end = {"event": "upgraded", "code": 1, "tail": [repr(error)]}
    reporter.send(end)
    if end["code"]:
        return
    if end["reboot"]:
        tool("/usr/bin/systemctl", "--no-block", "reboot")
    elif not tool("/usr/bin/systemctl", "try-restart", "lite-status.service"):
        start_watch()


def fullest():
    """How full the fullest local file system is, in percent as `df` counts, and where it is; {} if that is not known."""
    worst = {}
    for line in read_text(ROOT + "/proc/self/mounts").splitlines():
        source, path, kind = (line.split(" ") + ["", "", ""])[:3]
        if not (source.startswith("/dev/") or kind == "zfs") or kind in ("squashfs", "iso9660", "erofs", "udf"):
            continue
        path = re.sub(r"\\([0-7]{3})", lambda octal: chr(int(octal[1], 8)), path)
        try:
            seen = os.statvfs(ROOT + path)
        except OSError:
            continue
        used = seen.f_blocks - seen.f_bfree
        total = used + seen.f_bavail
        percent = min(-(-used * 100 // total), 100) if total > 0 else 0
        if total > 0 and percent > worst.get("disk", -1):
            worst = {"disk": percent, "disk_path": path}
    return worst


def system():
    """What runs here, by its own name, and whether it waits for a reboot."""
    found = {"reboot_required": reboot_required()}
    for line in read_text(ROOT + "/etc/os-release").splitlines():
        key, _, value = line.partition("=")
        if key == "PRETTY_NAME":
            found["os"] = value.strip("\"'")[:ANSWER_LIMIT]
    return found


def reboot_required():
    """Whether a package asked for a reboot (a file, on Ubuntu), or the newest kernel is another than runs (a link, on Debian)."""
    if os.path.exists(ROOT + "/run/reboot-required"):
        return True
    for link in (ROOT + "/vmlinuz", ROOT + "/boot/vmlinuz"):
        try:
            newest = os.path.basename(os.readlink(link))
        except OSError:
            continue
        return newest.startswith("vmlinuz-") and newest != "vmlinuz-" + os.uname().release
    return False


def listen(child, deadline):
    """What a process says until it ends, the last of it. None if it does not end in time."""
    ends, out = os.pidfd_open(child.pid), child.stdout.fileno()
    os.set_blocking(out, False)
    streams, said = [out, ends], b""
    try:
        while True:
            left = deadline - time.monotonic()
            ready = select.select(streams, [], [], left)[0] if left > 0 else []
            if out in ready:
                chunk = os.read(out, 65536)
                said = (said + chunk)[-4096:]
                if not chunk:
                    streams.remove(out)
            elif ends in ready:
                return said.decode("utf-8", "replace")
            else:
                return None
    finally:
        os.close(ends)


def ask(health):
    """Runs the health check's command: `ok`, or what is wrong."""
    argv, seconds = ["/bin/bash", "-c", health["run"]], health["timeout"]
    env = script_env(bash_env("/dev/null"))
    try:
        child = subprocess.Popen(argv, env=env, cwd="/", stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                 stderr=subprocess.STDOUT, start_new_session=True)
    except OSError as error:
        return "cannot run bash: %s" % error
    try:
        said = listen(child, time.monotonic() + seconds)
    finally:
        # All that it started goes with it, once a minute would add up. Not waited for yet, so its number is still its own.
        os.killpg(child.pid, signal.SIGKILL)
        child.stdout.close()
        code = child.wait()
    if said is None:
        return "no answer within %d s" % seconds
    if code == 0:
        return "ok"
    lines = [line.strip() for line in said.splitlines() if line.strip()]
    how = "exit %d" % code if code > 0 else "killed by signal %d" % -code
    return how + (": " + lines[-1] if lines else "")


def pause(answered, seconds):
    """Seconds to the next report, after an answer that was good once, or `seconds` after the start."""
    return 60 if answered or seconds > 1800 else 5


def watch(job, state, reporter):
    """Reports how the guest fares, for ever."""
    failed = None
    if state.get("event") != "done":
        failed = state.get("report", {}).get("module") or state.get("running") or "lite-guest"
    health = job.get("health") if failed is None else None
    if health:
        write_env(variables(job))
    started, answered = time.monotonic(), not health
    while True:
        event = {"event": "status", **fullest(), **system()}
        if failed is not None:
            event["failed"] = failed
        if health:
            event["health"] = reporter.redact(ask(health))[:ANSWER_LIMIT]
            answered = answered or event["health"] == "ok"
        reporter.send(event)
        time.sleep(pause(answered, time.monotonic() - started))


def start_watch():
    """Asks systemd to go on with `watch`: it restarts it, and ends it with all it started."""
    argv = [ROOT + "/usr/bin/systemd-run", "--no-block", "--collect", "--quiet", "--unit=lite-status",
            "--property=Restart=always", "--property=RestartSec=30",
            "/usr/bin/python3", "-IS", DIR + "/lite-guest.py", "watch"]
    output(argv)


def finish(job, reporter):
    """The last act of a guest that bakes an image: the host waits until it is down."""
    reporter.send({"event": "stage", "stage": "seal"})
    try:
        seal(job["seal"].get("paths", []))
        end = {"event": "sealed"}
    except NotSealed as error:
        end = {"event": "failed", "module": "seal", "command": "", "code": 1, "tail": [str(error)]}
    except Exception as error:
        end = {"event": "failed", "module": "seal", "command": "", "code": 1, "tail": [repr(error)]}
    reporter.send(end)
    if end["event"] == "sealed":
        tool("/usr/bin/systemctl", "poweroff", "--no-block")


def main(answer=None):
    """A boot. `answer` is called with the event that ended the set-up, before anybody else hears of it."""
    os.umask(0o077)
    os.makedirs(DIR, exist_ok=True)
    job = read_json(DIR + "/instance.json")
    if job.get("template"):
        os.execv(sys.executable, [sys.executable, "-IS", DIR + "/lite-thaw.py"])
    reporter = Reporter(job.get("secrets", {}).values())
    state = DIR + "/state.json"
    before = read_json(state)
    if not job or before.get("uuid") != job.get("uuid"):
        before = {}
    if sys.argv[1:] == ["watch"]:
        watch(job, before, reporter)
    if sys.argv[1:2] == ["upgrade"]:
        run_upgrade(job, before, sys.argv[2], reporter)
        return
    if sys.argv[1:2] == ["published"]:
        sys.exit(tell_by_ssh(job, before, sys.argv[2], reporter))
    signal.signal(signal.SIGTERM, take_down)
    told = None
    if before.get("event") == "done":
        try:
            job, told = news_in_seed(job, reporter)
        except Exception as error:
            told = {"event": "published", "code": 1, "tail": [repr(error)]}
    try:
        end, news = boot(job, before, state, reporter)
        if news:
            write_private(state, json.dumps({"uuid": job.get("uuid"), "event": end["event"], "report": end}))
    except Exception as error:  # whatever it is, a full disk for one, the host has to hear of it
        end = {"event": "failed", "module": "lite-guest", "command": "", "code": 1, "tail": [repr(error)]}
    if end["event"] == "done" and job.get("seal"):
        finish(job, reporter)
        return
    if answer:
        answer(end)
    reporter.send(end)
    start_watch()
    if told is None and end["event"] in ("done", "booted"):
        try:
            told = tell(job, name_in_seed(), reporter, sys.stdout.buffer)
        except Exception as error:
            told = {"event": "published", "code": 1, "tail": [repr(error)]}
    if told is not None:
        reporter.send(told)


if __name__ == "__main__":
    main()
