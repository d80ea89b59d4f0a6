"""A small world for the autoscaler: real Redis, the real table and orders, and a launcher that is done at once."""

from dataclasses import dataclass, field
from itertools import count

import pytest
import redis

from autoscaler import compared, decision_log
from autoscaler.policy import Decision, Policy
from autoscaler.scaler import Scaler
from deploy.container import Container
from deploy.container_state import State
from deploy.container_table import ContainerTable
from deploy.orders import Orders
from lb import request_window
from lb.redis_client import connect
from lb.settings import ServiceSettings

START = 1_700_000_000.0


@dataclass
class JobList:
    """A queue that only remembers what was put into it."""

    jobs: list[tuple[str, int]] = field(default_factory=list)

    def launch(self, container: Container) -> None:
        self.jobs.append(("launch", container.port))

    def stop(self, container: Container) -> None:
        self.jobs.append(("stop", container.port))

    def relaunch_port(self, container: Container) -> None:
        self.jobs.append(("relaunch_port", container.port))


class World:
    """Virtual time, an autoscaler, and hands that do the launcher's part."""

    def __init__(self, client: redis.Redis, policy: Policy) -> None:
        self.redis = client
        self.now = START
        self.policy = policy
        self.service = ServiceSettings(max_containers=policy.maximum)
        self.table = ContainerTable(client, self.service)
        self.queue = JobList()
        self.orders = Orders(self.table, self.queue, clock=lambda: self.now)
        self.scaler = self.another_scaler()
        self._numbers = count(1)
        compared.mark(client, self.service.name, self.now)

    def another_scaler(self) -> Scaler:
        """One more autoscaler process, as far as the scaler can tell."""
        return Scaler(self.redis, self.service, self.policy, self.table, self.orders)

    def come(self, requests: int, at: float | None = None) -> None:
        """Counted requests arrive."""
        pipe = self.redis.pipeline()
        for _ in range(requests):
            member = request_window.member("w", next(self._numbers))
            request_window.record(pipe, self.service.name, member, self.now if at is None else at)
        pipe.execute()

    def tick(self) -> Decision:
        """One tick now, which must not hold."""
        decision = self.scaler.tick(self.now)
        assert decision is not None
        return decision

    def live(self, seconds: int) -> list[int]:
        """Seconds go by, one tick each, the launcher following at once; how many were RUNNING after each."""
        return [self.second() for _ in range(seconds)]

    def second(self) -> int:
        self.tick()
        self.settle()
        self.now += 1
        return len(self.ports(State.RUNNING))

    def settle(self) -> None:
        """The launcher's part, without its waits."""
        for container in self.table.all():
            if container.state is State.STARTING:
                self.move(container.port, State.RUNNING)
            elif container.state in (State.DRAINING, State.STOPPING) and not container.parked:
                self.remove(container.port)

    def entry(self) -> decision_log.Entry:
        """The newest entry of the journal."""
        return decision_log.last_before(self.redis, self.service.name, self.now)[0]

    def move(self, port: int, to: State) -> None:
        """Somebody moves a container."""
        container = self.table.get(port)
        assert container is not None
        address = f"127.0.0.1:{port}"
        assert self.table.move(container, to, now=self.now, reason="test", by="test", address=address)

    def remove(self, port: int) -> None:
        """A container drains and is gone."""
        container = self.table.get(port)
        if container is not None and container.state is State.DRAINING:
            self.move(port, State.STOPPING)
            container = self.table.get(port)
        assert container is not None
        assert self.table.remove(container, now=self.now, reason="test", by="test")

    def ports(self, *states: State) -> list[int]:
        """The ports of the containers in these states."""
        return [container.port for container in self.table.all() if container.state in (states or tuple(State))]


@pytest.fixture
def world(redis_client: redis.Redis) -> World:
    """A world on an empty Redis, with the rule as it is by default."""
    return World(redis_client, Policy())


@pytest.fixture
def old_world(world: World) -> World:
    """A world in which one container has been running for so long that the window is known."""
    world.live(1)
    world.now += world.policy.window + world.policy.stabilization
    world.live(int(world.policy.stabilization) + 1)
    return world


@pytest.fixture
def unreachable() -> redis.Redis:
    """A client of a Redis that is not there."""
    return connect("unix:///nowhere/redis.sock")
