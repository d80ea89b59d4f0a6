"""Whether the parts of the service itself are well: by the age of what each of them last said."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from deploy.daemon_beat import TTL_SECONDS, Beat
from lb.heartbeat import WorkerBeat
from monitor.snapshot import Snapshot

STATE_REDIS, ACTS_REDIS = "state Redis", "acts Redis"
STALE_SECONDS = 3.0  # they beat once a second; two missed beats may be a busy machine
NAMES = {"monitor": "monitor", "autoscaler": "autoscaler", "deploy": "deploy worker"}


class Health(StrEnum):
    """How a part is."""

    WELL = "well"
    DEGRADED = "degraded"  # it works, without something it should have
    STALE = "stale"  # it has not been heard for too long
    GONE = "gone"


@dataclass(frozen=True)
class Part:
    """One part; `age` is seconds since it was heard, None if it never was. `said` is one sentence, or empty."""

    name: str
    health: Health
    age: float | None = None
    said: str = ""


def by_age(age: float) -> Health:
    """How a part is that beats once a second."""
    if age > TTL_SECONDS:
        return Health.GONE
    return Health.STALE if age > STALE_SECONDS else Health.WELL


@dataclass(frozen=True)
class Pulse:
    """What a Redis server answered to a PING: how many seconds that took, or what was wrong."""

    at: float
    seconds: float | None = None
    problem: str = ""


class Memory:
    """Remembers who was heard when, so that who is gone can be named. One for each reader."""

    def __init__(self) -> None:
        self._beats: dict[str, Beat] = {}
        self._workers: dict[str, WorkerBeat] = {}

    def parts(self, snapshot: Snapshot, known: Mapping[str, float]) -> list[Part]:
        """Everybody who beats. `known` are the ids of the proxy workers, with the unix time of the last beat."""
        self._beats |= {who: beat for who, beat in snapshot.daemons.items() if beat}
        self._workers |= {beat.id: beat for beat in snapshot.workers}
        self._workers = {one: beat for one, beat in self._workers.items() if one in known}
        daemons = [daemon(who, name, self._beats.get(who), snapshot) for who, name in NAMES.items()]
        return [*workers(self._workers.values(), snapshot), *daemons]


def workers(beats: Iterable[WorkerBeat], snapshot: Snapshot) -> list[Part]:
    """The proxy workers, the oldest first; one part that is gone when there are none."""
    live = {beat.id for beat in snapshot.workers}
    ordered = sorted(beats, key=lambda beat: beat.started)
    alone = len({beat.host for beat in ordered}) < 2
    parts = [worker(beat, beat.id in live, alone, snapshot.at) for beat in ordered]
    return parts or [Part("proxy workers", Health.GONE, said="none is alive")]


def worker(beat: WorkerBeat, live: bool, alone: bool, at: float) -> Part:
    """One proxy worker; `alone`: all are on one machine, whose name says nothing."""
    name = f"proxy worker {beat.pid}" if alone else f"proxy worker {beat.pid} on {beat.host}"
    age = max(0.0, at - beat.beat)
    if not live:
        return Part(name, Health.GONE, age, "no sign of life")
    if beat.degraded:
        return Part(name, Health.DEGRADED, age, "works without the state Redis")
    return Part(name, by_age(age), age)


def daemon(who: str, name: str, beat: Beat | None, snapshot: Snapshot) -> Part:
    """The monitor, the autoscaler or the deploy worker, by its last beat."""
    if beat is None:
        return Part(name, Health.GONE, said="no sign of life")
    age = max(0.0, snapshot.at - beat.beat)
    if snapshot.daemons[who] is None:
        return Part(name, Health.GONE, age, "no sign of life")
    health = by_age(age)
    others = len(snapshot.standing_by.get(who, ()))
    said = beat.trouble or (f"{others} on standby" if others else "")
    return Part(name, Health.DEGRADED if beat.trouble and health is Health.WELL else health, age, said)


def server(name: str, pulse: Pulse | None, at: float) -> Part:
    """A Redis server, by its last answer."""
    if pulse is None:
        return Part(name, Health.STALE, said="not asked yet")
    if pulse.seconds is None:
        return Part(name, Health.GONE, said=pulse.problem)
    return Part(name, Health.WELL, max(0.0, at - pulse.at), f"took {pulse.seconds * 1000:.1f} ms")


def worst(parts: Sequence[Part]) -> Health:
    """How the worst of them is."""
    return max((part.health for part in parts), key=list(Health).index, default=Health.WELL)
