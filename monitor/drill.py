"""A fault on purpose, against the running service, and an account of what people would have noticed.

    crash   the container answers 500 from now on (its own `_crash`)
    kill    KILL to everything in the container
    hang    the container stands still and keeps its port (SIGSTOP, or `docker pause`)
    slow    it stands still for four tenths of every half second: late, but it answers its probes, so it must stay
    redis   the state Redis stands still for some seconds
    store   the acts store stands still for some seconds

A gentle prober of its own asks all the while; nothing that it sends is counted for scaling. Whatever the end is, an
exception included, what was stopped is resumed. A drill is told as an event at its beginning and at its end.
"""

import os
import signal
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from enum import StrEnum
from ipaddress import ip_address
from urllib.parse import urlsplit

import psutil
import redis
import requests

from deploy.container import Container
from deploy.container_state import State
from deploy.container_table import ContainerTable
from deploy.runtime.base import Runtime, RuntimeTrouble
from lb.events import Event, Kind, queue_event
from lb.redis_client import connect
from lb.redis_url import without_secrets
from lb.settings import ServiceSettings
from monitor import snapshot
from monitor.prober import Ask, Prober, Sent, longest_gap

RATE = 20.0  # requests a second: seen by nobody else, and a gap of a tenth of a second still shows
CALM = 1.0  # seconds of requests before the fault and after the recovery
LIMIT = 40.0  # seconds to wait for the recovery; a container may take 30 to boot
LOOK_SECONDS = 0.02
PATIENCE = 4.0  # seconds that people wait for a store that is away; told to come again later, none of them is lost
STILL, GOES = 0.4, 0.1  # seconds in turn of a slow container: its probes have 0.8
NOT_YOURS = "this account may not do that to the service's processes: use the one that runs them"


class Fault(StrEnum):
    """What can be brought about."""

    CRASH = "crash"
    KILL = "kill"
    HANG = "hang"
    SLOW = "slow"
    REDIS = "redis"
    STORE = "store"


OF_A_CONTAINER = frozenset({Fault.CRASH, Fault.KILL, Fault.HANG, Fault.SLOW})
HEALED = frozenset({Fault.CRASH, Fault.KILL, Fault.HANG})  # another container takes its place


class CannotDrill(Exception):
    """The fault cannot be brought about here; the message is one sentence."""


@dataclass(frozen=True)
class Site:
    """The running service, as a drill reaches it."""

    client: redis.Redis
    service: ServiceSettings
    runtime: Runtime
    lb_port: int
    store_url: str = ""  # of the acts store; empty: not known
    crash_token: str = ""


@dataclass(frozen=True)
class Report:
    """What came of it. Times are seconds; `left` is when it was out of the ring, None if it stayed."""

    fault: str
    port: int | None
    sent: int
    lost: int
    put_off: int  # 503 with Retry-After; lost as well, unless that is what is promised
    longest_gap: float
    left: float | None
    recovered: float | None  # None: not within the limit
    passed: bool
    reason: str


@dataclass
class Watch:
    """Follows the fault's victim, or the whole site. Times are monotonic."""

    site: Site
    victim: Container | None
    generations: dict[int, int]
    began: float = 0.0
    left: float | None = None
    recovered: float | None = None

    def look(self) -> bool:
        """Look once; whether all is well again."""
        try:
            well = self._well()
        except redis.RedisError:
            return False
        now = time.monotonic() - self.began
        if self.victim and self.left is None and not self._same_in_ring():
            self.left = now
        if well and self.recovered is None:
            self.recovered = now
        return well

    def stayed(self) -> bool:
        """Whether the victim is the container that it was, in the ring."""
        return self._same_in_ring()

    def replaced(self) -> list[int]:
        """The ports whose containers are others than before, or are gone."""
        now = generations_of(self.site)
        return [port for port, generation in self.generations.items() if now.get(port) != generation]

    def _now(self) -> Container | None:
        assert self.victim is not None
        return ContainerTable(self.site.client, self.site.service).get(self.victim.port)

    def _same_in_ring(self) -> bool:
        now = self._now()
        same = self.victim is not None and now is not None and now.generation == self.victim.generation
        return bool(same and now and now.status)

    def _well(self) -> bool:
        if self.victim is None:
            return not snapshot.read(self.site.client, self.site.service).troubles
        now = self._now()
        return now is not None and now.status and now.generation != self.victim.generation


def drill(  # noqa: PLR0913 - one for each thing that a person may say
    site: Site, fault: Fault, port: int | None, who: str, *, seconds: float = 5.0, tell: Callable[[str], None]
) -> Report:
    """Bring the fault about, wait for the recovery, restore. `seconds`: how long what is not healed by another lasts.

    `tell` hears how it goes, in sentences. Raises CannotDrill where it cannot be done, redis.RedisError.
    """
    victim = victim_of(site, port) if fault in OF_A_CONTAINER else None
    watch = Watch(site, victim, generations_of(site))
    strike = STRIKES[fault]
    with Prober(site.lb_port, RATE, plan_of(site, fault)) as prober:
        tell("requests come in; nothing has happened yet")
        time.sleep(CALM)
        with told(site, victim, fault, who):
            watch.began = time.monotonic()
            with strike(site, victim):
                pass_time(fault, watch, prober, seconds, tell)
            if fault not in HEALED:
                wait_until(watch.look if fault is not Fault.SLOW else watch.stayed, CALM if victim else LIMIT)
            time.sleep(CALM)
    report = judged(fault, watch, prober.sent, seconds)
    note(site, victim, f"{fault} {'passed' if report.passed else 'failed'}: {report.reason}", who)
    return report


@contextmanager
def told(site: Site, victim: Container | None, fault: Fault, who: str) -> Iterator[None]:
    """The event of the beginning; and that of the end, where no report will tell it."""
    note(site, victim, f"{fault} begins", who)
    try:
        yield
    except CannotDrill as error:
        note(site, victim, f"{fault} could not be done: {error}", who)
        raise
    except PermissionError as error:
        note(site, victim, f"{fault} could not be done: {NOT_YOURS}", who)
        raise CannotDrill(NOT_YOURS) from error
    except BaseException as error:
        cause = str(error) if isinstance(error, RuntimeTrouble) else type(error).__name__
        with suppress(redis.RedisError):  # it may be what has ended the drill
            note(site, victim, f"{fault} was broken off ({cause})", who)
        raise


def pass_time(fault: Fault, watch: Watch, prober: Prober, seconds: float, tell: Callable[[str], None]) -> None:
    """While the fault lasts: until another container serves, or for some seconds."""

    def look() -> bool:
        sent = prober.sent
        tell(f"{fault}: {len(sent)} requests answered, {sum(one.lost for one in sent)} lost")
        return watch.look() if watch.victim else False

    wait_until(look if fault in HEALED else lambda: look() and False, LIMIT if fault in HEALED else seconds)


def wait_until(fact: Callable[[], bool], within: float) -> bool:
    """Ask until it is so, for so many seconds at the most; whether it came to be."""
    deadline = time.monotonic() + within
    while not (so := fact()) and time.monotonic() < deadline:
        time.sleep(LOOK_SECONDS)
    return so


def lost_of(fault: Fault, sent: Sequence[Sent], seconds: float) -> list[Sent]:
    """Whom the promises were broken to. For a store that is away longer than people wait, 503 is what is promised."""
    is_promised = fault is Fault.STORE and seconds >= PATIENCE
    return [one for one in sent if one.lost and not (is_promised and one.put_off)]


def judged(fault: Fault, watch: Watch, sent: Sequence[Sent], seconds: float) -> Report:
    """The report on a fault that lasted for so long, where its end was not up to others."""
    lost, put_off = lost_of(fault, sent, seconds), sum(one.put_off for one in sent)
    recovered = watch.recovered
    if fault is Fault.SLOW:
        recovered = 0.0 if watch.left is None else None
    reasons = {
        f"{len(lost)} of {len(sent)} requests were lost": bool(lost),
        "it was taken for sick, though it answered its probes": fault is Fault.SLOW and recovered is None,
        f"it had not recovered after {LIMIT:.0f} s": fault is not Fault.SLOW and recovered is None,
    }
    if watch.victim is None and recovered is not None and (replaced := watch.replaced()):
        reasons[f"containers were replaced, which did not help: {', '.join(map(str, replaced))}"] = True
    failed = [reason for reason, is_so in reasons.items() if is_so]
    return Report(
        fault=str(fault),
        port=watch.victim.port if watch.victim else None,
        sent=len(sent),
        lost=len(lost),
        put_off=put_off,
        longest_gap=round(longest_gap(sent), 3),
        left=None if watch.left is None else round(watch.left, 3),
        recovered=None if recovered is None else round(recovered, 3),
        passed=not failed,
        reason="; ".join(failed)
        or f"none of {len(sent)} requests was lost"
        + f"; told to come again, since the store was away for {PATIENCE:g} s or more: {put_off}" * bool(put_off),
    )


def victim_of(site: Site, port: int | None) -> Container:
    """The container on the port, or the last one of the ring. Raises CannotDrill."""
    serving = [one for one in ContainerTable(site.client, site.service).all() if one.state is State.RUNNING]
    if port is None and serving:
        return serving[-1]
    for one in serving:
        if one.port == port:
            return one
    where = "in the ring" if port is None else f"on port {port} that serves"
    raise CannotDrill(f"there is no container {where}; see `selfieless status`")


def generations_of(site: Site) -> dict[int, int]:
    """Which containers there are, by port."""
    return {one.port: one.generation for one in ContainerTable(site.client, site.service).all()}


def plan_of(site: Site, fault: Fault) -> Callable[[int], Ask]:
    """What the prober asks for: the health path; the front page where the store is what is tried."""
    path = "/" if fault is Fault.STORE else site.service.health_path
    return lambda number: Ask("GET", path, fresh=number % 4 == 0)


def note(site: Site, victim: Container | None, sentence: str, who: str) -> None:
    """Tell it as an event."""
    event = Event(Kind.DRILL, victim.port if victim else None, f"drill: {sentence}", who)
    queue_event(site.client, site.service.name, event)


def beyond_loopback(site: Site) -> list[str]:
    """What of this service other machines have to do with, in words; empty when it is this machine's alone."""
    url = site.service.redis_url
    far = [] if is_near(url) else [f"the state Redis at {without_secrets(url)}"]
    containers = ContainerTable(site.client, site.service).all()
    far += [f"the container at {one.address}" for one in containers if one.address and not is_near(one.address)]
    return [*far, *(f"a client at {address}" for address in clients_from_elsewhere(site.lb_port))]


def is_near(url: str) -> bool:
    """Whether a URL or "host:port" is a unix socket or this machine's loopback."""
    parts = urlsplit(url if "://" in url else f"//{url}")
    return parts.scheme == "unix" or ("+sentinel" not in parts.scheme and is_loopback(parts.hostname or ""))


def is_loopback(host: str) -> bool:
    """Whether a host is loopback, by name or by address."""
    try:
        return host == "localhost" or ip_address(host.removeprefix("::ffff:")).is_loopback
    except ValueError:
        return False


def clients_from_elsewhere(port: int) -> list[str]:
    """The addresses of other machines that are connected to a port now."""
    found = psutil.net_connections("tcp")
    peers = {one.raddr.ip for one in found if one.laddr and one.laddr.port == port and one.raddr}
    return sorted(peer for peer in peers if not is_loopback(peer))


# The faults. Each lasts while its block runs, and is undone at its end as far as it can be.


@contextmanager
def crashed(site: Site, victim: Container | None) -> Iterator[None]:
    """The container is told to crash. Its relaunch is what undoes it."""
    assert victim is not None
    path = site.service.health_path.rpartition("/")[0] + "/_crash"
    try:
        answer = requests.post(f"http://{victim.address}{path}", headers={"X-Crash-Token": site.crash_token}, timeout=5)
    except requests.RequestException as error:
        raise CannotDrill(f"the container on port {victim.port} could not be told to crash: {error}") from error
    if not answer.ok:
        raise CannotDrill(f"the container on port {victim.port} does not crash: {path} answered {answer.status_code}")
    yield


@contextmanager
def killed(site: Site, victim: Container | None) -> Iterator[None]:
    """The container is killed. Its relaunch is what undoes it."""
    assert victim is not None
    site.runtime.kill(victim.runtime_id)
    yield


@contextmanager
def hung(site: Site, victim: Container | None) -> Iterator[None]:
    """The container stands still."""
    assert victim is not None
    try:
        site.runtime.pause(victim.runtime_id)
        yield
    finally:
        site.runtime.resume(victim.runtime_id)


@contextmanager
def slowed(site: Site, victim: Container | None) -> Iterator[None]:
    """The container stands still most of the time. Raises CannotDrill where pausing is a fault by itself."""
    assert victim is not None
    if site.runtime.name != "process":
        raise CannotDrill("slow needs RUNTIME=process: a container that is paused in an engine is replaced at once")
    end = threading.Event()
    with ThreadPoolExecutor(1) as pool:
        going = pool.submit(stand_and_go, site.runtime, victim.runtime_id, end)
        try:
            yield
        finally:
            end.set()
        going.result()


def stand_and_go(runtime: Runtime, runtime_id: str, end: threading.Event) -> None:
    """Pause and resume in turn until the end, which finds it going."""
    while not end.wait(GOES):
        try:
            runtime.pause(runtime_id)
            end.wait(STILL)
        finally:
            runtime.resume(runtime_id)


@contextmanager
def redis_still(site: Site, _: Container | None) -> Iterator[None]:
    """The state Redis stands still."""
    with still(server_pid(site.service.redis_url)):
        yield


@contextmanager
def store_still(site: Site, _: Container | None) -> Iterator[None]:
    """The acts store stands still."""
    if not site.store_url:
        raise CannotDrill("no acts store is known: set ACTS_REDIS_URL, or STATE_DIR of a running service")
    with still(server_pid(site.store_url)):
        yield


@contextmanager
def still(pid: int) -> Iterator[None]:
    """A process stands still while the block runs."""
    try:
        os.kill(pid, signal.SIGSTOP)
        yield
    finally:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGCONT)


def server_pid(url: str) -> int:
    """The pid of the Redis server at a URL. Raises CannotDrill if that is not a process of this machine."""
    if not is_near(url):
        raise CannotDrill(f"the Redis at {url} is not on this machine: it cannot be made to stand still from here")
    with connect(url, name="drill") as client:
        pid = int(dict(client.info("server"))["process_id"])
    if not psutil.pid_exists(pid) or not psutil.Process(pid).name().startswith(("redis", "valkey")):
        raise CannotDrill(f"the Redis at {url} is no process that can be seen from here")
    return pid


STRIKES = {
    Fault.CRASH: crashed,
    Fault.KILL: killed,
    Fault.HANG: hung,
    Fault.SLOW: slowed,
    Fault.REDIS: redis_still,
    Fault.STORE: store_still,
}
