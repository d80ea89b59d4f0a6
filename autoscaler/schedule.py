"""A floor by the clock: at least so many containers at these times of the day, whatever is measured.

    3@08:00-18:00                                 every day, UTC
    3@mon-fri 08:00-18:00 Europe/Berlin           on these days, by the clocks of that place
    3@08:00-18:00+5@sat 22:00-02:00               several; past midnight belongs to the day on which it began

The place stands in the text, and is never where the process happens to run: a recording that is replayed elsewhere
must be decided the same again.
"""

import re
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta, tzinfo
from functools import lru_cache
from typing import Self
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
SPAN = re.compile(
    r"(?P<number>\d+)@(?:(?P<first>[a-z]{3})(?:-(?P<last>[a-z]{3}))? )?"
    r"(?P<begin>\d\d:\d\d)-(?P<end>\d\d:\d\d)(?: (?P<zone>[A-Za-z][A-Za-z0-9_/-]*))?"
)
FORM = "3@08:00-18:00, or 3@mon-fri 08:00-18:00 Europe/Berlin, several joined by +"


@dataclass(frozen=True)
class Span:
    """At least `number` containers from `begin` to `end` on these days of the week (0 is Monday)."""

    text: str
    number: int
    days: frozenset[int]
    begin: time
    end: time
    zone: str

    def covers(self, at: float) -> bool:
        """Whether unix time `at` lies in it."""
        here = datetime.fromtimestamp(at, zone_of(self.zone))
        today, yesterday = here.weekday() in self.days, (here - timedelta(days=1)).weekday() in self.days
        if self.begin < self.end:
            return today and self.begin <= here.time() < self.end
        return (today and here.time() >= self.begin) or (yesterday and here.time() < self.end)


@dataclass(frozen=True)
class Schedule:
    """Spans; where they overlap the highest number holds."""

    spans: tuple[Span, ...] = ()

    @classmethod
    def parse(cls, text: str) -> Self:
        """The schedule in `text`, empty for none; ValueError with a sentence."""
        return cls(tuple(span_of(part.strip()) for part in text.split("+") if part.strip()))

    def __str__(self) -> str:
        """As `parse` reads it."""
        return "+".join(span.text for span in self.spans)

    @property
    def highest(self) -> int:
        """The most containers that it ever asks for."""
        return max((span.number for span in self.spans), default=0)

    def at(self, at: float) -> int:
        """The fewest containers at unix time `at`; 0 when it says nothing about that time."""
        return max((span.number for span in self.spans if span.covers(at)), default=0)


NO_FLOOR = Schedule()


def span_of(text: str) -> Span:
    """One span; ValueError with a sentence."""
    found = SPAN.fullmatch(text)
    if found is None:
        raise ValueError(f"floor must look like {FORM}; not {text!r}")
    try:
        zone = found["zone"] or "UTC"
        zone_of(zone)
        begin, end = time.fromisoformat(found["begin"]), time.fromisoformat(found["end"])
        days = days_of(found["first"], found["last"])
    except ValueError as error:
        raise ValueError(f"floor {text!r}: {error}") from error
    return Span(text, int(found["number"]), days, begin, end, zone)


def days_of(first: str | None, last: str | None) -> frozenset[int]:
    """The days of the week from `first` to `last`, over the week's end where that comes first."""
    if first is None:
        return frozenset(range(7))
    for name in filter(None, (first, last)):
        if name not in DAYS:
            raise ValueError(f"{name} is no day; days are {', '.join(DAYS)}")
    begin, end = DAYS.index(first), DAYS.index(last or first)
    return frozenset((begin + n) % 7 for n in range((end - begin) % 7 + 1))


@lru_cache
def zone_of(name: str) -> tzinfo:
    """The time zone of that name; ValueError when this machine knows none."""
    if name == "UTC":  # known also where no list of zones is installed
        return UTC
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, OSError) as error:
        raise ValueError(f"this machine knows no time zone {name}") from error
