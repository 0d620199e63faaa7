"""A guest's side of the network, run in a namespace that stands for it; `sniff` is run on the host."""
import ipaddress
import socket
import struct
import sys

MARK = b"lite-frame:"


def reach(address, port):
    try:
        socket.create_connection((address, int(port)), timeout=10).close()
        print("open")
    except OSError as error:
        print(type(error).__name__ + ":" + str(error.errno))


def serve(*ports):
    import selectors

    waiting = selectors.DefaultSelector()
    for port in ports:
        waiting.register(socket.create_server(("", int(port))), selectors.EVENT_READ)
    print("ready", flush=True)
    while True:
        for key, _ in waiting.select():
            key.fileobj.accept()[0].close()


def whoami(*ports):
    """Tells each TCP connection, and each UDP datagram, where it comes from; a connection then gets back what it sends."""
    import threading

    def tell(connection, peer):
        with connection:
            connection.sendall((peer[0] + "\n").encode())
            while data := connection.recv(4096):
                connection.sendall(data)

    def accept(server):
        while True:
            threading.Thread(target=tell, args=server.accept(), daemon=True).start()

    def answer(server):
        while True:
            _, peer = server.recvfrom(4096)
            server.sendto((peer[0] + "\n").encode(), peer)

    for port in map(int, ports):
        for kind in (socket.AF_INET, socket.AF_INET6):
            datagrams = socket.socket(kind, socket.SOCK_DGRAM)
            if kind == socket.AF_INET6:
                datagrams.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
            datagrams.bind(("", port))
            server = socket.create_server(("", port), family=kind)
            threading.Thread(target=accept, args=[server], daemon=True).start()
            threading.Thread(target=answer, args=[datagrams], daemon=True).start()
    print("ready", flush=True)
    threading.Event().wait()


def ask(kind, address, port):
    """What `whoami` tells over TCP or UDP, or the error."""
    try:
        if kind == "tcp":
            asked = socket.create_connection((address, int(port)), timeout=10)
        else:
            asked = socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET, socket.SOCK_DGRAM)
            asked.settimeout(3)
            asked.connect((address, int(port)))
            asked.send(b"x")
        print(asked.recv(100).decode().strip())
    except OSError as error:
        print(type(error).__name__ + ":" + str(error.errno))


def talk(address, port):
    """Talks over one TCP connection until that ends."""
    connection = socket.create_connection((address, int(port)), timeout=10)
    connection.recv(100)
    print("ready", flush=True)
    try:
        while True:
            connection.sendall(b"x")
            if not connection.recv(100):
                break
    except OSError as error:
        print(error, file=sys.stderr)
    print("ended")


def load(address, port, count):
    """Asks `whoami` so often, twenty times a second; says that it has begun, and how many answers came."""
    import time

    answers = 0
    for n in range(int(count)):
        begun = time.monotonic()
        try:
            with socket.create_connection((address, int(port)), timeout=5) as asked:
                answers += asked.recv(100) != b""
        except OSError as error:
            print(type(error).__name__, error, file=sys.stderr)
        if n == 5:
            print("ready", flush=True)
        time.sleep(max(0, 0.05 - (time.monotonic() - begun)))
    print(answers, "of", count)


def ping(address):
    """Whether an ICMP echo request is answered."""
    if ":" in address:
        return ping6(address)
    sender = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP)
    sender.settimeout(1)
    request = struct.pack("!BBHHH", 8, 0, 0, 7, 1)
    total = sum(struct.unpack("!4H", request))
    # On a busy machine one may be lost, as for any ping. The kernel sends few ICMP errors to one address.
    for _ in range(3):
        try:
            sender.sendto(struct.pack("!BBHHH", 8, 0, ~(total + (total >> 16)) & 0xFFFF, 7, 1), (address, 0))
            while (kind := sender.recvfrom(1500)[0][20]) != 0:
                if kind == 3:
                    raise ConnectionRefusedError
            print("answered")
            return
        except ConnectionRefusedError:
            break
        except OSError:
            continue
    print("no answer")


def ping6(address):
    # The kernel writes the checksum, and hands out the message without its IP header.
    sender = socket.socket(socket.AF_INET6, socket.SOCK_RAW, socket.IPPROTO_ICMPV6)
    sender.settimeout(3)
    try:
        sender.sendto(struct.pack("!BBHHH", 128, 0, 0, 7, 1), (address, 0))
        while sender.recv(1500)[0] != 129:
            pass
        print("answered")
    except OSError:
        print("no answer")


def resolve(server, *names):
    """What a DNS server answers: for each name its address, for `aaaa:NAME` its IPv6 one, for `ptr:ADDRESS` a name, or
    `nxdomain`."""

    def labels(name):
        return b"".join(bytes([len(label)]) + label.encode() for label in name.split(".")) + b"\0"

    def name_at(answer, at):
        parts = []
        while answer[at]:
            if answer[at] >= 0xC0:
                at = struct.unpack("!H", answer[at:at + 2])[0] & 0x3FFF
                continue
            parts.append(answer[at + 1:at + 1 + answer[at]].decode())
            at += 1 + answer[at]
        return ".".join(parts)

    asker = socket.socket(socket.AF_INET6 if ":" in server else socket.AF_INET, socket.SOCK_DGRAM)
    asker.settimeout(10)
    for name in names:
        kind, asked = 1, name
        if name.startswith("ptr:"):
            kind, asked = 12, ipaddress.ip_address(name[4:]).reverse_pointer
        elif name.startswith("aaaa:"):
            kind, asked = 28, name[5:]
        question = labels(asked) + struct.pack("!HH", kind, 1)
        asker.sendto(struct.pack("!6H", 7, 0x0100, 1, 0, 0, 0) + question, (server, 53))
        answer = asker.recv(512)
        data = 12 + len(question) + 12
        if answer[3] & 0xF == 3:
            print("nxdomain")
        elif struct.unpack("!H", answer[6:8])[0] == 0:
            print("nothing")
        else:
            length = struct.unpack("!H", answer[data - 2:data])[0]
            print(name_at(answer, data) if kind == 12 else ipaddress.ip_address(answer[data:data + length]))


def pack_mac(text):
    return bytes.fromhex(text.replace(":", ""))


def udp(source, target, sport, dport, payload):
    body = struct.pack("!HHHH", sport, dport, 8 + len(payload), 0) + payload
    head = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 20 + len(body), 0, 0, 64, 17, 0,
                       socket.inet_aton(source), socket.inet_aton(target))
    total = sum(struct.unpack("!10H", head))
    total = (total & 0xFFFF) + (total >> 16)
    return head[:10] + struct.pack("!H", ~(total + (total >> 16)) & 0xFFFF) + head[12:] + body


def arp(hardware, address, target):
    return struct.pack("!HHBBH6s4s6s4s", 1, 0x0800, 6, 4, 1, hardware, socket.inet_aton(address), bytes(6),
                       socket.inet_aton(target))


def pack6(address):
    return socket.inet_pton(socket.AF_INET6, address)


def ipv6(next_header, body, source="fe80::1", target="ff02::1"):
    return struct.pack("!IHBB", 6 << 28, len(body), next_header, 255) + pack6(source) + pack6(target) + body


def frames(mac, address, gateway, other):
    """Each kind: its hardware address, its protocol, and what makes its content of a payload."""
    own, forged = pack_mac(mac), pack_mac("52:54:00:66:66:66")
    ip, resolve, six = 0x0800, 0x0806, 0x86DD
    everybody = "255.255.255.255"
    advertisement = struct.pack("!BBHBBHII", 134, 0, 0, 64, 0, 1800, 0, 0)
    # The kernel cuts off what is behind an IPv4 packet: the payload is in it. Behind ARP it is padding.
    return {
        "honest-ip": (own, ip, lambda p: udp(address, gateway, 40000, 53, p)),
        "honest-arp": (own, resolve, lambda p: arp(own, address, gateway) + p),
        "honest-dhcp": (own, ip, lambda p: udp("0.0.0.0", everybody, 68, 67, p)),
        "mac": (forged, ip, lambda p: udp(address, gateway, 40000, 53, p)),
        "mac-arp": (forged, resolve, lambda p: arp(forged, address, gateway) + p),
        "mac-dhcp": (forged, ip, lambda p: udp("0.0.0.0", everybody, 68, 67, p)),
        "ip": (own, ip, lambda p: udp(other, gateway, 40000, 53, p)),
        "ip-gateway": (own, ip, lambda p: udp(gateway, address, 40000, 53, p)),
        "ip-unspecified": (own, ip, lambda p: udp("0.0.0.0", gateway, 40000, 9, p)),
        "arp-ip": (own, resolve, lambda p: arp(own, other, gateway) + p),
        "arp-gateway": (own, resolve, lambda p: arp(own, gateway, other) + p),
        "arp-mac": (own, resolve, lambda p: arp(forged, address, gateway) + p),
        "dhcp-server": (own, ip, lambda p: udp(address, everybody, 67, 68, p)),
        "router-advertisement": (own, six, lambda p: ipv6(58, advertisement + p)),
        "ipv6": (own, six, lambda p: ipv6(17, struct.pack("!HHHH", 5353, 5353, 8 + len(p), 0) + p)),
        "vlan": (own, 0x8100, lambda p: struct.pack("!HH", 7, ip) + udp(other, gateway, 40000, 53, p)),
        "lldp": (own, 0x88CC, lambda p: p),
        # The last one, by which the other side knows that all have passed.
        "end": (own, ip, lambda p: udp(address, gateway, 40000, 53, p)),
    }


def frames6(mac, address, gateway, other):
    """The same for IPv6, and for what its neighbours tell each other (RFC 4861)."""
    own, forged, six = pack_mac(mac), pack_mac("52:54:00:66:66:66"), 0x86DD
    link_local = str(ipaddress.IPv6Address(b"\xfe\x80" + bytes(6) + bytes([own[0] ^ 2]) + own[1:3] + b"\xff\xfe" + own[3:]))

    def datagram(source, p):
        return ipv6(17, struct.pack("!HHHH", 40000, 53, 8 + len(p), 0) + p, source, gateway)

    def message(kind, source, body):
        return ipv6(58, struct.pack("!BBH", kind, 0, 0) + body, source)

    def neighbour(kind, source, target, p):
        # An advertisement that replaces what is known, and an option that no one knows around the payload.
        flags = bytes([0x20 if kind == 136 else 0, 0, 0, 0])
        return message(kind, source, flags + pack6(target) + bytes([2 if kind == 136 else 1, 1]) + own + b"\xfd\x08" + p)

    router = struct.pack("!BBHII", 64, 0, 1800, 0, 0)
    return {
        "honest-ip": (own, six, lambda p: datagram(address, p)),
        "honest-link-local": (own, six, lambda p: datagram(link_local, p)),
        "honest-solicitation": (own, six, lambda p: neighbour(135, address, gateway, p)),
        "honest-advertisement": (own, six, lambda p: neighbour(136, address, address, p)),
        "honest-detection": (own, six, lambda p: neighbour(135, "::", address, p)),
        "mac": (forged, six, lambda p: datagram(address, p)),
        "ip": (own, six, lambda p: datagram(other, p)),
        "ip-gateway": (own, six, lambda p: datagram(gateway, p)),
        "ip-link-local": (own, six, lambda p: datagram("fe80::1", p)),
        "ip-unspecified": (own, six, lambda p: datagram("::", p)),
        "advertisement-other": (own, six, lambda p: neighbour(136, address, other, p)),
        "advertisement-gateway": (own, six, lambda p: neighbour(136, link_local, gateway, p)),
        "solicitation-other": (own, six, lambda p: neighbour(135, other, gateway, p)),
        "router-advertisement": (own, six, lambda p: message(134, link_local, router + p)),
        # Behind a header of options.
        "router-advertisement-late": (own, six, lambda p: ipv6(
            60, bytes([58, 0, 1, 4, 0, 0, 0, 0]) + struct.pack("!BBH", 134, 0, 0) + router + p, link_local)),
        "redirect": (own, six, lambda p: message(137, link_local, bytes(4) + pack6(other) * 2 + p)),
        "end": (own, six, lambda p: datagram(address, p)),
    }


def send(*addresses):
    emit(frames(*addresses))


def send6(*addresses):
    emit(frames6(*addresses))


def emit(kinds):
    raw = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
    raw.bind(("eth0", 0))
    for kind, (source, protocol, content) in kinds.items():
        raw.send(b"\xff" * 6 + source + struct.pack("!H", protocol) + content(MARK + kind.encode() + b"."))


def sniff(interface):
    raw = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(0x0003))
    raw.bind((interface, 0))
    raw.settimeout(20)
    print("ready", flush=True)
    while True:
        frame = raw.recv(4096)
        if MARK in frame:
            kind = frame.split(MARK)[1].split(b".")[0].decode()
            if kind == "end":
                return
            print(kind, flush=True)


globals()[sys.argv[1]](*sys.argv[2:])
