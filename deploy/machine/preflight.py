"""What must be true before anything is started, each check a sentence when it is not.

A service that cannot run must not be half-started: every check here runs before the first process does.
"""

import contextlib
import fcntl
import os
import socket
from collections.abc import Collection, Iterable
from pathlib import Path
from typing import IO

import psutil

from deploy.runtime.processes import listener_of

DEFAULT_PORT = 80
LAST_PORT = 65535
FALLBACK_PORT = 8080  # where this account may not bind 80
ADMIN_PORTS = range(8081, 8100)  # the first free one is the dashboard's, unless ADMIN_PORT says which


class NotReady(Exception):
    """Something stands in the way of starting; the message is one sentence that names the variable to change."""


def lock(state_dir: Path) -> IO[str]:
    """Hold `state_dir` for this process until it ends; raise NotReady where another `up` holds it."""
    try:
        state_dir.mkdir(parents=True, exist_ok=True)
        handle = (state_dir / "up.lock").open("a+")
    except OSError as error:
        raise NotReady(f"STATE_DIR={state_dir}: cannot be written ({error.strerror}).") from error
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        with handle:
            handle.seek(0)
            pid = handle.read().strip() or "unknown"
        raise NotReady(
            f"STATE_DIR={state_dir}: a service already runs from there (pid {pid}). "
            "Stop it, or give this one a STATE_DIR, LB_PORT and FIRST_PORT of its own."
        ) from error
    handle.truncate(0)
    handle.write(str(os.getpid()))
    handle.flush()
    return handle


def is_running(state_dir: Path) -> bool:
    """Whether a service runs from this folder: `up` holds its lock file."""
    try:
        with (state_dir / "up.lock").open("rb") as handle:
            fcntl.flock(handle, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:
        return False
    return False


def predecessor_gone(run_folder: Path, seconds: float) -> None:
    """Wait for the supervisor of an `up` that was killed: it is still stopping what that `up` had started."""
    with contextlib.suppress(OSError, ValueError, psutil.NoSuchProcess):
        process = psutil.Process(int((run_folder / "supervisor.pid").read_text()))
        if any(str(run_folder) in word for word in process.cmdline()):
            try:
                process.wait(seconds)
            except psutil.TimeoutExpired as error:
                raise NotReady(
                    f"STATE_DIR={run_folder.parent}: what an earlier start has left does not end (pid {process.pid}). "
                    "End it, then start again."
                ) from error


def public_port(wanted: int | None) -> int:
    """The port for the proxy: the one asked for, else 80, else 8080 where this account may not bind 80."""
    port = wanted or DEFAULT_PORT
    try:
        bind("0.0.0.0", port)  # noqa: S104 - the public port is public
    except PermissionError as error:
        if wanted is not None:
            raise NotReady(
                f"LB_PORT={port}: this account may not bind ports below 1024. Start as root or choose LB_PORT=8080."
            ) from error
        return public_port(FALLBACK_PORT)
    except OSError as error:
        raise NotReady(
            f"LB_PORT={port}: the port is taken by {listener_of(port)}. Stop what uses it or choose another LB_PORT."
        ) from error
    return port


def admin_port(wanted: int | None, taken: Collection[int]) -> int:
    """The port for the dashboard: the one asked for (0: none), else the first free one from 8081 on; 0 if none is."""
    if wanted is None:
        return next((port for port in ADMIN_PORTS if port not in taken and is_free(port)), 0)
    if wanted in taken:
        raise NotReady(f"ADMIN_PORT={wanted}: the site or a container has this port. Choose another.")
    if wanted and not is_free(wanted):
        raise NotReady(
            f"ADMIN_PORT={wanted}: the port is taken by {listener_of(wanted)}. Stop what uses it, choose another "
            "ADMIN_PORT, or 0 for no dashboard."
        )
    return wanted


def is_free(port: int) -> bool:
    """Whether the port can be bound on this machine's own address."""
    try:
        bind("127.0.0.1", port)
    except OSError:
        return False
    return True


def separate(lb_port: int, ports: range) -> None:
    """Raise NotReady where the containers' ports hold the public one, or leave the range of ports."""
    if ports[-1] > LAST_PORT:
        raise NotReady(
            f"FIRST_PORT={ports[0]}: with MAX_CONTAINERS={len(ports)} the last container's port would be {ports[-1]}, "
            f"and ports end at {LAST_PORT}. Choose a lower FIRST_PORT."
        )
    if lb_port in ports:
        raise NotReady(
            f"LB_PORT={lb_port}: the containers have the ports {ports[0]} to {ports[-1]} (FIRST_PORT, MAX_CONTAINERS). "
            "Choose an LB_PORT outside of them."
        )


def container_ports(ports: Iterable[int]) -> None:
    """Raise NotReady where somebody already listens on a port that a container will need."""
    for port in ports:
        try:
            bind("127.0.0.1", port)
        except OSError as error:
            raise NotReady(
                f"FIRST_PORT: port {port} is taken by {listener_of(port)}, and containers need "
                "FIRST_PORT to FIRST_PORT + MAX_CONTAINERS - 1. Stop what uses it or choose another FIRST_PORT."
            ) from error


def bind(host: str, port: int) -> None:
    """Bind and let go again; OSError says why not."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        probe.bind((host, port))
