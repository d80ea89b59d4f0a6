"""What the proxy is tested between: containers that do what a script says, and clients that send raw bytes."""

import contextlib
import itertools
import os
import re
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

import redis
from helpers import eventually, free_port
from ring_writer import replace_ring
from shifted_clock import shifted

from lb.heartbeat import WorkerBeat, live_workers
from lb.redis_client import connect

ROOT = Path(__file__).resolve().parent.parent.parent
DEADLINE = 10.0  # seconds for anything that a socket does in these tests
names = itertools.count(1)


@dataclass
class Request:
    """A request as a container received it."""

    line: bytes
    fields: list[tuple[bytes, bytes]]
    body: bytes = b""
    trailers: bytes = b""

    def values(self, name: str) -> list[str]:
        """All values of a field."""
        return [value.decode("latin-1") for key, value in self.fields if key.lower() == name.lower().encode()]

    @property
    def method(self) -> str:
        """GET, for example."""
        return self.line.split()[0].decode()

    @property
    def target(self) -> str:
        """/path?query"""
        return self.line.split()[1].decode()


@dataclass
class Answer:
    """An answer as a client received it."""

    status: int
    fields: list[tuple[bytes, bytes]]
    body: bytes = b""
    complete: bool = True
    interim: list[int] = field(default_factory=list)

    def values(self, name: str) -> list[str]:
        """All values of a field."""
        return [value.decode("latin-1") for key, value in self.fields if key.lower() == name.lower().encode()]

    @property
    def server(self) -> str:
        """The container's number."""
        return "".join(self.values("X-Served-By"))


class Wire:
    """A socket with a buffer: reads lines, heads and bodies of either side."""

    def __init__(self, connection: socket.socket) -> None:
        self.socket = connection
        self.socket.settimeout(DEADLINE)
        self.buffer = b""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.socket.close()

    def send(self, data: bytes) -> None:
        """Send all of it."""
        self.socket.sendall(data)

    def more(self) -> bool:
        """Read something; False at the end or after a reset."""
        try:
            data = self.socket.recv(65536)
        except ConnectionError:
            return False
        self.buffer += data
        return bool(data)

    def until(self, mark: bytes) -> bytes:
        """Everything up to and with the mark; EOFError when the other side ends before."""
        while mark not in self.buffer:
            if not self.more():
                raise EOFError(self.buffer)
        end = self.buffer.index(mark) + len(mark)
        found, self.buffer = self.buffer[:end], self.buffer[end:]
        return found

    def exactly(self, count: int) -> bytes:
        """This many bytes, or fewer when the other side ends before."""
        while len(self.buffer) < count and self.more():
            pass
        found, self.buffer = self.buffer[:count], self.buffer[count:]
        return found

    def rest(self) -> bytes:
        """Everything until the other side ends."""
        while self.more():
            pass
        found, self.buffer = self.buffer, b""
        return found

    def head(self) -> tuple[bytes, list[tuple[bytes, bytes]]]:
        """A start line and fields."""
        lines = self.until(b"\r\n\r\n")[:-4].split(b"\r\n")
        pairs = [line.partition(b":") for line in lines[1:]]
        return lines[0], [(name, value.strip()) for name, _, value in pairs]

    def chunks(self) -> tuple[bytes, bytes]:
        """A chunked body and its trailers."""
        body = b""
        while size := int(self.until(b"\r\n"), 16):
            piece = self.exactly(size + 2)
            if len(piece) < size + 2:
                raise EOFError(body + piece)
            body += piece[:-2]
        trailers = b""
        while (line := self.until(b"\r\n")) != b"\r\n":
            trailers += line
        return body, trailers

    def request(self) -> Request:
        """Read one request."""
        line, fields = self.head()
        request = Request(line, fields)
        self.read_request_body(request)
        return request

    def read_request_body(self, request: Request) -> None:
        """Read the body a request announces."""
        if request.values("Transfer-Encoding"):
            request.body, request.trailers = self.chunks()
        elif request.values("Content-Length"):
            request.body = self.exactly(int(request.values("Content-Length")[0]))

    def answer(self, headless: bool = False) -> Answer:
        """Read one answer, interim ones before it included."""
        interim = []
        while True:
            line, fields = self.head()
            status = int(line.split()[1])
            if status >= 200 or status == 101:
                break
            interim.append(status)
        answer = Answer(status, fields, interim=interim)
        if headless or status in {101, 204, 304}:
            return answer
        if answer.values("Transfer-Encoding"):
            try:
                answer.body, _ = self.chunks()
            except EOFError:
                answer.complete = False
        elif answer.values("Content-Length"):
            length = int(answer.values("Content-Length")[0])
            answer.body = self.exactly(length)
            answer.complete = len(answer.body) == length
        else:
            answer.body = self.rest()
        return answer


Script = Callable[["Wire", "Request", "Backend"], bool | None]


class Backend:
    """A container that does what its script says; one thread per connection.

    The script gets the wire, the request (its body read unless `lazy`), and the backend; it returns False
    to close the connection.
    """

    def __init__(self, script: Script, port: int = 0) -> None:
        self.script = script
        self.lazy = False
        self.requests: list[Request] = []
        self.connections = 0
        self.open = 0
        self.listener = socket.create_server(("127.0.0.1", port or free_port()), backlog=256)
        self.port = self.listener.getsockname()[1]
        self.wires: list[Wire] = []
        threading.Thread(target=self.accept, daemon=True).start()

    @property
    def address(self) -> str:
        """host:port"""
        return f"127.0.0.1:{self.port}"

    def accept(self) -> None:
        """Serve until closed."""
        with contextlib.suppress(OSError):
            while True:
                connection, _ = self.listener.accept()
                self.connections += 1
                threading.Thread(target=self.serve, args=(connection,), daemon=True).start()

    def serve(self, connection: socket.socket) -> None:
        """Serve one connection until it ends or the script has enough."""
        self.open += 1
        with Wire(connection) as wire, contextlib.suppress(EOFError, OSError):
            self.wires.append(wire)
            wire.socket.settimeout(60)
            while self.serve_one(wire) is not False:
                pass
        self.open -= 1

    def serve_one(self, wire: Wire) -> bool | None:
        """Read one request and run the script."""
        line, fields = wire.head()
        request = Request(line, fields)
        if not self.lazy:
            wire.read_request_body(request)
        self.requests.append(request)
        return self.script(wire, request, self)

    def close_kept(self) -> None:
        """Close the connections that are open, and wait until that is done."""
        for wire in self.wires:
            with contextlib.suppress(OSError):
                wire.socket.shutdown(socket.SHUT_RDWR)
        eventually(lambda: self.open == 0)

    def close(self) -> None:
        """Refuse from now on, and break off what is open."""
        with contextlib.suppress(OSError):  # closed already
            self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        for wire in self.wires:
            with contextlib.suppress(OSError):
                wire.socket.shutdown(socket.SHUT_RDWR)


class Deaf(Backend):
    """A container that nobody can connect to until it hears: its queue is full, so that connecting takes forever."""

    def __init__(self, script: Script) -> None:
        self.hears = threading.Event()
        super().__init__(script)
        self.listener.listen(0)
        self.first_in_queue = socket.create_connection(self.listener.getsockname(), DEADLINE)

    def accept(self) -> None:
        """Serve from when it hears."""
        self.hears.wait(60)
        super().accept()

    def is_knocked_at(self) -> bool:
        """Whether somebody tries to connect."""
        sent = re.compile(rf"^ *\d+: \S+ \S+:{self.port:04X} 02 ", re.MULTILINE)
        return bool(sent.search(Path("/proc/net/tcp").read_text()))

    def hear(self) -> None:
        """Be like the others from now on."""
        self.listener.listen(256)
        self.hears.set()

    def close(self) -> None:
        """Refuse from now on, and break off what is open."""
        self.hears.set()
        self.first_in_queue.close()
        super().close()


def answer_with_port(wire: Wire, request: Request, backend: Backend) -> None:
    """The usual script: 200, and the backend's port as the body."""
    body = b"" if request.method == "HEAD" else str(backend.port).encode()
    wire.send(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(str(backend.port)) + body)


def script_of(raw: bytes, close: bool = True) -> Script:
    """A script that answers with these bytes, and closes then."""

    def script(wire: Wire, request: Request, backend: Backend) -> bool:
        wire.send(raw)
        return not close

    return script


class RunningProxy:
    """gunicorn with our worker class, as a process of its own, with these backends in its ring from port
    8000 on.
    """

    def __init__(
        self,
        redis_url: str,
        backends: tuple[Backend, ...],
        options: tuple[str, ...],
        env: dict[str, Any],
        files: int = 0,
        clock: float = 0.0,
    ) -> None:
        self.service = str(env.get("SERVICE_NAME", f"lbtest{os.getpid()}x{next(names)}"))
        self.port = free_port()
        self.redis_url = redis_url
        self.log_path = Path(tempfile.mkstemp(prefix="slf-lb-", suffix=".log")[1])
        if backends:
            self.set_ring(*backends)
        environment = {
            **os.environ,
            "SERVICE_NAME": self.service,
            "REDIS_URL": redis_url,
            "LB_PORT": str(self.port),
            "LB_WORKERS": "1",
            "FORWARDED_ALLOW_IPS": "10.9.8.7",  # loopback, where tests come from, is not trusted unless they say so
            **{name: str(value) for name, value in env.items()},
        }
        python = shifted(clock) if clock else [sys.executable, "-m"]
        command = [*python, "gunicorn", "-c", "python:lb.gunicorn_conf", *options]
        if files:  # that each process may have open
            command = ["sh", "-c", f'ulimit -n {files}; exec "$@"', "sh", *command]
        with self.log_path.open("wb") as log:
            self.process = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=log, stderr=log)
        eventually(self.is_up, within=20)

    def is_up(self) -> bool:
        """Whether every worker accepts: each beats before it does (unless there is no Redis to beat in)."""
        assert self.process.poll() is None, self.log()
        try:
            socket.create_connection(("127.0.0.1", self.port), 1).close()
        except OSError:
            return False
        return bool(self.beats()) if self.has_redis() else "Degraded" in self.log()

    def has_redis(self) -> bool:
        """Whether its Redis answers at all."""
        with connect(self.redis_url) as client, contextlib.suppress(redis.RedisError):
            return bool(client.ping())
        return False

    def log(self) -> str:
        """What gunicorn and the workers have logged."""
        return self.log_path.read_text()

    def set_ring(self, *backends: Backend, first: int = 8000) -> int:
        """Put these backends in the ring, on ports from `first` on; returns the version."""
        addresses = {first + number: backend.address for number, backend in enumerate(backends)}
        with connect(self.redis_url) as client:
            return replace_ring(client, self.service, addresses, time.time())

    def beats(self) -> list[WorkerBeat]:
        """The live workers."""
        with connect(self.redis_url) as client:
            return live_workers(client, self.service)

    def acted_on(self, version: int) -> bool:
        """Whether every live worker has acted on this version."""
        beats = self.beats()
        return bool(beats) and all(beat.ring_version >= version for beat in beats)

    def connect(self) -> Wire:
        """A raw client."""
        return Wire(socket.create_connection(("127.0.0.1", self.port), DEADLINE))

    def talk(self, raw: bytes) -> Answer:
        """Send these bytes on a new connection and read one answer."""
        with self.connect() as wire:
            wire.send(raw)
            return wire.answer(headless=raw.startswith(b"HEAD"))

    def get(self, target: str = "/api/v1/x", *fields: str) -> Answer:
        """GET on a connection of its own."""
        return self.talk(request("GET", target, *fields))

    def signal(self, number: signal.Signals) -> None:
        """Signal the master."""
        self.process.send_signal(number)

    def stop(self) -> int:
        """Stop without waiting for idle clients, and KILL if that takes too long; the exit code."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGINT)
            try:
                self.process.wait(15)
            except subprocess.TimeoutExpired:
                self.process.kill()
        code = self.process.wait(5)
        self.log_path.unlink(missing_ok=True)
        return code


def request(method: str, target: str, *fields: str, body: bytes = b"", version: str = "1.1") -> bytes:
    """The bytes of a request; Host is there unless a field names it."""
    lines = [f"{method} {target} HTTP/{version}"]
    if not any(line.lower().startswith("host:") for line in fields):
        lines.append("Host: www.example.org")
    if body and not any(line.lower().startswith(("transfer-encoding:", "content-length:")) for line in fields):
        lines.append(f"Content-Length: {len(body)}")
    return "\r\n".join([*lines, *fields, "", ""]).encode("latin-1") + body
