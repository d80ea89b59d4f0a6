"""Floors by the clock, as tables."""

from datetime import datetime

import pytest

from autoscaler.schedule import NO_FLOOR, Schedule


def at(text: str) -> float:
    """Unix time of an ISO time; 2026-03-02 is a Monday."""
    return datetime.fromisoformat(text).timestamp()


@pytest.mark.parametrize(
    ("text", "when", "least"),
    [
        ("3@08:00-18:00", "2026-03-02T07:59:59Z", 0),
        ("3@08:00-18:00", "2026-03-02T08:00:00Z", 3),
        ("3@08:00-18:00", "2026-03-02T17:59:59Z", 3),
        ("3@08:00-18:00", "2026-03-02T18:00:00Z", 0),
        ("3@22:00-06:00", "2026-03-02T23:00:00Z", 3),  # over midnight
        ("3@22:00-06:00", "2026-03-03T05:59:00Z", 3),
        ("3@22:00-06:00", "2026-03-02T06:00:00Z", 0),
        ("3@mon-fri 08:00-18:00", "2026-03-06T12:00:00Z", 3),
        ("3@mon-fri 08:00-18:00", "2026-03-07T12:00:00Z", 0),
        ("3@sat-mon 08:00-18:00", "2026-03-08T12:00:00Z", 3),  # over the week's end
        ("3@sat-mon 08:00-18:00", "2026-03-03T12:00:00Z", 0),
        ("3@fri 22:00-02:00", "2026-03-07T01:00:00Z", 3),  # Saturday's night belongs to Friday
        ("3@fri 22:00-02:00", "2026-03-06T01:00:00Z", 0),
        ("3@08:00-18:00 Europe/Berlin", "2026-03-02T07:00:00Z", 3),
        ("3@08:00-18:00 Europe/Berlin", "2026-07-01T06:00:00Z", 3),  # summer time
        ("3@08:00-18:00 Europe/Berlin", "2026-07-01T16:30:00Z", 0),
        ("3@08:00-18:00+5@12:00-13:00", "2026-03-02T12:30:00Z", 5),  # the highest of two
        ("3@08:00-18:00+5@12:00-13:00", "2026-03-02T13:00:00Z", 3),
        ("4@00:00-00:00", "2026-03-02T12:30:00Z", 4),  # a whole day
        ("", "2026-03-02T12:30:00Z", 0),
    ],
)
def test_the_floor_holds_in_its_times_and_no_others(text: str, when: str, least: int) -> None:
    assert Schedule.parse(text).at(at(when)) == least


@pytest.mark.parametrize("text", ["", "3@08:00-18:00", "3@mon-fri 08:00-18:00 Europe/Berlin+5@sat 22:00-02:00"])
def test_a_schedule_reads_what_it_writes(text: str) -> None:
    assert str(Schedule.parse(text)) == text
    assert Schedule.parse(str(Schedule.parse(text))) == Schedule.parse(text)


def test_no_floor_asks_for_nothing() -> None:
    assert (NO_FLOOR.highest, NO_FLOOR.at(0.0), str(NO_FLOOR)) == (0, 0, "")


def test_the_highest_number_is_known() -> None:
    assert Schedule.parse("3@08:00-18:00+5@12:00-13:00").highest == 5


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("3", "must look like"),
        ("3@8-18", "must look like"),
        ("x@08:00-18:00", "must look like"),
        ("3@25:00-26:00", "hour must be in"),
        ("3@foo 08:00-18:00", "foo is no day"),
        ("3@mon-xyz 08:00-18:00", "xyz is no day"),
        ("3@08:00-18:00 Nowhere/Land", "no time zone Nowhere/Land"),
    ],
)
def test_what_cannot_be_read_is_refused_in_a_sentence(text: str, words: str) -> None:
    with pytest.raises(ValueError, match="floor") as refused:
        Schedule.parse(text)
    assert words in str(refused.value)
