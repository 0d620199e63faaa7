#!/usr/bin/env python3
"""Measures `lite serve` in one run: the API beside `virsh`, pages, what a request costs beside a file, memory, the binary.

Python's library only. Domains are named lite-test-bench-… and removed at the end; nothing of it starts a guest.
"""

import argparse
import contextlib
import datetime
import hashlib
import hmac
import http.client
import json
import os
import pathlib
import re
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time

from run import INSTANCE, PREFIX, ROOT, URI, circumstances, drop_light_domains, light_domain, probe, run, state_database, virsh, wait_for, write_table

REGION = "home-1"
# A key is let ask 100 times a second.
KEYS = 300
# Between two looks, so that none is of the one before.
APART = 0.6


class Key:
    """A key of the API, which signs as AWS's clients do."""

    def __init__(self, made):
        self.id, self.secret = made["key"]["id"], made["secret"]

    def request(self, host, operation, body="{}"):
        """The bytes of a request. The same ones count for five minutes, for what only looks."""
        at = datetime.datetime.now(datetime.timezone.utc).strftime("%Y%m%dT%H%M%SZ")
        kind, target = "application/x-amz-json-1.1", f"Lightsail_20161128.{operation}"
        headers = {"content-type": kind, "host": host, "x-amz-date": at, "x-amz-target": target}
        names, lines = ";".join(headers), "".join(f"{name}:{value}\n" for name, value in headers.items())
        digest = hashlib.sha256(body.encode()).hexdigest()
        scope = f"{at[:8]}/{REGION}/lightsail/aws4_request"
        canonical = hashlib.sha256(f"POST\n/\n\n{lines}\n{names}\n{digest}".encode()).hexdigest()
        key = f"AWS4{self.secret}".encode()
        for part in (at[:8], REGION, "lightsail", "aws4_request"):
            key = hmac.new(key, part.encode(), hashlib.sha256).digest()
        signature = hmac.new(key, f"AWS4-HMAC-SHA256\n{at}\n{scope}\n{canonical}".encode(), hashlib.sha256).hexdigest()
        headers["authorization"] = f"AWS4-HMAC-SHA256 Credential={self.id}/{scope}, SignedHeaders={names}, Signature={signature}"
        headers["content-length"] = len(body)
        return ("POST / HTTP/1.1\r\n" + "".join(f"{n}: {v}\r\n" for n, v in headers.items()) + f"\r\n{body}").encode()


class Connection:
    """A connection that is kept."""

    def __init__(self, address):
        host, port = address.rsplit(":", 1)
        self.socket = socket.create_connection((host, int(port)), timeout=60)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.file = self.socket.makefile("rb")

    def ask(self, request):
        """The body of an answer that is one, and the seconds until its first byte."""
        begun = time.perf_counter()
        self.socket.sendall(request)
        status = self.file.readline()
        first = time.perf_counter() - begun
        length = 0
        while (line := self.file.readline()) not in (b"\r\n", b""):
            name, _, value = line.partition(b":")
            if name.lower() == b"content-length":
                length = int(value)
        body = self.file.read(length)
        if status.split()[1:2] != [b"200"]:
            raise RuntimeError(f"{status!r}: {body[:300]!r}")
        return body, first

    def close(self):
        self.socket.close()


class Server:
    """A server over a database of its own."""

    def __init__(self, options, folder, stack):
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.address = f"127.0.0.1:{free.getsockname()[1]}"
        self.env = {**os.environ, "LITE_STATE_DIR": folder, "LITE_LISTEN": self.address}
        self.lite = options.lite
        log = stack.enter_context(open(pathlib.Path(folder) / "serve.log", "wb"))
        self.process = subprocess.Popen([options.lite, "serve"], env=self.env, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        stack.callback(self.stop)
        wait_for("the console", self.listens, 30, self.process)
        self.keys = [Key(json.loads(self.run("key", "create", "--json"))) for _ in range(KEYS)]

    def run(self, *words):
        return run(self.lite, *words, env=self.env)

    def listens(self):
        with contextlib.suppress(OSError):
            Connection(self.address).close()
            return True
        return False

    def stop(self):
        self.process.terminate()
        self.process.wait()

    def memory(self, line="VmRSS"):
        text = pathlib.Path(f"/proc/{self.process.pid}/status").read_text()
        return int(re.search(rf"^{line}:\s+(\d+) kB", text, re.M).group(1)) * 1024

    def cookie(self):
        code = json.loads(self.run("login", "--json"))["code"]
        client = http.client.HTTPConnection(self.address)
        client.request("POST", "/login", f"code={code}", {"Content-Type": "application/x-www-form-urlencoded", "Sec-Fetch-Site": "same-origin"})
        return client.getresponse().getheader("set-cookie").split(";")[0]

    def page(self, path, cookie):
        return f"GET {path} HTTP/1.1\r\nHost: {self.address}\r\nCookie: {cookie}\r\n\r\n".encode()


def percentile(values, share):
    return sorted(values)[min(len(values) - 1, int(len(values) * share))]


def milliseconds(seconds):
    return f"{seconds * 1e3:.1f} ms"


class Domains:
    """Domains without disks, as many as are asked for, and lite's rows of them."""

    def __init__(self, folder, stack):
        self.files = stack.enter_context(tempfile.TemporaryDirectory(prefix=f"{PREFIX}-"))
        self.database, self.made = state_database(folder), 0
        stack.callback(self.database.close)
        stack.callback(drop_light_domains)
        drop_light_domains()

    def grow(self, count):
        commands, entries = [], []
        for n in range(self.made + 1, count + 1):
            domain, row = light_domain(n)
            path = pathlib.Path(self.files) / f"{n}.xml"
            path.write_text(domain)
            commands.append(f"define {path}\n")
            entries.append(row)
        virsh(text_in="".join(commands))
        self.database.executemany("INSERT INTO resource VALUES (?, 'instance', ?, 'local', 0)", [e[:2] for e in entries])
        self.database.executemany(f"INSERT INTO instance ({INSTANCE}) VALUES ({','.join('?' * 17)})", entries)
        self.made = count


def all_instances(server, connection, key):
    """Seconds until all pages of GetInstances are there, and how many instances they hold."""
    count, token, begun = 0, None, time.perf_counter()
    while True:
        body = json.dumps({"pageToken": token} if token else {})
        answer = json.loads(connection.ask(key.request(server.address, "GetInstances", body))[0])
        count, token = count + len(answer["instances"]), answer.get("nextPageToken")
        if not token:
            return time.perf_counter() - begun, count


def beside_virsh(server, runs):
    """Medians of GetInstances and of `virsh list --all`, in turns."""
    connection, ours, theirs = Connection(server.address), [], []
    for turn in range(runs + 1):
        took, count = all_instances(server, connection, server.keys[turn % KEYS])
        if count < 500:
            raise RuntimeError(f"GetInstances tells of {count} instances")
        peer = probe(["virsh", "-c", URI, "list", "--all"])[0]
        if turn:
            ours.append(took)
            theirs.append(peer)
        time.sleep(APART)
    connection.close()
    return statistics.median(ours), statistics.median(theirs)


def first_byte(server, cookie, runs):
    connection = Connection(server.address)
    took = []
    for _ in range(runs + 1):
        took.append(connection.ask(server.page("/instances", cookie))[1])
        time.sleep(APART / 4)
    connection.close()
    return statistics.median(took[1:])


def rate(server, requests, seconds, connections=4):
    """Answers a second, over so many connections, each by turns of these requests."""
    counts, end = [0] * connections, time.perf_counter() + seconds

    def work(n):
        connection = Connection(server.address)
        while time.perf_counter() < end:
            connection.ask(requests[(counts[n] * connections + n) % len(requests)])
            counts[n] += 1
        connection.close()

    threads = [threading.Thread(target=work, args=(n,)) for n in range(connections)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return sum(counts) / seconds


def beside_a_file(server, seconds):
    """Answers a second of GetRegions, and of a file that the server holds in memory, in turns by the same client."""
    regions = [key.request(server.address, "GetRegions") for key in server.keys]
    file = [f"GET /assets/style.css HTTP/1.1\r\nHost: {server.address}\r\n\r\n".encode()]
    sides = ([], [])
    for _ in range(3):
        sides[0].append(rate(server, regions, seconds))
        sides[1].append(rate(server, file, seconds))
    return [statistics.median(side) for side in sides]


def accepted(server, runs):
    """Seconds until TagResource is accepted with its operation, and until GetOperation answers."""
    connection, changes, looks = Connection(server.address), [], []
    for turn in range(runs):
        body = json.dumps({"resourceName": f"{PREFIX}-1", "tags": [{"key": "turn", "value": str(turn)}]})
        key = server.keys[turn % KEYS]
        begun = time.perf_counter()
        answer = json.loads(connection.ask(key.request(server.address, "TagResource", body))[0])
        changes.append(time.perf_counter() - begun)
        body = json.dumps({"operationId": answer["operations"][0]["id"]})
        for _ in range(5):
            begun = time.perf_counter()
            connection.ask(key.request(server.address, "GetOperation", body))
            looks.append(time.perf_counter() - begun)
        # A change of one instance waits for the one before.
        time.sleep(0.3)
    connection.close()
    return changes, looks


def creates(server, runs):
    """Seconds until CreateInstances is accepted; none: this host has no image, or no room."""
    connection, took, names = Connection(server.address), [], []
    try:
        for turn in range(runs):
            name = f"{PREFIX}-api-{turn}"
            body = json.dumps({"instanceNames": [name], "availabilityZone": f"{REGION}a", "blueprintId": "debian_13", "bundleId": "nano_3_0"})
            begun = time.perf_counter()
            connection.ask(server.keys[turn % KEYS].request(server.address, "CreateInstances", body))
            took.append(time.perf_counter() - begun)
            names.append(name)
    finally:
        connection.close()
        for name in names:
            subprocess.run([server.lite, "delete", name, "--yes", "--now", "--wait"], env=server.env, capture_output=True, check=False)
    return took


def many_browsers(server, cookie, count, seconds):
    """Highest memory while so many browsers look at the list, each again and again."""
    end = time.perf_counter() + seconds
    failures = []

    def look():
        try:
            connection = Connection(server.address)
            while time.perf_counter() < end:
                connection.ask(server.page("/instances", cookie))
                time.sleep(2)
            connection.close()
        except (OSError, RuntimeError) as error:
            failures.append(error)

    threads = [threading.Thread(target=look) for _ in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if failures:
        raise RuntimeError(f"{len(failures)} browsers failed, one by {failures[0]}")
    return server.memory("VmHWM")


def measure(options, stack):
    folder = stack.enter_context(tempfile.TemporaryDirectory(prefix=f"{PREFIX}-"))
    domains = Domains(folder, stack)
    domains.grow(1)
    server = Server(options, folder, stack)
    cookie = server.cookie()
    pages = {}
    time.sleep(3)
    at_rest = server.memory()
    for count in (50, 200):
        domains.grow(count)
        pages[count] = first_byte(server, cookie, options.runs)
    loaded = many_browsers(server, cookie, 50, options.browse)
    domains.grow(500)
    ours, theirs = beside_virsh(server, options.runs)
    regions, file = beside_a_file(server, options.seconds)
    changes, looks = accepted(server, options.runs)
    mib = lambda size: f"{size / 2**20:.1f} MiB"
    rows = [
        ("GetInstances, 500 stopped, all five pages on one connection, of `virsh list --all`",
         f"{ours / theirs:.2f} ({milliseconds(ours)} of {milliseconds(theirs)})", "at most 0.5"),
        ("GetRegions, 4 connections, of a file that the server holds",
         f"{regions / file:.2f} ({regions:.0f}/s of {file:.0f}/s, client on the same CPUs)", "3,000/s"),
        ("GetOperation, median", milliseconds(statistics.median(looks)), "at most 5 ms"),
        ("TagResource accepted, p95", milliseconds(percentile(changes, 0.95)), "at most 500 ms"),
        ("first byte of the list, 50 instances", milliseconds(pages[50]), "at most 30 ms"),
        ("first byte of the list, 200 instances", milliseconds(pages[200]), "at most 60 ms"),
        ("memory at rest", mib(at_rest), "at most 45 MiB"),
        ("memory, highest, under 50 browsers on a list of 200", mib(loaded), "at most 96 MiB"),
        ("the binary", mib(os.path.getsize(options.lite)), "1.25 of the commit before"),
    ]
    if options.creates:
        took = creates(server, options.creates)
        rows.insert(3, ("CreateInstances accepted, image there, p95", milliseconds(percentile(took, 0.95)), "at most 500 ms"))
    return ["| what | measured | aim |", "|---|--:|--:|", *(f"| {' | '.join(row)} |" for row in rows)]


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--lite", default=str(ROOT / "target/release/lite"), help="the binary to measure")
    parser.add_argument("--runs", type=int, default=21, help="rounds of each")
    parser.add_argument("--seconds", type=float, default=3, help="how long requests are counted")
    parser.add_argument("--browse", type=float, default=15, help="seconds that the browsers look")
    parser.add_argument("--creates", type=int, default=0, help="instances to create too: their guests boot")
    parser.add_argument("--dry", action="store_true", help="print only, leave benches/README.md as it is")
    options = parser.parse_args()
    options.accel = "no guest running" if not options.creates else "guests that boot"
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    with contextlib.ExitStack() as stack:
        table = measure(options, stack)
    lines = [circumstances(options, options.runs), "", *table]
    print("\n".join(lines))
    if not options.dry:
        write_table("serve", lines)


if __name__ == "__main__":
    main()
