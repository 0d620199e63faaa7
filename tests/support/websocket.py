"""A client of WebSocket over TLS: says "ready" once an echo has come, and "echoed" once another has, after the end of stdin.
Usage: websocket.py ADDRESS DOMAIN ROOT"""

import base64
import os
import socket
import ssl
import sys

address, domain, root = sys.argv[1:]
context = ssl.create_default_context(cafile=root)
plain = socket.create_connection((address, 443), 20)
secure = context.wrap_socket(plain, server_hostname=domain)
key = base64.b64encode(os.urandom(16)).decode()
secure.sendall(
    f"GET /socket HTTP/1.1\r\nHost: {domain}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    f"Sec-WebSocket-Key: {key}\r\nSec-WebSocket-Version: 13\r\n\r\n".encode()
)
stream = secure.makefile("rb")
status = stream.readline()
assert b" 101 " in status, status
while stream.readline().strip():
    pass


def echo(text):
    mask = os.urandom(4)
    masked = bytes(b ^ mask[i % 4] for i, b in enumerate(text))
    secure.sendall(bytes([0x81, 0x80 | len(text)]) + mask + masked)
    head = stream.read(2)
    answer = stream.read(head[1] & 127)
    assert answer == text, answer


echo(b"first")
print("ready", flush=True)
sys.stdin.read()
echo(b"second")
print("echoed")
