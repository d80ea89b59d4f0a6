"""Which Python the virtual environment is made with: the fastest of those that this machine has.

A CPython that was built without optimizations (pyenv's default) needs up to half as long again for the same work as one
that a distribution has built, and the proxy is Python. How an interpreter was built is written nowhere reliable, so
each one found does the same small piece of work, and the CPU time decides. Standard library only: this runs before
anything is installed.
"""

from __future__ import annotations  # so that an older Python gets as far as saying that it is too old

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterable
from dataclasses import dataclass

OLDEST_PYTHON = (3, 11)
NEWEST_PYTHON = (3, 13)  # the newest that the pinned packages are known to have wheels for
USUAL_PLACES = ("/usr/bin", "/usr/local/bin")
WORTH_IT = 0.9  # of the time that the running one needs: less of a gain may be chance
PROBE_SECONDS = 10.0  # then an interpreter is left out

PASSES = 2  # over all interpreters, so that a moment of a neighbour's work does not fall on one alone

# What a proxy does: calls, attributes, small objects. Prints version, program, whether it can make an environment with
# pip, and the CPU seconds of the best of several tries, for neighbours only ever make a try slower.
PROBE = """
import importlib.util, json, os, sys, time
class Thing:
    __slots__ = ("left", "name", "number")
    def __init__(self, number):
        self.number = number
        self.name = b""
        self.left = None
    def step(self, known):
        self.left = known.get(self.number & 3)
        if self.left is None:
            self.name = b"name"
        return self
def work():
    known, begun = {0: b"a", 2: b"b"}, time.process_time()
    for number in range(8000):
        Thing(number).step(known)
    return time.process_time() - begun
able = all(importlib.util.find_spec(name) for name in ("venv", "ensurepip"))
program = os.path.realpath(getattr(sys, "_base_executable", "") or sys.executable)
print(json.dumps([sys.version_info[:2], program, able, min(work() for _ in range(15))]))
"""


@dataclass(frozen=True)
class Interpreter:
    """One Python of this machine."""

    program: str  # the file itself, no link
    version: tuple[int, int]
    able: bool  # to make a virtual environment with pip in it
    seconds: float  # of CPU for the probe's work

    @property
    def suits(self) -> bool:
        """Whether the environment may be made with it."""
        return self.able and OLDEST_PYTHON <= self.version <= NEWEST_PYTHON


def probed(program: str) -> Interpreter | None:
    """An interpreter after its piece of work; None where there is none, or none that works."""
    command = [program, "-I", "-c", PROBE]
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=PROBE_SECONDS)
        version, path, able, seconds = json.loads(done.stdout)
    except (OSError, ValueError, subprocess.SubprocessError):
        return None
    return Interpreter(path, (version[0], version[1]), able, seconds)


def fastest(running: Interpreter, others: Iterable[Interpreter]) -> Interpreter:
    """The one to use: the running one, unless another that suits is clearly faster."""
    best = min((each for each in others if each.suits), key=lambda each: each.seconds, default=running)
    return best if best.seconds < running.seconds * WORTH_IT else running


def found(path: str) -> list[str]:
    """Programs that may be interpreters, in the folders of a PATH and in the usual places."""
    folders = os.pathsep.join([path, *USUAL_PLACES])
    names = [f"python3.{minor}" for minor in range(OLDEST_PYTHON[1], NEWEST_PYTHON[1] + 1)]
    here = [shutil.which(name, path=folder) for name in names for folder in folders.split(os.pathsep) if folder]
    return list(dict.fromkeys(program for program in here if program))


def look_around(running: str, path: str) -> tuple[Interpreter | None, list[Interpreter]]:
    """The running interpreter, and the others that were found, each with its best time."""
    best: dict[str, Interpreter] = {}
    for program in [running, *found(path)] * PASSES:
        each = probed(program)
        if each is not None and (each.program not in best or each.seconds < best[each.program].seconds):
            best[each.program] = each
    mine = best.pop(os.path.realpath(running), None)
    return mine, list(best.values())


def choose(wanted: str) -> tuple[str, str]:
    """The program to make the environment with, and a line about it for the person who waits, empty if there is none.

    `wanted` is what the variable PYTHON names, empty for the fastest. Raises ValueError with a sentence when that is
    no use.
    """
    if wanted:
        return asked_for(wanted), ""
    mine, others = look_around(sys.executable, os.environ.get("PATH", os.defpath))
    if mine is None:
        return sys.executable, ""
    best = fastest(mine, others)
    gain = round((1 - best.seconds / mine.seconds) * 100)
    line = f"Using {best.program}: it needs {gain} % less time than {mine.program}. PYTHON names another."
    return best.program, line if best is not mine else ""


def asked_for(name: str) -> str:
    """The program that PYTHON names. Raises ValueError with a sentence."""
    program = shutil.which(name)
    interpreter = probed(program) if program else None
    if interpreter is None:
        raise ValueError(f"PYTHON names {name}, which is no Python that works: name one, or unset it.")
    if interpreter.version < OLDEST_PYTHON:
        raise ValueError(f"PYTHON names {name}, which is older than 3.11: name a newer one, or unset it.")
    return interpreter.program
