"""The table against the fake runtime, on a real Redis."""

import logging

import pytest

from autoscaler.compared import compared_key
from deploy.container_state import State
from deploy.runtime.base import RuntimeAway, RuntimeRefused
from deploy.runtime.fake import FakeRuntime, World
from lb.events import Kind
from monitor.reconcile import FAILED_SECONDS, Reconciler


@pytest.fixture
def runtime(ward):
    return FakeRuntime(World(clock=lambda: ward.now))


@pytest.fixture
def reconciler(ward, runtime):
    return Reconciler(ward.redis, ward.service, ward.table, ward.orders, runtime)


def put(ward, runtime, *ports):
    """Containers that run and are in the table."""
    for port in ports:
        container = ward.table.add(port, now=ward.now, reason="test", by="test")
        found = runtime.start(port, container.generation)
        ward.move(port, State.RUNNING, runtime_id=found.runtime_id, address=found.address)


def test_what_agrees_is_left_alone(ward, runtime, reconciler):
    put(ward, runtime, 8000, 8001)
    for _ in range(3):
        reconciler.tick(ward.now)
    assert ward.jobs == []
    assert ward.ring() == [8000, 8001]


def test_after_redis_lost_everything_what_runs_is_taken_into_the_table(ward, runtime, reconciler):
    put(ward, runtime, 8000, 8001, 8002)
    before = {found.port: found for found in runtime.running()}
    ward.redis.flushall()
    reconciler.tick(ward.now)
    after = ward.table.all()
    assert [container.port for container in after] == [8000, 8001, 8002]
    assert all(container.state is State.STARTING for container in after)
    assert [container.runtime_id for container in after] == [found.runtime_id for found in before.values()]
    assert [container.generation for container in after] == [found.generation for found in before.values()]
    assert len(ward.told(Kind.ADOPTED)) == 3


def test_adoption_happens_once(ward, runtime, reconciler):
    runtime.start(8000, 7)
    reconciler.tick(ward.now)
    reconciler.tick(ward.now)
    assert len(ward.told(Kind.ADOPTED)) == 1


def test_two_monitors_adopt_once(ward, runtime, reconciler):
    runtime.start(8000, 7)
    Reconciler(ward.redis, ward.service, ward.table, ward.orders, runtime).tick(ward.now)
    reconciler.tick(ward.now)
    assert len(ward.told(Kind.ADOPTED)) == 1


def test_one_that_ends_while_it_is_looked_at_is_not_adopted(ward, runtime):
    class EndsNow(FakeRuntime):
        def running(self):
            answer = super().running()
            self.crash(8000)
            return answer

    runtime.start(8000, 7)
    Reconciler(ward.redis, ward.service, ward.table, ward.orders, EndsNow(runtime.world)).tick(ward.now)
    assert ward.table.all() == []


def test_a_running_one_whose_process_is_gone_is_relaunched(ward, runtime, reconciler):
    put(ward, runtime, 8000, 8001)
    runtime.crash(8001)
    reconciler.tick(ward.now)
    assert ward.jobs == [("relaunch_port", 8001)]
    assert ward.ring() == [8000]
    assert ward.told(Kind.SICK) == ["it does not run any more (exit code 1)"]


def test_a_running_one_that_was_removed_from_the_runtime_is_relaunched(ward, runtime, reconciler):
    put(ward, runtime, 8000, 8001)
    reconciler.tick(ward.now)
    del runtime.world.processes[ward.table.get(8001).runtime_id]
    reconciler.tick(ward.now)
    assert ward.jobs == [("relaunch_port", 8001)]
    assert ward.told(Kind.SICK) == ["it does not run any more (nothing is left of it)"]


def test_a_running_one_of_which_the_runtime_knows_nothing_is_left_to_the_poll(ward, runtime, reconciler):
    """A monitor with another RUNTIME than the deploy worker's must not take every container for dead."""
    ward.start(8000, 8001)
    reconciler.tick(ward.now)
    assert ward.jobs == []
    assert ward.ring() == [8000, 8001]


def test_a_running_one_that_is_paused_is_relaunched(ward, runtime, reconciler):
    put(ward, runtime, 8000, 8001)
    runtime.freeze(8001)
    for _ in range(2):
        reconciler.tick(ward.now)
    assert ward.jobs == [("relaunch_port", 8001)]
    assert ward.ring() == [8000]
    assert ward.told(Kind.SICK) == ["it is paused"]


def test_a_runtime_that_is_away_is_told_when_it_goes_and_when_it_comes_back_and_nothing_is_moved(ward, runtime):
    class Engine(FakeRuntime):
        away = False

        def running(self):
            if self.away:
                raise RuntimeAway("the engine does not answer")
            return super().running()

    engine = Engine(runtime.world)
    reconciler = Reconciler(ward.redis, ward.service, ward.table, ward.orders, engine)
    put(ward, engine, 8000)
    engine.crash(8000)
    engine.away = True
    for later in range(3):
        reconciler.tick(ward.now + later)
    assert ward.ring() == [8000]
    assert reconciler.trouble.startswith("the engine does not answer; until it does, nothing is started or ended")
    assert ward.told(Kind.DEGRADED) == [reconciler.trouble]
    engine.away = False
    for later in range(10, 12):
        reconciler.tick(ward.now + later)
    assert reconciler.trouble == ""
    assert ward.told(Kind.RECOVERED) == ["what runs can be seen again"]
    assert ward.jobs == [("relaunch_port", 8000)]


def test_a_runtime_that_refuses_to_say_what_runs_is_told_too_and_what_it_has_not_said_is_not_zero(ward, runtime):
    class Engine(FakeRuntime):
        refuses = False

        def running(self):
            if self.refuses:
                raise RuntimeRefused("the engine says: no space left")
            return super().running()

    engine = Engine(runtime.world)
    reconciler = Reconciler(ward.redis, ward.service, ward.table, ward.orders, engine)
    put(ward, engine, 8000)
    engine.refuses = True
    for later in range(3):
        reconciler.tick(ward.now + later)
    assert reconciler.trouble == "what runs cannot be compared with the table: the engine says: no space left"
    assert ward.told(Kind.DEGRADED) == [reconciler.trouble]
    assert ward.ring() == [8000]
    engine.refuses = False
    reconciler.tick(ward.now + 5)
    assert (reconciler.trouble, ward.told(Kind.RECOVERED)) == ("", ["what runs can be seen again"])


@pytest.mark.parametrize("state", [State.SICK, State.DRAINING])
def test_what_is_on_its_way_is_the_launchers(ward, runtime, reconciler, state):
    put(ward, runtime, 8000)
    ward.move(8000, state)
    runtime.crash(8000)
    reconciler.tick(ward.now)
    assert ward.jobs == []
    assert ward.table.get(8000).state is state


def test_one_that_became_running_after_the_runtime_was_asked_is_left_alone(ward, runtime):
    class AnswersEarly(FakeRuntime):
        def running(self):
            answer = super().running()
            put(ward, self, 8000)
            return answer

    Reconciler(ward.redis, ward.service, ward.table, ward.orders, AnswersEarly(runtime.world)).tick(ward.now)
    assert ward.jobs == []
    assert ward.ring() == [8000]


def test_a_failed_one_is_tried_again_after_a_minute(ward, runtime, reconciler):
    ward.table.add(8000, now=ward.now, reason="test", by="test")
    ward.move(8000, State.FAILED)
    reconciler.tick(ward.now + FAILED_SECONDS - 1)
    assert ward.jobs == []
    reconciler.tick(ward.now + FAILED_SECONDS)
    assert ward.jobs == [("relaunch_port", 8000)]
    assert ward.table.get(8000).state is State.STARTING


def test_a_comparison_leaves_its_mark(ward, runtime, reconciler):
    reconciler.tick(ward.now)
    assert ward.redis.get(compared_key("acts")) == f"{ward.now:.3f}"


def test_when_the_runtime_cannot_be_asked_nothing_is_done_and_it_is_said_once(ward, runtime, caplog):
    class Away(FakeRuntime):
        def running(self):
            raise RuntimeError("the engine does not answer")

    put(ward, runtime, 8000)
    blind = Reconciler(ward.redis, ward.service, ward.table, ward.orders, Away(runtime.world))
    with caplog.at_level(logging.WARNING):
        for _ in range(3):
            blind.tick(ward.now)
    assert len(caplog.records) == 1
    assert "the engine does not answer" in caplog.text
    assert ward.ring() == [8000]
    assert ward.redis.get(compared_key("acts")) is None


def test_it_is_said_again_when_it_happens_again(ward, runtime, caplog):
    class Sometimes(FakeRuntime):
        away = True

        def running(self):
            if self.away:
                raise RuntimeError("the engine does not answer")
            return super().running()

    sometimes = Sometimes(runtime.world)
    reconciler = Reconciler(ward.redis, ward.service, ward.table, ward.orders, sometimes)
    with caplog.at_level(logging.WARNING):
        for sometimes.away in (True, True, False, True):
            reconciler.tick(ward.now)
    assert len(caplog.records) == 2
