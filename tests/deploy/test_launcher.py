"""The stories on a fake runtime and a real table, in virtual time; told to the end, and cut short at every effect."""

import errno
from collections.abc import Callable
from typing import Any

import pytest

from deploy.container_state import State
from deploy.retries import MAX_ATTEMPTS
from deploy.runtime.base import RuntimeAway, RuntimeRefused
from deploy.runtime.fake import Behaviour
from lb.events import read
from lb.heartbeat import WorkerBeat
from lb.ring import read_ring

WHO = {"reason": "a test", "by": "pytest"}
NEVER = float("inf")


def ring(client) -> list[int]:
    return [member.port for member in read_ring(client, "acts").members]


def told(client) -> list[str]:
    return [event.kind for event in read(client, "acts")]


def beat(version: int, **in_flight: int) -> WorkerBeat:
    requests = {int(port.removeprefix("p")): number for port, number in in_flight.items()}
    return WorkerBeat("w", "host", 1, started=0, beat=0, ring_version=version, in_flight=requests)


# launch


def test_the_table_knows_the_node_on_which_a_container_runs_for_as_long_as_it_runs(machine):
    machine.runtime.world.nodes[:] = ["node1"]
    machine.run(8000)
    assert machine.table.get(8000).node == "node1"
    machine.runtime.world.nodes[:] = ["node2"]
    machine.runtime.will(8000, Behaviour(healthy_after=1))
    machine.orders.relaunch(8000, **WHO)
    machine.tend_for(0.1)
    assert machine.table.get(8000).node == "node2"


def test_one_that_cannot_be_started_again_is_on_no_node(machine):
    machine.runtime.world.nodes[:] = ["node1"]
    machine.run(8000)
    machine.runtime.will(8000, *[Behaviour(start_error="no such program")] * 20)
    machine.orders.relaunch(8000, **WHO)
    machine.settle()
    assert (machine.states(), machine.table.get(8000).node) == ({8000: State.FAILED}, "")


def test_an_adopted_container_is_on_the_node_where_it_was_found(machine, clock):
    machine.runtime.world.nodes[:] = ["node1"]
    found = machine.runtime.start(8000, generation=5)
    machine.table.add(8000, now=clock(), adopted=found, **WHO)
    assert machine.table.get(8000).node == "node1"


def test_a_launched_container_joins_the_ring_when_it_is_healthy(machine, redis_client):
    machine.runtime.will(8000, Behaviour(healthy_after=1))
    machine.orders.launch(8000, **WHO)
    launcher = machine.launcher()
    launcher.launch(8000)
    assert machine.living() == [(8000, machine.table.get(8000).generation)]
    assert ring(redis_client) == []
    machine.tend_for(1, launcher)
    assert ring(redis_client) == [8000]
    assert told(redis_client) == ["launched", "healthy"]


def test_the_event_tells_how_long_health_took(machine, redis_client):
    machine.runtime.will(8000, Behaviour(healthy_after=2))
    machine.run(8000)
    assert read(redis_client, "acts")[-1].seconds == pytest.approx(2, abs=0.1)


def test_a_container_that_dies_while_it_starts_is_tried_again(machine, redis_client):
    machine.runtime.will(8000, Behaviour(healthy_after=NEVER, exits_after=0.2, words="no store", exit_code=3))
    machine.run(8000)
    assert told(redis_client) == ["launched", "sick", "relaunched", "healthy"]
    assert read(redis_client, "acts")[1].reason == "it ended before it was healthy; exit code 3; no store"
    assert machine.table.get(8000).attempts == 0


def test_a_container_that_never_becomes_healthy_is_killed_and_tried_again(machine):
    machine.runtime.will(8000, Behaviour(healthy_after=NEVER))
    began = machine.clock()
    machine.run(8000)
    assert machine.clock() - began == pytest.approx(machine.policy.boot_timeout + 0.5, abs=0.2)
    assert machine.living() == machine.expected()


def test_starts_that_fail_wait_longer_each_time_and_are_given_up(machine, redis_client):
    machine.runtime.will(8000, *[Behaviour(start_error="no such program")] * 20)
    machine.orders.launch(8000, **WHO)
    machine.settle()
    assert machine.states() == {8000: State.FAILED}
    events = read(redis_client, "acts")
    assert [event.kind for event in events].count("sick") == MAX_ATTEMPTS
    waits = [event.seconds for event in events if event.kind == "relaunched"]
    assert waits == pytest.approx([0.5, 1, 2, 4, 8], abs=0.11)
    assert "given up after 6 attempts; the last one: no such program" in events[-1].reason


def test_a_busy_port_is_used_once_it_is_free(machine, redis_client):
    machine.runtime.world.strangers.add(8000)
    machine.orders.launch(8000, **WHO)
    machine.tend_for(1)
    assert read(redis_client, "acts")[1].reason == "port 8000 is taken by a stranger"
    machine.runtime.world.strangers.clear()
    machine.settle()
    assert ring(redis_client) == [8000]


def test_one_that_cannot_start_holds_up_no_other(machine, redis_client):
    machine.runtime.will(8000, *[Behaviour(healthy_after=NEVER)] * 9)
    machine.orders.launch(8000, **WHO)
    machine.orders.launch(8001, **WHO)
    machine.tend_for(0.1)
    assert ring(redis_client) == [8001]


def test_a_leftover_of_an_earlier_generation_is_ended_first(machine, redis_client):
    machine.runtime.start(8000, generation=1)
    machine.run(8000)
    assert machine.living() == machine.expected()


def test_a_leftover_of_a_later_generation_is_one_of_a_lost_redis_and_ended_too(machine):
    machine.runtime.start(8000, generation=9_999_999_999)
    machine.run(8000)
    assert machine.living() == machine.expected()
    assert machine.table.get(8000).generation < 9_999_999_999


def test_an_adopted_container_joins_when_it_is_healthy(machine, clock, redis_client):
    found = machine.runtime.start(8000, generation=5)
    machine.table.add(8000, now=clock(), adopted=found, **WHO)
    machine.settle()
    assert machine.living() == [(8000, 5)]
    assert told(redis_client) == ["adopted", "healthy"]


def test_an_adopted_container_that_is_not_healthy_is_replaced(machine, clock, redis_client):
    found = machine.runtime.start(8000, generation=5)
    machine.runtime.sicken(8000)
    machine.table.add(8000, now=clock(), adopted=found, **WHO)
    machine.settle()
    assert machine.living() == machine.expected()
    assert machine.runtime.find(found.runtime_id).alive is False


class Meanwhile:
    """A runtime whose starts take so long that something else happens before they return."""

    def __init__(self, runtime, happens):
        self.runtime, self.happens = runtime, happens

    def start(self, *container):
        self.happens()
        return self.runtime.start(*container)

    def __getattr__(self, name):
        return getattr(self.runtime, name)


def test_what_was_started_for_a_container_that_went_away_meanwhile_is_ended(machine):
    def everything_ends():
        machine.orders.stop(8000, **WHO)
        machine.settle()

    machine.orders.launch(8000, **WHO)
    machine.launcher(Meanwhile(machine.runtime, everything_ends)).launch(8000)
    assert machine.states() == {}
    assert machine.living() == []


def test_what_was_started_for_a_container_that_somebody_else_started_too_is_kept(machine):
    machine.orders.launch(8000, **WHO)
    machine.launcher(Meanwhile(machine.runtime, machine.settle)).launch(8000)
    assert machine.states() == {8000: State.RUNNING}
    assert machine.living() == machine.expected()


# relaunch


def test_a_sick_container_is_killed_and_another_takes_its_port(machine, redis_client):
    machine.run(8000, 8001)
    old = machine.table.get(8000)
    machine.runtime.sicken(8000)
    machine.orders.relaunch(8000, **WHO)
    assert ring(redis_client) == [8001]
    machine.launcher().relaunch_port(8000)
    machine.settle()
    assert ring(redis_client) == [8000, 8001]
    assert machine.table.get(8000).generation > old.generation
    assert machine.living() == machine.expected()


def test_restarts_are_counted_for_as_long_as_the_container_is_there(machine):
    machine.runtime.will(8000, Behaviour(start_error="no such program"))
    machine.run(8000)
    machine.clock.pass_by(60)
    machine.orders.relaunch(8000, **WHO)
    machine.settle()
    assert machine.table.get(8000).restarts == 2
    machine.orders.stop(8000, **WHO)
    machine.settle()
    machine.run(8000)
    assert machine.table.get(8000).restarts == 0


def test_the_job_itself_goes_as_far_as_the_start_of_the_new_one(machine):
    machine.run(8000)
    old = machine.table.get(8000)
    machine.runtime.will(8000, Behaviour(healthy_after=1))
    machine.orders.relaunch(8000, **WHO)
    machine.launcher().relaunch_port(8000)
    assert machine.states() == {8000: State.STARTING}
    assert machine.living() == [(8000, machine.table.get(8000).generation)]
    assert machine.table.get(8000).runtime_id != old.runtime_id


def test_one_that_must_wait_for_its_next_try_is_killed_at_once(machine, clock):
    machine.run(8000)
    container = machine.table.get(8000)
    machine.table.move(container, State.SICK, now=clock(), next_try_at=clock() + 20, **WHO)
    machine.tend_for(0.1)
    assert machine.living() == []
    assert machine.states() == {8000: State.SICK}
    machine.settle()
    assert machine.states() == {8000: State.RUNNING}


def test_one_that_survives_kill_is_tried_again_and_never_doubled(machine, redis_client):
    machine.runtime.will(8000, Behaviour(survives_kill=True))
    machine.run(8000)
    machine.orders.relaunch(8000, **WHO)
    machine.tend_for(3)
    assert machine.states() == {8000: State.SICK}
    assert len(machine.living()) == 1
    machine.runtime.crash(8000)
    machine.settle()
    assert ring(redis_client) == [8000]


def test_a_failed_container_is_revived_by_an_order(machine, redis_client):
    machine.runtime.will(8000, *[Behaviour(start_error="no such program")] * MAX_ATTEMPTS)
    machine.orders.launch(8000, **WHO)
    machine.settle()
    assert machine.orders.relaunch(8000, **WHO)
    machine.settle()
    assert ring(redis_client) == [8000]


# stop


def test_a_stopped_container_leaves_the_ring_then_ends_then_is_forgotten(machine, redis_client):
    machine.run(8000, 8001)
    machine.orders.stop(8001, **WHO)
    assert ring(redis_client) == [8000]
    machine.launcher().stop(8001)
    machine.settle()
    assert machine.states() == {8000: State.RUNNING}
    assert machine.living() == machine.expected()
    assert told(redis_client)[-2:] == ["drained", "stopped"]


@pytest.mark.parametrize("held", [beat(1), beat(9_999_999_999, p8000=1)])
def test_nobody_is_ended_while_the_proxy_still_uses_it(machine, held):
    machine.run(8000)
    machine.beats = [held]
    machine.orders.stop(8000, **WHO)
    machine.tend_for(10)
    assert machine.states() == {8000: State.DRAINING}
    assert machine.living() == [(8000, machine.table.get(8000).generation)]
    machine.beats = [beat(9_999_999_999)]
    machine.settle()
    assert machine.states() == {}


def test_the_wait_for_the_proxy_is_bounded_and_the_event_says_so(machine, redis_client):
    machine.run(8000)
    machine.beats = [beat(1, p8000=2)]
    machine.orders.stop(8000, **WHO)
    machine.settle()
    drained = next(event for event in read(redis_client, "acts") if event.kind == "drained")
    assert drained.reason.startswith("not drained within 30 s: 2 requests in flight")
    assert drained.seconds == pytest.approx(30, abs=0.1)


def test_a_container_that_is_taken_back_goes_on(machine, redis_client):
    machine.run(8000)
    machine.beats = [beat(1)]
    machine.orders.stop(8000, **WHO)
    machine.tend_for(1)
    machine.orders.take_back(8000, **WHO)
    machine.settle()
    assert ring(redis_client) == [8000]
    assert machine.living() == machine.expected()


def test_one_that_hangs_on_term_is_killed_after_the_grace(machine):
    machine.runtime.will(8000, Behaviour(ends_after_term=NEVER))
    machine.run(8000)
    began = machine.clock()
    machine.orders.stop(8000, **WHO)
    machine.settle()
    assert machine.living() == []
    assert machine.clock() - began == pytest.approx(machine.policy.stop_grace, abs=0.2)


def test_a_container_that_never_started_is_stopped_too(machine):
    machine.orders.launch(8000, **WHO)
    machine.orders.stop(8000, **WHO)
    machine.settle()
    assert machine.states() == {}
    assert machine.living() == []


def test_what_was_started_but_not_noted_is_found_by_its_port_and_ended(machine):
    machine.orders.launch(8000, **WHO)
    machine.runtime.start(8000, machine.table.get(8000).generation)
    machine.orders.stop(8000, **WHO)
    machine.settle()
    assert machine.living() == []


# jobs and tending


@pytest.mark.parametrize("job", ["launch", "stop", "relaunch_port"])
def test_a_job_for_nobody_or_for_one_that_rests_does_nothing(machine, job):
    machine.run(8000)
    before = machine.table.all()
    for port in (8000, 8001):
        getattr(machine.launcher(), job)(port)
    assert machine.table.all() == before


def test_a_job_that_comes_twice_is_done_once(machine):
    machine.orders.launch(8000, **WHO)
    for _ in range(2):
        machine.launcher().launch(8000)
    assert len(machine.living()) == 1


def test_tend_says_when_to_look_again(machine, clock):
    launcher = machine.launcher()
    assert launcher.tend(clock()) is None
    machine.run(8000)
    assert launcher.tend(clock()) is None
    container = machine.table.get(8000)
    machine.table.move(container, State.SICK, now=clock(), next_try_at=clock() + 20, **WHO)
    assert launcher.tend(clock()) == pytest.approx(0.05)
    assert launcher.tend(clock()) == pytest.approx(20)


class Moody:
    """A runtime whose first starts raise."""

    def __init__(self, runtime, *errors: Exception):
        self.runtime, self.errors = runtime, list(errors)

    def start(self, *container):
        if self.errors:
            raise self.errors.pop()
        return self.runtime.start(*container)

    def __getattr__(self, name):
        return getattr(self.runtime, name)


def test_a_step_that_raises_is_told_once_and_taken_again(machine, caplog):
    machine.orders.launch(8000, **WHO)
    machine.settle(machine.launcher(Moody(machine.runtime, *[RuntimeError("a bad mood")] * 5)))
    assert machine.states() == {8000: State.RUNNING}
    told = [record.message for record in caplog.records if record.levelname == "WARNING"]
    assert told == ["port 8000 waits: this step failed (a bad mood)"]


def test_while_the_engine_is_away_everything_waits_and_no_attempt_is_lost(machine, caplog):
    machine.orders.launch(8000, **WHO)
    machine.settle(machine.launcher(Moody(machine.runtime, *[RuntimeAway("the engine does not answer")] * 100)))
    assert machine.states() == {8000: State.RUNNING}
    assert machine.table.get(8000).attempts == 0
    told = [record.message for record in caplog.records if record.levelname == "WARNING"]
    assert told == ["port 8000 waits: the engine does not answer"]


def test_a_start_that_the_engine_refuses_counts_as_an_attempt_and_tells_why(machine, redis_client):
    machine.orders.launch(8000, **WHO)
    machine.settle(machine.launcher(Moody(machine.runtime, RuntimeRefused("the engine says: no space left"))))
    assert machine.states() == {8000: State.RUNNING}
    assert "the engine says: no space left" in [event.reason for event in read(redis_client, "acts")]


def test_a_start_that_the_disk_does_not_allow_counts_as_an_attempt_and_tells_why(machine, redis_client):
    machine.orders.launch(8000, **WHO)
    machine.settle(machine.launcher(Moody(machine.runtime, OSError(errno.EROFS, "Read-only file system"))))
    assert machine.states() == {8000: State.RUNNING}
    assert any("Read-only file system" in event.reason for event in read(redis_client, "acts"))


class Overtaken:
    """A runtime that takes so long over what is left of a container that meanwhile somebody changes his mind."""

    def __init__(self, runtime, meanwhile: Callable[[], bool]):
        self.runtime, self.meanwhile, self.done = runtime, meanwhile, []

    def kill(self, runtime_id):
        self.runtime.kill(runtime_id)
        if not self.done:
            self.done.append(self.meanwhile())

    def __getattr__(self, name):
        return getattr(self.runtime, name)


def test_a_stop_that_comes_while_the_one_to_be_replaced_is_cleared_away_is_obeyed(machine):
    machine.run(8000, 8001)
    machine.orders.replace(8001, **WHO, image="v2")
    overtaken = Overtaken(machine.runtime, lambda: machine.orders.stop(8001, **WHO))
    machine.settle(machine.launcher(overtaken))
    assert overtaken.done == [True]
    assert machine.states() == {8000: State.RUNNING}


def test_another_image_that_is_ordered_while_the_one_to_be_replaced_is_cleared_away_is_what_follows(machine):
    machine.run(8000, 8001)
    machine.orders.replace(8001, **WHO, image="v2")
    overtaken = Overtaken(machine.runtime, lambda: machine.orders.replace(8001, **WHO, image="v3"))
    machine.settle(machine.launcher(overtaken))
    assert overtaken.done == [True]
    assert (machine.states()[8001], machine.table.get(8001).image) == (State.RUNNING, "v3")


class Slow:
    """A runtime each of whose words to a container takes so long, as while a node fetches an image."""

    def __init__(self, runtime, clock, seconds: float):
        self.runtime, self.clock, self.seconds = runtime, clock, seconds

    def start(self, *container):
        self.clock.pass_by(self.seconds)
        return self.runtime.start(*container)

    def terminate(self, runtime_id):
        self.runtime.terminate(runtime_id)
        self.clock.pass_by(self.seconds)

    def __getattr__(self, name):
        return getattr(self.runtime, name)


def test_the_time_that_an_engine_takes_to_start_one_is_not_taken_from_its_boot(machine, clock, redis_client):
    machine.runtime.will(8000, Behaviour(healthy_after=2))
    machine.orders.launch(8000, **WHO)
    machine.settle(machine.launcher(Slow(machine.runtime, clock, machine.policy.boot_timeout + 10)))
    assert told(redis_client) == ["launched", "healthy"]


def test_the_time_that_an_engine_takes_to_ask_one_to_end_is_not_taken_from_its_grace(machine, clock):
    machine.runtime.will(8000, Behaviour(ends_after_term=machine.policy.stop_grace + 1))
    machine.run(8000)
    machine.orders.stop(8000, **WHO)
    launcher = machine.launcher(Slow(machine.runtime, clock, machine.policy.stop_grace))
    machine.tend_for(0.5, launcher)
    assert machine.living(), "asked just now, it has its grace"
    machine.settle(launcher)
    assert machine.living() == []


def test_a_start_that_fails_late_is_tried_again_as_late_as_any_other(machine, clock, redis_client):
    machine.runtime.will(8000, *[Behaviour(start_error="no place")] * 3)
    machine.orders.launch(8000, **WHO)
    machine.settle(machine.launcher(Slow(machine.runtime, clock, 5)))
    waits = [event.seconds for event in read(redis_client, "acts") if event.kind == "relaunched"]
    assert waits == pytest.approx([0.5, 1, 2], abs=0.11)


def test_a_port_that_somebody_works_at_is_left_alone(machine, clock):
    """Steps that only begin later stand for an engine that is slow on this port."""
    waiting: list[Callable[[], None]] = []
    launcher = machine.launcher(spawn=waiting.append)
    machine.runtime.will(8000, Behaviour(healthy_after=1))
    machine.orders.launch(8000, **WHO)
    launcher.tend(clock())
    launcher.tend(clock())
    launcher.launch(8000)
    assert len(waiting) == 1
    waiting[0]()
    launcher.tend(clock())
    assert len(waiting) == 2


# Death at every step


class Killed(BaseException):
    """The worker is gone. Nothing may catch this."""


class Mortal:
    """Passes everything on, and dies after a number of effects that all who share `lives` have together."""

    EFFECTS = frozenset({"start", "terminate", "kill", "move", "update", "remove"})

    def __init__(self, target: Any, lives: list[int]) -> None:
        self._target = target
        self._lives = lives

    def __getattr__(self, name: str) -> Any:
        method = getattr(self._target, name)
        return self._dying(method) if name in self.EFFECTS else method

    def _dying(self, method: Callable[..., Any]) -> Callable[..., Any]:
        def call(*arguments: Any, **named: Any) -> Any:
            answer = method(*arguments, **named)
            self._lives[0] -= 1
            if self._lives[0] <= 0:
                raise Killed
            return answer

        return call


def launch(machine):
    machine.orders.launch(8002, **WHO)


def launch_with_a_bad_start(machine):
    machine.runtime.will(8002, Behaviour(healthy_after=NEVER, exits_after=0.1), Behaviour(healthy_after=0.3))
    machine.orders.launch(8002, **WHO)


def launch_over_a_leftover(machine):
    machine.runtime.start(8002, generation=1)
    machine.orders.launch(8002, **WHO)


def relaunch(machine):
    machine.runtime.sicken(8001)
    machine.orders.relaunch(8001, **WHO)


def stop(machine):
    machine.orders.stop(8001, **WHO)


def stop_what_hangs(machine):
    machine.runtime.world.processes[machine.table.get(8001).runtime_id].behaviour = Behaviour(ends_after_term=NEVER)
    machine.orders.stop(8001, **WHO)


STORIES = {
    launch: [8000, 8001, 8002],
    launch_with_a_bad_start: [8000, 8001, 8002],
    launch_over_a_leftover: [8000, 8001, 8002],
    relaunch: [8000, 8001],
    stop: [8000],
    stop_what_hangs: [8000],
}


@pytest.mark.parametrize("effects", range(1, 12))
@pytest.mark.parametrize("story", STORIES, ids=lambda story: story.__name__)
def test_whoever_dies_after_any_effect_the_next_one_finishes_the_story(machine, redis_client, story, effects):
    machine.run(8000, 8001)
    story(machine)
    lives = [effects]
    mortal = machine.launcher(Mortal(machine.runtime, lives), Mortal(machine.table, lives))
    try:
        machine.settle(mortal)
    except Killed:
        machine.settle()
    assert ring(redis_client) == STORIES[story]
    assert machine.living() == machine.expected()
    assert list(machine.states()) == STORIES[story]


@pytest.mark.parametrize("story", STORIES, ids=lambda story: story.__name__)
def test_two_who_tend_at_once_end_as_one_does(machine, redis_client, story):
    machine.run(8000, 8001)
    story(machine)
    one, other = machine.launcher(), machine.launcher()
    for _ in range(400):
        one.tend(machine.clock())
        other.tend(machine.clock())
        machine.clock.pass_by(0.05)
    assert ring(redis_client) == STORIES[story]
    assert machine.living() == machine.expected()
