"""A master, a replica and three sentinels that watch them: real processes, to be killed."""

import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import redis
from helpers import eventually, free_port
from required import missing

from deploy.machine.redis_servers import find_binary
from lb.redis_client import connect

NAME, PASSWORD = "mine", "a-password"
DOWN_AFTER_MS = 1000  # without an answer for so long the sentinels take the master for dead


@dataclass
class Node:
    """One process."""

    port: int
    process: subprocess.Popen[bytes]

    def kill(self) -> None:
        """KILL, at once."""
        self.process.send_signal(signal.SIGKILL)
        self.process.wait(10)


@dataclass
class Replicated:
    """What sentinels watch."""

    folder: Path
    master: Node
    replica: Node
    sentinels: list[Node] = field(default_factory=list)
    password: str = PASSWORD

    @property
    def url(self) -> str:
        """As REDIS_URL takes it."""
        hosts = ",".join(f"127.0.0.1:{node.port}" for node in self.sentinels)
        return f"redis+sentinel://:{PASSWORD}@{hosts}/{NAME}/0"

    def is_watched(self) -> bool:
        """Whether every sentinel knows the replica and the other sentinels: before, there is no fail-over."""
        return all(self.knows_all(node) for node in self.sentinels)

    def knows_all(self, node: Node) -> bool:
        """Whether this sentinel does."""
        with connect(f"redis://127.0.0.1:{node.port}/0") as client, suppress(redis.RedisError):
            state = client.sentinel_master(NAME)
            linked = "master_link_status:up" in replica_info(self.replica)
            return linked and (state["num-slaves"], state["num-other-sentinels"]) == (1, len(self.sentinels) - 1)
        return False


def replica_info(replica: Node) -> str:
    """How the replica stands, as it says."""
    with connect(f"redis://:{PASSWORD}@127.0.0.1:{replica.port}/0") as client:
        info = client.info("replication")
        return f"master_link_status:{info.get('master_link_status')}"


def start(folder: Path, port: int, *words: str) -> Node:
    """A redis-server of any kind."""
    binary = find_binary()
    if binary is None:
        missing("redis", "apt-get install redis-server")
    assert binary is not None
    command = [str(binary.path), *words, "--port", str(port), "--bind", "127.0.0.1", "--loglevel", "warning"]
    return Node(port, subprocess.Popen(command, cwd=folder, stdout=subprocess.DEVNULL))


def server(folder: Path, *options: str) -> Node:
    """A server that keeps nothing on disk."""
    words = ["--save", "", "--requirepass", PASSWORD, "--masterauth", PASSWORD, "--repl-diskless-sync-delay", "0"]
    return start(folder, free_port(), *words, *options)


def sentinel(folder: Path, number: int, master: Node) -> Node:
    """A sentinel; it writes what it learns into its file."""
    file = folder / f"sentinel-{number}.conf"
    file.write_text(
        f"sentinel monitor {NAME} 127.0.0.1 {master.port} 2\n"
        f"sentinel auth-pass {NAME} {PASSWORD}\n"
        f"sentinel down-after-milliseconds {NAME} {DOWN_AFTER_MS}\n"
        f"sentinel failover-timeout {NAME} 10000\n"
    )
    return start(folder, free_port(), str(file), "--sentinel")


@contextmanager
def replicated(*options: str) -> Iterator[Replicated]:
    """Master, replica and sentinels that know each other; `options` are those of both servers."""
    folder = Path(tempfile.mkdtemp(prefix="slf-"))
    master = server(folder, *options)
    replica = server(folder, "--replicaof", f"127.0.0.1 {master.port}", *options)
    servers = Replicated(folder, master, replica)
    servers.sentinels += [sentinel(folder, number, master) for number in range(3)]
    try:
        eventually(servers.is_watched, within=20)
        yield servers
    finally:
        for node in (*servers.sentinels, replica, master):
            node.kill()
        shutil.rmtree(folder)
