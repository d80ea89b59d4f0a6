"""A service to be started by a runtime: answers 200 on 127.0.0.1:PORT, or misbehaves as a file for its port says.

The file is CONTRACT_FOLDER/PORT.behaviour with one word: hangs (ignores TERM), exits (code 3, with last words), or
silent (never listens). It also starts a child of its own, as gunicorn does.
"""

import os
import signal
import subprocess
import sys
import time
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

port = int(os.environ["PORT"])
script = Path(os.environ["CONTRACT_FOLDER"]) / f"{port}.behaviour"
behaviour = script.read_text() if script.exists() else "well"


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
HTTPServer(("127.0.0.1", port), Handler).serve_forever()
