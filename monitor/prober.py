"""Sends requests in a steady rhythm and keeps an exact account of what became of each.

The rhythm is open: a request goes out when its time has come, however many still wait for their answers, as it is with
people. Connections are kept and used in turn, the one that rested longest first; a request may also ask for a new one.
Nothing is ever sent twice, so "lost" is exact: a request whose answer did not come whole, or whose answer says 5xx.
"""

import asyncio
import threading
import time
from collections import Counter, deque
from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from itertools import pairwise
from types import TracebackType
from typing import Self

import uvloop

KEPT = 24  # kept connections at the most: each is used several times a second, so none is closed for being idle
ANSWER_SECONDS = 40.0  # longer than the proxy waits for a container: it is the proxy who has to answer
MAX_WAITING = 5000  # requests that wait at the same time; more are not sent, and count as lost
MAX_LINE = 65536
NO_ANSWER = 0
LOCAL = "127.0.0.1"


@dataclass(frozen=True)
class Ask:
    """A request that is to be sent; `fresh`: over a new connection that is closed afterwards."""

    method: str
    target: str
    body: bytes = b""
    fresh: bool = False


@dataclass(frozen=True)
class Sent:
    """A request and what became of it. Times are unix seconds; `status` 0: no whole answer, `trouble` says why."""

    ask: Ask
    at: float
    seconds: float
    status: int
    container: int  # number, as X-Served-By says; 0 when nobody said
    retry_after: bool
    trouble: str  # without an answer: why; with a 5xx: its body
    local_port: int  # of the connection it went over

    @property
    def lost(self) -> bool:
        """Whether its sender got nothing that is of use."""
        return self.status == NO_ANSWER or self.status >= 500

    @property
    def ended(self) -> float:
        """When its answer was there, or was given up."""
        return self.at + self.seconds

    @property
    def put_off(self) -> bool:
        """Whether it was told, politely, to come again: 503 with Retry-After."""
        return self.status == 503 and self.retry_after


class Lost(Exception):
    """No whole answer came."""


class Connection:
    """One connection to the proxy, for one request at a time."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self._writer = reader, writer
        self.local_port = int(writer.get_extra_info("sockname")[1])

    @classmethod
    async def open(cls, port: int, host: str = LOCAL) -> Self:
        """A new one. Raises OSError."""
        return cls(*await asyncio.open_connection(host, port, limit=MAX_LINE))

    @property
    def usable(self) -> bool:
        """Whether the other side has not closed it while it rested."""
        return not self._reader.at_eof() and self._reader.exception() is None and not self._writer.is_closing()

    def close(self) -> None:
        """Let it go."""
        self._writer.close()

    async def exchange(self, ask: Ask) -> tuple[int, dict[str, str], bytes]:
        """Send a request and read its whole answer. Raises OSError, EOFError, ValueError."""
        self._writer.write(head_of(ask) + ask.body)
        status, fields = await self._head()
        return status, fields, await self._body(ask, status, fields)

    async def _head(self) -> tuple[int, dict[str, str]]:
        status = 100
        while status < 200:
            first, *lines = (await self._reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
            status = int(first.partition(" ")[2][:3])
            pairs = (line.partition(":")[::2] for line in lines if line)
            fields = {name.lower(): value.strip() for name, value in pairs}
        return status, fields

    async def _body(self, ask: Ask, status: int, fields: dict[str, str]) -> bytes:
        if ask.method == "HEAD" or status in (204, 304):
            return b""
        if "content-length" in fields:
            return await self._reader.readexactly(int(fields["content-length"]))
        if fields.get("transfer-encoding") == "chunked":
            return b"".join([chunk async for chunk in self._chunks()])
        return await self._reader.read()

    async def _chunks(self) -> AsyncIterator[bytes]:
        while size := int((await self._reader.readuntil(b"\r\n")).split(b";")[0], 16):
            yield (await self._reader.readexactly(size + 2))[:-2]
        while await self._reader.readuntil(b"\r\n") != b"\r\n":
            pass


def head_of(ask: Ask) -> bytes:
    """The head of a request."""
    lines = [f"{ask.method} {ask.target} HTTP/1.1", "Host: localhost", "User-Agent: selfieless-prober"]
    if ask.body or ask.method == "POST":
        lines.append(f"Content-Length: {len(ask.body)}")
    if ask.fresh:
        lines.append("Connection: close")
    return ("\r\n".join(lines) + "\r\n\r\n").encode()


class Prober:
    """Sends `plan(0)`, `plan(1)`, … to `host`:`port`, `rate` a second, from a thread of its own.

    As a context manager it sends until the end of the block and then waits for the answers that are still to come.
    """

    def __init__(self, port: int, rate: float, plan: Callable[[int], Ask], host: str = LOCAL) -> None:
        self._port, self._rate, self._plan, self._host = port, rate, plan, host
        self._sent: deque[Sent] = deque()
        self._kept: deque[Connection] = deque()
        self._waiting: set[asyncio.Task[None]] = set()
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._run, name="prober", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.finish()

    def finish(self) -> None:
        """Send no more, and wait for the answers; no longer than the longest of them may take."""
        self._end.set()
        self._thread.join(ANSWER_SECONDS + 5)

    @property
    def sent(self) -> list[Sent]:
        """Every request that has ended so far, in the order of their ends."""
        return list(self._sent.copy())

    def take(self) -> list[Sent]:
        """The same, and forget them: for accounts that go on for hours."""
        return [self._sent.popleft() for _ in range(len(self._sent))]

    def _run(self) -> None:
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:  # half of what asyncio's own costs
            runner.run(self._send_all())

    async def _send_all(self) -> None:
        """The rhythm. When this machine was too busy to keep it, what is due is sent at once."""
        began, number = time.monotonic(), 0
        while not self._end.is_set():
            due = int((time.monotonic() - began) * self._rate) + 1
            for each in range(number, due):
                self._send(self._plan(each))
            number = max(number, due)
            await asyncio.sleep(max(0.001, began + number / self._rate - time.monotonic()))
        while self._waiting:
            await asyncio.wait(self._waiting)
        for connection in self._kept:
            connection.close()

    def _send(self, ask: Ask) -> None:
        if len(self._waiting) >= MAX_WAITING:
            self._sent.append(Sent(ask, time.time(), 0.0, NO_ANSWER, 0, False, "too many wait already: not sent", 0))
            return
        task = asyncio.get_running_loop().create_task(self._one(ask))
        self._waiting.add(task)
        task.add_done_callback(self._waiting.discard)

    async def _one(self, ask: Ask) -> None:
        at, began, connection = time.time(), time.monotonic(), None
        status, fields, trouble = NO_ANSWER, dict[str, str](), ""
        try:
            async with asyncio.timeout(ANSWER_SECONDS):
                connection = await self._connection(ask)
                status, fields, body = await connection.exchange(ask)
                trouble = body[:300].decode(errors="replace") if status >= 500 else ""
        except (OSError, EOFError, ValueError, asyncio.LimitOverrunError) as error:
            trouble = f"{type(error).__name__}: {error}"
        self._give_back(connection, ask, stays=status != NO_ANSWER and fields.get("connection", "").lower() != "close")
        self._sent.append(
            Sent(
                ask,
                at,
                time.monotonic() - began,
                status,
                container_in(fields),
                "retry-after" in fields,
                trouble,
                connection.local_port if connection else 0,
            )
        )

    async def _connection(self, ask: Ask) -> Connection:
        """A kept one that the other side has not closed, or a new one."""
        while self._kept and not ask.fresh:
            connection = self._kept.popleft()
            if connection.usable:
                return connection
            connection.close()
        return await self._open()

    async def _open(self) -> Connection:
        return await Connection.open(self._port, self._host)

    def _give_back(self, connection: Connection | None, ask: Ask, *, stays: bool) -> None:
        if connection is None:
            return
        if stays and not ask.fresh and len(self._kept) < KEPT:
            self._kept.append(connection)
        else:
            with suppress(OSError):
                connection.close()


def container_in(fields: Mapping[str, str]) -> int:
    """The number of the container that answered; 0 when nobody, or somebody who is not our proxy, said who."""
    said = fields.get("x-served-by", "")
    return int(said) if said.isascii() and said.isdigit() else 0


def longest_gap(sent: Iterable[Sent]) -> float:
    """The longest time, in seconds, in which no good answer came while some were waited for; 0 with fewer than two."""
    ends = sorted(one.ended for one in sent if not one.lost)
    return max((after - before for before, after in pairwise(ends)), default=0.0)


def percentile(sent: Sequence[Sent], share: float) -> float:
    """The seconds within which this share (0 to 1) of the requests was answered; 0 without any."""
    ordered = sorted(one.seconds for one in sent)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))] if ordered else 0.0


def causes(sent: Iterable[Sent]) -> Counter[str]:
    """The lost ones by method, status and what was said."""
    return Counter(f"{one.ask.method} {one.status or 'no answer'}: {one.trouble}"[:160] for one in sent if one.lost)
