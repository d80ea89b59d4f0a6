"""Everything that the operator sees at a glance, read at one time: containers, ring, requests, parts, troubles.

A few round trips, none of them for each container; what is read may be some milliseconds apart.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import redis

from autoscaler import decision_log, override
from autoscaler.decision_log import Entry
from autoscaler.override import Override
from autoscaler.policy import Policy, wanted
from deploy import disk_full, lease, rebalance, rollout, state_memory, stopped
from deploy.container import Container
from deploy.container_state import State
from deploy.container_table import ContainerTable
from deploy.daemon_beat import DAEMONS, Beat, beat_of, queue_read
from deploy.disk_full import DiskFull
from deploy.lease import Holder
from deploy.rebalance import Rebalance
from deploy.rollout import Rollout
from deploy.state_memory import StateMemory
from deploy.stopped import Marks
from lb import request_window
from lb.clock import redis_time
from lb.heartbeat import WorkerBeat, live_workers
from lb.ring import Ring, read_ring, return_port
from lb.settings import ServiceSettings
from lb.turns import next_turn
from monitor import hold
from monitor.hold import Hold


@dataclass(frozen=True)
class Row:
    """One container as it is shown."""

    container: Container
    turn: bool  # whether the next turn falls to it
    age: float  # seconds in its state
    in_flight: int  # requests that the proxy has given it and not yet seen answered


@dataclass(frozen=True)
class Snapshot:
    """The service at unix time `at`. `decision` is the autoscaler's last one, None if there is none."""

    at: float
    rows: Sequence[Row]
    ring: Ring
    turn: int  # the next one
    count: int  # requests in the window
    policy: Policy
    decision: Entry | None
    override: Override
    hold: Hold | None
    workers: Sequence[WorkerBeat]
    daemons: dict[str, Beat | None]
    standing_by: dict[str, list[Holder]] = field(default_factory=dict)  # more of a daemon's kind, that wait
    rollout: Rollout = field(default_factory=Rollout)
    rebalance: Rebalance = field(default_factory=Rebalance)
    stopped: Marks = field(default_factory=dict)  # ports that persons keep empty
    memory: StateMemory = field(default_factory=StateMemory)  # of the state Redis
    disk: DiskFull | None = None  # of the acts store, while it is full

    @property
    def wanted(self) -> int:
        """How many containers this instant's count wants."""
        return wanted(self.count, self.policy, self.at, sum(row.in_flight for row in self.rows))

    @property
    def troubles(self) -> list[str]:
        """What an operator should know, in sentences; empty when all is well."""
        return [*parts_in_trouble(self), *containers_in_trouble(self)]


def read(
    client: redis.Redis, service: ServiceSettings, policy: Policy | None = None, now: float | None = None
) -> Snapshot:
    """Read it all. `policy` is assumed where no autoscaler has written down its own. Raises redis.RedisError."""
    at = redis_time(client) if now is None else now
    containers = ContainerTable(client, service).all()
    ring, turn = read_ring(client, service.name), next_turn(client, service.name)
    workers = live_workers(client, service.name)
    decision = next(iter(decision_log.last_before(client, service.name, at)), None)
    rule = decision.policy if decision else policy or Policy(maximum=service.max_containers)
    answers = read_together(client, service.name, at, rule.window)
    count, said, held, deployed, moving, marks, full, used, *parts = answers
    beats, waiting = parts[::2], parts[1::2]
    return Snapshot(
        at=at,
        rows=rows_of(containers, workers, return_port(ring, turn), at),
        ring=ring,
        turn=turn,
        count=count,
        policy=rule,
        decision=decision,
        override=override.override_of(said),
        hold=hold.hold_of(held),
        workers=workers,
        daemons={who: beat_of(who, fields) for who, fields in zip(DAEMONS, beats, strict=True)},
        standing_by={who: lease.standing_by(names) for who, names in zip(DAEMONS, waiting, strict=True)},
        rollout=rollout.rollout_of(deployed),
        rebalance=rebalance.rebalance_of(moving),
        stopped=stopped.marks_of(marks),
        disk=disk_full.full_of(full),
        memory=state_memory.memory_of(used),
    )


def read_together(client: redis.Redis, service: str, at: float, window: float) -> list[Any]:
    """Count, the operator's word, what is held, deployed, moved, stopped and full, the daemons' beats, as answered."""
    pipe = client.pipeline(transaction=False)  # a Redis whose memory is full refuses a MULTI, also of questions alone
    request_window.count(pipe, service, at, window)
    override.queue_read(pipe, service)
    hold.queue_read(pipe, service)
    rollout.queue_read(pipe, service)
    rebalance.queue_read(pipe, service)
    stopped.queue_read(pipe, service)
    disk_full.queue_read(pipe, service)
    state_memory.queue_read(pipe)
    for who in DAEMONS:
        queue_read(pipe, service, who)
        lease.queue_read(pipe, service, who, at)
    return pipe.execute()


def rows_of(
    containers: Sequence[Container], workers: Sequence[WorkerBeat], next_port: int | None, at: float
) -> list[Row]:
    """The containers with what others say about them."""
    in_flight: Counter[int] = Counter()
    for worker in workers:
        in_flight.update(worker.in_flight)
    return [Row(one, one.port == next_port, max(0.0, at - one.since), in_flight[one.port]) for one in containers]


def parts_in_trouble(snapshot: Snapshot) -> list[str]:
    """What is wrong with the parts of the service."""
    found = [snapshot.memory.trouble] if snapshot.memory.is_full else []  # the cause of what follows
    found += [] if snapshot.workers else ["no proxy worker is alive"]
    degraded = sum(worker.degraded for worker in snapshot.workers)
    if degraded:
        found.append(f"{degraded} of {len(snapshot.workers)} proxy workers cannot use Redis")
    for who, beat in snapshot.daemons.items():
        if beat is None:
            found.append(f"{name_of(who)} shows no sign of life")
        elif beat.trouble and not (snapshot.hold and beat.trouble == snapshot.hold.reason):
            found.append(f"{name_of(who)}: {beat.trouble}")
    if snapshot.hold:
        found.append(f"held for {snapshot.at - snapshot.hold.since:.0f} s: {snapshot.hold.reason}")
    if snapshot.disk:
        found.append(f"for {snapshot.at - snapshot.disk.since:.0f} s: {snapshot.disk.reason}")
    return found


def name_of(who: str) -> str:
    """A daemon's name as a person reads it."""
    return "the deploy worker" if who == "deploy" else f"the {who}"


def containers_in_trouble(snapshot: Snapshot) -> list[str]:
    """What is wrong with the containers."""
    found = [] if snapshot.ring.members else ["no container is in the ring: requests wait, then get 503"]
    ill = (State.SICK, State.FAILED)
    rows = (row.container for row in snapshot.rows if row.container.state in ill)
    return [*found, *(f"{one.port} is {one.state}: {one.reason}" for one in rows)]
