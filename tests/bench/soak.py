"""Hours of requests with a fault every 20 seconds: what is lost, and whether anything grows.

    python tests/bench/soak.py --minutes 60

300 requests a second, a fifth of them POSTs with ids, on a whole service with two proxy workers; faults come in turn.
Every five seconds the memory of each part and the keys of the state Redis are noted, and every second who is late: the
prober, the workers, Redis, the machine. Prints tables and draws a chart.
"""

import itertools
import os
import signal
import statistics
import sys
import tempfile
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import click
import psutil
import redis
import requests
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from rich.console import Console
from rich.progress import Progress
from rich.table import Table

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
sys.path.insert(0, str(Path(__file__).resolve().parents[2]))  # before tests/, whose folders have the same names

from bench.stillness import Moment, Watch, WatchedProber, Workers
from bench.stillness import table as table_of_the_worst
from helpers import eventually
from trial import Trial, kill, mixed, send, server_pid, stopped, trial

from autoscaler import override
from lb.settings import ServiceSettings
from monitor.prober import Sent

ROOT = Path(__file__).resolve().parents[2]
RATE, EVERY, SAMPLE = 300, 20.0, 5.0  # requests a second; seconds between faults; seconds between samples
SETTLED = 20.0  # seconds of a process' life that are left out: it is still growing to its size
LONG_ENOUGH = 60.0  # seconds over which a slope can be told from noise, barely
PARTS = ("lb master", "lb worker", "monitor", "autoscaler", "deploy worker", "dashboard", "redis-server")
CONTAINERS = 3


def container_crashes(tried: Trial) -> None:
    """The second container answers 500."""
    with suppress(requests.RequestException):
        tried.direct("POST", tried.port(2), "/api/v1/_crash")


def container_is_killed(tried: Trial) -> None:
    """The third container is killed."""
    kill(tried.service.pid_on(tried.port(3)))


def container_hangs(tried: Trial) -> None:
    """The first container stands still."""
    send(tried.service.pid_on(tried.port(1)), signal.SIGSTOP)


def part_is_killed(title: str) -> Callable[[Trial], None]:
    """A part of the service is killed."""

    def strike(tried: Trial) -> None:
        for pid in tried.pids(title)[:1]:
            kill(pid)

    strike.__doc__ = f"{title} is killed"
    return strike


def proxy_reloads(tried: Trial) -> None:
    """The proxy reloads (HUP)."""
    os.kill(tried.pids("lb master")[0], signal.SIGHUP)


def redis_hangs(tried: Trial) -> None:
    """The state Redis hangs for 5 s."""
    with stopped(server_pid(tried.service.variable("REDIS_URL"))):
        time.sleep(5)


def redis_is_killed(tried: Trial) -> None:
    """The state Redis is killed and comes back empty."""
    kill(server_pid(tried.service.variable("REDIS_URL")))


def containers_come_and_go(tried: Trial) -> None:
    """One more container, and one less."""
    for number in (CONTAINERS + 1, CONTAINERS):
        with suppress(redis.RedisError), tried.service.redis() as client:
            override.set_number(client, ServiceSettings(), number, "soak")
        eventually(lambda number=number: len(ring(tried)) == number, 20)


FAULTS = (
    container_crashes,
    part_is_killed("monitor"),
    container_is_killed,
    part_is_killed("deploy worker"),
    container_hangs,
    part_is_killed("autoscaler"),
    containers_come_and_go,
    part_is_killed("lb worker"),
    redis_hangs,
    proxy_reloads,
    redis_is_killed,
)


@dataclass
class Tally:
    """What came of the run. Times are seconds since its beginning."""

    began: float
    sent: int = 0
    posts: int = 0
    struck: list[tuple[float, str]] = field(default_factory=list)
    lost: Counter[tuple[str, str, str]] = field(default_factory=Counter)  # fault, method, what was said
    lost_at: list[float] = field(default_factory=list)
    memory: defaultdict[str, list[tuple[float, int, float, float]]] = field(default_factory=lambda: defaultdict(list))
    keys: list[tuple[float, int, float]] = field(default_factory=list)
    moments: list[Moment] = field(default_factory=list)

    def count(self, some: list[Sent]) -> None:
        """Take these into the account."""
        self.sent += len(some)
        self.posts += sum(one.ask.method == "POST" for one in some)
        for one in some:
            if one.lost:
                at = one.at - self.began
                fault = next((name for when, name in reversed(self.struck) if when <= one.ended - self.began), "none")
                self.lost[fault, one.ask.method, f"{one.status or 'no answer'} {one.trouble.strip()}"[:70]] += 1
                self.lost_at.append(at)

    def sample(self, tried: Trial) -> None:
        """Note memory and keys now."""
        at = time.time() - self.began
        for process, title in [(psutil.Process(pid), title) for pid, title in living(tried)]:
            with suppress(psutil.Error):
                age = time.time() - process.create_time()
                self.memory[title].append((at, process.pid, age, process.memory_info().rss / 1e6))
        with suppress(redis.RedisError), tried.service.redis() as client:
            self.keys.append((at, client.dbsize(), client.info("memory")["used_memory"] / 1e6))  # type: ignore[index]


def living(tried: Trial) -> Iterator[tuple[int, str]]:
    """The parts that live: pid and which part."""
    for pid, shown in tried.service.titles().items():
        title = next((part for part in PARTS if shown.startswith(part) or part in shown.split(" ")[0]), "")
        if title:
            yield pid, title if title != "redis-server" else f"redis {'acts' if 'acts' in shown else 'state'}"


@click.command(help=__doc__)
@click.option("--minutes", default=60.0, show_default=True)
@click.option("--chart", type=Path, default=ROOT / "docs" / "soak.png", show_default=True)
def main(minutes: float, chart: Path) -> None:
    """Run it."""
    with tempfile.TemporaryDirectory(prefix="slf-soak-") as folder:
        settings = {"MAX_CONTAINERS": str(CONTAINERS + 1), "COUNT_PREFIX": "/counted/", "MAX_IN_FLIGHT": "400"}
        with trial(Path(folder), **settings) as tried:
            tried.service.scale(CONTAINERS)
            tally = soak(tried, minutes * 60)
            recorded = Counter(tried.recorded_ids())
    draw(tally, chart)
    doubled = [name for name, times in recorded.items() if times > 1]
    Console(width=150).print(*tables(tally, doubled), table_of_the_worst(tally.moments))


def soak(tried: Trial, seconds: float) -> Tally:
    """The run."""
    tally, faults = Tally(time.time()), itertools.cycle(FAULTS)
    workers = Workers(lambda: tried.service.variable("REDIS_URL"), "acts")
    with (
        WatchedProber(tried.service.lb_port, RATE, mixed("soak")) as prober,
        Watch(prober, workers, tally.began) as watch,
        Progress() as progress,
    ):
        task, next_fault = progress.add_task("", total=seconds), EVERY
        while (now := time.time() - tally.began) < seconds:
            if now >= next_fault:
                next_fault += EVERY
                fault = next(faults)
                tally.struck.append((now, (fault.__doc__ or "").rstrip(".")))
                fault(tried)
            keep_scale(tried)
            tally.count(prober.take())
            tally.sample(tried)
            progress.update(task, completed=now, description=f"{tally.sent} sent, {sum(tally.lost.values())} lost")
            time.sleep(SAMPLE)
    tally.count(prober.take())
    tally.moments = watch.moments
    return tally


def keep_scale(tried: Trial) -> None:
    """Say again how many there should be: a Redis that was emptied may have forgotten."""
    with suppress(redis.RedisError), tried.service.redis() as client:
        if override.read(client, "acts").number != CONTAINERS:
            override.set_number(client, ServiceSettings(), CONTAINERS, "soak")


def ring(tried: Trial) -> dict[str, str]:
    """The ring; nothing while Redis is away."""
    try:
        return tried.service.ring()
    except redis.RedisError:
        return {}


def slope(samples: list[tuple[float, int, float, float]]) -> float | None:
    """MB an hour by which processes grow once they have their size: of each life, weighted by its length."""
    lives: defaultdict[int, list[tuple[float, float]]] = defaultdict(list)
    for at, pid, age, size in samples:
        if age >= SETTLED:
            lives[pid].append((at, size))
    lasting = [life for life in lives.values() if life[-1][0] - life[0][0] >= LONG_ENOUGH]
    if not lasting:
        return None
    grown = [statistics.linear_regression(*zip(*life, strict=True)).slope * 3600 for life in lasting]
    weights = [len(life) for life in lasting]
    return sum(each * weight for each, weight in zip(grown, weights, strict=True)) / sum(weights)


def tables(tally: Tally, doubled: list[str]) -> list[Table]:
    """What a person wants to know."""
    lost = Table("after", "method", "what was said", "lost", title=f"{tally.sent} requests, {len(tally.struck)} faults")
    for (fault, method, said), number in tally.lost.most_common():
        lost.add_row(fault, method, said, str(number))
    lost.add_row("", "", "sent twice", str(len(doubled)))
    grown = Table("part", "first MB", "last MB", "MB an hour", title="memory")
    for title, samples in sorted(tally.memory.items()):
        rate = slope(samples)
        shown = "no life was long enough" if rate is None else f"{rate:+.1f}"
        grown.add_row(title, f"{samples[0][3]:.0f}", f"{samples[-1][3]:.0f}", shown)
    numbers = [number for _, number, _ in tally.keys]
    grown.add_row("keys of the state Redis", str(numbers[0]), str(numbers[-1]), f"at most {max(numbers)}")
    return [lost, grown]


def draw(tally: Tally, chart: Path) -> None:
    """The chart: memory of the parts, and when what was lost."""
    figure = Figure(figsize=(11, 7), layout="tight")
    FigureCanvasAgg(figure)
    above, below = figure.subplots(2, 1, sharex=True, height_ratios=[3, 1])
    for title, samples in sorted(tally.memory.items()):
        sizes: defaultdict[float, list[float]] = defaultdict(list)
        for at, _, _, size in samples:
            sizes[at / 60].append(size)
        above.plot(list(sizes), [max(each) for each in sizes.values()], label=title, linewidth=1)
    for at, _ in tally.struck:
        above.axvline(at / 60, color="0.85", linewidth=0.7, zorder=0)
    above.set_ylabel("MB resident, the largest of each part")
    above.legend(ncols=4, fontsize=8)
    above.set_title(f"{tally.sent:,} requests, {len(tally.struck)} faults (grey), {sum(tally.lost.values())} lost")
    below.hist([at / 60 for at in tally.lost_at], bins=200, color="tab:red")
    below.set_ylabel("lost")
    below.set_xlabel("minutes")
    figure.savefig(chart, dpi=90)


if __name__ == "__main__":
    main()
