"""What one real acts container does: requests/s and p99 of the requests people make, and whether age makes lists slow.

    .venv/bin/python tests/bench/acts.py [seconds for each row]

Prints two tables. Needs redis-server and wrk; starts both servers itself, the store with `appendfsync always`.
"""

import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median

ROOT = Path(__file__).resolve().parent.parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "tests"), str(ROOT / "tests" / "browser")]

from datetime import datetime, timedelta  # noqa: E402

import acts_container  # noqa: E402
import pictures  # noqa: E402
import psutil  # noqa: E402
import requests  # noqa: E402
from real_redis import start_redis  # noqa: E402
from rich.console import Console  # noqa: E402
from rich.table import Table  # noqa: E402

from acts_app.store import Store  # noqa: E402
from acts_app.validate import NewAct, seconds_of, timestamp_at  # noqa: E402

CONNECTIONS = 16  # as the proxy would keep open to one of a few containers
MANY = 100_000
REPEATS = 200


@contextmanager
def service() -> Iterator[tuple[acts_container.Container, Store]]:
    """A store as `up` starts it, and one container on it."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        server = start_redis(
            folder, "--appendonly", "yes", "--appendfsync", "always", "--maxmemory-policy", "noeviction"
        )
        store = Store.at(server.url)
        with acts_container.running(server.url, folder) as container:
            yield container, store
        store.close()
        server.process.terminate()
        server.process.wait()


def fill(store: Store, category: str, number: int, image: bytes, first_id: int) -> None:
    """Put acts into a category, many in one round trip."""
    store.accounts.add("ann", "record")
    store.categories.add(category, "")
    begin = datetime(2020, 1, 1)
    for n in range(number):
        stamp = timestamp_at(begin + timedelta(minutes=n))
        store.acts.add(NewAct(str(first_id + n), "ann", stamp, seconds_of(stamp), f"act {n}", category, image), "")


def cpu_seconds(container: acts_container.Container) -> float:
    """What the container has used so far, master and worker."""
    master = psutil.Process(container.process.pid)
    times = [process.cpu_times() for process in (master, *master.children())]
    return sum(one.user + one.system for one in times)


def wrk(container: acts_container.Container, path: str, seconds: int) -> tuple[str, str, str, str]:
    """Requests/s, p99, what went wrong, and milliseconds of the container's CPU for each request."""
    command = ["wrk", "-t1", f"-c{CONNECTIONS}", f"-d{seconds}s", "--latency", container.site + path]
    used = cpu_seconds(container)
    out = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    used = cpu_seconds(container) - used
    total = re.search(r"(\d+) requests in", out)
    rate, p99 = re.search(r"Requests/sec:\s+([\d.]+)", out), re.search(r"99%\s+(\S+)", out)
    bad = re.search(r"Non-2xx or 3xx responses: (\d+)", out)
    assert rate
    assert p99
    assert total
    return rate[1], p99[1], bad[1] if bad else "0", f"{1000 * used / int(total[1]):.2f}"


def milliseconds(call: Callable[[], object]) -> float:
    """The median duration of one call."""
    times = []
    for _ in range(REPEATS):
        began = time.perf_counter()
        call()
        times.append(time.perf_counter() - began)
    return median(times) * 1000


def speed(container: acts_container.Container, seconds: int) -> Table:
    """What people ask for."""
    table = Table(
        "request",
        "bytes",
        "requests/s",
        "p99",
        "not 2xx",
        "CPU ms each",
        title=f"One container, {CONNECTIONS} connections",
    )
    for name, path in (
        ("list of 20 acts (JSON, images in it)", "/api/v1/categories/twenty/acts"),
        ("number of acts", "/api/v1/acts/count"),
        ("image", "/acts/1/image"),
        ("thumbnail", "/acts/1/thumbnail"),
        ("category page (HTML)", "/categories/twenty"),
        ("front page (HTML)", "/"),
        ("health probe", "/api/v1/_health"),
        ("style sheet", "/static/x/style.css"),
    ):
        size = len(requests.get(container.site + path, timeout=10).content)
        table.add_row(name, f"{size:,}", *wrk(container, path, seconds))
    return table


def age(container: acts_container.Container, store: Store) -> Table:
    """A list of 100 acts beside one of 100,000."""
    fill(store, "hundred", 100, b"", 10_000_000)
    fill(store, "many", MANY, b"", 20_000_000)
    session = requests.Session()
    table = Table(
        "request", "100 acts, ms", f"{MANY:,} acts, ms", title=f"Median of {REPEATS} calls, one after the other"
    )
    for name, path in (
        ("size", "/api/v1/categories/{}/acts/size"),
        ("range 1 to 20", "/api/v1/categories/{}/acts?start=1&end=20"),
        ("range 81 to 100", "/api/v1/categories/{}/acts?start=81&end=100"),
        ("page (HTML)", "/categories/{}"),
    ):
        urls = [container.site + path.format(category) for category in ("hundred", "many")]
        table.add_row(name, *(f"{milliseconds(lambda url=url: session.get(url, timeout=10)):.2f}" for url in urls))
    deep = container.site + f"/api/v1/categories/many/acts?start={MANY - 19}&end={MANY}"
    table.add_row("the oldest 20", "", f"{milliseconds(lambda: session.get(deep, timeout=10)):.2f}")
    return table


def main() -> None:
    """Both tables."""
    seconds = int(sys.argv[1]) if len(sys.argv) > 1 else 5
    console = Console()
    with service() as (container, store):
        fill(store, "twenty", 20, pictures.encoded(pictures.landscape(1)), 1)
        console.print(speed(container, seconds))
        console.print(age(container, store))


if __name__ == "__main__":
    main()
