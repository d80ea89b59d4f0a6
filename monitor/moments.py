"""Moments as people type them: 12:04, 12:04:07, 2026-03-01T12:04, -5m, or unix seconds."""

import re
from datetime import datetime, time, timedelta

UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86_400}
AGO = re.compile(r"-?(\d+(?:\.\d+)?)([smhd])\Z")
UNIX = re.compile(r"\d{9,11}(?:\.\d+)?\Z")
FORMS = "12:04, 12:04:07, 2026-03-01T12:04, 5m (ago), or unix seconds"


def moment(text: str, now: float) -> float:
    """The unix time that `text` means at unix time `now`; ValueError with a sentence when it means none.

    A time of the day is the last one that has been: 23:50 asked at 00:10 was yesterday.
    """
    if ago := AGO.match(text):
        return now - float(ago[1]) * UNITS[ago[2]]
    if UNIX.match(text):
        return float(text)
    try:
        return day_time(time.fromisoformat(text), now)
    except ValueError:
        pass
    try:
        return datetime.fromisoformat(text).timestamp()
    except ValueError:
        raise ValueError(f"{text!r} is no time; these are: {FORMS}") from None


def day_time(of_day: time, now: float) -> float:
    """The last time that the clock showed this."""
    here = datetime.fromtimestamp(now).astimezone()
    then = datetime.combine(here.date(), of_day, of_day.tzinfo or here.tzinfo)
    return (then if then <= here else then - timedelta(days=1)).timestamp()


def seconds(text: str) -> float:
    """The length of a time such as 90s, 2m, 1h, 1d, or a number of seconds; ValueError with a sentence otherwise."""
    length = AGO.match(text if text[-1:] in UNITS else f"{text}s")
    if length is None or text.startswith("-"):
        raise ValueError(f"{text!r} is no length of time; these are: 90s, 2m, 1h, 1d")
    return float(length[1]) * UNITS[length[2]]
