"""One iteration of the autoscaler: count, decide, write it down, order.

The scaler keeps nothing that matters between two ticks; what the rule remembers is in Redis. Orders are
compare-and-set and a plan is made from the table as it stands, so that a tick that is cut short is made up for by the
next one, and two autoscalers that were started by mistake order everything once.
"""

import logging
from collections.abc import Mapping, Set
from dataclasses import dataclass
from typing import Protocol

import redis

from autoscaler import compared, decision_log, memory, override
from autoscaler.brakes import Changes
from autoscaler.by_hand import changed_marks, states_for_plan
from autoscaler.keepsake import Keepsake
from autoscaler.outage import Outage
from autoscaler.plan import Order, Plan, Step, plan, staying
from autoscaler.policy import Decision, History, Measured, Policy, Rule, decide, sentence
from autoscaler.shadow import ShadowPolicy
from deploy import stopped
from deploy.container_state import State
from deploy.container_table import ContainerTable
from deploy.daemon_beat import own_beat, queue_beat
from deploy.stopped import Marks, Stopped
from lb import request_window
from lb.events import Event, Kind, queue_event
from lb.heartbeat import live_workers
from lb.settings import ServiceSettings

WHO = "autoscaler"

log = logging.getLogger(__name__)


class Orders(Protocol):
    """Who takes orders on containers, by port; each answers whether this caller won. `deploy.orders.Orders` does."""

    def launch(self, port: int, reason: str, by: str) -> bool:
        """Let there be a container."""

    def stop(self, port: int, reason: str, by: str) -> bool:
        """Let the container drain and end."""

    def take_back(self, port: int, reason: str, by: str) -> bool:
        """Let a draining container go on."""


@dataclass(frozen=True)
class Sight:
    """What a tick reads: the measurement, the containers, and what the rule remembers.

    `compared`: the table is known to hold what really runs.
    """

    measured: Measured
    states: Mapping[int, State]
    history: History
    changes: Changes
    compared: bool
    by_hand: Marks  # the ports that persons keep empty
    parked: Set[int]  # those of them on which a drained container is up


class Scaler:
    """Ticks for one service. `client` is its state Redis; the `shadow` policy is decided too, and never acted on."""

    def __init__(  # noqa: PLR0913 - each is a seam
        self,
        client: redis.Redis,
        service: ServiceSettings,
        policy: Policy,
        table: ContainerTable,
        orders: Orders,
        *,
        shadow: ShadowPolicy | None = None,
    ) -> None:
        self._redis = client
        self._service = service
        self._policy = policy
        self._shadow = shadow
        self._policies = [policy, *([shadow.policy] if shadow else [])]
        self._table = table
        self._orders = orders
        self._started = 0.0  # unix time of the first sign of life
        self._outage = Outage(WHO, "nothing is scaled")
        self._keepsake = Keepsake(client, service.name, WHO)

    def tick(self, now: float) -> Decision | None:
        """Look, decide and order at unix time `now`. None when Redis did not answer: then everything stays as it is."""
        try:
            self._forget(now)
            sight = self._look(now)
            decision, history = decide(sight.measured, sight.history, self._policy, sight.changes)
            todo = self._plan(sight, decision.target)
            # Written before it is ordered: nothing is ever done without its reason in the journal.
            self._write(decision, history, sight, todo)
            self._order(decision, sight.states, todo)
        except redis.RedisError as error:
            self._outage.struck(now, error)
            return None
        return decision

    def _forget(self, now: float) -> None:
        """By itself and before all else: a Redis whose memory is full takes nothing new until this has made room."""
        widest = max(policy.window for policy in self._policies)
        request_window.trim(self._redis, self._service.name, now, widest)

    def _look(self, now: float) -> Sight:
        containers = self._table.all()
        states, parked = states_for_plan(containers), {one.port for one in containers if one.parked}
        name = self._service.name
        pipe = self._redis.pipeline(transaction=True)
        request_window.count(pipe, name, now, self._policy.window)
        override.queue_read(pipe, name)
        memory.queue_read_past(pipe, name)
        memory.queue_read_since(pipe, name)
        compared.queue_read(pipe, name)
        stopped.queue_read(pipe, name)
        count, said, remembered, changed, since, compared_at, marks = pipe.execute()
        said, marks = self._keepsake.after(said, marks, redis_is_new=since is None)
        measured = Measured(
            at=now,
            count=count,
            # After an outage the proxy may still hold back what it could not record: what is missing is not zero.
            age=0.0 if self._outage.lasted_until_now else memory.age_of(since, now),
            existing=len(staying(states)),
            fixed=override.override_of(said).number,
            in_flight=self._in_flight(),
        )
        history, changes = memory.history_of(remembered), memory.changes_of(changed)
        return Sight(measured, states, history, changes, compared_at is not None, stopped.marks_of(marks), parked)

    def _in_flight(self) -> int | None:
        """Requests that are being answered, None while no proxy worker is alive to know, and where no policy asks."""
        if Rule.IN_FLIGHT not in {policy.rule for policy in self._policies}:
            return None
        workers = live_workers(self._redis, self._service.name)
        return sum(sum(worker.in_flight.values()) for worker in workers) if workers else None

    def _plan(self, sight: Sight, target: int) -> Plan:
        if not sight.compared and sight.measured.age < compared.PATIENCE:
            return Plan(waiting="waiting until the table has been compared with what runs")
        over = {port for port, mark in self._changed_marks(sight, target).items() if mark is None}
        first = self._service.first_port
        unneeded = sight.parked - set(range(first, first + target))  # whether or not anybody remembers who drained it
        return plan(sight.states, target, first, (set(sight.by_hand) - over) | unneeded)

    def _changed_marks(self, sight: Sight, target: int) -> dict[int, Stopped | None]:
        first = self._service.first_port
        return changed_marks(sight.by_hand, sight.states, range(first, first + target))

    def _write(self, decision: Decision, history: History, sight: Sight, todo: Plan) -> None:
        name, now = self._service.name, decision.measured.at
        beside = self._shadow.decide(sight.measured) if self._shadow else None
        self._started = self._started or now
        pipe = self._redis.pipeline(transaction=True)
        memory.queue_write_past(pipe, name, history, decision)
        memory.queue_write_since(pipe, name, now, anew=self._outage.lasted_until_now)
        if self._shadow and beside:
            self._shadow.queue_write(pipe, *beside)
        shadow = beside[0] if beside else None
        for port, mark in self._changed_marks(sight, decision.target).items():
            stopped.put(pipe, name, port, mark)
        decision_log.queue_append(pipe, name, decision_log.entry_for(decision, sight.states, todo, shadow))
        queue_beat(pipe, name, own_beat(WHO, self._started, now))
        if told := self._outage.recovery(now):
            queue_event(pipe, name, told)
        pipe.execute()
        self._outage.over()

    def _order(self, decision: Decision, states: Mapping[int, State], todo: Plan) -> None:
        reason = sentence(decision)
        won = [order for order in todo.orders if self._give(order, reason)]
        if not won:
            return
        origin = len(staying(states))
        told = f"{origin} → {decision.target} ({', '.join(map(str, won))}): {reason}"
        log.info("%s", told)
        queue_event(self._redis, self._service.name, Event(Kind.SCALED, None, told, WHO))

    def _give(self, order: Order, reason: str) -> bool:
        give = {
            Step.LAUNCH: self._orders.launch,
            Step.TAKE_BACK: self._orders.take_back,
            Step.STOP: self._orders.stop,
        }[order.step]
        return give(order.port, reason, WHO)
