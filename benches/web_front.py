"""What a domain on the web front costs: until its page is verified, and requests a second beside HAProxy with a file written by hand."""

import contextlib
import json
import os
import pathlib
import statistics
import subprocess
import time

from run import run, wait_for

# Answers without a look at anything, so that the proxy before it is what is measured.
GUEST = """defaults
	mode http
	timeout client 1m
	timeout connect 3s
	timeout server 1m
frontend page
	bind 0.0.0.0:80
	http-request return status 200 content-type text/plain string hello
"""
BY_HAND = """defaults
	mode http
	option forwardfor
	timeout client 1m
	timeout connect 3s
	timeout server 5m
frontend https
	bind 0.0.0.0:8443 ssl crt {certificate} alpn h2,http/1.1
	default_backend guest
backend guest
	server guest {address}:80
"""
REQUESTS, CLIENTS = 30000, 16


class Site:
    """An instance with a web server, and an authority of certificates in the world."""

    def __init__(self, host, name, stack, guest, world, at):
        self.host, self.name, self.stack, self.world, self.at = host, name, stack, world, at
        self.folder = host.state.parent
        run("ip", "-n", world, "link", "set", "lo", "up")
        self.runs(guest, "haproxy", "-f", self.file("guest.cfg", GUEST))
        host("firewall", name, "open", "80")
        self.pebble()

    def file(self, name, text):
        path = self.folder / name
        path.write_text(text)
        return str(path)

    def runs(self, namespace, *command, **env):
        inside = ("ip", "netns", "exec", namespace) if namespace else ()
        process = subprocess.Popen([*inside, *command], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env={**os.environ, **env})
        self.stack.callback(process.wait)
        self.stack.callback(process.terminate)

    def in_world(self, *command):
        return run("ip", "netns", "exec", self.world, *command)

    def answers(self, *command):
        with contextlib.suppress(RuntimeError):
            return self.in_world("curl", "-sS", "--max-time", "5", *command) or True
        return False

    def pebble(self):
        """Let's Encrypt's test server, with its name server, which tells the host's address for every name."""
        there, ca, key = self.at.rsplit(".", 1)[0] + ".2", str(self.folder / "ca.pem"), str(self.folder / "key.pem")
        run("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2", "-subj", "/CN=ca",
            "-addext", f"subjectAltName=IP:{there}", "-addext", "basicConstraints=critical,CA:FALSE", "-keyout", key, "-out", ca)
        settings = {"listenAddress": f"{there}:14000", "managementListenAddress": "127.0.0.1:15000", "certificate": ca, "privateKey": key,
                    "httpPort": 80, "tlsPort": 443, "ocspResponderURL": "", "externalAccountBindingRequired": False,
                    "certificateValidityPeriod": 86400}
        self.runs(self.world, "pebble-challtestsrv", "-defaultIPv4", self.at, "-defaultIPv6", "", "-dns01", "127.0.0.1:8053",
                  "-management", "127.0.0.1:8055", "-http01", "", "-https01", "", "-tlsalpn01", "")
        self.runs(self.world, "pebble", "-config", self.file("pebble.json", json.dumps({"pebble": settings})),
                  "-dnsserver", "127.0.0.1:8053", PEBBLE_VA_NOSLEEP="1", PEBBLE_WFE_NONCEREJECT="0")
        wait_for("Pebble", lambda: self.answers("-k", f"https://{there}:14000/dir") and self.answers("http://127.0.0.1:8055/"), 20)
        self.root = self.file("root.pem", self.in_world("curl", "-sk", "https://127.0.0.1:15000/roots/0"))
        self.file("config.toml", f'acme_directory = "https://{there}:14000/dir"\nacme_contact = "admin@example.org"\nacme_ca = "{ca}"\n')

    def publish(self, domain):
        """Seconds from the command to a page in the world whose certificate is right."""
        hosts = self.file("hosts", f"127.0.0.1 localhost\n{self.at} {domain}\n")
        begun = time.perf_counter()
        run("unshare", "-m", "sh", "-c", 'mount --bind "$0" /etc/hosts && exec "$@"', hosts, self.host.lite, "publish", self.name,
            "--domain", domain, env=self.host.env)
        self.in_world("curl", "-sS", "--max-time", "20", "--cacert", self.root, "--resolve", f"{domain}:443:{self.at}", f"https://{domain}/")
        return time.perf_counter() - begun

    def requests(self, domain, port):
        """Requests a second over HTTP/2, all of them answered with 200."""
        log = self.folder / "h2load.log"
        log.unlink(missing_ok=True)
        begun = time.perf_counter()
        self.in_world("h2load", "-n", str(REQUESTS), "-c", str(CLIENTS), "-m", "1", f"--log-file={log}",
                      f"--connect-to={self.at}:{port}", f"https://{domain}:{port}/")
        took = time.perf_counter() - begun
        answered = sum(line.split("\t")[1] == "200" for line in log.read_text().splitlines())
        if answered != REQUESTS:
            raise RuntimeError(f"{answered} of {REQUESTS} requests were answered")
        return REQUESTS / took


def measure(host, name, stack, guest, world, at, address, runs):
    """Median seconds of a publication, and median requests a second by lite's web front and by one written by hand, in turns."""
    site = Site(host, name, stack, guest, world, at)
    times = []
    for turn in range(runs):
        domain = f"shop{turn}.example.org"
        times.append(site.publish(domain))
        if turn + 1 < runs:
            host("unpublish", name, domain)
    folder = host.state / "proxy"
    certificate = folder / (folder / "certificates.list").read_text().split()[0]
    site.runs(None, "haproxy", "-f", site.file("by-hand.cfg", BY_HAND.format(certificate=certificate, address=address)))
    wait_for("HAProxy", lambda: site.answers("-k", f"https://{at}:8443/"), 20)
    sides = ([], [])
    for turn in range(runs + 1):
        for side, port in zip(sides, (443, 8443)):
            measured = site.requests(domain, port)
            if turn:
                side.append(measured)
    return statistics.median(times), *map(statistics.median, sides)
