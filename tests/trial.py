"""A service under trial: a backend that is sick on demand, a prober that keeps account, and what may be done to it.

For tests/promises and the soak. Everything is real: the proxy with two workers, Redis, the deploy worker, the monitor,
the autoscaler, the process runtime; only the application is one of the tests, so that "lost" and "sent twice" are
exact.
"""

import os
import signal
import subprocess
import sys
import time
import uuid
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psutil
import redis
import requests
from helpers import eventually
from running_service import SELFIELESS, RunningService, running_service

from autoscaler import override
from lb import events
from lb.events import Event, Kind
from lb.settings import ServiceSettings
from monitor import snapshot
from monitor.prober import Ask, Prober, Sent, causes, longest_gap, percentile
from monitor.snapshot import Row, Snapshot

BACKEND = Path(__file__).parent / "promises" / "backend.py"
RATE = 250.0  # requests a second
THING = "/api/thing"
WARM = 2.0  # seconds of traffic before something happens


@dataclass(repr=False)
class Account:
    """What the prober and the backend's own record say about one run."""

    sent: Sequence[Sent]
    recorded: Counter[str]  # id -> how often the backend has got it

    @property
    def lost_gets(self) -> list[Sent]:
        """GETs without a good answer."""
        return [one for one in self.sent if one.lost and one.ask.method == "GET"]

    @property
    def lost_posts(self) -> list[Sent]:
        """POSTs without a good answer."""
        return [one for one in self.sent if one.lost and one.ask.method == "POST"]

    @property
    def sent_twice(self) -> list[str]:
        """Ids that came more than once to any container."""
        return [name for name, times in self.recorded.items() if times > 1]

    @property
    def vanished(self) -> list[str]:
        """Ids of POSTs that were answered well and never came to a container."""
        return [
            name
            for one in self.sent
            if one.ask.method == "POST" and not one.lost and (name := id_of(one)) not in self.recorded
        ]

    def nothing_lost(self) -> None:
        """Assert that no request of any method was lost, sent twice or imagined."""
        self.posts_are_exact()
        assert not self.lost_gets, causes(self.lost_gets)
        assert not self.lost_posts, causes(self.lost_posts)

    def posts_are_exact(self) -> None:
        """Assert that no POST was sent twice or imagined."""
        assert len(self.sent) > 100
        assert self.sent_twice == []
        assert self.vanished == []

    def __repr__(self) -> str:
        """For a person, who would not read thousands of requests."""
        return (
            f"{len(self.sent)} requests, lost {len(self.lost_gets)} GET and {len(self.lost_posts)} POST, "
            f"longest gap {longest_gap(self.sent) * 1000:.0f} ms, p99 {percentile(self.sent, 0.99) * 1000:.0f} ms, "
            f"longest {percentile(self.sent, 1) * 1000:.0f} ms; "
            f"{dict(causes(self.sent).most_common(3))}"
        )


def id_of(sent: Sent) -> str:
    """The id that a POST carried."""
    return sent.ask.target.rpartition("=")[2]


def mixed(run: str, get: str = THING, post: str = "/api/note") -> Callable[[int], Ask]:
    """80 % GET and 20 % POST with ids; a third of each over connections of their own."""

    def plan(number: int) -> Ask:
        fresh = number % 3 == 0
        if number % 5 == 0:
            return Ask("POST", f"{post}?id={run}-{number}", b'{"a": "note"}', fresh)
        return Ask("GET", get, fresh=fresh)

    return plan


@dataclass
class Trial:
    """A running service with the backend of the tests."""

    service: RunningService
    record: Path
    orders: Path

    @contextmanager
    def traffic(
        self, rate: float = RATE, plan_of: Callable[[str], Callable[[int], Ask]] = mixed, warm: float = WARM
    ) -> Iterator[Account]:
        """Traffic while the block runs, and what became of it, which is complete after the block."""
        run = uuid.uuid4().hex[:8]
        account = Account([], Counter())
        with Prober(self.service.lb_port, rate, plan_of(run)) as prober:
            time.sleep(warm)
            yield account
            time.sleep(1)  # so that what happened last has its consequences within the account
        account.sent = prober.sent
        account.recorded = Counter(name for name in self.recorded_ids() if name.startswith(run))
        print(f"  {account}")

    def recorded_ids(self) -> list[str]:
        """The ids of all POSTs that any container has got."""
        return [line.split()[0] for line in self.record.read_text().splitlines()] if self.record.exists() else []

    def port(self, number: int) -> int:
        """The port of a container."""
        return self.service.first_port + number - 1

    def direct(self, method: str, port: int, path: str) -> requests.Response:
        """A request straight to a container."""
        return requests.request(method, f"http://127.0.0.1:{port}{path}", timeout=5)

    def generation(self, port: int) -> str:
        """Names the container that is on a port now; empty when there is none."""
        with self.service.redis() as client:
            return str(client.hget(f"acts:container:{port}", "generation") or "")

    def in_ring(self, port: int) -> bool:
        """Whether a port receives traffic."""
        return str(port) in self.service.ring()

    def fault(self, port: int, strike: Callable[[], object], healed_within: float = 20.0) -> None:
        """Let something happen to a container; wait until it has left the ring and another has joined on its port."""
        before, began = self.generation(port), time.monotonic()
        strike()
        eventually(lambda: not self.in_ring(port), healed_within, every=0.005)
        left = time.monotonic() - began
        eventually(lambda: self.in_ring(port) and self.generation(port) != before, healed_within, every=0.005)
        healed = time.monotonic() - began
        print(f"  {port}: out of the ring after {left:.2f} s, healthy on the same port after {healed:.2f} s")

    def pids(self, title: str) -> list[int]:
        """The pids of a part, by what ps shows."""
        return [pid for pid, shown in self.service.titles().items() if shown.startswith(title)]

    def events(self, *kinds: Kind, since: float = 0.0) -> list[Event]:
        """The events of these kinds (all without any) since a time, oldest first."""
        with self.service.redis() as client:
            all_of_them = events.last(client, "acts", 10_000)
        return [event for event in all_of_them if event.at >= since and (not kinds or event.kind in kinds)]

    def logs(self, name: str) -> str:
        """What a part has written."""
        return (self.service.state_dir / "logs" / f"{name}.log").read_text()

    def says(self, *words: str) -> tuple[int, str]:
        """The exit status of a command, and everything that it says."""
        command = [SELFIELESS, *words]
        done = subprocess.run(
            command, env=self.service.environment, capture_output=True, text=True, check=False, timeout=30
        )
        return done.returncode, done.stdout + done.stderr

    @property
    def settings(self) -> ServiceSettings:
        """What every part is told."""
        return ServiceSettings(first_port=self.service.first_port)

    def snapshot(self) -> Snapshot:
        """How the service is now."""
        with self.service.redis() as client:
            return snapshot.read(client, self.settings)

    def troubles(self) -> list[str]:
        """What is wrong with the parts, in sentences."""
        return self.snapshot().troubles

    def rows(self) -> list[Row]:
        """The containers as `status` shows them."""
        return list(self.snapshot().rows)

    def scale(self, number: int | None) -> None:
        """Fix the number of containers, or let requests decide (None), without the seconds that a command takes."""
        with self.service.redis() as client:
            override.set_number(client, self.settings, number, "trial")

    def settled(self, number: int, within: float = 20.0) -> None:
        """Wait until exactly the containers 1 to `number` exist, and all serve."""
        ports = [str(self.port(each)) for each in range(1, number + 1)]

        def is_so() -> bool:
            with self.service.redis() as client:
                return sorted(self.service.ring()) == ports == client.zrange("acts:containers", 0, -1)

        eventually(is_so, within)

    def no_leftovers(self) -> None:
        """Assert that whoever listens on a container's port is the one that the table knows there."""
        with self.service.redis() as client:
            known = {self.service.pid_on(int(port)) for port in client.zrange("acts:containers", 0, -1)}
        eventually(lambda: self.listeners() == known and self.backends() == known, 10)

    def listeners(self) -> set[int]:
        """The pids of those who listen on any port that a container may have."""
        ports = range(self.service.first_port, self.service.first_port + 10)
        found = psutil.net_connections("tcp")
        return {one.pid or 0 for one in found if one.status == psutil.CONN_LISTEN and one.laddr[1] in ports}

    def backends(self) -> set[int]:
        """The pids of all containers of this service, whoever their parent is now."""
        mine = str(self.service.first_port)
        return {
            process.pid
            for process in psutil.process_iter()
            if str(BACKEND) in command_of(process) and variable_of(process, "FIRST_PORT") == mine
        }


def command_of(process: psutil.Process) -> list[str]:
    """Its command line; nothing for one that is gone."""
    try:
        return process.cmdline()
    except psutil.Error:
        return []


def variable_of(process: psutil.Process, name: str) -> str:
    """A variable that it was started with."""
    try:
        return process.environ().get(name, "")
    except psutil.Error:
        return ""


def kill(pid: int) -> None:
    """KILL, whether it is still there or not."""
    send(pid, signal.SIGKILL)


def send(pid: int, number: signal.Signals) -> None:
    """A signal to a process that may be gone already."""
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        return


@contextmanager
def stopped(pid: int) -> Iterator[None]:
    """A process that hangs while the block runs."""
    send(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        send(pid, signal.SIGCONT)


@contextmanager
def trial(folder: Path, **variables: str) -> Iterator[Trial]:
    """Start a service with the backend of the tests, two proxy workers and a short window."""
    record, orders = folder / "record", folder / "orders"
    orders.mkdir()
    told = {
        "SERVICE_COMMAND": f"{sys.executable} {BACKEND}",
        "RECORD": str(record),
        "ORDERS": str(orders),
        "LB_WORKERS": "2",
        "MAX_IN_FLIGHT": "5000",  # a machine that stands still for seconds breaks no promise: test_overload has its own
        "WINDOW_SECONDS": "6",
        "STABILIZATION_SECONDS": "2",
    }
    with running_service(**told | variables) as service:
        yield Trial(service, record, orders)


def server_pid(url: str) -> int:
    """The pid of the Redis at a URL."""
    with redis.Redis.from_url(url, decode_responses=True) as client:
        return int(client.info("server")["process_id"])  # type: ignore[index]
