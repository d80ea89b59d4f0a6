"""Chunked bodies, read and written. Pure: bytes in, bytes out.

llhttp, which judges the heads, does not tell where in a read a message ends, and a proxy must know that:
what follows belongs to the next request. So chunks are decoded here, strictly (RFC 9112, 7.1): hexadecimal
sizes and nothing else, CRLF and never a bare LF, extensions read over, trailers checked like any head.
Whatever goes on is framed anew.
"""

import re
from enum import Enum, auto

from lb.headers import PLAIN, sort_of

# At most 15 digits: no size that a 64-bit machine could misread. An extension is anything visible after a
# semicolon.
SIZE_LINE = re.compile(rb"([0-9A-Fa-f]{1,15})(?:[ \t]*;[\t\x20-\x7e\x80-\xff]*)?")
TRAILER_LINE = re.compile(rb"([!#$%&'*+\-.^_`|~0-9A-Za-z]+):[\t\x20-\x7e\x80-\xff]*")
SIZE_LINE_LIMIT = 256  # bytes; h11 and hyper allow about as much, and nobody sends long extensions
TRAILER_LIMIT = 8190  # bytes of all trailers, as much as one field of a head may have

# Fields that may not come after the body, because they frame, route or authenticate it (RFC 9110, 6.5.1). So may none
# that has a meaning to us in a head: who merges trailers into the head would believe that we have written it.
NOT_IN_TRAILERS = frozenset(
    b"trailer cookie set-cookie content-encoding content-type content-range cache-control max-forwards pragma range "
    b"proxy-authenticate".split()
)


class BadChunk(Exception):
    """The body breaks the rules of chunked coding; nothing after it can be trusted."""


class At(Enum):
    """Where the decoder stands."""

    SIZE = auto()
    DATA = auto()
    DATA_END = auto()
    TRAILERS = auto()
    DONE = auto()


class ChunkDecoder:
    """Decodes one chunked body that arrives in pieces of any size."""

    __slots__ = ("at", "held", "left", "trailer_bytes", "trailers")

    def __init__(self) -> None:
        self.at = At.SIZE
        self.held = b""  # what came and is not decided yet; after DONE, what belongs to the next message
        self.left = 0  # bytes of the present chunk that have not come yet
        self.trailers: list[bytes] = []  # lines with their CRLF; those that may not be trailers are dropped
        self.trailer_bytes = 0

    @property
    def done(self) -> bool:
        """Whether the last byte of the body has come; `held` is then what followed it."""
        return self.at is At.DONE

    def feed(self, data: bytes) -> bytes:
        """The payload in these bytes. Raises BadChunk, for good."""
        if self.held:
            data, self.held = self.held + data, b""
        payload: list[bytes] = []
        position: int | None = 0
        while position is not None:
            start = position
            position = self.step(data, start, payload)
        self.held = data[start:]
        return payload[0] if len(payload) == 1 else b"".join(payload)

    def step(self, data: bytes, start: int, payload: list[bytes]) -> int | None:
        """Take one element at `start`; returns where the next one starts, None when more bytes are needed."""
        if self.at is At.DATA:
            return self.take_data(data, start, payload)
        if self.at is At.DATA_END:
            return self.take_data_end(data, start)
        if self.at is At.DONE:
            return None
        return self.take_line(data, start)

    def take_data(self, data: bytes, start: int, payload: list[bytes]) -> int | None:
        """Take what has come of the present chunk."""
        piece = data[start : start + self.left]
        if not piece:
            return None
        payload.append(piece)
        self.left -= len(piece)
        if not self.left:
            self.at = At.DATA_END
        return start + len(piece)

    def take_data_end(self, data: bytes, start: int) -> int | None:
        """Take the CRLF that ends a chunk's data."""
        end = data[start : start + 2]
        if not b"\r\n".startswith(end):
            raise BadChunk("a chunk is longer than its size says")
        if len(end) < 2:
            return None
        self.at = At.SIZE
        return start + 2

    def take_line(self, data: bytes, start: int) -> int | None:
        """Take a size line or a trailer line."""
        end = data.find(b"\n", start)
        limit = SIZE_LINE_LIMIT if self.at is At.SIZE else TRAILER_LIMIT
        if (end if end >= 0 else len(data)) - start > limit:
            raise BadChunk("a line of the chunked body is too long")
        if end < 0:
            return None
        if data[end - 1 : end] != b"\r" or end == start:
            raise BadChunk("a line of the chunked body ends in a bare line feed")
        line = data[start : end - 1]
        if self.at is At.SIZE:
            self.take_size(line)
        else:
            self.take_trailer(line)
        return end + 1

    def take_size(self, line: bytes) -> None:
        """Begin the chunk that this size line announces."""
        match = SIZE_LINE.fullmatch(line)
        if match is None:
            raise BadChunk("a chunk size is not a hexadecimal number")
        self.left = int(match[1], 16)
        self.at = At.DATA if self.left else At.TRAILERS

    def take_trailer(self, line: bytes) -> None:
        """Keep a trailer field, or end the body at the empty line."""
        if not line:
            self.at = At.DONE
            return
        match = TRAILER_LINE.fullmatch(line)
        self.trailer_bytes += len(line) + 2
        if match is None or self.trailer_bytes > TRAILER_LIMIT:
            raise BadChunk("the trailers of the chunked body are malformed or too long")
        name, sort = sort_of(match[1])
        if sort == PLAIN and name not in NOT_IN_TRAILERS:
            self.trailers.append(line + b"\r\n")


def chunk(payload: bytes) -> bytes:
    """One chunk. The payload must not be empty: an empty chunk ends the body."""
    return b"%x\r\n%b\r\n" % (len(payload), payload)


def last_chunk(trailers: list[bytes]) -> bytes:
    """The end of a chunked body."""
    return b"0\r\n%b\r\n" % b"".join(trailers)
