"""A table on a real Redis, a clock that tests move, and jobs that are only written down."""

from collections.abc import Callable
from dataclasses import dataclass, field

import pytest
import redis

from deploy.container import Container
from deploy.container_state import State
from deploy.container_table import ContainerTable
from deploy.launcher import Launcher, at_once
from deploy.next_step import Policy
from deploy.orders import Orders
from deploy.rebalancer import Rebalancer
from deploy.roller import Roller, Rollouts
from deploy.rollout import Rollout, image_for_new
from deploy.runtime.base import Runtime
from deploy.runtime.fake import FakeRuntime, World
from lb.heartbeat import WorkerBeat
from lb.settings import ServiceSettings


@dataclass
class Clock:
    """Unix time that stands still until a test moves it."""

    time: float = 1_000_000.0

    def __call__(self) -> float:
        return self.time

    def pass_by(self, seconds: float) -> None:
        self.time += seconds


@dataclass
class NotedJobs:
    """Takes jobs as the queue does and remembers them as (job, port)."""

    noted: list[tuple[str, int]] = field(default_factory=list)

    def launch(self, container: Container) -> None:
        self.noted.append(("launch", container.port))

    def stop(self, container: Container) -> None:
        self.noted.append(("stop", container.port))

    def relaunch_port(self, container: Container) -> None:
        self.noted.append(("relaunch_port", container.port))


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def service() -> ServiceSettings:
    return ServiceSettings()


@pytest.fixture
def table(redis_client: redis.Redis, service: ServiceSettings) -> ContainerTable:
    return ContainerTable(redis_client, service)


@pytest.fixture
def jobs() -> NotedJobs:
    return NotedJobs()


@pytest.fixture
def orders(table: ContainerTable, jobs: NotedJobs, clock: Callable[[], float]) -> Orders:
    return Orders(table, jobs, clock)


Spawn = Callable[[Callable[[], None]], object]


@dataclass
class Machine:
    """A launcher over the fake runtime and the real table, all in one virtual time."""

    table: ContainerTable
    orders: Orders
    clock: Clock
    runtime: FakeRuntime
    client: redis.Redis
    service: ServiceSettings = field(default_factory=ServiceSettings)
    policy: Policy = field(default_factory=Policy)
    beats: list[WorkerBeat] = field(default_factory=list)  # what the proxy's workers say

    def launcher(
        self,
        runtime: Runtime | None = None,
        table: ContainerTable | None = None,
        spawn: Spawn = at_once,
        note_stopped: Callable[[int], None] = lambda port: None,
    ) -> Launcher:
        """What a worker that was just started has."""
        return Launcher(
            table or self.table,
            runtime or self.runtime,
            probe=self.runtime.probe,
            beats=lambda: self.beats,
            clock=self.clock,
            policy=self.policy,
            spawn=spawn,
            image=lambda: image_for_new(self.rollout(), self.table.all()),
            note_stopped=note_stopped,
        )

    def roller(self, table: ContainerTable | None = None, orders: Orders | None = None) -> Roller:
        """What a worker that was just started has."""
        return Roller(self.client, self.service, table or self.table, orders or self.orders, self.policy.boot_timeout)

    def rebalancer(
        self, table: ContainerTable | None = None, orders: Orders | None = None, runtime: Runtime | None = None
    ) -> Rebalancer:
        """What a worker that was just started has."""
        parts = (table or self.table, orders or self.orders, runtime or self.runtime)
        return Rebalancer(self.client, self.service, *parts, self.policy.boot_timeout)

    def rollout(self) -> Rollout:
        """The roll-out as Redis has it."""
        return Rollouts(self.client, self.service).read()

    def deploy(self, image: str) -> Rollout | None:
        """Begin a roll-out."""
        return Rollouts(self.client, self.service).begin(image, by="pytest", now=self.clock())

    def roll(
        self,
        launcher: Launcher | None = None,
        roller: Roller | None = None,
        meanwhile: Callable[[], object] = lambda: None,
        within: float = 600.0,
    ) -> None:
        """Drive the roll-out to its end, `meanwhile` between any two ticks."""
        launcher, roller, end = launcher or self.launcher(), roller or self.roller(), self.clock() + within
        while True:
            pauses = [roller.tick(self.clock()), launcher.tend(self.clock())]
            meanwhile()
            due = [pause for pause in pauses if pause is not None]
            if not due:
                return
            assert self.clock() < end, f"still on the way: {self.rollout()} {self.states()}"
            self.clock.pass_by(min(due))

    def images(self) -> dict[int, str]:
        """What the containers in the ring are started from, really."""
        running = {found.port: found.image for found in self.runtime.running()}
        return {one.port: running[one.port] for one in self.table.all() if one.state is State.RUNNING}

    def settle(self, launcher: Launcher | None = None, within: float = 600.0) -> None:
        """Tend until nobody is on the way; fails if that takes more than `within` virtual seconds."""
        launcher, end = launcher or self.launcher(), self.clock() + within
        while (pause := launcher.tend(self.clock())) is not None:
            assert self.clock() < end, f"still on the way: {self.states()}"
            self.clock.pass_by(pause)

    def tend_for(self, seconds: float, launcher: Launcher | None = None) -> None:
        """Tend every 50 ms for so long, and at its end."""
        launcher, end = launcher or self.launcher(), self.clock() + seconds
        while self.clock() < end:
            launcher.tend(self.clock())
            self.clock.pass_by(0.05)
        launcher.tend(self.clock())

    def run(self, *ports: int) -> None:
        """Containers on these ports, RUNNING."""
        for port in ports:
            assert self.orders.launch(port, "a test", "pytest")
        self.settle()

    def states(self) -> dict[int, State]:
        """What the table says."""
        return {container.port: container.state for container in self.table.all()}

    def living(self) -> list[tuple[int, int]]:
        """Port and generation of what really runs."""
        return [(found.port, found.generation) for found in self.runtime.running()]

    def expected(self) -> list[tuple[int, int]]:
        """What should really run while nobody is on the way."""
        return [(c.port, c.generation) for c in self.table.all() if c.state is State.RUNNING]


@pytest.fixture
def machine(
    table: ContainerTable, orders: Orders, clock: Clock, redis_client: redis.Redis, service: ServiceSettings
) -> Machine:
    return Machine(table, orders, clock, FakeRuntime(World(clock)), redis_client, service)
