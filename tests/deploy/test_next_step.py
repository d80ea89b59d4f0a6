"""The stories as tables: what is known of a container, and the step that follows."""

import pytest

from deploy.container import Container
from deploy.container_state import State
from deploy.next_step import RESTING, Next, Policy, Seen, Step, next_step
from deploy.retries import MAX_ATTEMPTS
from deploy.runtime.base import Found

POLICY = Policy(boot_timeout=30, drain_timeout=20, stop_grace=5)
NOW = 1000.0
ALIVE = Found("id", 8000, "127.0.0.1:8000", alive=True, generation=1)
DEAD = Found("id", 8000, "127.0.0.1:8000", alive=False, generation=1)


def container(state: State, **known: object) -> Container:
    return Container(**{"port": 8000, "number": 1, "generation": 1, "state": state, "since": NOW} | known)


def step(state: State, known: dict[str, object], seen: Seen, after: float = 0.0) -> Step:
    return next_step(container(state, **known), seen, NOW + after, POLICY).step


STARTED = {"runtime_id": "id", "deadline": NOW + 30}


@pytest.mark.parametrize(
    ("known", "seen", "after", "expected"),
    [
        ({}, Seen(), 0, Step.START),
        ({}, Seen(), 99, Step.START),  # whoever should have started it died: better late
        (STARTED, Seen(ALIVE), 0, Step.WAIT),
        (STARTED, Seen(ALIVE, healthy=True), 0, Step.JOIN),
        (STARTED, Seen(ALIVE, healthy=True), 31, Step.JOIN),  # late but well
        (STARTED, Seen(ALIVE), 29.9, Step.WAIT),
        (STARTED, Seen(ALIVE), 30, Step.GIVE_UP_START),
        (STARTED, Seen(DEAD), 0, Step.GIVE_UP_START),
        (STARTED, Seen(None), 0, Step.GIVE_UP_START),  # somebody removed it
        ({"runtime_id": "id"}, Seen(ALIVE), 29, Step.WAIT),  # adopted: its own time in the state counts
        ({"runtime_id": "id"}, Seen(ALIVE), 30, Step.GIVE_UP_START),
    ],
)
def test_a_starting_container_is_started_and_joins_once_healthy(known, seen, after, expected):
    assert step(State.STARTING, known, seen, after) is expected


@pytest.mark.parametrize(
    ("known", "after", "expected"),
    [
        ({"runtime_id": "id"}, 0, Step.END_SICK),
        ({"runtime_id": "id", "next_try_at": NOW + 9}, 0, Step.END_SICK),  # killed at once, however long it waits
        ({"runtime_id": "id", "deadline": NOW + 1}, 0, Step.WAIT),  # a kill has failed just now
        ({"runtime_id": "id", "deadline": NOW + 1}, 1, Step.END_SICK),
        ({}, 0, Step.RESTART),
        ({"next_try_at": NOW + 9}, 8.9, Step.WAIT),
        ({"next_try_at": NOW + 9}, 9, Step.RESTART),
        ({"attempts": MAX_ATTEMPTS - 1}, 0, Step.RESTART),
        ({"attempts": MAX_ATTEMPTS}, 0, Step.FAIL),
        ({"attempts": MAX_ATTEMPTS, "runtime_id": "id"}, 0, Step.END_SICK),  # nothing of it may run on
    ],
)
def test_a_sick_container_is_ended_and_started_again_when_its_time_has_come(known, after, expected):
    assert step(State.SICK, known, Seen(), after) is expected


@pytest.mark.parametrize(
    ("held_back_by", "after", "expected"),
    [
        (None, 0, Step.LET_GO),
        ("2 requests in flight", 0, Step.WAIT),
        ("2 requests in flight", 19.9, Step.WAIT),
        ("2 requests in flight", 20, Step.LET_GO),
    ],
)
def test_a_draining_container_waits_for_the_proxy_but_not_for_ever(held_back_by, after, expected):
    assert step(State.DRAINING, {"runtime_id": "id"}, Seen(held_back_by=held_back_by), after) is expected


def test_patience_that_has_ended_says_whom_it_waited_for():
    told = next_step(container(State.DRAINING), Seen(held_back_by="2 requests in flight"), NOW + 20, POLICY)
    assert told == Next(Step.LET_GO, "not drained within 20 s: 2 requests in flight")


@pytest.mark.parametrize(
    ("known", "seen", "after", "expected"),
    [
        ({}, Seen(ALIVE), 0, Step.TERMINATE),
        ({}, Seen(None), 0, Step.FORGET),
        ({}, Seen(DEAD), 0, Step.FORGET),
        ({"deadline": NOW + 5}, Seen(ALIVE), 4.9, Step.WAIT),
        ({"deadline": NOW + 5}, Seen(ALIVE), 5, Step.KILL),
        ({"deadline": NOW + 5}, Seen(DEAD), 1, Step.FORGET),
    ],
)
def test_a_stopping_container_is_asked_then_killed_then_forgotten(known, seen, after, expected):
    assert step(State.STOPPING, known, seen, after) is expected


@pytest.mark.parametrize("state", sorted(RESTING))
def test_a_resting_container_is_left_alone(state):
    assert step(state, {}, Seen(), 999) is Step.WAIT


def test_a_container_that_is_given_up_says_why():
    sick = container(State.SICK, attempts=MAX_ATTEMPTS, reason="no such program")
    assert next_step(sick, Seen(), NOW, POLICY).reason == "given up after 6 attempts; the last one: no such program"


@pytest.mark.parametrize("state", list(State))
def test_every_state_has_an_answer(state):
    assert next_step(container(state), Seen(), NOW, POLICY).step in Step
