"""What a request costs: ours with full accounting, HAProxy, nginx, a naive reference, and no proxy, in one
run.

    python tests/bench/proxy.py [--seconds 5] [--rounds 3] [--out docs/proxy-bench]

The proxy under test runs on core 0, everything else (wrk, the nginx that is the backend, Redis) on core 1.
All targets are measured in every round, one after the other, and the medians of the rounds are shown: this
machine has neighbours, so ratios within a run mean more than numbers. CPU is utime + stime of the proxy's
processes from /proc, divided by the requests that wrk completed. Writes OUT.csv and OUT.png.
"""

import argparse
import csv
import os
import re
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import redis
from PIL import Image, ImageDraw, ImageFont

ROOT = Path(__file__).resolve().parent.parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "tests")]

from helpers import eventually, free_port  # noqa: E402

from lb.redis_client import connect  # noqa: E402
from lb.ring import replace_ring  # noqa: E402

PROXY_CORE, LOAD_CORE = 0, 1
CONNECTIONS = (1, 32, 128)
PATH = "/api/v1/acts/count"
TICKS = os.sysconf("SC_CLK_TCK")

NGINX_BACKEND = """
worker_processes 1; daemon off; pid {folder}/backend.pid; error_log {folder}/backend.log;
events {{ worker_connections 4096; }}
http {{ access_log off; keepalive_requests 100000000; keepalive_timeout 600;
  server {{ {listens} root {folder}; location /big {{ }}
    location / {{ default_type application/json; return 200 '[12345]'; }} }} }}
"""
NGINX_PROXY = """
worker_processes 1; daemon off; pid {folder}/proxy.pid; error_log {folder}/proxy.log;
events {{ worker_connections 4096; }}
http {{ access_log off; keepalive_requests 100000000; keepalive_timeout 600;
  upstream acts {{ {servers} keepalive 256; keepalive_requests 100000000; }}
  server {{ listen 127.0.0.1:{port} backlog=4096;
    location / {{ proxy_pass http://acts; proxy_http_version 1.1; proxy_set_header Connection "";
      proxy_set_header Host $host; proxy_set_header X-Forwarded-For $remote_addr; }} }} }}
"""
HAPROXY = """
global
  nbthread 1
  maxconn 8192
defaults
  mode http
  option forwardfor
  timeout client 60s
  timeout server 60s
  timeout connect 2s
frontend public
  bind 127.0.0.1:{port}
  default_backend acts
backend acts
  balance roundrobin
  http-reuse always
{servers}
"""
# Another field block on every request of a connection: what ours remembers of the last one is of no use then.
VARYING_LUA = """
local number = 0
request = function()
  number = number + 1
  return wrk.format("GET", nil, { ["Cookie"] = "session=" .. number })
end
"""


@dataclass
class Target:
    """Something that answers on a port, and the processes whose CPU is its cost."""

    name: str
    port: int
    pids: Callable[[], list[int]]
    script: Path | None = None
    seconds: float = 1.0  # share of the full time: slow ones need fewer


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


def pin(core: int) -> Callable[[], None]:
    """For a child process: stay on this core, in a session of its own."""

    def pinned() -> None:
        os.sched_setaffinity(0, {core})
        os.setsid()

    return pinned


@contextmanager
def process(core: int, *command: str, log: Path, **env: str) -> Iterator[int]:
    """Run a program on a core until the block ends."""
    with log.open("wb") as out:
        child = subprocess.Popen(
            command,
            stdout=out,
            stderr=out,
            cwd=ROOT,
            env={**os.environ, **env},
            preexec_fn=pin(core),  # noqa: PLW1509
        )
    try:
        yield child.pid
    finally:
        os.killpg(child.pid, signal.SIGTERM)
        try:
            child.wait(10)
        except subprocess.TimeoutExpired:
            os.killpg(child.pid, signal.SIGKILL)
            child.wait(10)


def family(pid: int) -> list[int]:
    """A process and its descendants."""
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return [pid, *(each for child in children for each in family(int(child)))]


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


def answers(port: int) -> bool:
    """Whether somebody answers there with 200."""
    command = ["curl", "-s", "-o", "/dev/null", "-w", "%{http_code}", f"http://127.0.0.1:{port}{PATH}"]
    return subprocess.run(command, capture_output=True, text=True, check=False).stdout == "200"


def start_redis(stack: ExitStack, folder: Path) -> tuple[int, str]:
    """Redis on the load's core; its pid and address."""
    path = folder / "redis.sock"
    command = ["redis-server", "--port", "0", "--unixsocket", str(path), "--unixsocketperm", "777", "--save", ""]
    pid = stack.enter_context(process(LOAD_CORE, *command, "--dir", str(folder), log=folder / "redis.log"))
    eventually(path.exists, within=10)
    return pid, f"unix://{path}"


def start_backend(stack: ExitStack, folder: Path) -> list[int]:
    """nginx as three containers; their ports."""
    ports = [free_port() for _ in range(3)]
    while len(set(ports)) < 3:
        ports = [free_port() for _ in range(3)]
    config = folder / "backend.conf"
    (folder / "big").write_bytes(bytes(8 << 20))
    listens = " ".join(f"listen 127.0.0.1:{port} backlog=4096;" for port in ports)
    config.write_text(NGINX_BACKEND.format(folder=folder, listens=listens))
    stack.enter_context(process(LOAD_CORE, "nginx", "-c", str(config), log=folder / "backend.out"))
    eventually(lambda: all(answers(port) for port in ports), within=10)
    return ports


def start_proxy(stack: ExitStack, name: str, port: int, log: Path, *command: str, **env: str) -> Target:
    """A proxy on its core, once it answers."""
    pid = stack.enter_context(process(PROXY_CORE, *command, log=log, **env))
    eventually(lambda: answers(port), within=30)
    return Target(name, port, lambda: family(pid))


def start_ours(
    stack: ExitStack, folder: Path, url: str, ports: list[int], python: str = sys.executable
) -> list[Target]:
    """Our proxy with one worker; once with equal heads, once with heads that all differ."""
    port = free_port()
    with connect(url) as client:
        replace_ring(client, "acts", {8000 + n: f"127.0.0.1:{each}" for n, each in enumerate(ports)}, time.time())
    command = [python, "-m", "gunicorn", "-c", "python:lb.gunicorn_conf"]
    env = {"REDIS_URL": url, "LB_PORT": str(port), "LB_WORKERS": "1"}
    ours = start_proxy(stack, "ours", port, folder / "ours.log", *command, **env)
    script = folder / "varying.lua"
    script.write_text(VARYING_LUA)
    return [ours, Target("ours, every head another", port, ours.pids, script)]


def start_haproxy(stack: ExitStack, folder: Path, ports: list[int]) -> Target:
    """HAProxy with one thread."""
    port, config = free_port(), folder / "haproxy.cfg"
    servers = "\n".join(f"  server acts{each} 127.0.0.1:{each}" for each in ports)
    config.write_text(HAPROXY.format(port=port, servers=servers))
    return start_proxy(stack, "HAProxy", port, folder / "haproxy.log", "haproxy", "-db", "-f", str(config))


def start_nginx(stack: ExitStack, folder: Path, ports: list[int]) -> Target:
    """nginx with one worker."""
    port, config = free_port(), folder / "proxy.conf"
    servers = " ".join(f"server 127.0.0.1:{each};" for each in ports)
    config.write_text(NGINX_PROXY.format(folder=folder, port=port, servers=servers))
    return start_proxy(stack, "nginx", port, folder / "nginx.log", "nginx", "-c", str(config))


def start_naive(stack: ExitStack, folder: Path, url: str, ports: list[int]) -> Target:
    """Flask and requests under gunicorn's threads."""
    port = free_port()
    with connect(url) as client:
        client.hset("naive:ring", mapping={str(8000 + n): f"127.0.0.1:{each}" for n, each in enumerate(ports)})
    command = [sys.executable, "-m", "gunicorn", "-b", f"127.0.0.1:{port}", "--threads", "32"]
    command += ["--chdir", str(ROOT / "tests" / "bench"), "--no-control-socket", "proxy_naive:app"]
    target = start_proxy(stack, "Flask + requests", port, folder / "naive.log", *command, REDIS_URL=url)
    target.seconds = 0.5
    return target


def run(seconds: float, rounds: int, python: str) -> list[Result]:
    """All measurements."""
    with ExitStack() as stack:
        folder = Path(tempfile.mkdtemp(prefix="slf-bench-"))
        folder.chmod(0o755)
        stack.callback(shutil.rmtree, folder, ignore_errors=True)
        redis_pid, url = start_redis(stack, folder)
        ports = start_backend(stack, folder)
        targets = [
            *start_ours(stack, folder, url, ports, python),
            start_haproxy(stack, folder, ports),
            start_nginx(stack, folder, ports),
            start_naive(stack, folder, url, ports),
            Target("no proxy", ports[0], list),
        ]
        results = []
        for number in range(rounds):
            for connections in CONNECTIONS:
                for target in targets:
                    results.append(measure(target, connections, seconds, redis_pid))
                    sys.stderr.write(f"round {number + 1}: {results[-1]}\n")
        check_accounting(url, results)
        return results


def check_accounting(url: str, results: list[Result]) -> None:
    """Ours records every request: say what Redis holds, and what a record costs."""
    made = sum(result.requests for result in results if result.target.startswith("ours"))
    with connect(url, timeout=30) as client:
        assert isinstance(client, redis.Redis)
        recorded, turn = client.zcard("acts:requests"), int(client.get("acts:turn") or 0)
        each = (client.memory_usage("acts:requests", samples=0) or 0) / max(1, recorded)
    sys.stdout.write(f"wrk completed {made} requests of ours; recorded {recorded}, turn {turn}, {each:.0f} B/record\n")


def medians(results: list[Result]) -> list[Result]:
    """The median of every figure over the rounds."""
    groups: dict[tuple[str, int], list[Result]] = {}
    for result in results:
        groups.setdefault((result.target, result.connections), []).append(result)
    return [
        Result(name, connections, *(statistics.median(column) for column in columns(group)))  # type: ignore[arg-type]
        for (name, connections), group in groups.items()
    ]


def columns(group: list[Result]) -> list[tuple[float, ...]]:
    """The figures of several results, one tuple for each."""
    rows = [list(vars(result).values())[2:] for result in group]
    return list(zip(*rows, strict=True))


def table(results: list[Result]) -> str:
    """The medians as text, with the cost relative to HAProxy's."""
    lines = [
        f"{'proxy':26}{'conns':>6}{'CPU µs':>9}{'x HAProxy':>11}{'Redis µs':>10}{'req/s':>9}"
        f"{'p50 ms':>9}{'p99 ms':>9}{'MB':>7}"
    ]
    base = {result.connections: result.cpu_us for result in results if result.target == "HAProxy"}
    for result in sorted(results, key=lambda each: each.connections):
        ratio = result.cpu_us / base[result.connections]
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


def draw(results: list[Result], path: Path) -> None:
    """CPU per request as bars, by number of connections; the naive reference is only written: it would
    dwarf all.
    """
    shown = [result for result in results if result.target in {"ours", "ours, every head another", "HAProxy", "nginx"}]
    names = list(dict.fromkeys(result.target for result in shown))
    colours = dict(zip(names, ("#2f6f4f", "#7fb69a", "#4a6fa5", "#b0b7bf"), strict=True))
    groups = [connections for connections in CONNECTIONS if connections > 1]
    top = max(result.cpu_us for result in shown if result.connections in groups)
    image = Image.new("RGB", (960, 440), "white")
    pen, font = ImageDraw.Draw(image), ImageFont.load_default(18)
    pen.text((30, 16), "CPU microseconds per request (proxy processes on one core), keep-alive", "black", font)
    y = 60
    for connections in groups:
        pen.text((30, y), f"{connections} connections", "black", font)
        y += 28
        for result in shown:
            if result.connections == connections:
                width = result.cpu_us / top * 560
                pen.rectangle((250, y, 250 + width, y + 22), colours[result.target])
                pen.text((30, y), result.target, "#333333", font)
                pen.text((258 + width, y), f"{result.cpu_us:.0f}", "black", font)
                y += 30
        y += 14
    naive = [result.cpu_us for result in results if result.target == "Flask + requests" and result.connections == 32]
    if naive:
        pen.text((30, y), f"Flask + requests under gunicorn threads, 32 connections: {naive[0]:.0f}", "black", font)
    image.save(path)


def main() -> None:
    """Measure, print, write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=5)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--python", default=sys.executable, help="the interpreter ours runs on")
    parser.add_argument("--out", type=Path, default=ROOT / "var" / "proxy-bench")
    options = parser.parse_args()
    results = run(options.seconds, options.rounds, options.python)
    options.out.parent.mkdir(parents=True, exist_ok=True)
    write_csv(results, options.out.with_suffix(".csv"))
    draw(medians(results), options.out.with_suffix(".png"))
    sys.stdout.write(table(medians(results)) + "\n")


if __name__ == "__main__":
    main()
