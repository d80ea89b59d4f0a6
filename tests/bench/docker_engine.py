"""Figures of the service on a Docker engine: seconds to launch and to heal, size of the image, CPU of the way to it.

    python tests/bench/docker_engine.py [--repeat 20] [--requests 20000]

Needs a Docker engine on this machine, and root the first time. p50 and p95 are over the repeats.
"""

import asyncio
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, closing
from pathlib import Path
from statistics import median, quantiles

import click
import psutil
import requests
from docker import APIClient
from rich.console import Console
from rich.progress import track
from rich.table import Table

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
sys.path.insert(0, str(Path(__file__).resolve().parents[2]))  # before tests/deploy, which is no package

from docker_images import acts_settings, engine
from helpers import eventually
from running_service import RunningService, running_service

from deploy.runtime import docker_image
from deploy.runtime.docker_settings import DockerSettings

UNCOUNTED = "/api/v1/_health"
CONNECTIONS = 32
CONTAINERS = 3  # hurt in turn, so that each has been well for a while: one that relapses at once is made to wait


@click.command(help=__doc__)
@click.option("--repeat", default=20, show_default=True, help="How often each thing is timed.")
@click.option("--requests", "number", default=20_000, show_default=True, help="Requests for the figures of CPU.")
def main(repeat: int, number: int) -> None:
    """Run everything and print one table."""
    with closing(engine()) as api:
        settings = acts_settings("test-bench")
        docker_image.build(api, settings, click.echo)
        try:
            Console().print(measured(api, settings, repeat, number))
        finally:
            api.remove_image(settings.image, force=True)


def measured(api: APIClient, settings: DockerSettings, repeat: int, number: int) -> Table:
    """The table of all figures."""
    table = Table("figure", "p50", "p95", title=f"Docker {api.version()['Version']}, {psutil.cpu_count()} cores")
    with service(settings, "container") as running:
        table.add_row("launch → healthy", *of(timed(repeat, lambda _: launch(running))))
        running.scale(CONTAINERS)
        time.sleep(5)
        table.add_row("crash → healthy on the same port", *of(timed(repeat, lambda n: crash(running, n))))
        table.add_row("docker kill → out of the ring", *of(timed(repeat, lambda n: kill(api, running, n))))
        costs = [cpu(running, number)]
    with service(settings, "published") as running:
        running.scale(CONTAINERS)
        costs.append(cpu(running, number))
    for name, (proxy, copies) in zip(("bridge address", "published port"), costs, strict=True):
        table.add_row(f"CPU per request, {name}", f"{proxy:.0f} µs", f"and docker-proxy {copies:.0f} µs")
    layers = api.history(settings.image)
    own = sum(layer["Size"] for layer in layers[:-1]) / 1e6
    table.add_row("size of the image", f"{sum(layer['Size'] for layer in layers) / 1e6:.0f} MB", f"{own:.0f} MB ours")
    return table


def service(settings: DockerSettings, via: str) -> AbstractContextManager[RunningService]:
    """`up` on the engine."""
    built = {"SERVICE_IMAGE": settings.image, "BASE_IMAGE": settings.base_image, "WHEELS": settings.wheels}
    rules = {"WINDOW_SECONDS": "6", "STABILIZATION_SECONDS": "1"}
    return running_service(RUNTIME="docker", LB_VIA=via, LB_WORKERS="1", **built, **rules)


def timed(times: int, measure: Callable[[int], float]) -> list[float]:
    """Measure several times, with a progress bar for the person who waits."""
    return [measure(n) for n in track(range(times), description="measuring", transient=True)]


def of(values: list[float]) -> tuple[str, str]:
    """p50 and p95."""
    return f"{median(values):.2f} s", f"{quantiles(values, n=20, method='inclusive')[-1]:.2f} s"


def launch(running: RunningService) -> float:
    """One container more, then one less; seconds from the order until it was healthy, as the service tells it."""
    running.scale(1)
    with running.redis() as client:
        eventually(lambda: client.zcard("acts:containers") == 1, within=30)  # one that still drains is taken back
        running.scale(2)
        told = client.xrevrange("acts:events", count=20)
    healthy = next(fields for _, fields in told if fields["kind"] == "healthy")
    return float(healthy["seconds"])


def runtime_id(running: RunningService, port: int) -> str:
    """The container that serves on a port; empty while none is in the ring."""
    with running.redis() as client:
        if not client.hexists("acts:ring", str(port)):
            return ""
        return str(client.hget(f"acts:container:{port}", "runtime_id"))


def crash(running: RunningService, turn: int) -> float:
    """Crash a container through its own port; seconds until another one is in the ring."""
    port = running.first_port + turn % CONTAINERS
    before, began = runtime_id(running, port), time.monotonic()
    requests.post(f"http://127.0.0.1:{port}/api/v1/_crash", timeout=5)
    eventually(lambda: runtime_id(running, port) not in ("", before), within=60, every=0.005)
    took = time.monotonic() - began
    time.sleep(1)
    return took


def kill(api: APIClient, running: RunningService, turn: int) -> float:
    """`docker kill`; seconds until its port has left the ring."""
    port = running.first_port + turn % CONTAINERS
    before, began = runtime_id(running, port), time.monotonic()
    api.kill(before)
    eventually(lambda: runtime_id(running, port) != before, within=60, every=0.002)
    took = time.monotonic() - began
    eventually(lambda: runtime_id(running, port), within=60)
    time.sleep(1)
    return took


def cpu(running: RunningService, number: int) -> tuple[float, float]:
    """CPU microseconds per request of the proxy's workers, and of the engine's own proxies."""
    asyncio.run(load(running.lb_port, number // 10))
    before = spent(running)
    asyncio.run(load(running.lb_port, number))
    after = spent(running)
    return (after[0] - before[0]) / number * 1e6, (after[1] - before[1]) / number * 1e6


def spent(running: RunningService) -> tuple[float, float]:
    """CPU seconds until now of the proxy's workers, and of the engine's proxies for the containers' ports."""
    workers = [pid for pid, title in running.titles().items() if title.startswith("lb worker")]
    copies = [one.pid for one in psutil.process_iter(["name"]) if one.info["name"] == "docker-proxy"]
    return sum(map(seconds, workers)), sum(map(seconds, copies))


def seconds(pid: int) -> float:
    """User and system time of a process."""
    times = psutil.Process(pid).cpu_times()
    return float(times.user + times.system)


async def load(port: int, number: int) -> None:
    """So many requests over keep-alive connections."""
    left = iter(range(number))
    await asyncio.gather(*(client(port, left) for _ in range(CONNECTIONS)))


async def client(port: int, left: Iterator[int]) -> None:
    """One connection that asks as long as there is something left to ask."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    for _ in left:
        writer.write(f"GET {UNCOUNTED} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
        head = (await reader.readuntil(b"\r\n\r\n")).decode().lower().split("\r\n")
        fields = dict(line.split(": ", 1) for line in head[1:] if line)
        await reader.readexactly(int(fields["content-length"]))
        assert head[0].split()[1] == "200", head[0]
    writer.close()


if __name__ == "__main__":
    main()
