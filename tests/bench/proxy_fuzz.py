"""Minutes of malformed requests and answers against a running worker: it must never die and never lose a good client.

    python tests/bench/proxy_fuzz.py [--minutes 2]

Clients send mutated requests in random pieces; the container answers good requests well and all others with mutated
answers. Between them good requests must get good answers, from the same worker process from beginning to end. A
container that closes a kept connection unannounced, and finds a POST when it looks what has come meanwhile, has that
POST on its conscience: a proxy that never sends a POST twice must answer 502. So the container says how often that
happened, and a single 502 more fails the run, like any other status.
"""

import argparse
import contextlib
import random
import socket
import sys
import tempfile
import time
from collections import Counter
from contextlib import ExitStack
from pathlib import Path

sys.path[:0] = [str(Path(__file__).resolve().parent.parent / "lb"), str(Path(__file__).resolve().parent.parent)]

from proxy_targets import start_redis  # noqa: E402
from rig import Backend, Request, RunningProxy, Wire, request  # noqa: E402

from lb.heartbeat import WorkerBeat  # noqa: E402

REQUESTS = [
    b"GET /fuzz HTTP/1.1\r\nHost: a\r\n\r\n",
    b"POST /fuzz HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello",
    b"POST /fuzz HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\nX: y\r\n\r\n",
    b"POST /fuzz HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\nabc",
    b"GET /fuzz HTTP/1.0\r\nConnection: keep-alive\r\n\r\n",
    b"GET http://a/fuzz HTTP/1.1\r\nHost: b\r\nConnection: X-A, close\r\nX-A: 1\r\n\r\n",
    b"GET /fuzz HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\nraw",
    b"HEAD /fuzz HTTP/1.1\r\nHost: a\r\n\r\nOPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n",
]
ANSWERS = [
    b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello",
    b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
    b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 204 No Content\r\n\r\n",
    b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\nframes",
    b"HTTP/1.0 200 OK\r\n\r\nuntil the end",
    b"HTTP/1.1 500 Oh\r\nContent-Length: 2\r\nConnection: close\r\n\r\nno",
]
PIECES = [b"\r\n", b"\n", b"\r", b"\x00", b"\xff", b":", b" ", b"\t", b"0", b"-1", b"chunked", b"Content-Length: 7\r\n"]
PIECES += [b"Transfer-Encoding: chunked\r\n", b"Host: b\r\n", b"HTTP/1.1", b"f" * 20, b"A" * 9000, b"%2e", b";"]


def mutated(dice: random.Random, seeds: list[bytes]) -> bytes:
    """One of the seeds, with a few pieces cut out, doubled or put in."""
    data = dice.choice(seeds) * dice.choice((1, 1, 1, 2))
    for _ in range(dice.randrange(4)):
        start = dice.randrange(len(data) + 1)
        end = min(len(data), start + dice.choice((0, 0, 1, 4, 30)))
        data = data[:start] + dice.choice([*PIECES, b"", data[start:end] * 2]) + data[end:]
    return data


class Container:
    """The container's script, and how many good requests reached it after it had closed."""

    def __init__(self, dice: random.Random) -> None:
        self.dice = dice
        self.too_late = 0

    def __call__(self, wire: Wire, asked: Request, backend: Backend) -> bool:
        """Answer; close half of the connections unannounced, as a server does that is in no hurry."""
        good = asked.line.startswith(b"POST /good ")  # what a tunnel carries may be no request at all
        wire.send(ANSWERS[0] if good else mutated(self.dice, ANSWERS))
        if good or self.dice.random() < 0.5:
            return True
        wire.socket.shutdown(socket.SHUT_WR)
        wire.socket.settimeout(5)
        self.too_late += b"POST /good " in wire.buffer + wire.rest()
        return False


def attack(proxy: RunningProxy, dice: random.Random) -> None:
    """One bad client."""
    data = mutated(dice, REQUESTS)
    with proxy.connect() as wire, contextlib.suppress(OSError, TimeoutError):
        wire.socket.settimeout(0.05)
        cut = dice.randrange(len(data) + 1)
        wire.send(data[:cut])
        wire.send(data[cut:])
        if dice.random() < 0.7:
            wire.socket.recv(65536)
        if dice.random() < 0.3:
            wire.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")


def settled(proxy: RunningProxy) -> WorkerBeat:
    """The worker's beat when nothing is in flight any more, or after half a minute: all has timed out long before."""
    end = time.monotonic() + 30
    while True:
        (beat,) = proxy.beats()
        if not any(beat.in_flight.values()) or time.monotonic() > end:
            return beat
        time.sleep(1)


def main() -> None:
    """Fuzz, then say what happened; exit code 1 if anything did that may not."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=2)
    parser.add_argument("--seed", type=int, default=time.time_ns())
    options = parser.parse_args()
    dice = random.Random(options.seed)
    outcomes: Counter[str] = Counter()
    with ExitStack() as stack:
        folder = Path(tempfile.mkdtemp(prefix="slf-fuzz-"))
        folder.chmod(0o755)
        _, url = start_redis(stack, folder)
        container = Container(dice)
        backend = Backend(container)
        proxy = RunningProxy(url, (backend,), (), {"UPSTREAM_TIMEOUT": 3, "HEADER_TIMEOUT": 1, "BODY_TIMEOUT": 1})
        stack.callback(proxy.stop)
        (before,) = proxy.beats()
        end = time.monotonic() + options.minutes * 60
        while time.monotonic() < end:
            attack(proxy, dice)
            outcomes["bad clients"] += 1
            if outcomes["bad clients"] % 20 == 0:
                good = proxy.talk(request("POST", "/good", body=b"x"))
                outcomes[f"good client: {good.status} {good.body!r}"] += 1
        after = settled(proxy)
        outcomes["containers asked"] = len(backend.requests)
        outcomes["good requests that met a closed socket"] = container.too_late
        died = after.pid != before.pid or "Traceback" in proxy.log()
        stuck = {port: number for port, number in after.in_flight.items() if number}
        log = proxy.log()
    sys.stdout.write(f"seed {options.seed}: {dict(outcomes)}; died {died}, still in flight {stuck}\n")
    wrong = sum(count for name, count in outcomes.items() if name.startswith("good client") and ": 200" not in name)
    if died or stuck or wrong > container.too_late:
        sys.stdout.write(log[-4000:])
        raise SystemExit(1)


if __name__ == "__main__":
    main()
