"""The sentence behind a number, for histories that the policy itself has made."""

from collections.abc import Iterator

import pytest

from autoscaler.decision_log import Entry, entry_for
from autoscaler.plan import plan
from autoscaler.policy import History, Measured, Policy, decide
from autoscaler.why import in_words, story_of, why
from deploy.container_state import State

RULE = Policy()


def journal(*stretches: tuple[int, int, int | None], age: float = 1000.0, policy: Policy = RULE) -> list[Entry]:
    """Entries second by second from 1 on, newest first, for stretches of (seconds, count, fixed)."""
    return list(entries(stretches, age, policy))[::-1]


def entries(stretches: tuple[tuple[int, int, int | None], ...], age: float, policy: Policy) -> Iterator[Entry]:
    history: History = {1: 0.0}
    states = {8000: State.RUNNING}
    at = 0
    for seconds, count, fixed in stretches:
        for _ in range(seconds):
            at += 1
            decision, history = decide(Measured(float(at), count, age, len(states), fixed), history, policy)
            yield entry_for(decision, states, plan(states, decision.target, 8000))
            states = {8000 + n: State.RUNNING for n in range(decision.target)}


def clock(at: float) -> str:
    return f"T{at:g}"


def told(written: list[Entry], at: float | None = None) -> str:
    story = story_of(entry for entry in written if at is None or entry.at <= at)
    assert story is not None
    return why(story, story.now.at if at is None else at, clock)


def test_up_is_told_by_the_requests_that_came() -> None:
    assert told(journal((10, 0, None), (30, 41, None))) == (
        "3 containers since T11, because 41 requests came in the two minutes before (20 per container, so 3)."
    )


def test_what_holds_it_up_is_told_with_the_time_from_which_fewer_were_enough() -> None:
    written = journal((10, 0, None), (30, 41, None), (60, 25, None))
    assert told(written) == (
        "3 containers since T11, because 41 requests came in the two minutes before (20 per container, so 3); "
        "it would have gone down to 2 at T41 but the highest number wanted in the last 120 s was still 3."
    )


def test_down_is_told_by_the_highest_number_of_the_past() -> None:
    written = journal((10, 45, None), (30, 25, None), (200, 0, None))
    assert told(written, 135) == (
        "2 containers since T130, because the highest number wanted in the last 120 s was 2, no longer 3; "
        "1 would have been enough at T135 but the highest number wanted in the last 120 s was still 2."
    )
    assert told(written) == (
        "1 container since T160, because the highest number wanted in the last 120 s was 1, no longer 2."
    )


def test_the_operators_number_is_told_as_such() -> None:
    assert told(journal((10, 0, None), (5, 0, 4))) == "4 containers since T11, because the operator fixed it at 4."


def test_giving_the_number_back_is_told() -> None:
    assert told(journal((10, 0, None), (5, 0, 4), (3, 0, None))).startswith(
        "1 container since T16, because the operator gave the number back to the rule, and 0 requests"
    )


def test_a_young_window_is_told() -> None:
    states = {8000 + n: State.RUNNING for n in range(3)}
    decision, _ = decide(Measured(9.0, 5, 14.0, 3), {1: 8.0}, RULE)
    assert told([entry_for(decision, states, plan(states, decision.target, 8000))]) == (
        "3 containers since before T9, because 5 requests in the last 120 s want 1 (20 per container), "
        "but they are counted for 14 s only: not going down."
    )


def test_what_is_being_done_about_it_is_told() -> None:
    assert told(journal((10, 0, None), (1, 41, None))) == (
        "3 containers since T11, because 41 requests came in the two minutes before (20 per container, so 3); "
        "1 in the ring at T11 (launch 8001, launch 8002)."
    )


def test_any_moment_of_the_past_can_be_asked_about() -> None:
    written = journal((10, 0, None), (30, 41, None), (60, 25, None))
    assert told(written, 5) == (
        "1 container since before T1, because 0 requests came in the two minutes before (20 per container, so 1)."
    )
    assert told(written, 20).startswith("3 containers since T11")


def test_a_silent_autoscaler_is_told() -> None:
    assert told(journal((10, 0, None)), 100).endswith("Nothing was decided after T10, 90 s before that time.")


def test_without_a_journal_there_is_no_story() -> None:
    assert story_of([]) is None


def test_only_as_much_of_the_journal_is_read_as_needed() -> None:
    def endless() -> Iterator[Entry]:
        yield from journal((10, 0, None), (30, 41, None))[:32]
        raise AssertionError("read too far")

    story = story_of(endless())
    assert story is not None
    assert story.began.at == 11


@pytest.mark.parametrize(
    ("seconds", "words"), [(120, "two minutes"), (60, "minute"), (45, "45 s"), (2.5, "2.5 s"), (3600, "hour")]
)
def test_windows_are_named_as_people_name_them(seconds: float, words: str) -> None:
    assert in_words(seconds) == words
