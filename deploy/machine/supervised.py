"""Talks to a running supervisord: start, stop and look at programs.

The supervisor package ships the transport for XML-RPC over its unix socket; this names the five things that `up` asks.
"""

import http.client
import time
import xmlrpc.client
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from supervisor.xmlrpc import Faults, SupervisorTransport

GONE = ("STOPPED", "EXITED", "FATAL")
KEEPS_FAILING = 3  # failed starts in a row before `up` gives up on starting; one may be bad luck


class SupervisorGone(Exception):
    """supervisord does not answer on its socket."""


@dataclass(frozen=True)
class ProgramState:
    """A supervised program as supervisord sees it."""

    name: str
    group: str
    state: str
    pid: int
    said: str
    ended_at: int  # unix time of its last end, 0 for none

    @property
    def full_name(self) -> str:
        """The name that supervisord's calls take."""
        return f"{self.group}:{self.name}"


class Supervised:
    """The programs of one supervisord, reached through its control socket."""

    def __init__(self, socket_path: Path) -> None:
        self._transport = SupervisorTransport(None, None, f"unix://{socket_path}")
        self._api = xmlrpc.client.ServerProxy("http://127.0.0.1", transport=self._transport).supervisor

    def close(self) -> None:
        """Let go of the connection; the next call opens a new one."""
        self._transport.close()

    def _call(self, method: str, *arguments: object) -> Any:
        try:
            return getattr(self._api, method)(*arguments)
        except (OSError, http.client.HTTPException) as error:
            self.close()  # the transport would use its broken connection again
            raise SupervisorGone(f"the process supervisor does not answer: {error}") from error
        except xmlrpc.client.Fault as fault:
            if fault.faultCode == Faults.SHUTDOWN_STATE:
                raise SupervisorGone("the process supervisor is ending") from fault
            raise

    def answers(self) -> bool:
        """Whether supervisord is up."""
        try:
            self._call("getState")
        except SupervisorGone:
            return False
        return True

    def states(self) -> list[ProgramState]:
        """Every program."""
        infos = cast("list[dict[str, Any]]", self._call("getAllProcessInfo"))
        return [
            ProgramState(i["name"], i["group"], i["statename"], i["pid"], i["description"], i["stop"]) for i in infos
        ]

    def start(self, names: Iterable[str]) -> None:
        """Start the programs without waiting for them."""
        for program in self._named(names):
            self._call("startProcess", program.full_name, False)

    def stop(self, names: Iterable[str], within: float) -> bool:
        """Stop the programs; True when all had ended `within` seconds. supervisord kills the slow ones itself."""
        wanted, deadline = set(names), time.monotonic() + within
        for program in self._named(wanted):
            if program.state not in GONE:
                self._call("stopProcess", program.full_name, False)
        while any(program.state not in GONE for program in self._named(wanted)):
            if time.monotonic() >= deadline:
                return False
            time.sleep(0.03)
        return True

    def failing(self, ends: dict[str, set[int]]) -> ProgramState | None:
        """A program that failed to start several times in a row. `ends` is the caller's memory between calls."""
        for program in self.states():
            if program.state == "RUNNING":
                ends.pop(program.name, None)
            elif program.ended_at:
                ends.setdefault(program.name, set()).add(program.ended_at)
            if program.state == "FATAL" or len(ends.get(program.name, ())) >= KEEPS_FAILING:
                return program
        return None

    def _named(self, names: Iterable[str]) -> list[ProgramState]:
        wanted = set(names)
        return [program for program in self.states() if program.name in wanted]
