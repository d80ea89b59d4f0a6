"""What the cost of a request does not depend on: containers, workers, requests in the window. And what a record weighs.

    python tests/bench/proxy_growth.py [--seconds 1] [--rounds 9]

As in `proxy.py`: our proxy on one core, all else on the other, every case in every round, medians, and the medians
of the rounds' ratios. The cases differ in one thing each from "3 containers, 1 worker, nothing in the window".
Several workers share the one core here, so what they cost is what smaller batches cost.
"""

import argparse
import shutil
import sys
import tempfile
import time
from contextlib import ExitStack
from itertools import count
from pathlib import Path

import redis
from proxy import Result, measure, medians, ratios
from proxy_targets import Target, start_backend, start_haproxy, start_redis, start_worker

from lb.redis_client import connect
from lb.request_window import requests_key

RATE, WINDOW = 10_000, 120  # requests/s, seconds: the window that a record is weighed in
CONNECTIONS = (32, 128)


def records(now: float, first: int, number: int) -> dict[str, float]:
    """Members and scores as workers write them, for a part of a full window at the rate."""
    return {f"0123abcd:{n}": round(now - WINDOW + n / RATE, 3) for n in range(first, first + number)}


def fill(client: redis.Redis, service: str) -> float:
    """Fill a window; the bytes that one record has taken, by what Redis says of its memory before and after."""
    before, now = client.info("memory")["used_memory"], time.time()
    for first in range(0, RATE * WINDOW, RATE):
        client.zadd(requests_key(service), records(now, first, RATE))
    return float((client.info("memory")["used_memory"] - before) / (RATE * WINDOW))


def cases(stack: ExitStack, folder: Path, url: str, ports: list[int]) -> list[Target]:
    """Our proxy in all its cases, and HAProxy to compare with."""
    numbers = count()

    def ours(name: str, containers: int = 3, workers: int = 1, service: str = "") -> Target:
        own = service or f"case{next(numbers)}"
        return start_worker(stack, folder, url, ports[:containers], name, service=own, workers=workers)

    return [
        ours("3 containers, 1 worker"),
        ours("1 container", containers=1),
        ours("10 containers", containers=10),
        ours("2 workers", workers=2),
        ours("4 workers", workers=4),
        ours(f"{RATE * WINDOW:,} requests in the window", service="full"),
        start_haproxy(stack, folder, ports[:3]),
    ]


def run(seconds: float, rounds: int) -> list[Result]:
    """All measurements."""
    with ExitStack() as stack:
        folder = Path(tempfile.mkdtemp(prefix="slf-bench-"))
        folder.chmod(0o755)
        stack.callback(shutil.rmtree, folder, ignore_errors=True)
        redis_pid, url = start_redis(stack, folder)
        with connect(url, timeout=30) as client:
            each = fill(client, "full")
        whole = each * RATE * WINDOW / 1e6
        sys.stdout.write(f"{each:.0f} bytes per record: {whole:.0f} MB at {RATE:,} requests/s over {WINDOW} s\n")
        targets = cases(stack, folder, url, start_backend(stack, folder, containers=10))
        plan = [(target, connections) for connections in CONNECTIONS for target in targets] * rounds
        return [measure(target, connections, seconds, redis_pid) for target, connections in plan]


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=1)
    parser.add_argument("--rounds", type=int, default=9)
    options = parser.parse_args()
    results = run(options.seconds, options.rounds)
    relative = ratios(results)
    sys.stdout.write(f"{'case':34}{'conns':>6}{'CPU us':>8}{'x HAProxy':>11}{'Redis us':>10}{'req/s':>8}\n")
    for each in medians(results):
        ratio = f"{relative[each.target, each.connections]:11.2f}"
        line = f"{each.target:34}{each.connections:6}{each.cpu_us:8.1f}{ratio}{each.redis_us:10.1f}{each.rate:8.0f}\n"
        sys.stdout.write(line)


if __name__ == "__main__":
    main()
