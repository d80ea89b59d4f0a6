"""The proxies that `tests/bench/proxy.py` measures, each started with a configuration that does the same work.

The proxy under test runs on core 0; the load, Redis and the nginx that plays three containers run on core 1.
"""

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "tests")]

from helpers import eventually, free_port, free_ports  # noqa: E402
from ring_writer import replace_ring  # noqa: E402

from lb.redis_client import connect  # noqa: E402

PROXY_CORE, LOAD_CORE = 0, 1
PATH = "/api/v1/acts/count"
BENCH = ROOT / "tests" / "bench"
OTHERS_VENV = ROOT / "var" / "bench-others"

# Its send buffers are bounded, for 200 answers of 8 MB would fill 800 MB of them, and whoever asks meanwhile waits.
# /body is read to its end before anything else happens, which for a dribbled one is never; `return` would not read it.
NGINX_BACKEND = """
worker_processes 1; daemon off; pid {folder}/backend.pid; error_log {folder}/backend.log;
events {{ worker_connections 8192; }}
http {{ access_log off; keepalive_requests 100000000; keepalive_timeout 600;
  server {{ {listens} root {folder}; location /big {{ }} location /body {{ proxy_pass http://127.0.0.1:1; }}
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
ENVOY = """
static_resources:
  listeners:
  - address: {{socket_address: {{address: 127.0.0.1, port_value: {port}}}}}
    filter_chains:
    - filters:
      - name: envoy.filters.network.http_connection_manager
        typed_config:
          "@type": type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager
          stat_prefix: public
          use_remote_address: true
          route_config:
            virtual_hosts:
            - {{name: all, domains: ["*"], routes: [{{match: {{prefix: "/"}}, route: {{cluster: acts}}}}]}}
          http_filters:
          - name: envoy.filters.http.router
            typed_config: {{"@type": type.googleapis.com/envoy.extensions.filters.http.router.v3.Router}}
  clusters:
  - name: acts
    type: STATIC
    lb_policy: ROUND_ROBIN
    load_assignment:
      cluster_name: acts
      endpoints: [{{lb_endpoints: [{servers}]}}]
"""
ENVOY_SERVER = "{{endpoint: {{address: {{socket_address: {{address: 127.0.0.1, port_value: {port}}}}}}}}}"
TRAEFIK = """
http:
  routers: {{all: {{rule: "PathPrefix(`/`)", service: acts}}}}
  services: {{acts: {{loadBalancer: {{servers: [{servers}]}}}}}}
"""
TRAEFIK_STATIC = """
entryPoints: {{public: {{address: "127.0.0.1:{port}"}}}}
providers: {{file: {{filename: "{folder}/traefik-routes.yaml"}}}}
global: {{checkNewVersion: false, sendAnonymousUsage: false}}
"""
CADDY = """
{{
  admin off
  auto_https off
}}
http://127.0.0.1:{port} {{
  bind 127.0.0.1
  reverse_proxy {servers} {{
    lb_policy round_robin
    transport http {{
      keepalive_idle_conns_per_host 256
    }}
  }}
}}
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
    connections: tuple[int, ...] = ()  # only with these numbers of connections; empty: with all


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


def start_backend(stack: ExitStack, folder: Path, containers: int = 3) -> list[int]:
    """nginx as this many containers; their ports."""
    first = free_ports(containers)
    ports = list(range(first, first + containers))
    config = folder / "backend.conf"
    (folder / "big").write_bytes(bytes(8 << 20))
    listens = " ".join(f"listen 127.0.0.1:{port} backlog=4096 sndbuf=256k;" for port in ports)
    config.write_text(NGINX_BACKEND.format(folder=folder, listens=listens))
    stack.enter_context(process(LOAD_CORE, "nginx", "-c", str(config), log=folder / "backend.out"))
    eventually(lambda: all(answers(port) for port in ports), within=10)
    return ports


def start_proxy(stack: ExitStack, name: str, port: int, log: Path, *command: str, **env: str) -> Target:
    """A proxy on its core, once it answers."""
    pid = stack.enter_context(process(PROXY_CORE, *command, log=log, **env))
    eventually(lambda: answers(port), within=30)
    return Target(name, port, lambda: family(pid))


def start_worker(
    stack: ExitStack,
    folder: Path,
    url: str,
    ports: list[int],
    name: str = "ours",
    python: str = sys.executable,
    service: str = "acts",
    workers: int = 1,
    options: tuple[str, ...] = (),
) -> Target:
    """Our proxy with a ring of these ports."""
    port = free_port()
    with connect(url) as client:
        replace_ring(client, service, {8000 + n: f"127.0.0.1:{each}" for n, each in enumerate(ports)}, time.time())
    command = [python, "-m", "gunicorn", "-c", "python:lb.gunicorn_conf", *options]
    env = {"REDIS_URL": url, "LB_PORT": str(port), "LB_WORKERS": str(workers), "SERVICE_NAME": service}
    log = folder / f"{name.replace('/', '-')}.log"
    return start_proxy(stack, name, port, log, *command, **env, PYTHONPATH=str(BENCH))


def start_ours(
    stack: ExitStack, folder: Path, url: str, ports: list[int], python: str = sys.executable
) -> list[Target]:
    """Our proxy with one worker: with equal heads, with heads that all differ, and one without accounting."""
    ours = start_worker(stack, folder, url, ports, python=python)
    script = folder / "varying.lua"
    script.write_text(VARYING_LUA)
    options = ("--worker-class", "proxy_unrecorded.UnrecordedWorker")
    bare = start_worker(stack, folder, url, ports, "ours without accounting", python, "bare", options=options)
    return [ours, Target("ours, every head another", ours.port, ours.pids, script), bare]


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
    command += ["--chdir", str(BENCH), "--no-control-socket", "proxy_naive:app"]
    target = start_proxy(stack, "Flask + requests", port, folder / "naive.log", *command, REDIS_URL=url)
    target.seconds = 0.5
    return target


# --- further ones, from wheels in an environment of their own


def start_others(stack: ExitStack, folder: Path, ports: list[int]) -> list[Target]:
    """Envoy, Traefik and Caddy, as far as they can be had and start; the others are missed with a sentence."""
    if not have_others():
        return []
    found = []
    for start in (start_envoy, start_traefik, start_caddy):
        try:
            found.append(start(stack, folder, ports))
        except (AssertionError, OSError, TimeoutError) as error:
            sys.stderr.write(f"Left out, for it does not start: {start.__name__[6:]} ({str(error)[:100]}).\n")
    return found


def have_others() -> bool:
    """Install what requirements/bench.txt pins, once; whether it is there."""
    if all((OTHERS_VENV / "bin" / name).exists() for name in ("envoy", "traefik", "caddy")):
        return True
    make = [sys.executable, "-m", "venv", "--clear", str(OTHERS_VENV)]
    pins = str(ROOT / "requirements" / "bench.txt")
    install = [str(OTHERS_VENV / "bin" / "pip"), "install", "-q", "--require-hashes", "-r", pins]
    try:
        for command in (make, install):
            subprocess.run(command, check=True, capture_output=True, timeout=300)
    except (OSError, subprocess.SubprocessError) as error:
        shutil.rmtree(OTHERS_VENV, ignore_errors=True)
        sys.stderr.write(f"Envoy, Traefik and Caddy are left out: their wheels cannot be had here ({error}).\n")
        return False
    return True


def start_envoy(stack: ExitStack, folder: Path, ports: list[int]) -> Target:
    """Envoy with one worker thread."""
    port, config = free_port(), folder / "envoy.yaml"
    config.write_text(ENVOY.format(port=port, servers=", ".join(ENVOY_SERVER.format(port=each) for each in ports)))
    command = [str(OTHERS_VENV / "bin" / "envoy"), "-c", str(config), "--concurrency", "1", "-l", "warn"]
    return start_proxy(stack, "Envoy", port, folder / "envoy.log", *command, "--disable-hot-restart")


def start_traefik(stack: ExitStack, folder: Path, ports: list[int]) -> Target:
    """Traefik on one core."""
    port, config = free_port(), folder / "traefik.yaml"
    servers = ", ".join(f'{{url: "http://127.0.0.1:{each}"}}' for each in ports)
    (folder / "traefik-routes.yaml").write_text(TRAEFIK.format(servers=servers))
    config.write_text(TRAEFIK_STATIC.format(port=port, folder=folder))
    command = [str(OTHERS_VENV / "bin" / "traefik"), f"--configFile={config}"]
    return start_proxy(stack, "Traefik", port, folder / "traefik.log", *command, GOMAXPROCS="1")


def start_caddy(stack: ExitStack, folder: Path, ports: list[int]) -> Target:
    """Caddy on one core."""
    port, config = free_port(), folder / "Caddyfile"
    config.write_text(CADDY.format(port=port, servers=" ".join(f"127.0.0.1:{each}" for each in ports)))
    command = [str(OTHERS_VENV / "bin" / "caddy"), "run", "--adapter", "caddyfile", "--config", str(config)]
    home = {"HOME": str(folder), "XDG_DATA_HOME": str(folder), "XDG_CONFIG_HOME": str(folder)}
    return start_proxy(stack, "Caddy", port, folder / "caddy.log", *command, **home, GOMAXPROCS="1")
