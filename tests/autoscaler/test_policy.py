"""The scaling rule as tables: one instant, then histories second by second."""

import random
import re
from collections import deque
from collections.abc import Iterable
from dataclasses import replace

import pytest

from autoscaler.brakes import Changes
from autoscaler.policy import (
    PAUSE_SECONDS,
    History,
    Measured,
    Policy,
    Rule,
    decide,
    last_measured,
    last_threshold,
    next_threshold,
    remember,
    sentence,
    wanted,
)
from autoscaler.schedule import Schedule

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


RATE = Policy(rule=Rule.RATE, window=60, requests_per_second=5)
BUSY = Policy(rule=Rule.IN_FLIGHT, in_flight=8)


@pytest.mark.parametrize(
    ("count", "number"), [(0, 1), (1, 1), (300, 1), (301, 2), (600, 2), (601, 3), (2_999, 10), (9_999_999, 10)]
)
def test_target_tracking_wants_one_container_for_each_rate(count: int, number: int) -> None:
    assert wanted(count, RATE) == number


@pytest.mark.parametrize(("in_flight", "number"), [(0, 1), (1, 1), (8, 1), (9, 2), (80, 10), (81, 10)])
def test_requests_in_flight_want_one_container_for_each_few(in_flight: int, number: int) -> None:
    assert wanted(0, BUSY, in_flight=in_flight) == number


@pytest.mark.parametrize("count", [0, 1, 299, 300, 301, 599, 600, 601, 2_700])
def test_the_next_threshold_of_a_rate_is_the_first_count_that_wants_more(count: int) -> None:
    threshold = next_threshold(count, RATE)
    assert threshold is not None
    assert wanted(threshold, RATE) == wanted(threshold - 1, RATE) + 1 == wanted(count, RATE) + 1


@pytest.mark.parametrize("count", [301, 599, 600, 601, 2_700, 9_000])
def test_the_last_threshold_of_a_rate_is_the_first_count_that_still_wants_as_many(count: int) -> None:
    threshold = last_threshold(count, RATE)
    assert threshold is not None
    assert wanted(threshold, RATE) == wanted(threshold - 1, RATE) + 1 == wanted(count, RATE)


def test_a_rule_that_does_not_count_has_no_threshold() -> None:
    assert next_threshold(5, BUSY) is last_threshold(5, BUSY) is None


def test_thresholds_lie_above_the_floor_of_the_hour() -> None:
    policy = RULE.changed("floor=3@08:00-18:00")
    morning, noon = 3_600.0, 12 * 3_600.0
    assert (next_threshold(5, policy, morning), next_threshold(5, policy, noon)) == (20, 60)
    assert (last_threshold(45, policy, morning), last_threshold(45, policy, noon)) == (40, None)


def test_with_a_minimum_no_threshold_lies_below_it() -> None:
    assert last_threshold(45, Policy(minimum=3)) is None
    assert last_threshold(65, Policy(minimum=3)) == 60


def test_unknown_requests_in_flight_change_nothing() -> None:
    history: History = {1: 0.5}
    decision, _ = decide(Measured(1.0, 0, FULL, 4, in_flight=None), history, BUSY)
    assert (decision.target, decision.blind) == (4, True)
    assert sentence(decision) == "nobody knows how many requests are in flight: what exists is kept (4)"


def test_a_schedule_raises_the_floor_in_its_time() -> None:
    policy = Policy(floor=Schedule.parse("3@08:00-18:00"), stabilization=10)
    eight = 8 * 3600
    answers = targets(every_second(eight - 2, (4, 0)), policy, history={1: eight - 3.0})
    assert answers == [1, 1, 3, 3]
    evening = 18 * 3600
    answers = targets(every_second(evening - 2, (14, 0)), policy, history={3: evening - 3.0}, existing=3)
    assert answers == [3, 3] + [3] * 9 + [1] * 3


def braked_targets(counts: Iterable[tuple[float, int]], policy: Policy) -> list[int]:
    """The target at each (time, count), the brakes remembering."""
    history: History = {1: 0.0}
    changes, answers = Changes(1), []
    for at, count in counts:
        decision, history = decide(Measured(at, count, FULL, 1), history, policy, changes)
        changes = decision.changes
        answers.append(decision.target)
    return answers


def test_steps_and_cool_downs_slow_both_ways() -> None:
    policy = Policy(up_step=2, up_cooldown=3, down_step=1, down_cooldown=2, stabilization=0)
    up = braked_targets(every_second(1, (8, 199)), policy)
    assert up == [3, 3, 3, 5, 5, 5, 7, 7]
    down = braked_targets(every_second(1, (1, 50), (6, 0)), replace(policy, up_cooldown=0))
    assert down == [3, 2, 2, 1, 1, 1, 1]


def test_the_operators_number_knows_no_brakes() -> None:
    policy = Policy(up_step=1, up_cooldown=60)
    assert decide(Measured(1.0, 0, FULL, 1, fixed=8), {1: 0.5}, policy, Changes(1, 0.5))[0].target == 8


@pytest.mark.parametrize(
    ("policy", "seen", "words"),
    [
        (RATE, Measured(200.0, 400, FULL, 1), "6.67 requests/s over the last 60 s want 2 (5 per container)"),
        (BUSY, Measured(200.0, 0, FULL, 1, in_flight=17), "17 requests in flight want 3 (8 per container)"),
        (
            Policy(floor=Schedule.parse("3@00:00-00:00")),
            Measured(200.0, 5, FULL, 3),
            "5 requests in the last 120 s want 3 (20 per container, at least 3 at this time)",
        ),
        (
            Policy(up_step=1, up_cooldown=30),
            Measured(200.0, 95, FULL, 1),
            "95 requests in the last 120 s want 5 (20 per container), but it goes up by 1 and every 30 s at most",
        ),
    ],
)
def test_each_policy_says_why(policy: Policy, seen: Measured, words: str) -> None:
    assert sentence(decide(seen, {1: 199.0}, policy, Changes(seen.existing))[0]) == words


@pytest.mark.parametrize(
    "text",
    [
        "rule=rate,requests_per_second=2.5,window=30",
        "rule=in_flight,in_flight=4",
        "up_step=2,up_cooldown=10,down_step=1,down_cooldown=60",
        "floor=3@mon-fri 08:00-18:00 Europe/Berlin+5@12:00-13:00",
    ],
)
def test_a_policy_reads_what_it_writes(text: str) -> None:
    policy = RULE.changed(text)
    assert policy != RULE
    assert RULE.changed(str(policy)) == policy


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("rule=magic", "rule must be one of window, rate, in_flight, not 'magic'"),
        ("requests_per_second=0", "must be above 0"),
        ("in_flight=nan", "must be above 0"),
        ("up_step=-1", "up_step and down_step must not be below 0"),
        ("down_cooldown=inf", "must not be below 0 seconds"),
        ("floor=11@08:00-18:00", "floor must not be above maximum"),
        ("floor=morning", "floor must look like"),
    ],
)
def test_a_policy_that_cannot_be_is_refused_in_a_sentence(text: str, words: str) -> None:
    with pytest.raises(ValueError, match=re.escape(words)):
        RULE.changed(text)
