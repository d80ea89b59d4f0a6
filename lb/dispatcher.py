"""Whose turn is it: claims turns in batches, follows the ring, records requests, and goes on when Redis is
away.

Requests that arrive in the same turn of the event loop share one round trip: INCRBY by their number, GET of
the ring's version, ZADD of those that are counted, in one write. A version that differs from the one we
know makes us read the ring on the same connection before anything of that batch is routed, so no request is
routed by a ring that is older than its own claim. Notices of a new ring start the same reading early.

When Redis does not answer, requests go on by the last ring with a counter of our own that starts from the
highest turn seen; records are kept (at most 100,000) and written when it is back. A record that may or may
not have been written is written again: its name is unique, so that changes nothing (counted by slots, it
may count twice). A claim is never repeated; the turn is raised to the highest that was used instead. A
Redis that came back without its memory has no version: the last ring stays until somebody has written a new
one.
"""

import asyncio
import time
from collections import Counter, deque
from collections.abc import Iterable
from functools import partial
from logging import Logger
from typing import Any, Protocol

import hiredis

from lb.clock import Clock
from lb.counters import Counters
from lb.events import Event, Kind, command_of
from lb.heartbeat import WorkerBeat, commands_of, farewell_of
from lb.ledger import Command, Ledger
from lb.redis_advice import advice
from lb.redis_link import RedisError, RedisLink, Replies, pack
from lb.redis_place import RedisPlace
from lb.request_id import stamp
from lb.request_window import requests_key, slot_of, slots_key
from lb.retries import PER_SECOND, Retry
from lb.retries import command_of as command_of_retry
from lb.ring import READ_LUA, Ring, changed_channel, notice_of, ring_key, ring_of, version_key
from lb.suspects import command_of as command_of_suspect
from lb.turns import RAISE_LUA, turn_key

ANSWER_TIMEOUT = 1.0  # seconds; a Redis on the same machine answers in 0.0001, so this is one that hangs
RECONNECT_SECONDS = 0.25
MAX_RECORDS = 100_000  # about 10 MB; the requests of 10 s at full speed, or of a day in a quiet place
RECORDS_AT_ONCE = 500  # records per command when catching up, so that claims need not wait long behind it
EMPTY_RING_WAIT = 5.0  # seconds that a request waits for somebody to join, until it has reached one
EMPTY_RING_WAITERS = 1000  # beyond it: 503 at once
REDIS_MS_WEIGHT = 0.2  # of the newest round trip in the mean: five seconds are remembered
UNTOLD_LIMIT = 600  # entries of the ledger that are kept while Redis is away
SUSPECT_EVERY = 0.5  # seconds between two messages about the same port

NewRecords = tuple[
    str, int, int
]  # unix time with three decimals, the number of the first, and of the one after the last
Record = tuple[bytes, bytes]  # unix time with three decimals, and a name that is unique over all workers

NO_CONTAINER = "No container is ready to serve this yet."
NO_MEMORY = "The state Redis does not answer, and this worker has not seen any container yet."


class Claimant(Protocol):
    """A request that needs a turn."""

    counted: bool  # whether it is to be recorded in the window, once
    gone: bool  # the client is gone: it needs none any more
    wait_until: float  # monotonic; set when it first waits for a container, 0 before

    def take_turn(self, turn: int, ring: Ring) -> None:
        """It is this request's turn; the ring is not empty."""

    def no_turn(self, sentence: str) -> None:
        """There is nobody to send it to."""


class Owner(Protocol):
    """The worker that the dispatcher serves."""

    counters: Counters

    def on_ring(self, ring: Ring, sick: frozenset[int]) -> None:
        """A new ring is known; of the containers that left it, these left because they are sick."""

    def beat(self) -> WorkerBeat:
        """The worker's state now."""


class Dispatcher:
    """One worker's line to the state Redis."""

    def __init__(self, owner: Owner, service: str, place: RedisPlace, worker_id: str, log: Logger) -> None:
        self.owner = owner
        self.service = service
        self.place = place
        self.worker_id = worker_id
        self.log = log
        self.ring = Ring()
        self.turn = 0  # the highest turn this worker has seen claimed
        self.link: RedisLink | None = None
        self.clock = Clock()  # of Redis: every time that is written there
        self.degraded_at = 0.0  # monotonic seconds; 0 while Redis answers
        self.degraded_before = 0.0  # seconds, all the times before together
        self.redis_ms = 0.0  # moving mean of the time that Redis took to answer
        self.trouble = ""  # why degraded
        self.ring_trouble = ""  # why the ring could not be read, the last time that this was so
        self.lost = asyncio.Event()
        self.linked = asyncio.Event()  # set for good when Redis has answered once
        self.batch: list[Claimant] = []  # came in this turn of the loop
        self.held: list[tuple[int, Claimant]] = []  # have a turn and wait until the ring is read
        self.waiters: deque[tuple[int, Claimant]] = deque()  # have a turn and wait for anybody who can be reached
        self.reading = False
        self.read_again = False
        self.sick: set[int] = set()  # named in notices since the last reading
        self.records: deque[Record] = deque(maxlen=MAX_RECORDS)  # not (surely) written yet
        self.recorded = 0  # names handed out
        self.record_prefix = worker_id.encode() + b":"
        self.worker_name = worker_id.encode()
        self.stamp = b""  # what the names of the requests begin with that are being routed
        self.ledger = Ledger(worker_id, owner.counters.ports, self.clock.now())
        self.untold: deque[Command] = deque(maxlen=UNTOLD_LIMIT)  # entries of the ledger
        self.retries_told = 0  # in this second
        self.suspected: dict[int, float] = {}  # port -> when we last said so, monotonic
        self.turn_key = turn_key(service)
        self.requests_key = requests_key(service)
        self.packed_zadd = f"$4\r\nZADD\r\n${len(self.requests_key.encode())}\r\n{self.requests_key}"
        self.slots_key = slots_key(service)
        self.precision = 0.0  # seconds; 0 records every request by itself
        self.version_command = ("GET", version_key(service))
        self.look_up = pack(self.version_command, ("TIME",))
        self.claim_commands: dict[int, bytes] = {}
        self.read_command = ("EVAL", READ_LUA, 2, version_key(service), ring_key(service))
        self.call_soon = asyncio.get_running_loop().call_soon

    # --- claiming

    def claim(self, claimant: Claimant) -> None:
        """Get a turn for this request, together with all others of this turn of the loop."""
        if not self.batch:
            self.call_soon(self.flush)
        self.batch.append(claimant)

    def flush(self) -> None:
        """Send the batch off."""
        batch, self.batch = self.batch, []
        link = self.link
        first = self.recorded
        self.recorded = end = first + sum([claimant.counted for claimant in batch])
        new = f"{time.monotonic() + self.clock.offset:.3f}", first, end
        if link is None:
            self.records.extend(self.records_of(new))
            self.go_on_alone(batch)
            return
        count = len(batch)
        packed, answers = self.claim_commands.get(count) or self.claim_command(count), 2
        if end > first:
            written, more = self.packed_new(new)
            packed, answers = packed + written, answers + more
        link.send(packed, answers, partial(self.claimed, batch, new))

    def records_of(self, new: NewRecords) -> list[Record]:
        """Records of requests that came together, with names that nobody else gives."""
        at, first, end = new
        return [(at.encode(), b"%b%d" % (self.record_prefix, number)) for number in range(first, end)]

    def packed_new(self, new: NewRecords) -> tuple[bytes, int]:
        """What `packed_records` makes of their records, but with one join: this is the hot path.

        The names differ in a number only, so that what stands between two numbers is always the same, unless
        one has more digits than the other.
        """
        at, first, end = new
        digits = len(str(first))
        if self.precision or len(str(end - 1)) != digits:
            return self.packed_records(self.records_of(new))
        name = f"{self.worker_id}:"
        between = f"\r\n${len(at)}\r\n{at}\r\n${len(name) + digits}\r\n{name}"
        names = between.join(map(str, range(first, end)))
        return f"*{2 + 2 * (end - first)}\r\n{self.packed_zadd}{between}{names}\r\n".encode(), 1

    def claim_command(self, count: int) -> bytes:
        """The commands that claim this many turns, remembered: there are as many as there are sizes of a
        batch.
        """
        command = self.claim_commands[count] = pack(("INCRBY", self.turn_key, count), self.version_command)
        return command

    def packed_records(self, records: list[Record]) -> tuple[bytes, int]:
        """The commands that record these, and how many answers they have."""
        if self.precision:
            slots = Counter([slot_of(float(at), self.precision) for at, _ in records])
            commands = [("HINCRBY", self.slots_key, slot, number) for slot, number in slots.items()]
            return pack(*commands), len(commands)
        command: list[Any] = ["ZADD", self.requests_key]
        for record in records:
            command += record
        return pack(command), 1

    def claimed(self, batch: list[Claimant], new: NewRecords, replies: Replies | None) -> None:
        """Route a batch whose claim was answered."""
        if replies is None or not self.are_fine(replies):
            self.records.extend(self.records_of(new))
            self.go_on_alone(batch)
            return
        last, version = replies[0], int(replies[1] or 0)
        first = last - len(batch) + 1
        if first <= self.turn:
            first, last = self.turn + 1, self.turn + len(batch)
            self.raise_turn(last)
        self.turn = last
        if version in (self.ring.version, 0):
            self.route_batch(first, batch)
        else:
            self.held.extend(enumerate(batch, first))
            self.read_ring()

    def are_fine(self, replies: Replies) -> bool:
        """Whether no answer is an error; otherwise the link is given up, for an error answers nothing we
        ask.
        """
        for reply in replies:
            if type(reply) is hiredis.ReplyError:
                self.give_up(f"it answers {advice(reply)}")
                return False
        return True

    def raise_turn(self, turn: int) -> None:
        """Redis forgot the turn: go on where the workers are."""
        if self.link is not None:
            self.link.send(pack(("EVAL", RAISE_LUA, 1, self.turn_key, turn)), 1, self.are_done)

    def are_done(self, _replies: Replies | None) -> None:
        """For commands whose answers tell us nothing."""

    def go_on_alone(self, batch: list[Claimant]) -> None:
        """Give turns by our own counter while Redis is away."""
        first = self.turn + 1
        self.turn += len(batch)
        self.ledger.alone += len(batch)
        self.route_batch(first, batch)

    def route_batch(self, first: int, batch: list[Claimant]) -> None:
        """Let requests whose turns follow each other go to whoever these fall to in the ring that is known."""
        ring = self.ring
        if ring.members:
            self.ledger.add(first, first + len(batch))
            self.stamp = stamp(int((time.monotonic() + self.clock.offset) * 1000), self.worker_name, ring.version)
            for turn, claimant in enumerate(batch, first):
                claimant.take_turn(turn, ring)
            return
        for turn, claimant in enumerate(batch, first):
            self.wait_for_anybody(turn, claimant)

    def route_waiting(self, turns: Iterable[tuple[int, Claimant]]) -> None:
        """The same for requests that had to wait since they got their turns."""
        for turn, claimant in turns:
            self.route_batch(turn, [claimant])

    def wait_for_anybody(self, turn: int, claimant: Claimant) -> None:
        """Let a request wait for the first container to join, or to be reached again; a bounded number, a bounded
        time.
        """
        if self.link is None and not self.ring.version:
            claimant.no_turn(NO_MEMORY)
        elif len(self.waiters) >= EMPTY_RING_WAITERS:
            claimant.no_turn(NO_CONTAINER)
        else:
            claimant.wait_until = claimant.wait_until or time.monotonic() + EMPTY_RING_WAIT
            self.waiters.append((turn, claimant))

    def try_waiting(self, number: int = EMPTY_RING_WAITERS) -> None:
        """Route the oldest of those who wait, unless the ring is empty."""
        if self.ring.members:
            waiters = self.waiters
            self.route_waiting([waiters.popleft() for _ in range(min(number, len(waiters)))])

    # --- the ring

    def on_push(self, message: list[Any]) -> None:
        """A pub/sub message: the ring has changed."""
        if message[0] == b"message":
            version, sick = notice_of(message[2].decode())
            if sick is not None:
                self.sick.add(sick)
            if version != self.ring.version:
                self.read_again = self.reading  # the reading under way may have been answered before this change
                self.read_ring()

    def read_ring(self) -> None:
        """Read the ring unless that is under way already: its answer will be newer than any claim before
        it.
        """
        if not self.reading and self.link is not None:
            self.reading = True
            self.link.send(pack(self.read_command), 1, self.ring_read)

    def ring_read(self, replies: Replies | None) -> None:
        """Take the ring that was read, then route who waited for it."""
        self.reading = False
        if replies is not None and self.are_fine(replies):
            self.take_ring(found_in(replies))
        held, self.held = self.held, []
        self.route_waiting(held)
        if self.read_again:
            self.read_again = False
            self.read_ring()

    def take_ring(self, reply: tuple[bytes | None, dict[bytes, bytes]]) -> None:
        """Make this version and its addresses the ring, unless it is the one we know or a Redis without memory."""
        try:
            ring = ring_of_reply(*reply)
        except ValueError as error:
            self.complain_of_ring(f"version {int(reply[0] or 0)}: {error}")
            return
        if not ring.version or ring == self.ring:  # a Redis that took over may give a version out twice
            return
        self.close_ledger()
        self.ring = ring
        sick, self.sick = frozenset(self.sick), set()
        self.owner.on_ring(ring, sick)
        self.beat()
        self.try_waiting()

    def complain_of_ring(self, trouble: str) -> None:
        """Say once that somebody has written into the ring what is no container."""
        if trouble != self.ring_trouble:
            self.ring_trouble = trouble
            self.log.error("The ring in the state Redis cannot be read (%s); going on with the last one", trouble)

    # --- what others are told

    def beat(self) -> None:
        """Tell Redis how we are."""
        if self.link is not None:
            commands = commands_of(self.service, self.owner.beat())
            self.link.send(pack(*commands), len(commands), self.are_done)

    def suspect(self, port: int) -> None:
        """Tell the monitor that a container could not be reached."""
        now = time.monotonic()
        if self.link is not None and now - self.suspected.get(port, -SUSPECT_EVERY) >= SUSPECT_EVERY:
            self.suspected[port] = now
            self.link.send(pack(command_of_suspect(self.service, port)), 1, self.are_done)

    def tell_retry(self, retry: Retry) -> None:
        """Tell of a second try, as long as there are not too many of them."""
        self.retries_told += 1
        if self.link is not None and self.retries_told <= PER_SECOND:
            self.link.send(pack(command_of_retry(self.service, retry)), 1, self.are_done)

    def close_ledger(self) -> None:
        """The turns of this second, or of a ring that ends now, are complete."""
        entry = self.ledger.close(self.service, self.ring.version, self.clock.now())
        if entry is not None:
            self.untold.append(entry)

    def tell_ledger(self) -> None:
        """Write what is complete."""
        if self.link is not None and self.untold:
            entries, self.untold = self.untold, deque(maxlen=UNTOLD_LIMIT)
            self.link.send(pack(*entries), len(entries), self.are_done)

    async def farewell(self) -> None:
        """Leave: whoever counts live workers must not wait for us. Silent when Redis is away."""
        self.close_ledger()
        self.tell_ledger()
        link, self.link = self.link, None
        if link is None:
            return
        try:
            async with asyncio.timeout(ANSWER_TIMEOUT):
                await link.ask(*farewell_of(self.service, self.worker_id))
        except (RedisError, TimeoutError) as error:
            self.log.info("Could not take leave of the state Redis: %s", error)
        link.close()

    # --- Redis away, back

    def tick(self) -> None:
        """Four times a second: give up a Redis that hangs, and requests that waited too long for a container.

        One of those who wait is tried: who refused may have come back, or never been away, without a change of the
        ring. If it reaches somebody, the others follow.
        """
        if self.link is not None and self.link.overdue(ANSWER_TIMEOUT):
            self.give_up("it has stopped answering")
        now = time.monotonic()
        waiters, self.waiters = self.waiters, deque()
        gone = []
        for turn, claimant in waiters:
            if claimant.gone and self.ring.members:
                gone.append((turn, claimant))
            elif claimant.wait_until > now:
                self.waiters.append((turn, claimant))
            else:
                claimant.no_turn(NO_CONTAINER)
        self.route_waiting(gone)  # to nobody; those who are still there are not to wait for that
        self.try_waiting(1)

    def second_passed(self) -> None:
        """Once a second: beat, tell the turns, look whether a notice of a new ring was lost, and what time it is."""
        self.beat()
        self.retries_told = 0
        self.close_ledger()
        self.tell_ledger()
        if self.link is not None:
            self.link.send(self.look_up, 2, partial(self.version_seen, time.monotonic()))

    def version_seen(self, asked: float, replies: Replies | None) -> None:
        """Read the ring if its version is another than ours. What this answer took is what a claim takes that is
        made in this moment: it waits in the same queue.
        """
        if replies and self.are_fine(replies):
            now = time.monotonic()
            self.clock.sampled(asked, now, replies[1])
            took = (now - asked) * 1000
            self.redis_ms += (took - self.redis_ms) * (REDIS_MS_WEIGHT if self.redis_ms else 1)
            if int(replies[0] or 0) not in (self.ring.version, 0):
                self.read_ring()

    def give_up(self, trouble: str) -> None:
        """Break the link off; what waits on it goes on alone."""
        self.trouble = trouble
        if self.link is not None:
            self.link.close()

    def on_link_lost(self, link: RedisLink) -> None:
        """The connection is gone: say so once, and connect again."""
        if link is self.link:
            self.link = None
            self.degrade(self.trouble or "the connection was lost")
            self.lost.set()

    def degrade(self, trouble: str) -> None:
        """Go on without Redis; say so once."""
        self.trouble = trouble
        if not self.degraded_at:
            self.degraded_at = time.monotonic()
            self.log.error("Degraded: the state Redis cannot be used (%s); going on with the last ring", trouble)

    def degraded_seconds(self) -> float:
        """How long this worker has been without Redis in its life, seconds."""
        return self.degraded_before + (time.monotonic() - self.degraded_at if self.degraded_at else 0.0)

    async def stay_linked(self) -> None:
        """Connect, and connect again whenever the link is lost, until cancelled."""
        while True:
            self.lost.clear()
            try:
                async with asyncio.timeout(ANSWER_TIMEOUT):
                    await self.connect()
            except (OSError, RedisError, TimeoutError) as error:
                self.degrade(advice(error) or "it does not answer")
                await asyncio.sleep(RECONNECT_SECONDS)
            else:
                await self.lost.wait()

    async def connect(self) -> None:
        """Open a link, bring turn and ring up to date, and beat; only then is it used."""
        name = f"lb-{self.worker_id}"
        link = await self.place.open_link(self, name, changed_channel(self.service))
        try:
            await self.ask_the_time(link)
            await link.ask(("EVAL", RAISE_LUA, 1, self.turn_key, self.turn))
            self.take_ring(found_in(await link.ask(self.read_command)))
            await link.ask(*commands_of(self.service, self.owner.beat()))
            if link.transport is None:  # lost with the last answer, when nobody knew that it was ours
                raise RedisError("the connection was lost")
        except BaseException:
            link.close()
            raise
        self.link = link
        self.linked.set()
        self.recover(link)

    async def ask_the_time(self, link: RedisLink) -> None:
        """Learn what Redis' clock says before anything is written by it; say once that ours is far off."""
        asked = time.monotonic()
        answer = (await link.ask(("TIME",)))[0]
        self.clock.sampled(asked, time.monotonic(), answer)
        if self.clock.trouble and not self.linked.is_set():
            self.log.warning("%s", self.clock.trouble)

    def recover(self, link: RedisLink) -> None:
        """Write what could not be written while Redis was away."""
        self.trouble, since, self.degraded_at = "", self.degraded_at, 0.0
        self.read_ring()  # it may have changed between the reading above and now
        if since:
            away = time.monotonic() - since
            self.degraded_before += away
            self.log.warning(
                "Recovered: the state Redis is back after %.1f s, %d records to write", away, len(self.records)
            )
            who = f"lb worker {self.worker_id}"
            events = (
                Event(Kind.DEGRADED, None, f"{away:.1f} s ago: the state Redis could not be used", who),
                Event(Kind.RECOVERED, None, f"the state Redis is back, {len(self.records)} records kept", who, away),
            )
            commands = [command_of(self.service, event) for event in events]
            link.send(pack(*commands), len(commands), self.are_done)
            self.beat()
        self.catch_up()

    def catch_up(self) -> None:
        """Write the next kept records; called again when they are written."""
        link = self.link
        if link is None or not self.records:
            return
        some = [self.records.popleft() for _ in range(min(RECORDS_AT_ONCE, len(self.records)))]
        link.send(*self.packed_records(some), partial(self.caught_up, some))

    def caught_up(self, some: list[Record], replies: Replies | None) -> None:
        """Go on catching up, or keep these records for the next time."""
        if replies is None or not self.are_fine(replies):
            self.records.extend(some)
        else:
            self.catch_up()


def found_in(replies: Replies) -> tuple[bytes | None, dict[bytes, bytes]]:
    """What the reading of the ring has answered: the version, and the address of each port."""
    version, members = replies[0]
    return version, dict(zip(members[::2], members[1::2], strict=True))


def ring_of_reply(version: bytes | None, addresses: dict[bytes, bytes]) -> Ring:
    """The ring in the answer to a reading. Raises ValueError where a port, or that of an address, is no number."""
    ring = ring_of(version, {port.decode(): address.decode() for port, address in addresses.items()})
    for member in ring.members:
        int(member.address.rpartition(":")[2])
    return ring
