"""What proxies really send to the state Redis, as bytes: made by the proxy's own code, for a number of connections.

Each kind gives, again and again, the next bytes that a connection writes at once, and tells how many answers they have
and for how many requests they are.
"""

import asyncio
import logging
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from lb.counters import BUCKETS, Counters, PortCounts
from lb.dispatcher import Dispatcher
from lb.heartbeat import WorkerBeat, commands_of
from lb.ledger import Ledger
from lb.redis_link import pack
from lb.redis_place import RedisPlace
from lb.redis_url import RedisAddress
from lb.ring import Ring

SERVICE = "acts"
SPEAKERS = 5  # workers whose beats are made: one has a megabyte when there are 10,000 containers


@dataclass(frozen=True)
class Batch:
    """One write of one connection."""

    packed: bytes
    answers: int


Next = Callable[[int], Batch]  # the number of the connection -> what it writes next


@dataclass
class Silent:
    """Owns dispatchers that never connect."""

    counters: Counters = field(default_factory=Counters)

    def on_ring(self, ring: Ring, sick: frozenset[int]) -> None:
        """Nobody is told."""

    def beat(self) -> WorkerBeat:
        """A worker without work."""
        return beat_of(0, 0)


def dispatchers(number: int, precision: float) -> list[Dispatcher]:
    """Workers' dispatchers, whose packing is used."""

    async def make() -> list[Dispatcher]:
        log = logging.getLogger("scale")
        nowhere = RedisPlace(RedisAddress())
        made = [Dispatcher(Silent(), SERVICE, nowhere, f"{n:08x}", log) for n in range(number)]
        for one in made:
            one.precision = precision
        return made

    return asyncio.run(make())


def claims_only(_connections: int, requests: int) -> Next:
    """The turn and the ring's version, no count."""
    batch = Batch(dispatchers(1, 0.0)[0].claim_command(requests), 2)
    return lambda _connection: batch


def recorded(connections: int, requests: int, precision: float = 0.0) -> Next:
    """What a proxy writes when so many counted requests came at once; precision as in COUNT_PRECISION."""
    workers = dispatchers(connections, precision)

    def following(connection: int) -> Batch:
        worker = workers[connection]
        first = worker.recorded
        worker.recorded = first + requests
        written, answers = worker.packed_new((f"{time.time():.3f}", first, worker.recorded))
        return Batch(worker.claim_command(requests) + written, 2 + answers)

    return following


def in_slots(connections: int, requests: int) -> Next:
    """The same, counted by slots of a second."""
    return recorded(connections, requests, 1.0)


def beat_of(worker: int, containers: int) -> WorkerBeat:
    """A beat of a worker that has sent to all of so many containers, a thousand to each."""
    ports = range(8000, 8000 + containers)
    answers = {port: {"2": [0, 400, 500, 90, *[0] * (BUCKETS - 5), 10]} for port in ports}
    now = time.time()
    return WorkerBeat(f"{worker:08x}", "host", 1, now, now, 1, answers=answers, routed=dict.fromkeys(ports, 1000))


def beats(connections: int, containers: int) -> Next:
    """Heartbeats of some workers, again and again."""
    packed = [commands_of(SERVICE, beat_of(n, containers)) for n in range(min(connections, SPEAKERS))]
    batches = [Batch(pack(*commands), len(commands)) for commands in packed]
    return lambda connection: batches[connection % len(batches)]


def ledger_entries(requests: int, claims: int) -> Next:
    """Entries of the ledger of workers that routed so many requests in a second, in so many claims, all to others."""
    ports = {8000 + n: PortCounts() for n in range(requests)}
    entry = Ledger(f"{1:08x}", ports, time.time())
    for counts in ports.values():
        counts.routed = 1
    for number in range(claims):
        begin = 10**9 + number * 10 * (requests // claims)  # others' claims lie between
        entry.add(begin, begin + requests // claims)
    command = entry.close(SERVICE, 1, time.time())
    assert command is not None
    batch = Batch(pack(command), 1)
    return lambda _connection: batch


def ring_reads() -> Next:
    """What a worker asks when it hears of another version."""
    batch = Batch(pack(dispatchers(1, 0.0)[0].read_command), 1)
    return lambda _connection: batch
