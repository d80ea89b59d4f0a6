"""A real Redis server for tests, of their own."""

import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import redis
from helpers import eventually, free_port
from required import missing

from deploy.machine.redis_servers import find_binary


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


@contextmanager
def running_redis() -> Iterator[RedisServer]:
    """A server in a folder of its own, in a short path because of its socket; both are gone afterwards."""
    folder = Path(tempfile.mkdtemp(prefix="slf-"))
    server = start_redis(folder)
    try:
        yield server
    finally:
        server.process.terminate()
        server.process.wait(10)
        shutil.rmtree(folder)


def answers(client: redis.Redis) -> bool:
    """Whether the server answers PING; a refused connection is a no."""
    try:
        return bool(client.ping())
    except redis.ConnectionError:
        return False
