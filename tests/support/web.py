"""A web server in the place of a guest's application. It tells what it was asked, as JSON, and speaks WebSocket as far as an echo
of one short message. `/status/404` is answered with that status; a header tells which server answered. Usage: web.py PORT"""

import base64
import hashlib
import http.server
import json
import sys


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        if self.headers.get("Upgrade", "").lower() == "websocket":
            return self.websocket()
        length = int(self.headers.get("Content-Length", "0"))
        taken = 0
        while taken < length:
            taken += len(self.rfile.read(min(65536, length - taken)))
        asked = {
            "path": self.path,
            "host": self.headers.get("Host"),
            "for": self.headers.get_all("X-Forwarded-For"),
            "proto": self.headers.get_all("X-Forwarded-Proto"),
            "forwarded": self.headers.get_all("Forwarded") or self.headers.get_all("X-Real-IP"),
            "peer": self.client_address[0],
            "taken": taken,
        }
        body = json.dumps(asked).encode()
        path = self.path.split("/")
        self.send_response(int(path[2]) if path[1] == "status" else 200)
        self.send_header("X-Answered-By", self.connection.getsockname()[0])
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    do_POST = do_PUT = do_GET

    def websocket(self):
        magic = self.headers["Sec-WebSocket-Key"] + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
        self.send_response(101)
        self.send_header("Upgrade", "websocket")
        self.send_header("Connection", "Upgrade")
        self.send_header("Sec-WebSocket-Accept", base64.b64encode(hashlib.sha1(magic.encode()).digest()).decode())
        self.end_headers()
        while True:
            head = self.rfile.read(2)
            if len(head) < 2:
                self.close_connection = True
                return
            mask = self.rfile.read(4)
            data = bytes(b ^ mask[i % 4] for i, b in enumerate(self.rfile.read(head[1] & 127)))
            self.wfile.write(bytes([0x81, len(data)]) + data)

    def log_message(self, *_):
        pass


class Server(http.server.ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, *_):
        """A client that goes is no fault."""


server = Server(("0.0.0.0", int(sys.argv[1])), Handler)
print("ready", flush=True)
server.serve_forever()
