"""A service to be started by a runtime: answers 200 on 127.0.0.1:PORT (or at LISTEN), or misbehaves as it is told.

It is told by the file CONTRACT_FOLDER/PORT.behaviour, or by the variable BEHAVIOUR_PORT, in one word: hangs (ignores
TERM), exits (code 3, with last words), silent (never listens), or parent (has a child of its own, as gunicorn does).
"""

import os
import signal
import subprocess
import sys
import time
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

port = int(os.environ["PORT"])
script = Path(os.environ.get("CONTRACT_FOLDER", "/nowhere")) / f"{port}.behaviour"
behaviour = script.read_text() if script.exists() else os.environ.get(f"BEHAVIOUR_{port}", "well")
host, _, listens_on = os.environ.get("LISTEN", f"127.0.0.1:{port}").partition(":")


class Handler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        body = f"{os.getpid()} {os.environ['CONTAINER_NUMBER']}".encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args: object) -> None:
        """Quiet."""


if behaviour == "exits":
    print("cannot find my configuration", flush=True)
    sys.exit(3)
if behaviour == "hangs":
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
if behaviour == "silent":
    time.sleep(3600)
if behaviour == "parent":
    subprocess.Popen([sys.executable, "-c", "import time; print('child here', flush=True); time.sleep(3600)"])
print("listening", flush=True)
HTTPServer((host, int(listens_on)), Handler).serve_forever()
