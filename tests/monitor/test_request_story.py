"""The stories of single requests, as tables."""

from lb.request_id import RequestId, encode
from lb.retries import Retry
from lb.ring import Member, Ring
from monitor.request_story import as_json, sentences, story_of

RING = Ring(7, tuple(Member(port, f"127.0.0.1:{port}") for port in (8000, 8001, 8002)))
REQUEST = RequestId(1_763_000_000_500, "1fa2b3c4", 7, 388)
NAME = encode(REQUEST)
RETRY = Retry(NAME, 391, 8, 8001, 8002, "answered 500", at=1_763_000_000.6)


def clock(at: float) -> str:
    return f"at {at:.1f}"


def test_the_sum_is_shown() -> None:
    told = sentences(story_of(NAME, REQUEST, {7: RING}, []), 8000, clock)
    assert told == [
        "at 1763000000.5: worker 1fa2b3c4 routed it, with turn 388.",
        "The ring (version 7) was 8000, 8001, 8002; 388 mod 3 is 1: container 2 on port 8001.",
        "It is counted: it is one of the requests that decide how many containers there are.",
        "No second try of it is remembered.",
    ]


def test_a_second_try_is_told_with_its_cause() -> None:
    told = sentences(story_of(NAME, REQUEST, {7: RING}, [RETRY]), 8000, clock)
    assert told[2] == "8001 answered 500; with turn 391 by version 8 it went to container 3 on port 8002."
    assert not told[-1].startswith("No second try")


def test_second_tries_of_others_are_not_its_own() -> None:
    other = Retry("another", 391, 8, 8001, 8002, "answered 500")
    assert story_of(NAME, REQUEST, {7: RING}, [other]).retries == []


def test_a_ring_that_is_forgotten_is_not_guessed() -> None:
    story = story_of(NAME, REQUEST, {6: RING}, [])
    assert "not remembered any more" in sentences(story, 8000, clock)[1]
    assert (story.first, as_json(story, 8000)["container"]) == (None, None)


def test_an_empty_ring_made_it_wait() -> None:
    told = sentences(story_of(NAME, REQUEST, {7: Ring(7, ())}, []), 8000, clock)
    assert told[1] == "The ring (version 7) was empty: it waited for a container to join."


def test_what_is_not_counted_says_so() -> None:
    told = sentences(story_of(NAME, REQUEST._replace(counted=False), {7: RING}, []), 8000, clock)
    assert told[2].startswith("It is not counted")


def test_scripts_get_the_same_facts() -> None:
    facts = as_json(story_of(NAME, REQUEST, {7: RING}, [RETRY]), 8000)
    assert (facts["turn"], facts["ring_version"], facts["ring"]) == (388, 7, [8000, 8001, 8002])
    assert (facts["first_port"], facts["port"], facts["container"], facts["attempts"]) == (8001, 8002, 3, 2)
    assert facts["counted"] is True
