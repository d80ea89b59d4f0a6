"""The names that the proxy gives to requests: who should have answered can be derived from one, later, at no cost
per request. Pure.

    19a8c3f0d21-1fa2b3c4-6923a1f0-2f31
    |           |        |        `- the turn that the request claimed, hexadecimal; "n" follows if it is not counted
    |           |        `- the version of the ring that it was routed by, hexadecimal
    |           `- the worker, eight hexadecimal digits
    `- when it was routed, unix time in milliseconds, eleven hexadecimal digits

With the history of the ring (`ring.history`) that is all it takes: port = ring[turn mod len(ring)]. A second try is
not in the name; it is told in a stream (`retries`). The name begins with the time, so names sort by age; a turn is
unique over all workers while Redis answers, and with the worker it always is. A client that brings a valid
X-Request-ID keeps it, and nothing can be derived from that.
"""

import re
from typing import NamedTuple

A_NAME = re.compile(r"([0-9a-f]{11})-([0-9a-f]{8})-([0-9a-f]{1,16})-([0-9a-f]{1,16})(n?)").fullmatch


class RequestId(NamedTuple):
    """What the name of a request says."""

    at: int  # unix time in ms
    worker: str
    version: int  # of the ring
    turn: int
    counted: bool = True  # recorded in the window that decides on the number of containers


COUNTED, NOT_COUNTED = b"%b%x", b"%b%xn"  # the stamp and the turn


def stamp(at: int, worker: bytes, version: int) -> bytes:
    """What the names of all requests have in common that are routed at `at` (unix time in ms) by this ring; what is
    missing is the turn (`COUNTED`, `NOT_COUNTED`).
    """
    return b"%011x-%b-%x-" % (at, worker, version)


def encode(request: RequestId) -> str:
    """The name."""
    begins = stamp(request.at, request.worker.encode(), request.version)
    return ((COUNTED if request.counted else NOT_COUNTED) % (begins, request.turn)).decode()


def decode(name: str) -> RequestId | None:
    """What a name says; None for one that we have not given."""
    match = A_NAME(name)
    if match is None:
        return None
    at, worker, version, turn, not_counted = match.groups()
    return RequestId(int(at, 16), worker, int(version, 16), int(turn, 16), not not_counted)
