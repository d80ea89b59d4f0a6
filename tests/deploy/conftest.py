"""A table on a real Redis, a clock that tests move, and jobs that are only written down."""

from collections.abc import Callable
from dataclasses import dataclass, field

import pytest
import redis

from deploy.container import Container
from deploy.container_table import ContainerTable
from deploy.orders import Orders
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
