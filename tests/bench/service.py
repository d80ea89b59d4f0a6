"""Figures of the whole service, started as people start it: order and equality of the turns, seconds to scale and heal.

    python tests/bench/service.py [--containers 3] [--requests 30000] [--repeat 5]

Times are medians over the repeats with the smallest and the largest beside them; the machine's other work is in them.
"""

import asyncio
import collections
import sys
import time
from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path
from statistics import median

import click
import requests
from rich.console import Console
from rich.progress import track
from rich.table import Table

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from helpers import eventually
from running_service import RunningService, running_service, served_by

UNCOUNTED = "/api/v1/_health"
COUNTED = "/api/v1/acts/count"
WORKERS = 4


@click.command(help=__doc__)
@click.option("--containers", default=3, show_default=True, help="Containers while turns are counted.")
@click.option("--sequential", default=300, show_default=True, help="Requests one after the other.")
@click.option("--requests", "concurrent", default=30_000, show_default=True, help="Requests over 64 connections.")
@click.option("--repeat", default=5, show_default=True, help="Crashes and scale-ups that are timed.")
def main(containers: int, sequential: int, concurrent: int, repeat: int) -> None:
    """Run everything and print one table."""
    table = Table("figure", "result", "aim", title=f"{WORKERS} proxy workers, {containers} containers")
    with running_service(LB_WORKERS=str(WORKERS), WINDOW_SECONDS="6", STABILIZATION_SECONDS="2") as service:
        service.scale(containers)
        order = served_by([service.get(UNCOUNTED) for _ in range(sequential)])
        breaks = sum(after != before % containers + 1 for before, after in pairwise(order))
        table.add_row(f"{sequential} sequential requests: places out of order", str(breaks), "0")
        counts = asyncio.run(share(service, concurrent, connections=64))
        table.add_row(f"{concurrent} over 64 connections: per container", str(dict(sorted(counts.items()))), "")
        table.add_row("… largest minus smallest", str(max(counts.values()) - min(counts.values())), "≤ 1")
        table.add_row("crash → healthy on the same port", seconds(repeated(repeat, lambda: crash(service))), "≤ 3 s")
        table.add_row("20th request → 2nd container", seconds(repeated(repeat, lambda: scale_up(service))), "≤ 3 s")
    table.add_row("up → serving (packages installed)", seconds(repeated(3, time_of_a_start)), "≤ 4 s")
    Console().print(table)


async def share(service: RunningService, number: int, connections: int) -> collections.Counter[str]:
    """Send exactly `number` requests over keep-alive connections; how many each container answered."""
    left = iter(range(number))
    counts: collections.Counter[str] = collections.Counter()
    await asyncio.gather(*(client(service.lb_port, left, counts) for _ in range(connections)))
    return counts


async def client(port: int, left: Iterator[int], counts: collections.Counter[str]) -> None:
    """One connection that asks as long as there is something left to ask."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    for _ in left:
        writer.write(f"GET {UNCOUNTED} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
        head = (await reader.readuntil(b"\r\n\r\n")).decode().lower().split("\r\n")
        fields = dict(line.split(": ", 1) for line in head[1:] if line)
        await reader.readexactly(int(fields["content-length"]))
        assert head[0].split()[1] == "200", head[0]
        counts[fields["x-served-by"]] += 1
    writer.close()


def crash(service: RunningService) -> float:
    """Crash the first container through its own port; seconds until another process serves there, in the ring."""
    service.scale(2)
    port = service.first_port
    before = service.pid_on(port)
    began = time.monotonic()
    requests.post(f"http://127.0.0.1:{port}/api/v1/_crash", timeout=5)
    eventually(lambda: service.pid_on(port) not in (0, before) and str(port) in service.ring(), within=30, every=0.01)
    return time.monotonic() - began


def scale_up(service: RunningService) -> float:
    """From the 20th request in the window to the second container in the ring."""
    service.begin_with_none_counted()
    for _ in range(20):
        service.get(COUNTED)
    began = time.monotonic()
    eventually(lambda: len(service.ring()) == 2, within=30, every=0.01)
    return time.monotonic() - began


def time_of_a_start() -> float:
    """From the command to the line that says how to stop, with everything installed."""
    began = time.monotonic()
    with running_service():
        return time.monotonic() - began


def repeated(times: int, measure: Callable[[], float]) -> list[float]:
    """Measure several times, with a progress bar for the person who waits."""
    return [measure() for _ in track(range(times), description="measuring", transient=True)]


def seconds(values: list[float]) -> str:
    """Median, smallest and largest."""
    return f"{median(values):.2f} s ({min(values):.2f} to {max(values):.2f})"


if __name__ == "__main__":
    main()
