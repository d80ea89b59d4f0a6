"""One poll of the monitor: ask every RUNNING container how it is, and have the sick ones relaunched.

The order to relaunch takes the container out of the ring in the same step that notes it as sick. A container that
says by itself that it is sick is ordered out the moment it says so; where the others matter for the verdict, the
round is heard to its end.

While something is held and nothing is RUNNING, those that are up all the same are asked whether the cause is gone; they
are not judged.
"""

import logging
from collections.abc import Callable, Collection, Iterable
from typing import Protocol

import redis

from autoscaler.outage import Outage
from deploy.container import Container
from deploy.container_state import State
from deploy.container_table import ContainerTable
from deploy.daemon_beat import own_beat, queue_beat
from lb.events import queue_event
from lb.settings import ServiceSettings
from monitor import hold
from monitor.probe import Probe
from monitor.relaunch import WHO, Orders, relaunch
from monitor.verdict import (
    History,
    Judgement,
    Policy,
    is_over,
    is_sure,
    judge,
    judge_round,
    next_histories,
    says_something,
)

HEALING = frozenset({State.SICK, State.STARTING})
UP = frozenset({State.STARTING, State.DRAINING})  # not RUNNING, and yet they may answer

log = logging.getLogger(__name__)


class Asker(Protocol):
    """Who asks containers how they are; `probes.Probes` does."""

    def ask(self, containers: Collection[Container]) -> Iterable[tuple[Container, Probe]]:
        """Probe them all at once and give each answer when it is there."""


class Poller:
    """Polls for one service. `client` is its state Redis; `trouble` tells what else its process has to say, if any."""

    def __init__(  # noqa: PLR0913 - its seams, all named
        self,
        client: redis.Redis,
        service: ServiceSettings,
        table: ContainerTable,
        orders: Orders,
        probes: Asker,
        *,
        trouble: Callable[[], str] = str,
    ) -> None:
        self._redis = client
        self._service = service
        self._table = table
        self._orders = orders
        self._probes = probes
        self._trouble = trouble
        self._policy = Policy()
        self._histories: dict[tuple[int, int], History] = {}  # by port and generation
        self._held = True  # until a round has shown otherwise: the monitor before us may have died while it held
        self._started = 0.0  # unix time of the first sign of life
        self._outage = Outage(WHO, "nothing is relaunched")

    def timer(self, now: float) -> None:
        """One poll at unix time `now`. Redis away: nothing is done, which is said once."""
        try:
            held = self._poll(self._table.all(), now)
            self._show_life(now, held)
        except redis.RedisError as error:
            self._outage.struck(now, error)

    def _poll(self, containers: list[Container], now: float) -> str:
        """Ask, judge, act; answers why something is held, empty when nothing is."""
        running = {container.port: container for container in containers if container.status}
        if not running:
            return self._say_held(self._held_over_nobody(containers), now)
        judgements = self._judge_each(list(running.values()))
        healing = any(container.state in HEALING for container in containers)
        after = judge_round(judgements, healing, self._policy)
        held = self._say_held(after.held if says_something(judgements) else self._held_before(), now)
        for port, reason in after.sick.items():
            relaunch(self._table, self._orders, running[port], reason)
        histories = next_histories(judgements)
        self._histories = {(port, running[port].generation): history for port, history in histories.items()}
        return held

    def _held_before(self) -> str:
        before = hold.read(self._redis, self._service.name)
        return before.reason if before else ""

    def _held_over_nobody(self, containers: Collection[Container]) -> str:
        """Why something is held still though nothing is RUNNING; whoever is up all the same is asked."""
        before = self._held_before()
        if not before:
            return ""
        up = [container for container in containers if container.state in UP and container.address]
        judgements = {
            container.port: judge(History(), probe, self._policy) for container, probe in self._probes.ask(up)
        }
        awaited = any(container.state in HEALING or container.successor for container in containers)
        return "" if is_over(judgements, awaited) else before

    def _judge_each(self, running: Collection[Container]) -> dict[int, Judgement]:
        judgements = {}
        for container, probe in self._probes.ask(running):
            history = self._histories.get((container.port, container.generation), History())
            judgement = judgements[container.port] = judge(history, probe, self._policy)
            if is_sure(judgement) and not self._held:
                relaunch(self._table, self._orders, container, judgement.reason)
        return judgements

    def _say_held(self, reason: str, now: float) -> str:
        if reason and hold.begin(self._redis, self._service.name, reason, WHO, now):
            log.warning("holding: %s", reason)
        # Asked each time: another monitor, that held and has died since, may have begun it.
        if not reason and hold.end(self._redis, self._service.name, WHO, now):
            log.info("holding no longer")
        self._held = bool(reason)
        return reason

    def _show_life(self, now: float, held: str) -> None:
        self._started = self._started or now
        pipe = self._redis.pipeline(transaction=True)
        queue_beat(pipe, self._service.name, own_beat(WHO, self._started, now, held or self._trouble()))
        if told := self._outage.recovery(now):
            queue_event(pipe, self._service.name, told)
        pipe.execute()
        self._outage.over()
