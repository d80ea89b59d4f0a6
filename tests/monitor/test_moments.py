"""Moments as people type them."""

from datetime import datetime

import pytest

from monitor.moments import moment, seconds

NOON = datetime(2026, 3, 1, 12, 10).astimezone().timestamp()


@pytest.mark.parametrize(
    ("text", "distance"),
    [
        ("12:04", -360),
        ("12:04:07", -353),
        ("12:10", 0),
        ("23:50", -12 * 3600 - 20 * 60),
        ("2026-03-01T12:04:07", -353),
        ("2026-03-01 12:04", -360),
        ("-5m", -300),
        ("5m", -300),
        ("90s", -90),
        ("2h", -7200),
        ("1d", -86_400),
        ("1.5h", -5400),
    ],
)
def test_a_moment_is_the_one_that_a_person_means(text, distance):
    assert moment(text, NOON) == NOON + distance


def test_unix_seconds_are_taken_as_they_are():
    assert moment("1772363047.5", NOON) == 1772363047.5


@pytest.mark.parametrize("text", ["", "soon", "25:00", "12:61", "5 parsecs", "2026-13-01"])
def test_what_is_no_moment_is_refused_with_the_forms_that_are(text):
    with pytest.raises(ValueError, match="is no time; these are: 12:04"):
        moment(text, NOON)


@pytest.mark.parametrize(("text", "length"), [("90s", 90), ("2m", 120), ("1h", 3600), ("1d", 86_400), ("45", 45)])
def test_a_length_of_time_has_a_unit(text, length):
    assert seconds(text) == length


@pytest.mark.parametrize("text", ["", "-5m", "1 year", "m"])
def test_what_is_no_length_is_refused(text):
    with pytest.raises(ValueError, match="is no length of time"):
        seconds(text)
