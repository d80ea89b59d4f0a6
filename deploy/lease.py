"""Who of several of a kind is at work: one monitor, one autoscaler, one deploy worker; others stand by.

    NAME:lease:WHO     string, 5 s to live   the one at work, as "host pid-namespace@boot pid start"   written by it
    NAME:standby:WHO   sorted set            such a name → unix time                              written by it

A second one does no harm without this either: whatever is ordered is a compare-and-set move in the table, and that is
the fence; one that was at work, slept and wakes up loses every race. But two would probe, count and write everything
twice, and nobody would be told. Who stands by asks once a second and takes over when the lease is over; at once when
the other one ran on this machine and is gone, or has given the lease back. Nobody waits while Redis is away: the tick
itself knows what to do then.
"""

import logging
import os
import socket
import threading
import time
import uuid
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Self, cast

import redis
from redis.client import Pipeline

from deploy.runtime import processes
from lb.clock import redis_time
from lb.events import Event, Kind, queue_event

SECONDS = 5  # as long as a beat lives
ASK_SECONDS = 1.0  # between two renewals, or two looks of one who stands by

# KEYS 1 the lease. ARGV 1 who asks, 2 its length in ms, 3 who may be dispossessed (is known to be dead; "": nobody).
# Answer: who has it now.
TAKE_LUA = """
local holder = redis.call('GET', KEYS[1])
if holder and holder ~= ARGV[1] and holder ~= ARGV[3] then return holder end
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
return ARGV[1]
"""
# KEYS 1 the lease. ARGV 1 who gives it back. A lease of somebody else stays.
GIVE_BACK_LUA = "if redis.call('GET', KEYS[1]) == ARGV[1] then redis.call('DEL', KEYS[1]) end"

BOOT_ID = Path("/proc/sys/kernel/random/boot_id")  # random, made by the kernel at each boot of a machine

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Holder:
    """A process, by a name that no other one has, on any machine and in any container."""

    host: str
    namespace: str  # of pids, which mean something only inside; as `pid_namespace` names it
    pid: int
    start_ticks: int

    @classmethod
    def self(cls) -> Self:
        """This very process."""
        own = processes.stat(os.getpid())
        return cls(socket.gethostname(), pid_namespace(), os.getpid(), own.start_ticks if own else 0)

    def __str__(self) -> str:
        """As Redis holds it."""
        return f"{self.host} {self.namespace} {self.pid} {self.start_ticks}"

    @property
    def words(self) -> str:
        """For a person."""
        return f"pid {self.pid} on {self.host}"

    def is_gone(self, seen_by: "Holder") -> bool:
        """Whether it is known to be dead; elsewhere than on this machine that cannot be known."""
        near = (self.host, self.namespace) == (seen_by.host, seen_by.namespace)
        return near and not processes.lives(self.pid, self.start_ticks)


def pid_namespace(boot_id: Path = BOOT_ID) -> str:
    """This process' namespace of pids, by a name that no other one has, on any machine.

    Linux numbers namespaces: the first one has the same number on every machine, and machines may share a host name,
    as clones do. So the id of the kernel's boot goes with it. Where that cannot be read the name is one that is used
    only now: of what is not known to be this machine, no process is known to be dead.
    """
    try:
        boot = boot_id.read_text().strip()
    except OSError:
        boot = ""
    return f"{Path('/proc/self/ns/pid').readlink()}@{boot or uuid.uuid4()}"


def holder_of(text: str) -> Holder:
    """The reverse of a holder's text."""
    host, namespace, pid, start_ticks = text.split(" ")
    return Holder(host, namespace, int(pid), int(start_ticks))


def lease_key(service: str, who: str) -> str:
    """Key of the lease."""
    return f"{service}:lease:{who}"


def standby_key(service: str, who: str) -> str:
    """Key of those who stand by."""
    return f"{service}:standby:{who}"


class Lease:
    """One process' share in the lease of its kind. Any thread may ask. `me` is another one in tests alone."""

    def __init__(
        self,
        client: redis.Redis,
        service: str,
        who: str,
        *,
        me: Holder | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._redis = client
        self._service = service
        self._who = who
        self._me = me or Holder.self()
        self._clock = clock
        self._lock = threading.Lock()
        self._asked_at = float("-inf")
        self._other: Holder | None = None  # who is at work instead of us

    @property
    def stands_by(self) -> bool:
        """Whether another one is known to be at work."""
        return self._other is not None

    def guard(self, tick: Callable[[float], object]) -> Callable[[float], object]:
        """The tick, for as long as it is ours to do."""
        return lambda now: tick(now) if self.may_work(now) else None

    def may_work(self, now: float) -> bool:
        """Whether the work is ours at unix time `now`; while Redis is away, as it was."""
        with self._lock:
            if self._clock() >= self._asked_at + ASK_SECONDS:
                try:
                    self._ask(now)
                except redis.RedisError:
                    return not self.stands_by
                self._asked_at = self._clock()
            return not self.stands_by

    def give_back(self) -> None:
        """We end: who stands by may begin at once."""
        with suppress(redis.RedisError):
            self._redis.eval(GIVE_BACK_LUA, 1, lease_key(self._service, self._who), str(self._me))
            self._redis.zrem(standby_key(self._service, self._who), str(self._me))

    def _ask(self, now: float) -> None:
        holder = self._take(None)
        if holder.is_gone(self._me):
            holder = self._take(holder)
        if holder == self._me:
            self._take_over()
        else:
            self._stand_by(holder, now)

    def _take(self, dead: Holder | None) -> Holder:
        arguments = [str(self._me), str(SECONDS * 1000), str(dead or "")]
        return holder_of(cast(str, self._redis.eval(TAKE_LUA, 1, lease_key(self._service, self._who), *arguments)))

    def _take_over(self) -> None:
        if self._other is None:
            return
        self._redis.zrem(standby_key(self._service, self._who), str(self._me))
        self._tell(f"{self._me.words} has taken over from {self._other.words}")
        self._other = None

    def _stand_by(self, holder: Holder, now: float) -> None:
        pipe = self._redis.pipeline(transaction=True)
        pipe.zadd(standby_key(self._service, self._who), {str(self._me): now})
        pipe.zremrangebyscore(standby_key(self._service, self._who), "-inf", now - SECONDS)
        pipe.execute()
        if holder != self._other:
            self._tell(f"{self._me.words} stands by: {holder.words} is at work")
        self._other = holder

    def _tell(self, told: str) -> None:
        log.warning("%s", told)
        queue_event(self._redis, self._service, Event(Kind.STANDBY, None, f"{self._who}: {told}", self._who))


def queue_read(pipe: Pipeline, service: str, who: str, now: float) -> None:
    """Queue the question who stands by at unix time `now`; `standing_by` understands the answer."""
    pipe.zrangebyscore(standby_key(service, who), now - SECONDS, "+inf")


def standing_by(answer: list[str]) -> list[Holder]:
    """Who stands by."""
    return [holder_of(text) for text in answer]


def read_standing_by(client: redis.Redis, service: str, who: str) -> list[Holder]:
    """Who stands by now. Raises redis.RedisError."""
    pipe = client.pipeline(transaction=False)
    queue_read(pipe, service, who, redis_time(client))
    return standing_by(pipe.execute()[0])
