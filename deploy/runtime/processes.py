"""What Linux tells about processes: which one a pid is, and who belongs to a session. Reads /proc.

A pid alone names nobody for long, since pids are used again. A pid with the start time of its process, in clock ticks
since the machine's boot, names one process for ever, and unlike a time of day it does not move with the clock.
"""

import errno
import os
import signal
import socket
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import psutil

PROC = Path("/proc")
DEAD = frozenset("ZXx")  # proc(5): zombies hold nothing but their exit status
INIT = 1  # the pid of init
LOOK_AGAIN = 0.002  # seconds between two looks at a killed session: they end within a few milliseconds


@dataclass(frozen=True)
class Stat:
    """What /proc/PID/stat says, as far as it is needed."""

    pid: int
    alive: bool
    session: int
    start_ticks: int


def stat(pid: int) -> Stat | None:
    """The process that has this pid now; None when there is none."""
    try:
        text = (PROC / str(pid) / "stat").read_text()
    except OSError:
        return None
    # The name, in parentheses, may hold anything; the fields after it are numbered from 3 in proc(5).
    fields = text.rpartition(")")[2].split()
    return Stat(pid, alive=fields[0] not in DEAD, session=int(fields[3]), start_ticks=int(fields[19]))


def all_stats() -> Iterator[Stat]:
    """Every process of the machine."""
    for entry in PROC.iterdir():
        if entry.name.isdigit() and (found := stat(int(entry.name))):
            yield found


def members(leader: int, start_ticks: int, mark: str) -> list[Stat]:
    """The living processes of the session that this very process leads or led, the leader first if it lives.

    Linux gives a pid to nobody else while it is the id of a session. So while the leader lives, whoever is in the
    session belongs to it. When the leader is gone its number may have been another's since, who left a daemon behind:
    then only those count who carry `mark` ("NAME=value") in their environment.
    Numbers below 2 are nobody's session: kernel threads and init's own family show 0 there, and must never be ended.
    """
    if leader <= INIT:
        return []
    found = stat(leader)
    if found and found.start_ticks != start_ticks:
        return []
    rest = [other for other in all_stats() if other.session == leader and other.alive and other.pid != leader]
    if found and found.alive:
        return [found, *rest]
    return [other for other in rest if carries(other.pid, mark)]


def lives(leader: int, start_ticks: int) -> bool:
    """Whether this very process lives. What it started does not count: with its first process a container is dead."""
    found = stat(leader) if leader > INIT else None
    return found is not None and found.alive and found.start_ticks == start_ticks


def signal_session(leader: int, start_ticks: int, mark: str, number: signal.Signals) -> None:
    """Send a signal to everybody in the session, also to those who made a process group of their own."""
    for member in members(leader, start_ticks, mark):
        with suppress(ProcessLookupError):
            os.kill(member.pid, number)


def kill_session(leader: int, start_ticks: int, mark: str, within: float) -> bool:
    """KILL everybody in the session until nobody is left; False if somebody is after `within` seconds."""
    deadline = time.monotonic() + within
    while members(leader, start_ticks, mark):
        if time.monotonic() >= deadline:
            return False
        signal_session(leader, start_ticks, mark, signal.SIGKILL)
        time.sleep(LOOK_AGAIN)
    return True


def carries(pid: int, mark: str) -> bool:
    """Whether the process was started with "NAME=value" in its environment."""
    name, _, value = mark.partition("=")
    return environment_of(pid).get(name) == value


def environment_of(pid: int) -> dict[str, str]:
    """The environment that a process was started with; empty when it is gone or not ours to read."""
    try:
        return dict(psutil.Process(pid).environ())
    except (psutil.Error, OSError):
        return {}


def listener_of(port: int) -> str:
    """Who listens on a TCP port, as words; says so when this account may not know."""
    with suppress(psutil.Error, OSError):
        for connection in psutil.net_connections("tcp"):
            listens = connection.status == psutil.CONN_LISTEN and connection.laddr and connection.laddr.port == port
            if listens and connection.pid:
                return f"{psutil.Process(connection.pid).name()} (pid {connection.pid})"
    return "a process that this account may not see"


def is_free(host: str, port: int) -> bool:
    """Whether nobody listens on the port, so that a server may bind it as servers do (SO_REUSEADDR)."""
    with socket.socket() as attempt:
        attempt.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            attempt.bind((host, port))
        except OSError as error:
            return error.errno != errno.EADDRINUSE  # what else there may be, the server itself will say
    return True
