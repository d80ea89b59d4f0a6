"""What every turn came to, so that the promise of the round robin can be checked afterwards, turn by turn.

    NAME:lb:ledger   stream, the last 10 minutes   the fields of `Entry`   written by lb

A worker writes one entry for each second and ring version in which it routed anything: the turns, as ranges, and how
many of them went to which container, counted where they were handed over. Whoever audits has the rings of the past
(`ring.history`) and does the sum again: the two must be equal, exactly. On the hot path that is one comparison and an
addition for a whole batch. Turns of second tries are routed by the ring without the containers that were tried, and
are told one by one; so are turns that came to nothing, because their client had left. Lists have a limit: what is
beyond it is counted as `lost`, and such an entry can only be checked roughly.
"""

import json
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import cast

import redis

from lb.counters import PortCounts
from lb.ring import Ring, return_port

REMEMBERED_SECONDS = 600
MAX_RANGES = 5000  # of an entry; two workers that take turns in small batches make a thousand in a second
MAX_ODD = 1000  # second tries, and turns without a use, of an entry

Command = list[str | int]
Odd = tuple[int, int, tuple[int, ...]]  # a second try: turn, port, ports tried before


@dataclass(frozen=True)
class Entry:
    """One worker's turns by one ring. Times are unix seconds."""

    worker: str
    begin: float
    end: float
    version: int
    degraded: bool  # some turns are the worker's own: Redis was away
    turns: list[range]  # all that were to be routed by this ring
    ports: Mapping[int, int]  # port -> turns that were handed over
    retries: list[Odd]  # of the turns: second tries
    unused: list[int]  # of the turns: those that went nowhere
    lost: int  # turns that are missing above

    def expected(self, ring: Ring) -> dict[int, int]:
        """What `ports` must be if each turn went where this ring says; exact unless something is lost."""
        odd = [*self.unused, *(turn for turn, _, _ in self.retries)]  # as often as it was added: it may have waited
        counts = shares(ring, self.turns)
        counts.subtract(return_port(ring, turn) for turn in odd)
        for turn, _, tried in self.retries:
            left = Ring(ring.version, tuple(member for member in ring.members if member.port not in tried))
            counts[return_port(left, turn)] += 1
        return {port: count for port, count in counts.items() if port is not None and count}


def shares(ring: Ring, turns: Iterable[range]) -> Counter[int | None]:
    """How many of these turns fall to each port; whole rounds are not gone through one by one."""
    counts: Counter[int | None] = Counter()
    for some in turns:
        rounds, rest = divmod(len(some), len(ring.members) or 1)
        counts.update({member.port: rounds for member in ring.members})
        counts.update(return_port(ring, turn) for turn in some[: rest if ring.members else 0])
    return counts


def text_of(ends: list[int]) -> str:
    """Ranges [first, end, first, end …] as text: "FIRST+COUNT", then "GAP+COUNT" for each further one."""
    parts, before = [], 0
    for first, end in zip(ends[::2], ends[1::2], strict=True):
        parts.append(f"{first - before}+{end - first}")
        before = end
    return " ".join(parts)


def turns_of(text: str) -> list[range]:
    """The reverse of `text_of`."""
    turns, before = [], 0
    for part in text.split():
        gap, _, count = part.partition("+")
        before += int(gap)
        turns.append(range(before, before + int(count)))
        before += int(count)
    return turns


def ledger_key(service: str) -> str:
    """Key of the stream."""
    return f"{service}:lb:ledger"


class Ledger:
    """One worker's entry in the making. `ports` are the worker's counts, looked at when the entry is closed."""

    __slots__ = ("alone", "before", "begin", "ends", "lost", "ports", "retries", "unused", "worker")

    def __init__(self, worker: str, ports: Mapping[int, PortCounts], now: float) -> None:
        self.worker = worker
        self.ports = ports
        self.before: dict[int, int] = {}  # port -> its count when the last entry was closed
        self.clear(now)

    def clear(self, now: float) -> None:
        """Begin a new entry at unix time `now`."""
        self.begin = now
        self.ends: list[int] = []
        self.retries: list[Odd] = []
        self.unused: list[int] = []
        self.lost = 0
        self.alone = 0  # turns taken without Redis

    def add(self, first: int, end: int) -> None:
        """Turns from `first` on, before `end`, are routed by the present ring."""
        ends = self.ends
        if ends and ends[-1] == first:
            ends[-1] = end
        elif len(ends) < 2 * MAX_RANGES:
            ends += first, end
        else:
            self.lost += end - first

    def retry(self, turn: int, port: int, tried: tuple[int, ...]) -> None:
        """A turn that was added is a second try."""
        if len(self.retries) < MAX_ODD:
            self.retries.append((turn, port, tried))
        else:
            self.lost += 1

    def nowhere(self, turn: int) -> None:
        """A turn that was added came to nothing."""
        if len(self.unused) < MAX_ODD:
            self.unused.append(turn)
        else:
            self.lost += 1

    def close(self, service: str, version: int, now: float) -> Command | None:
        """The Redis command that tells this entry, of a ring that ends now or goes on; None if nothing was routed."""
        totals = {port: counts.routed for port, counts in self.ports.items()}
        ports = {port: n - self.before.get(port, 0) for port, n in totals.items() if n > self.before.get(port, 0)}
        if not ports and not self.ends:
            self.begin = now
            return None
        self.before = totals
        fields: Command = ["worker", self.worker, "from", f"{self.begin:.3f}", "to", f"{now:.3f}", "version", version]
        fields += ["degraded", int(bool(self.alone)), "turns", text_of(self.ends), "ports", json.dumps(ports)]
        fields += ["retries", json.dumps(self.retries), "unused", json.dumps(self.unused), "lost", self.lost]
        self.clear(now)
        oldest = max(0, int((now - REMEMBERED_SECONDS) * 1000))
        return ["XADD", ledger_key(service), "MINID", "~", oldest, "*", *fields]


def entry_of(fields: Mapping[str, str]) -> Entry:
    """The entry in a stream's fields."""
    return Entry(
        worker=fields["worker"],
        begin=float(fields["from"]),
        end=float(fields["to"]),
        version=int(fields["version"]),
        degraded=fields["degraded"] == "1",
        turns=turns_of(fields["turns"]),
        ports={int(port): count for port, count in json.loads(fields["ports"]).items()},
        retries=[(turn, port, tuple(tried)) for turn, port, tried in json.loads(fields["retries"])],
        unused=json.loads(fields["unused"]),
        lost=int(fields["lost"]),
    )


def read(client: redis.Redis, service: str, since: float) -> list[Entry]:
    """The entries that were written after unix time `since`, oldest first."""
    entries = cast("list[tuple[str, dict[str, str]]]", client.xrange(ledger_key(service), int(since * 1000)))
    return [entry_of(fields) for _, fields in entries]
