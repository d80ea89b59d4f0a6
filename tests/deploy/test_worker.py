"""The deploy worker's tick, in virtual time on a real Redis."""

import logging

import pytest
import redis

from deploy.container_state import State
from deploy.daemon_beat import read as read_beat
from deploy.retries import MAX_ATTEMPTS
from deploy.runtime.base import RuntimeAway
from deploy.runtime.fake import Behaviour, FakeRuntime
from deploy.worker import DeployWorker, Rhythm

WHO = {"reason": "a test", "by": "pytest"}


class Kept(FakeRuntime):
    """Counts how often it was looked after."""

    times = 0
    away = False

    def housekeep(self) -> None:
        if self.away:
            raise RuntimeAway("the engine does not answer")
        self.times += 1


@pytest.fixture
def hurries() -> list[float]:
    return []


@pytest.fixture
def kept(machine):
    return Kept(machine.runtime.world)


@pytest.fixture
def make(redis_client, service, machine, kept, clock, hurries):
    def worker(launcher):
        parts = {"launcher": launcher, "roller": machine.roller(), "rebalancer": machine.rebalancer()}
        return DeployWorker(redis_client, service, **parts, runtime=kept, hurry=hurries.append, clock=clock)

    return worker


@pytest.fixture
def worker(make, machine):
    return make(machine.launcher())


def test_a_tick_takes_containers_on(worker, machine, clock):
    machine.orders.launch(8000, **WHO)
    worker.tick(clock())
    assert machine.states() == {8000: State.RUNNING}


def test_it_is_quick_while_somebody_is_waited_for(worker, machine, clock, hurries):
    worker.tick(clock())
    assert hurries == []
    machine.runtime.will(8000, Behaviour(healthy_after=1))
    machine.orders.launch(8000, **WHO)
    worker.tick(clock())
    assert hurries == [0.05]


def test_it_says_that_it_lives(worker, clock, redis_client):
    worker.tick(clock())
    assert read_beat(redis_client, "acts", "deploy").trouble == ""


def test_a_container_that_was_given_up_is_a_trouble(worker, machine, clock, redis_client):
    machine.runtime.will(8000, *[Behaviour(start_error="no such program")] * MAX_ATTEMPTS)
    machine.orders.launch(8000, **WHO)
    machine.settle()
    worker.tick(clock())
    trouble = read_beat(redis_client, "acts", "deploy").trouble
    assert trouble.startswith("the container on port 8000 has failed: given up after 6 attempts")


def test_the_runtime_is_looked_after_once_a_minute(worker, clock, kept):
    for _ in range(61):
        worker.tick(clock())
        clock.pass_by(1)
    assert kept.times == 2


def test_an_engine_that_is_away_is_looked_after_later(worker, clock, kept, redis_client):
    kept.away = True
    worker.tick(clock())
    assert read_beat(redis_client, "acts", "deploy")


def test_while_redis_is_away_it_says_so_once_and_goes_on_after(make, clock, caplog):
    launcher = Moody()
    worker = make(launcher)
    with caplog.at_level(logging.WARNING):
        for _ in range(3):
            worker.tick(clock())
            clock.pass_by(1)
        launcher.well = True
        worker.tick(clock())
        worker.tick(clock())
    first, *others = [record.message for record in caplog.records]
    assert first.startswith("nothing is started or stopped: the Redis of REDIS_URL cannot be used")
    assert others == ["Redis can be used again, after 3 s"]


def test_while_redis_is_full_and_can_be_read_it_says_so_once_and_that_it_can_be_used_when_there_is_room(
    worker, clock, caplog, redis_client
):
    redis_client.config_set("maxmemory", 1)
    try:
        with caplog.at_level(logging.WARNING):
            for _ in range(30):
                worker.tick(clock())
                clock.pass_by(0.1)
    finally:
        redis_client.config_set("maxmemory", 0)
    worker.tick(clock())
    clock.pass_by(1)
    worker.tick(clock())
    first, *others = [record.message for record in caplog.records]
    assert first.startswith("nothing is started or stopped: the Redis of REDIS_URL cannot be used")
    assert others == ["Redis can be used again, after 4 s"]


class Moody:
    """In the launcher's place: cannot reach Redis until it is well."""

    well = False

    def tend(self, now: float) -> None:
        if not self.well:
            raise redis.ConnectionError("nobody there")


def test_a_rhythm_is_due_at_once_and_then_after_its_period(clock):
    rhythm = Rhythm(2, clock)
    dues = []
    for _ in range(6):
        dues.append(rhythm.is_due())
        clock.pass_by(1)
    assert dues == [True, False, True, False, True, False]
