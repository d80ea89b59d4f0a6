"""Verdicts as tables and as sequences of rounds."""

import pytest

from monitor.probe import Outcome, Probe
from monitor.verdict import (
    History,
    Policy,
    Verdict,
    is_over,
    is_sure,
    judge,
    judge_round,
    next_histories,
    says_something,
)

OK = Probe(Outcome.ANSWERED, 200, detail="answered 200")
CRASHED = Probe(Outcome.ANSWERED, 500, detail="answered 500")
STORELESS = Probe(Outcome.ANSWERED, 500, detail="answered 500", store_unreachable=True)
REFUSED = Probe(Outcome.REFUSED, detail="refused the connection")
BROKEN = Probe(Outcome.BROKEN, detail="broke off: reset")
LATE = Probe(Outcome.TIMED_OUT, detail="no answer within 0.8 s")
UNKNOWN = Probe(Outcome.UNKNOWN, detail="could not be probed: too many open files")
PATIENCE = Policy()


def verdicts(*probes: Probe) -> list[str]:
    """What is thought of one container, probe after probe."""
    history, answers = History(), []
    for probe in probes:
        judgement = judge(history, probe, PATIENCE)
        history = judgement.history
        answers.append(str(judgement.verdict))
    return answers


@pytest.mark.parametrize(
    ("probes", "expected"),
    [
        ([OK, OK], ["well", "well"]),
        ([CRASHED], ["sick"]),
        ([OK, CRASHED], ["well", "sick"]),
        ([REFUSED], ["sick"]),
        ([BROKEN], ["sick"]),
        ([LATE], ["unsure"]),
        ([LATE, LATE], ["unsure", "late"]),
        ([LATE, LATE, LATE], ["unsure", "late", "late"]),
        ([LATE, OK, LATE, OK], ["unsure", "well", "unsure", "well"]),
        ([LATE, UNKNOWN, LATE], ["unsure", "unsure", "late"]),
        ([LATE, STORELESS, LATE], ["unsure", "storeless", "unsure"]),
        ([UNKNOWN] * 5, ["unsure"] * 5),
        ([STORELESS] * 3, ["storeless"] * 3),
        ([STORELESS, OK], ["storeless", "well"]),
        ([LATE, CRASHED], ["unsure", "sick"]),
    ],
)
def test_one_container_by_itself(probes: list[Probe], expected: list[str]) -> None:
    assert verdicts(*probes) == expected


@pytest.mark.parametrize("status", [204, 302, 401, 404, 429, 500, 503])
def test_only_200_is_well(status: int) -> None:
    assert judge(History(), Probe(Outcome.ANSWERED, status), PATIENCE).verdict is Verdict.SICK


def test_the_reason_of_a_late_one_counts_the_time_outs() -> None:
    judgement = judge(History(timeouts=1), LATE, PATIENCE)
    assert judgement.reason == "no answer within 0.8 s, 2 times in a row"


def test_only_what_does_not_depend_on_the_others_is_sure() -> None:
    probes = [OK, CRASHED, STORELESS, REFUSED, BROKEN, LATE, UNKNOWN]
    sure = [is_sure(judge(History(timeouts=1), probe, PATIENCE)) for probe in probes]
    assert sure == [False, True, False, True, True, False, False]


class Watch:
    """Rounds of probes of several containers."""

    def __init__(self) -> None:
        self.histories: dict[int, History] = {}

    def round(self, *probes: Probe, healing: bool = False):
        judgements = {
            port: judge(self.histories.get(port, History()), probe, PATIENCE)
            for port, probe in enumerate(probes, start=8000)
        }
        self.histories = next_histories(judgements)
        return judge_round(judgements, healing, PATIENCE)


def test_each_sick_one_is_relaunched_and_nobody_else() -> None:
    after = Watch().round(OK, CRASHED, REFUSED, OK, BROKEN)
    assert list(after.sick) == [8001, 8002, 8004]
    assert after.held == ""


def test_all_crashed_at_once_are_all_relaunched() -> None:
    """Each of them said so itself: that is no cause they share."""
    assert list(Watch().round(CRASHED, CRASHED, REFUSED).sick) == [8000, 8001, 8002]


def test_a_single_container_that_hangs_is_relaunched_after_two_rounds() -> None:
    watch = Watch()
    assert [list(watch.round(LATE).sick) for _ in range(2)] == [[], [8000]]


def test_one_that_hangs_among_others_is_relaunched_after_two_rounds() -> None:
    watch = Watch()
    assert [list(watch.round(OK, LATE, OK).sick) for _ in range(2)] == [[], [8001]]


def test_while_the_store_is_away_nothing_is_relaunched() -> None:
    watch = Watch()
    for _ in range(20):
        after = watch.round(STORELESS, STORELESS, STORELESS)
        assert after.sick == {}
        assert after.held == "the store is unreachable; nothing is relaunched until it answers"


def test_a_crash_while_the_store_is_away_waits_for_the_store() -> None:
    watch = Watch()
    assert watch.round(STORELESS, CRASHED).sick == {}
    assert list(watch.round(OK, CRASHED).sick) == [8001]


def test_a_store_that_goes_while_a_round_is_under_way_makes_nobody_sick() -> None:
    watch = Watch()
    rounds = [watch.round(OK, OK), watch.round(OK, STORELESS), watch.round(STORELESS, STORELESS)]
    assert [after.sick for after in rounds] == [{}, {}, {}]
    assert [bool(after.held) for after in rounds] == [False, False, True]


def test_one_that_misses_the_store_alone_for_long_is_sick_by_itself() -> None:
    watch = Watch()
    assert [list(watch.round(OK, STORELESS).sick) for _ in range(4)] == [[], [], [], [8001]]


def test_missing_the_store_together_does_not_count_as_alone() -> None:
    watch = Watch()
    for _ in range(10):
        watch.round(STORELESS, STORELESS)
    assert watch.round(OK, STORELESS).sick == {}


def test_a_single_container_that_misses_its_store_is_held() -> None:
    after = Watch().round(STORELESS)
    assert after.sick == {}
    assert after.held


def test_when_all_are_late_they_are_relaunched_one_by_one() -> None:
    watch = Watch()
    assert watch.round(LATE, LATE, LATE).sick == {}
    first = watch.round(LATE, LATE, LATE)
    assert list(first.sick) == [8000]
    assert first.held == "none of 3 containers answers in time; they are relaunched one by one"


def test_while_one_is_healing_the_other_late_ones_wait() -> None:
    watch = Watch()
    watch.round(LATE, LATE)
    assert watch.round(LATE, LATE, healing=True).sick == {}


def test_a_crash_among_late_ones_is_the_first_to_be_relaunched() -> None:
    watch = Watch()
    watch.round(LATE, LATE, OK)
    after = watch.round(LATE, LATE, CRASHED)
    assert list(after.sick) == [8002]
    assert after.held


def test_when_the_first_is_well_again_the_other_late_ones_are_relaunched() -> None:
    watch = Watch()
    watch.round(LATE, LATE, LATE)
    watch.round(LATE, LATE, LATE)
    after = watch.round(OK, LATE, LATE)
    assert list(after.sick) == [8001, 8002]
    assert after.held == ""


@pytest.mark.parametrize(
    ("probes", "awaited", "over"),
    [
        ([OK], True, True),
        ([OK, STORELESS], True, True),
        ([STORELESS], True, False),
        ([STORELESS], False, False),
        ([LATE], True, False),
        ([CRASHED], True, False),
        ([], True, False),
        ([], False, True),
        ([LATE], False, True),
    ],
)
def test_a_hold_over_nobody_is_over_when_one_reaches_the_store_or_nobody_can_tell(
    probes: list[Probe], awaited: bool, over: bool
) -> None:
    judgements = {port: judge(History(), probe, PATIENCE) for port, probe in enumerate(probes)}
    assert is_over(judgements, awaited) is over


@pytest.mark.parametrize(
    ("probes", "says"), [([LATE, UNKNOWN], False), ([], False), ([LATE, OK], True), ([CRASHED], True)]
)
def test_a_round_in_which_nobody_is_sure_says_nothing(probes: list[Probe], says: bool) -> None:
    assert says_something({port: judge(History(), probe, PATIENCE) for port, probe in enumerate(probes)}) is says


def test_a_round_of_nobody_does_nothing() -> None:
    assert judge_round({}, False, PATIENCE).sick == {}
    assert next_histories({}) == {}
