"""Small things that many tests need: waiting for a fact with a deadline, free ports, and names of processes."""

import random
import socket
import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import psutil

ROOT = Path(__file__).resolve().parent.parent
T = TypeVar("T")


def eventually(fact: Callable[[], T], within: float = 5.0, every: float = 0.02) -> T:
    """Return the first truthy answer of `fact`, asking again for `within` seconds.

    An AssertionError inside `fact` counts as "not yet"; the last one is raised when time is up, so that the
    failure names what was missing.
    """
    deadline = time.monotonic() + within
    while True:
        try:
            answer = fact()
        except AssertionError:
            if time.monotonic() >= deadline:
                raise
        else:
            if answer or time.monotonic() >= deadline:
                assert answer, f"not true within {within} s: {fact}"
                return answer
        time.sleep(every)


def free_port(host: str = "127.0.0.1") -> int:
    """A TCP port that nobody listened on a moment ago, below the range of outgoing connections."""
    return free_ports(1, host)


def free_ports(number: int, host: str = "127.0.0.1") -> int:
    """The first of `number` free ports in a row, from a random place on so that runs side by side do not meet."""
    for first in range(random.randrange(10000, 30000), 32768 - number):
        if all(is_free(host, port) for port in range(first, first + number)):
            return first
    raise RuntimeError(f"no {number} free ports in a row below 32768")


def is_free(host: str, port: int) -> bool:
    """Whether the port can be bound right now."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError:
            return False
        return True


def title_of(process: psutil.Process) -> str:
    """What ps shows; nothing for one that has ended."""
    try:
        return " ".join(process.cmdline()).strip()
    except psutil.NoSuchProcess:  # a zombie is one, too
        return ""
