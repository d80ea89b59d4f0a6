"""Fixtures for the whole suite: a real Redis of our own, and the rule that REQUIRE turns skips into failures."""

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import redis

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "tests"))

from helpers import eventually, free_port  # noqa: E402

from deploy.machine.redis_servers import find_binary  # noqa: E402

REQUIRED = {name.strip() for name in os.environ.get("REQUIRE", "").split(",") if name.strip()}


def missing(name: str, fix: str) -> None:
    """Skip the test because the machine lacks `name`; fail instead where REQUIRE names it."""
    sentence = f"{name} is not here: {fix}"
    if name in REQUIRED:
        pytest.fail(f"{sentence} (REQUIRE={name})", pytrace=False)
    pytest.skip(sentence)


@dataclass(frozen=True)
class RedisServer:
    """A redis-server process that belongs to this test run."""

    socket_path: Path
    port: int
    process: subprocess.Popen[bytes]

    @property
    def url(self) -> str:
        """The address over the unix socket, as REDIS_URL takes it."""
        return f"unix://{self.socket_path}"

    @property
    def tcp_url(self) -> str:
        """The address over loopback TCP."""
        return f"redis://127.0.0.1:{self.port}/0"


def start_redis(folder: Path, *options: str) -> RedisServer:
    """Start a redis-server in `folder` and wait until it answers."""
    binary = find_binary()
    if binary is None:
        missing("redis", "apt-get install redis-server")
    assert binary is not None
    port, path = free_port(), folder / "redis.sock"
    command = [str(binary.path), "--port", str(port), "--bind", "127.0.0.1", "--unixsocket", str(path)]
    command += ["--save", "", "--dir", str(folder), "--loglevel", "warning", *options]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    server = RedisServer(path, port, process)
    with redis.Redis(unix_socket_path=str(path)) as client:
        eventually(lambda: answers(client), within=10)
    return server


def answers(client: redis.Redis) -> bool:
    """Whether the server answers PING; a refused connection is a no."""
    try:
        return bool(client.ping())
    except redis.ConnectionError:
        return False


@pytest.fixture(scope="session")
def redis_server() -> Iterator[RedisServer]:
    """One real Redis for the session, on a unix socket in a short path and on a free TCP port."""
    folder = Path(tempfile.mkdtemp(prefix="slf-"))
    server = start_redis(folder)
    yield server
    server.process.terminate()
    server.process.wait(10)
    shutil.rmtree(folder)


@pytest.fixture
def redis_client(redis_server: RedisServer) -> Iterator[redis.Redis]:
    """A client of the session's Redis, emptied before each test."""
    with redis.Redis(unix_socket_path=str(redis_server.socket_path), decode_responses=True) as client:
        client.flushall()
        yield client
