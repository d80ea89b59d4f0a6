"""A service that has nothing to do with acts: answers 200 on /ok and /work with its greeting, on port 9000."""

import os
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        body = f"{os.environ['GREETING']} from {os.getuid()}".encode()
        self.send_response(200 if self.path in ("/ok", "/work") else 404)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args: object) -> None:
        """Quiet."""


ThreadingHTTPServer(("0.0.0.0", 9000), Handler).serve_forever()
