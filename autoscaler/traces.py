"""Requests from files: one time in each line, or the access log of Apache or nginx. Read as a stream, never as a whole.

1700000000.25,anything            CSV: the first column is unix seconds (or milliseconds) …
2026-03-01T12:04:07+01:00         … or an ISO time; lines without a time (a header) are skipped
1.2.3.4 - - [01/Mar/2026:12:04:07 +0100] "GET /api/v1/acts HTTP/1.1" 200 …
"""

import math
import re
from collections.abc import Callable, Iterable, Iterator
from datetime import datetime
from functools import lru_cache

from autoscaler.simulate import Arrivals

LONGEST_GAP = 31 * 86_400  # seconds without a request that are believed; beyond it is a broken line, not a quiet month
MILLISECONDS_FROM = 1e11  # as seconds this is the year 5138, as milliseconds 1973
LOG_LINE = re.compile(rb'\[([^\]]+)\] "([A-Z]+) (\S+)')

Parser = Callable[[bytes], float | None]  # a line to its unix time, None when it has none or is not to be counted


class NoTrace(ValueError):
    """A file in which no requests can be found; the message is a sentence."""


def arrivals_in(lines: Iterable[bytes], prefix: str = "") -> Iterator[Arrivals]:
    """The requests of a file, second by second without a gap.

    Of an access log only paths below `prefix` count, and no OPTIONS. Raises NoTrace when there are none.
    """
    times = times_in(lines, prefix.encode())
    return per_second(times)


def times_in(lines: Iterable[bytes], prefix: bytes) -> Iterator[float]:
    """The times of the requests, as they stand in the file."""
    parsers: tuple[Parser, ...] = (csv_time, lambda line: log_time(line, prefix))
    for line in lines:
        for parse in parsers:
            at = parse(line)
            if at is not None:
                yield at
                parsers = (parse,)  # the first line that is understood says which kind of file it is
                break


def csv_time(line: bytes) -> float | None:
    """The time in the first column."""
    column = line.partition(b",")[0].strip().strip(b'"')
    try:
        at = float(column)
    except ValueError:
        return iso_time(column.decode(errors="replace"))
    if not math.isfinite(at):
        return None
    return at / 1000 if at > MILLISECONDS_FROM else at


def iso_time(text: str) -> float | None:
    """An ISO time; without an offset it is one of here."""
    try:
        return datetime.fromisoformat(text).timestamp()
    except ValueError:
        return None


def log_time(line: bytes, prefix: bytes) -> float | None:
    """The time of a line of an access log."""
    found = LOG_LINE.search(line)
    if found is None or found[2] == b"OPTIONS" or not found[3].startswith(prefix):
        return None
    return log_moment(found[1])


@lru_cache(maxsize=64)
def log_moment(text: bytes) -> float | None:
    """The time between the brackets; many lines in a row have the same."""
    try:
        return datetime.strptime(text.decode(errors="replace"), "%d/%b/%Y:%H:%M:%S %z").timestamp()
    except ValueError:
        return None


def per_second(times: Iterable[float]) -> Iterator[Arrivals]:
    """How many in each second. A time before the one before it (logs are written at the end) counts with that."""
    second: int | None = None
    number = 0
    for at in times:
        ends = math.floor(at) + 1  # the second in which it came ends then
        if second is None:
            second = ends
        if ends - second > LONGEST_GAP:
            raise NoTrace(f"after {moment(second)} comes {moment(ends)}: no request for more than 31 days")
        if ends > second:
            yield Arrivals(second, number)
            yield from (Arrivals(quiet, 0) for quiet in range(second + 1, ends))
            second, number = ends, 0
        number += 1
    if second is None:
        raise NoTrace("no line has a time of a request that counts")
    yield Arrivals(second, number)


def moment(at: float) -> str:
    """A time in a sentence."""
    return datetime.fromtimestamp(at).astimezone().isoformat(" ")
