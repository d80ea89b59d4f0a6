"""Makes sure that no process is left behind.

`up` declares itself the subreaper of everything it starts (Linux, prctl(2)): a process whose parent dies becomes a
child of `up` and not of pid 1, so that all of them can be found, reaped and, at the end, stopped.
"""

import contextlib
import ctypes
import os
import signal
import sys

import psutil

PR_SET_PDEATHSIG = 1  # linux/prctl.h
PR_SET_CHILD_SUBREAPER = 36


def become_subreaper() -> None:
    """From now on orphans below this process become its children. Does nothing where there is no prctl."""
    prctl(PR_SET_CHILD_SUBREAPER, 1)


def die_with_parent() -> None:
    """Runs in a child before exec: TERM arrives when the parent is gone, however it went."""
    prctl(PR_SET_PDEATHSIG, signal.SIGTERM)


def prctl(option: int, value: int) -> None:
    """The system call, which Python has no function for."""
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(option, value, 0, 0, 0)


def reap_orphans(but: int) -> None:
    """Collect the exit status of every dead child except `but`, whose status somebody else waits for."""
    for child in psutil.Process().children():
        with contextlib.suppress(psutil.NoSuchProcess, ChildProcessError):
            if child.pid != but and child.status() == psutil.STATUS_ZOMBIE:
                os.waitpid(child.pid, os.WNOHANG)


def sweep(grace: float) -> list[str]:
    """TERM to everything below this process, KILL after `grace` seconds; names of what had to be killed."""
    below = psutil.Process().children(recursive=True)
    send(below, signal.SIGTERM)
    _, stubborn = psutil.wait_procs(below, timeout=grace)
    names = [name_of(process) for process in stubborn]
    send(stubborn, signal.SIGKILL)
    # Killing may have made new orphans known; they get no second grace.
    send(psutil.Process().children(recursive=True), signal.SIGKILL)
    psutil.wait_procs(psutil.Process().children(recursive=True), timeout=1)
    return names


def send(processes: list[psutil.Process], number: signal.Signals) -> None:
    """Signal each one that is still there."""
    for process in processes:
        with contextlib.suppress(psutil.NoSuchProcess):
            process.send_signal(number)


def name_of(process: psutil.Process) -> str:
    """What ps would show, or the pid of one that has just gone."""
    try:
        return f"{' '.join(process.cmdline()[:3]) or process.name()} (pid {process.pid})"
    except psutil.NoSuchProcess:
        return f"pid {process.pid}"
