"""The scaling rule as tables: one instant, then histories second by second."""

import random
from collections import deque
from collections.abc import Iterable

import pytest

from autoscaler.policy import (
    PAUSE_SECONDS,
    History,
    Measured,
    Policy,
    decide,
    last_measured,
    next_threshold,
    remember,
    sentence,
    wanted,
)

RULE = Policy()
FULL = 10_000.0  # the age of a window that has been measured for long


@pytest.mark.parametrize(
    ("count", "number"),
    [
        (0, 1),
        (1, 1),
        (19, 1),
        (20, 2),
        (21, 2),
        (39, 2),
        (40, 3),
        (59, 3),
        (60, 4),
        (179, 9),
        (180, 10),
        (199, 10),
        (200, 10),
        (1_000_000, 10),
    ],
)
def test_twenty_requests_want_one_container_more(count: int, number: int) -> None:
    assert wanted(count, RULE) == number


@pytest.mark.parametrize(("count", "threshold"), [(0, 20), (19, 20), (20, 40), (179, 180), (180, None), (9_999, None)])
def test_the_next_threshold_is_the_count_that_wants_one_more(count: int, threshold: int | None) -> None:
    assert next_threshold(count, RULE) == threshold


def test_minimum_and_maximum_hold_whatever_the_count() -> None:
    policy = Policy(minimum=2, maximum=3)
    assert [wanted(count, policy) for count in (0, 25, 45, 500)] == [2, 2, 3, 3]


def targets(
    counts: Iterable[tuple[float, int]],
    policy: Policy = RULE,
    *,
    age: float = FULL,
    fixed: int | None = None,
    history: History | None = None,
    existing: int = 1,
) -> list[int]:
    """The target at each (time, count), where what exists follows the target at once."""
    history, answers = history if history is not None else {1: 0.0}, []
    for at, count in counts:
        decision, history = decide(Measured(at, count, age, existing, fixed), history, policy)
        existing = decision.target
        answers.append(existing)
    return answers


def every_second(start: int, *stretches: tuple[int, int]) -> list[tuple[float, int]]:
    """(seconds, count) stretches, one tick each second from `start` on."""
    counts = [count for seconds, count in stretches for _ in range(seconds)]
    return [(float(start + i), count) for i, count in enumerate(counts)]


def test_up_goes_at_once_and_by_as_many_as_needed() -> None:
    assert targets([(1, 0), (2, 20), (3, 95), (4, 400)]) == [1, 2, 5, 10]


def test_down_waits_until_no_higher_number_was_wanted_for_one_stabilization() -> None:
    answers = targets(every_second(1, (10, 45), (125, 0)))
    last_wanted = 9  # index of the last second with 45 requests
    assert answers[: last_wanted + 120] == [3] * (last_wanted + 120)
    assert answers[last_wanted + 120 :] == [1] * 6


def test_down_goes_only_to_the_highest_number_of_the_last_stabilization() -> None:
    answers = targets(every_second(1, (1, 85), (60, 45), (130, 0)))
    assert answers[0] == 5
    assert answers[119] == 5
    assert answers[120] == 3  # 85 requests fell out of memory, 45 did not
    assert answers[179] == 3
    assert answers[180] == 1


def test_a_short_lull_changes_nothing() -> None:
    assert set(targets(every_second(1, (5, 45), (60, 3), (5, 45), (60, 3)))) == {3}


def test_without_stabilization_down_goes_at_once() -> None:
    assert targets([(1, 45), (2, 0), (3, 25), (4, 0)], Policy(stabilization=0)) == [3, 1, 2, 1]


def test_a_young_window_goes_up_but_never_down() -> None:
    assert targets([(1, 5), (2, 65), (3, 5)], age=30, existing=3) == [3, 4, 4]


def test_a_window_is_young_until_it_is_one_window_old() -> None:
    ages = {age: decide(Measured(1.0, 0, age, 1), {1: 0.5}, RULE)[0].young for age in (0, 119.9, 120, 121)}
    assert ages == {0: True, 119.9: True, 120: False, 121: False}


def test_after_a_pause_what_exists_counts_as_wanted() -> None:
    after = 100 + PAUSE_SECONDS + 1
    history: History = {1: 100.0}
    assert targets(every_second(int(after), (122, 0)), history=history, existing=4) == [4] * 120 + [1] * 2


def test_a_pause_as_long_as_a_restart_takes_changes_nothing() -> None:
    assert targets([(100 + PAUSE_SECONDS, 0)], history={1: 100.0}, existing=4) == [1]


def test_nothing_remembered_holds_what_exists() -> None:
    assert targets([(5, 0), (6, 0)], history={}, existing=7) == [7, 7]


def test_the_operators_number_overrules_and_is_clamped() -> None:
    assert [targets([(1, 95)], fixed=n)[0] for n in (-3, 0, 1, 4, 10, 99)] == [1, 1, 1, 4, 10, 10]


def test_after_the_operators_number_the_rule_goes_on_from_what_was_measured() -> None:
    policy, history = RULE, {1: 0.0}
    decision, after = decide(Measured(1.0, 0, FULL, 1, fixed=6), history, policy)
    assert decision.target == 6
    assert decide(Measured(2.0, 0, FULL, 6), after, policy)[0].target == 1


def test_more_containers_than_the_maximum_are_not_held() -> None:
    assert targets([(1, 0)], Policy(maximum=4), age=1, existing=9) == [4]


def test_history_never_grows_beyond_one_entry_for_each_number() -> None:
    history: History = {}
    for second in range(5_000):
        _, history = decide(Measured(float(second), second % 300, FULL, 1), history, RULE)
    assert len(history) <= RULE.maximum


def test_a_clock_that_goes_back_never_makes_memory_younger() -> None:
    assert remember({3: 100.0}, 3, 90.0, RULE) == {3: 100.0}
    assert last_measured(remember({}, 3, 90.0, RULE)) == 90.0


@pytest.mark.parametrize("policy", [RULE, Policy(requests_per_container=50, stabilization=300, minimum=2, maximum=7)])
def test_through_a_whole_day_the_target_is_the_highest_number_of_the_last_stabilization(policy: Policy) -> None:
    """A day of counts, second by second, against the rule said in another way: keep every number and look back."""
    chance = random.Random(4)
    numbers: deque[int] = deque(maxlen=int(policy.stabilization))
    history: History = {1: -1.0}
    count, different = 0, set()
    for second in range(86_400):
        busy = 12 <= second // 3600 < 20
        count = max(0, count + chance.choice([-9, -3, -1, 0, 0, 1, 3, 9]) - (not busy and count > 15))
        decision, history = decide(Measured(float(second), count, FULL, 1), history, policy)
        numbers.append(wanted(count, policy))
        assert decision.target == max(numbers)
        different.add(decision.target)
    assert different == set(range(policy.minimum, policy.maximum + 1))


@pytest.mark.parametrize(
    ("seen", "history", "words"),
    [
        (Measured(9, 41, FULL, 3), {3: 8.0}, "41 requests in the last 120 s want 3 (20 per container)"),
        (Measured(9, 1, FULL, 1), {1: 8.0}, "1 request in the last 120 s wants 1 (20 per container)"),
        (
            Measured(100, 5, FULL, 3),
            {1: 99.0, 3: 63.0},
            "5 requests in the last 120 s want 1 (20 per container), but 3 were wanted 37 s ago: kept for 83 s more",
        ),
        (
            Measured(100, 5, 14, 3),
            {1: 99.0},
            "5 requests in the last 120 s want 1 (20 per container), "
            "but they are counted for 14 s only: not going down",
        ),
        (
            Measured(100, 5, FULL, 3),
            {},
            "5 requests in the last 120 s want 1 (20 per container), "
            "but nobody measured before: going down in 120 s at the earliest",
        ),
        (
            Measured(100, 5, FULL, 3, fixed=4),
            {1: 99.0},
            "fixed at 4 by the operator; 5 requests in the last 120 s want 1 (20 per container)",
        ),
    ],
)
def test_the_sentence_says_why(seen: Measured, history: History, words: str) -> None:
    assert sentence(decide(seen, history, RULE)[0]) == words


def test_a_policy_is_written_as_it_is_read() -> None:
    policy = Policy(window=2.5, requests_per_container=7, stabilization=0, minimum=2, maximum=4)
    assert Policy().changed(str(policy)) == policy


def test_changing_a_policy_leaves_the_rest_alone() -> None:
    assert Policy().changed("window=60, maximum=4") == Policy(window=60, maximum=4)
    assert Policy().changed("") == Policy()


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("windw=60", "'windw' is no number of the policy"),
        ("window=soon", "window must be a number, not 'soon'"),
        ("maximum=2.5", "maximum must be a whole number, not '2.5'"),
        ("window", "window must be a number, not ''"),
        ("window=0", "window must be above 0"),
        ("window=nan", "window must be above 0"),
        ("window=inf", "window must be above 0"),
        ("stabilization=-1", "stabilization not below 0"),
        ("requests_per_container=0", "requests_per_container must be at least 1"),
        ("minimum=0", "minimum must be at least 1"),
        ("minimum=5,maximum=4", "minimum must be at least 1 and not above maximum"),
    ],
)
def test_a_policy_that_cannot_be_is_refused_with_a_sentence(text: str, complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint.replace("(", r"\(")):
        Policy().changed(text)
