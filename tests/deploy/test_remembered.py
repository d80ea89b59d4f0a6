"""Any story's hash on a real Redis; what follows in a story is told where its kind is."""

from dataclasses import dataclass, replace
from typing import ClassVar

from deploy import remembered
from deploy.remembered import Story
from lb.events import Event, Kind
from lb.events import read as read_events

TOLD = Event(Kind.ROLLOUT, 8000, "a test", "pytest", extra={"to_node": "b"})


@dataclass(frozen=True)
class Tale(Story):
    NAME: ClassVar = "tale"

    hero: str = ""
    at: float = 0.0
    dragons: int = 0


BEGUN = Tale(hero="ann", at=1.5, dragons=2)


def test_what_is_written_is_read_again_and_told(redis_client):
    written = remembered.change(redis_client, "acts", Tale(), BEGUN, TOLD)
    assert remembered.read(redis_client, "acts", Tale) == written == replace(BEGUN, moves=1)
    assert redis_client.hget("acts:tale", "hero") == "ann"
    (event,) = read_events(redis_client, "acts")
    assert (event.port, event.reason, event.extra) == (8000, "a test", {"to_node": "b"})


def test_of_two_who_saw_the_same_one_wins_and_one_is_told(redis_client):
    assert remembered.change(redis_client, "acts", Tale(), BEGUN, TOLD)
    assert remembered.change(redis_client, "acts", Tale(), Tale(hero="bob"), TOLD) is None
    assert remembered.read(redis_client, "acts", Tale).hero == "ann"
    assert len(read_events(redis_client, "acts")) == 1


def test_fields_of_a_newer_version_are_left_out():
    assert remembered.story_of(Tale, {"hero": "ann", "colour": "green"}) == Tale(hero="ann")
