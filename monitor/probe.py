"""Asking one container how it is. A probe never raises: whatever happens is an answer.

The time-out bounds the whole probe, connecting and the last byte of the answer included, so that a container that
trickles is as late as one that is silent. Connections are kept, one for each container, because a probe every second
should not cost a connection every second; a kept one that the container has closed meanwhile is not held against it.
"""

import errno
import http.client
import json
import socket
import time
from dataclasses import dataclass, replace
from enum import StrEnum
from http import HTTPStatus
from typing import Any

MAX_BODY = 65_536  # bytes that are read of an answer; more than any health answer has
# What fails here rather than there: no descriptors, no memory, no ports of our own, no way out of this machine.
LOCAL_ERRORS = frozenset(
    {errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM, errno.EADDRNOTAVAIL, errno.ENETUNREACH, errno.ENETDOWN}
)
# Nobody is at that address (any more): a container's own network has gone with it.
NOBODY_THERE = frozenset({errno.ECONNREFUSED, errno.EHOSTUNREACH, errno.EHOSTDOWN})


class Outcome(StrEnum):
    """How a probe ended."""

    ANSWERED = "answered"  # a whole HTTP answer, whatever its status
    REFUSED = "refused"  # nobody listens, or nothing leads there
    BROKEN = "broken"  # it ended, or was no HTTP, before the answer was whole
    TIMED_OUT = "timed out"
    UNKNOWN = "unknown"  # the fault is on our side: says nothing about the container


@dataclass(frozen=True)
class Probe:
    """One answer. `status` is 0 unless ANSWERED; `store_unreachable` is what the container says of its store."""

    outcome: Outcome
    status: int = 0
    seconds: float = 0.0
    detail: str = ""
    store_unreachable: bool = False


class DeadlineSocket(socket.socket):
    """A TCP socket whose operations all end by one deadline (monotonic seconds)."""

    deadline: float = 0.0

    def _limit(self) -> None:
        left = self.deadline - time.monotonic()
        if left <= 0:
            raise TimeoutError("the time for the probe is over")
        self.settimeout(left)

    def connect(self, address: Any) -> None:
        """As the socket's own, until the deadline."""
        self._limit()
        super().connect(address)

    def sendall(self, data: Any, flags: int = 0) -> None:
        """As the socket's own, until the deadline."""
        self._limit()
        super().sendall(data, flags)

    def recv_into(self, buffer: Any, nbytes: int = 0, flags: int = 0) -> int:
        """As the socket's own, until the deadline; http.client reads through it."""
        self._limit()
        return super().recv_into(buffer, nbytes, flags)


class Connection(http.client.HTTPConnection):
    """An HTTP connection whose requests end by `deadline` (monotonic seconds). It connects when there is need."""

    sock: DeadlineSocket | None
    deadline: float = 0.0

    def begin(self, deadline: float) -> bool:
        """Set the deadline of the next request; answers whether that goes over a connection that was kept."""
        self.deadline = deadline
        if self.sock is None:
            return False
        self.sock.deadline = deadline
        return True

    def connect(self) -> None:
        """Connect by the deadline."""
        family = socket.AF_INET6 if ":" in self.host else socket.AF_INET
        self.sock = DeadlineSocket(family, socket.SOCK_STREAM)
        self.sock.deadline = self.deadline
        self.sock.connect((self.host, self.port))


class Prober:
    """Probes one address ("host:port") with GET `path`, within `timeout` seconds. For one thread at a time."""

    def __init__(self, address: str, path: str, timeout: float) -> None:
        host, _, port = address.rpartition(":")
        self._connection = Connection(host.strip("[]"), int(port))
        self._path = path
        self._timeout = timeout

    def close(self) -> None:
        """Give the kept connection up."""
        self._connection.close()

    def probe(self) -> Probe:
        """Ask now; takes at most the time-out."""
        began = time.monotonic()
        kept = self._connection.begin(began + self._timeout)
        probe = self._attempt()
        if kept and probe.outcome is Outcome.BROKEN:
            self._connection.begin(began + self._timeout)
            probe = self._attempt()
        return replace(probe, seconds=time.monotonic() - began)

    def _attempt(self) -> Probe:
        try:
            return self._ask()
        except TimeoutError:
            self.close()
            return Probe(Outcome.TIMED_OUT, detail=f"no answer within {self._timeout:g} s")
        except Exception as error:
            # A probe never raises, whatever a stranger answers.
            self.close()
            return failed(error)

    def _ask(self) -> Probe:
        self._connection.request("GET", self._path, headers={"User-Agent": "selfieless-monitor"})
        answer = self._connection.getresponse()
        body = answer.read(MAX_BODY)
        if not answer.isclosed():
            self.close()  # more than anybody wants to read: the connection is of no further use
        unreachable = answer.status != HTTPStatus.OK and says_store_unreachable(body)
        return Probe(Outcome.ANSWERED, answer.status, detail=f"answered {answer.status}", store_unreachable=unreachable)


def failed(error: Exception) -> Probe:
    """What an exception of one attempt says about the container, or that it says nothing."""
    number = error.errno if isinstance(error, OSError) else None
    if number in LOCAL_ERRORS or isinstance(error, MemoryError):
        return Probe(Outcome.UNKNOWN, detail=f"could not be probed: {error}")
    if number in NOBODY_THERE:
        return Probe(Outcome.REFUSED, detail="refused the connection")
    return Probe(Outcome.BROKEN, detail=f"broke off: {str(error) or type(error).__name__}")


def says_store_unreachable(body: bytes) -> bool:
    """Whether the body of a failed health check is JSON that says {"store": "unreachable"}."""
    try:
        told = json.loads(body)
    except (ValueError, RecursionError):
        return False
    return isinstance(told, dict) and told.get("store") == "unreachable"
