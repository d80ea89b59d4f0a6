"""Marks and rows in, what the plan sees out; and the autoscaler's ticks around a port that a person has emptied."""

import pytest

from autoscaler.by_hand import changed_marks, states_for_plan
from deploy import stopped
from deploy.by_hand import ByHand
from deploy.container import Container
from deploy.container_state import State
from deploy.stopped import Stopped


def row(port: int, state: State, **fields: object) -> Container:
    return Container(port, port - 7999, state, 1, **fields)


@pytest.mark.parametrize(
    ("container", "seen"),
    [
        (row(8000, State.RUNNING), {8000: State.RUNNING}),
        (row(8000, State.DRAINING), {8000: State.DRAINING}),
        (row(8000, State.DRAINING, successor="v2"), {8000: State.STARTING}),
        (row(8000, State.STOPPING, successor="v2"), {8000: State.STARTING}),
        (row(8000, State.DRAINING, parked=1), {8000: State.DRAINING}),
        (row(8000, State.RUNNING, surge=1), {}),
    ],
)
def test_what_the_plan_sees_of_a_container(container, seen):
    assert states_for_plan([container]) == seen


@pytest.mark.parametrize(
    ("wanted", "needed", "there", "after"),
    [
        (None, 3, False, 3),
        (3, 3, False, 3),
        (3, 2, False, 2),
        (3, 4, False, None),
        (2, 3, False, None),
        (3, 1, False, None),
        (3, 1, True, 1),
    ],
)
def test_a_mark_is_over_when_more_are_wanted_or_when_its_port_is_not_needed(wanted, needed, there, after):
    states = {8001: State.DRAINING} if there else {}
    marks = {8001: Stopped("ann", 5.0, wanted)}
    seen = marks | changed_marks(marks, states, range(8000, 8000 + needed))
    assert (seen[8001] and seen[8001].wanted) == after


@pytest.fixture
def three(old_world):
    """Three wanted, three running, for as long as the requests are in the window."""
    old_world.come(45)
    old_world.live(2)
    return old_world


@pytest.fixture
def ann(three):
    return ByHand(three.redis, three.service, three.orders, clock=lambda: three.now)


def test_a_port_that_a_person_has_stopped_stays_empty(three, ann):
    ann.stop(8001, "ann")
    three.settle()
    assert three.live(60) == [2] * 60
    assert three.ports() == [8000, 8002]


def test_the_journal_says_why(three, ann):
    ann.stop(8001, "ann")
    three.settle()
    decision = three.tick()
    entry = three.entry()
    assert (decision.target, entry.plan) == (3, "8001 stays stopped by hand")


def test_it_is_launched_when_more_are_wanted(three, ann):
    ann.stop(8001, "ann")
    three.settle()
    three.live(2)
    three.come(20)
    three.live(2)
    assert three.ports() == [8000, 8001, 8002, 8003]
    assert stopped.read(three.redis, "acts") == {}


def test_it_is_launched_when_somebody_launches_it(three, ann):
    ann.stop(8001, "ann")
    three.settle()
    three.live(2)
    assert ann.launch(8001, "bob")
    assert three.live(1) == [3]


def test_a_mark_beyond_what_is_needed_is_forgotten(three, ann):
    ann.stop(8002, "ann")
    three.settle()
    three.live(250)
    assert three.ports() == [8000]
    assert stopped.read(three.redis, "acts") == {}


def test_a_drained_container_is_left_alone_until_its_port_is_not_needed(three, ann):
    ann.drain(8002, "ann")
    three.tick()
    assert three.ports(State.DRAINING) == [8002]
    assert three.ports() == [8000, 8001, 8002]
    three.now += 250
    three.live(130)
    assert three.ports() == [8000]


def test_a_drained_container_is_taken_back_when_more_are_wanted(three, ann):
    ann.drain(8001, "ann")
    three.tick()
    three.come(20)
    three.tick()
    assert 8001 in three.ports(State.RUNNING)


def test_a_drained_container_that_is_not_needed_goes_also_when_its_mark_was_lost(three, ann):
    ann.drain(8002, "ann")
    stopped.forget(three.redis, "acts", 8002)
    three.now += 250
    three.live(130)
    assert three.ports() == [8000]
