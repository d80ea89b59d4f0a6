"""The roll-out's hash on a real Redis, and how its phases follow each other."""

from dataclasses import replace

import pytest

from deploy import rollout
from deploy.container import Container
from deploy.container_state import State
from deploy.rollout import Phase, Rollout, event_of, image_for_new
from lb.events import read as read_events

BEGUN = Rollout().begun("v2", "v1", 7, by="ann", now=100.0)
TOLD = event_of("a test", "pytest")


def container(generation: int, image: str) -> Container:
    return Container(8000 + generation, generation, State.RUNNING, generation, image=image)


def test_what_is_written_is_read_again(redis_client):
    written = rollout.change(redis_client, "acts", Rollout(), BEGUN, TOLD)
    assert rollout.read(redis_client, "acts") == written == replace(BEGUN, moves=1)
    assert [event.reason for event in read_events(redis_client, "acts")] == ["a test"]


def test_of_two_who_saw_the_same_one_wins(redis_client):
    assert rollout.change(redis_client, "acts", Rollout(), BEGUN, TOLD)
    assert rollout.change(redis_client, "acts", Rollout(), BEGUN, TOLD) is None
    assert len(read_events(redis_client, "acts")) == 1


def test_fields_of_a_newer_version_are_left_out(redis_client):
    rollout.change(redis_client, "acts", Rollout(), BEGUN, TOLD)
    redis_client.hset("acts:rollout", "colour", "green")
    assert rollout.read(redis_client, "acts").target == "v2"


def test_a_forgotten_one_is_as_none(redis_client):
    rollout.change(redis_client, "acts", Rollout(), BEGUN, TOLD)
    rollout.forget(redis_client, "acts")
    assert rollout.read(redis_client, "acts") == Rollout()


def test_new_containers_are_of_the_old_image_until_the_new_one_is_proven():
    assert BEGUN.image == "v1"
    assert not BEGUN.is_proven
    assert BEGUN.proven().image == "v2"


def test_done_remembers_the_image_before():
    done = BEGUN.finished(now=200.0)
    assert (done.phase, done.image, done.previous, done.is_active) == (Phase.DONE, "v2", "v1", False)


@pytest.mark.parametrize("outcome", [Phase.FAILED, Phase.ABORTED])
def test_what_is_undone_ends_with_the_image_before(outcome):
    undoing = BEGUN.proven().undone(outcome, "it does not start", now=150.0)
    assert (undoing.phase, undoing.image, undoing.goal, undoing.is_active) == (Phase.UNDOING, "v1", "v1", True)
    over = undoing.finished(now=200.0)
    assert (over.phase, over.image, over.previous) == (outcome, "v1", "")


@pytest.mark.parametrize(
    ("image", "containers", "expected"),
    [
        ("", [], ""),
        ("v3", [], "v3"),
        ("v3", [container(1, "v1")], "v3"),
        ("", [container(1, "v1"), container(3, "v3"), container(2, "v2")], "v3"),
        ("", [container(1, "v1"), container(2, "")], "v1"),
    ],
)
def test_a_new_container_is_of_the_roll_outs_image_else_of_the_newest_ones(image, containers, expected):
    assert image_for_new(Rollout(image=image), containers) == expected
