"""A Redis on a core of its own, load from the other, and what each write cost it: CPU, bytes."""

import os
import re
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import hiredis
import redis
from bench.scale.claims import Next
from real_redis import RedisServer, running_redis

from lb.redis_client import connect

REDIS_CORE, LOAD_CORE = 0, 1
CONNECTIONS = 50  # proxies that claim at once; as many as redis-benchmark has unless told otherwise
ANSWER_WITHIN = 30.0  # seconds; a Redis that takes longer is not measured but broken
READ_AT_ONCE = 1 << 18


@dataclass(frozen=True)
class Cost:
    """Of one write: microseconds of Redis's CPU, bytes in and out; and how many were answered in a second."""

    cpu_us: float
    received: float
    sent: float
    rate: float


class Bench:
    """The server and its connections."""

    def __init__(self, server: RedisServer, stack: ExitStack, connections: int) -> None:
        self.server = server
        self.schedstat = Path(f"/proc/{server.process.pid}/schedstat")
        self.client: redis.Redis = stack.enter_context(connect(server.tcp_url, timeout=ANSWER_WITHIN))
        address = ("127.0.0.1", server.port)
        opened = [socket.create_connection(address, ANSWER_WITHIN) for _ in range(connections)]
        self.sockets = [stack.enter_context(each) for each in opened]
        for each in self.sockets:
            each.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.readers = [hiredis.Reader() for _ in opened]

    def cpu(self) -> float:
        """Seconds of CPU that the server's main thread has used, exactly: it does all of the work measured here."""
        return int(self.schedstat.read_text().split()[0]) / 1e9

    def drive(self, following: Next, seconds: float) -> Cost:
        """Have every connection write and wait for its answers, again and again, for so long."""
        before, cpu, begun, written = self.traffic(), self.cpu(), time.monotonic(), 0
        while time.monotonic() - begun < seconds:
            self.one_each(following)
            written += len(self.sockets)
        took, used = time.monotonic() - begun, self.cpu() - cpu
        received, sent = (now - then for now, then in zip(self.traffic(), before, strict=True))
        return Cost(used / written * 1e6, received / written, sent / written, written / took)

    def one_each(self, following: Next) -> None:
        """One write of every connection, and its answers."""
        awaited = []
        for number, each in enumerate(self.sockets):
            batch = following(number)
            each.sendall(batch.packed)
            awaited.append(batch.answers)
        for each, reader, answers in zip(self.sockets, self.readers, awaited, strict=True):
            self.answered(each, reader, answers)

    def answered(self, one: socket.socket, reader: hiredis.Reader, answers: int) -> None:
        """Read so many answers. Raises RuntimeError when one is an error, TimeoutError when there is none."""
        for _ in range(answers):
            while (answer := reader.gets()) is False:
                data = one.recv(READ_AT_ONCE)
                if not data:
                    raise RuntimeError("Redis has closed the connection")
                reader.feed(data)
            if isinstance(answer, hiredis.ReplyError):
                raise RuntimeError(f"Redis answers {answer}")

    def traffic(self) -> tuple[int, int]:
        """Bytes that the server has received and sent so far."""
        told = self.client.info("stats")
        return told["total_net_input_bytes"], told["total_net_output_bytes"]

    def memory(self) -> int:
        """Bytes that the data take."""
        return int(self.client.info("memory")["used_memory"])

    def benchmark(self, requests: int, pipeline: int, *command: str) -> Cost:
        """The same of one command by redis-benchmark, from the load's core."""
        options = ["-p", str(self.server.port), "-c", str(CONNECTIONS), "-n", str(requests), "-P", str(pipeline), "-q"]
        before, cpu = self.traffic(), self.cpu()
        done = subprocess.run(
            ["redis-benchmark", *options, *command], capture_output=True, text=True, check=True, timeout=60
        )
        used = self.cpu() - cpu
        received, sent = (now - then for now, then in zip(self.traffic(), before, strict=True))
        rate = float(re.findall(r"([\d.]+) requests per second", done.stdout)[-1])
        return Cost(used / requests * 1e6, received / requests, sent / requests, rate)


@contextmanager
def bench(connections: int = CONNECTIONS) -> Iterator[Bench]:
    """A server of our own on its core; this process stays on the other, on a machine that has two."""
    cores = os.sched_getaffinity(0)
    with ExitStack() as stack:
        server = stack.enter_context(running_redis())
        if {REDIS_CORE, LOAD_CORE} <= cores:
            os.sched_setaffinity(server.process.pid, {REDIS_CORE})
            os.sched_setaffinity(0, {LOAD_CORE})
            stack.callback(os.sched_setaffinity, 0, cores)
        yield Bench(server, stack, connections)
