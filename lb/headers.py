"""Heads, read and rewritten: what a client asked, what a container is sent, what the client is answered.
Pure.

A head is judged by llhttp (httptools), the strict parser of Node.js, and then by the rules here, which are
about what a proxy must not pass on: two ways to frame one message, two hosts, fields that concern one
connection only, and fields by which a client could pretend to be somebody else. What goes on is written
anew from what was understood.

Judging costs microseconds, and a client on a kept-alive connection sends the same fields again and again
with another request line. So the request line is read by one regular expression, and callers keep the last
field block with its result; equal bytes need no second judgement. The same holds for the heads that
containers answer with.
"""

import re
from dataclasses import dataclass, field
from functools import lru_cache
from typing import NamedTuple

import httptools

from lb.counters import row_of
from lb.replies import Refusal

TOKEN = rb"[!#$%&'*+\-.^_`|~0-9A-Za-z]"
# The usual request line: a method, a path of visible ASCII without a fragment, HTTP/1.0 or 1.1. One space
# between.
REQUEST_LINE = re.compile(rb"(" + TOKEN + rb"{1,32}) (/[!\"$-~]*) HTTP/1\.([01])").fullmatch
# What else may stand there, to tell one mistake from another.
ANY_LINE = re.compile(rb"(" + TOKEN + rb"{1,32}) ([!-~]+) HTTP/([0-9]\.[0-9])").fullmatch
ABSOLUTE = re.compile(rb"https?://([^/?#@]+)(/[!\"$-~]*|\?[!\"$-~]*)?", re.IGNORECASE).fullmatch
A_HOST = re.compile(rb"(?:[A-Za-z0-9._~!$&'()*+,;=%-]+|\[[0-9A-Fa-f:.]+\])(?::[0-9]{0,5})?").fullmatch
DIGITS = re.compile(rb"[0-9]{1,18}").fullmatch
A_REQUEST_ID = re.compile(rb"[!-~]{1,128}").fullmatch
STATUS_LINE = re.compile(rb"HTTP/1\.([01]) ([1-9][0-9]{2})(?: ([\t -~\x80-\xff]*))?").fullmatch
BEARER = re.compile(rb"bearer +([!-~]+)", re.IGNORECASE).fullmatch

CHUNKED = -1  # a length: the body says itself where it ends
UNTIL_CLOSE = -2  # a length: the body ends with the connection


# What becomes of a field. Plain integers: an enum's members cost more to look at than all the rest of the
# reading.
PLAIN = 0  # passed on
EXPECT = 1  # passed on, and understood; so are the next two
AUTHORIZATION = 2
SERVED_BY = 3  # passed on in a request; of an answer it is ours
HOST = 4  # understood, and written anew; so are the next three
LENGTH = 5
REQUEST_ID = 6
FORWARDED = 7  # could pretend another client, scheme or host
CODING = 8  # concerns one connection (RFC 9110, 7.6.1), whether Connection names it or not; so do the next three
UPGRADE = 9
CONNECTION = 10
HOP = 11
DISGUISED = 12  # one of those above with "_" for "-", as CGI reads it: dropped

# TE goes too: it would have to be named in a Connection of our own. Proxy-* were for us.
SORTS = {
    b"expect": EXPECT,
    b"authorization": AUTHORIZATION,
    b"host": HOST,
    b"content-length": LENGTH,
    b"x-request-id": REQUEST_ID,
    b"forwarded": FORWARDED,
    b"x-real-ip": FORWARDED,
    b"transfer-encoding": CODING,
    b"upgrade": UPGRADE,
    b"connection": CONNECTION,
    b"x-served-by": SERVED_BY,
    **dict.fromkeys(
        b"keep-alive proxy-connection proxy-authorization proxy-authenticate te http2-settings".split(), HOP
    ),
}


@lru_cache(maxsize=4096)
def sort_of(name: bytes) -> tuple[bytes, int]:
    """The lower-case name of a field, and its sort; remembered, for there are few names."""
    low = name.lower()
    if b"_" in low and sort_of(low.replace(b"_", b"-"))[1] in {LENGTH, REQUEST_ID, FORWARDED}:
        return low, DISGUISED
    if low.startswith(b"x-forwarded-"):
        return low, FORWARDED
    return low, SORTS.get(low, PLAIN)


# A Connection that names one of these would take from the message what we need to read or write.
NEVER_NAMED = frozenset(b"host content-length cache-control".split())
# And these are no fields, or fields that are never passed on.
USUALLY_NAMED = frozenset(b"close keep-alive upgrade".split())


@dataclass(frozen=True)
class Limits:
    """How large a head may be; gunicorn's settings limit_request_line, _fields and _field_size, in bytes."""

    line: int = 8190
    fields: int = 100
    field_size: int = 8190
    head: int = 65536  # all of it


@dataclass(slots=True)
class RequestFields:
    """What the fields of a request say, and those that go on."""

    kept: bytes = b""  # lines with their CRLF that are passed on as they came
    host: bytes | None = None
    length: int = 0  # bytes of the body; CHUNKED
    has_length: bool = False  # whether Content-Length was there, be it 0
    close: bool = False  # Connection: close
    keep_alive: bool = False  # Connection: keep-alive, which HTTP/1.0 needs
    expects_continue: bool = False
    upgrade: bytes = b""  # the protocol, if one is asked for that we can tunnel
    request_id: bytes = b""
    bearer: bytes = b""  # the token of Authorization: Bearer
    drops: bool = False  # Connection names further fields, and these were taken away
    forwarded: dict[bytes, bytes] = field(default_factory=dict)  # what a proxy before us said, names in lower case


class Peer(NamedTuple):
    """Who is connected, and through what: the address, whether we believe its X-Forwarded-*, our scheme."""

    address: bytes
    trusted: bool
    scheme: bytes
    local: bytes  # the address the client connected to, for the Host of a client that sends none


class Verdict:
    """Hears from llhttp that a head is complete. Without a callback for fields it judges at the speed of C."""

    __slots__ = ("complete",)

    def __init__(self) -> None:
        self.complete = False

    def on_headers_complete(self) -> None:
        """Called by llhttp at the empty line."""
        self.complete = True


# --- what was asked


def read_request_line(line: bytes) -> tuple[bytes, bytes, int, bytes]:
    """Method, target in origin form (or `*`), minor version, and the host an absolute target names (else
    empty).

    Raises Refusal: 400, 501 for methods no gateway may forward blindly, 505 for other versions.
    """
    usual = REQUEST_LINE(line)
    if usual and usual[1] not in {b"CONNECT", b"TRACE"}:
        return usual[1], usual[2], usual[3][0] - 48, b""
    match = ANY_LINE(line)
    if match is None:
        raise Refusal(400, "The request line is malformed.")
    method, target, version = match.groups()
    if version not in {b"1.0", b"1.1"}:
        raise Refusal(505, "This server speaks HTTP/1.1 and HTTP/1.0.")
    # CONNECT would make us an open proxy; TRACE would show a script the cookies it may not read.
    if method in {b"CONNECT", b"TRACE"}:
        raise Refusal(501, "CONNECT and TRACE are not served here.")
    return method, *read_odd_target(method, target, version)


def read_odd_target(method: bytes, target: bytes, version: bytes) -> tuple[bytes, int, bytes]:
    """Target in origin form, minor version and host of a target that does not begin with a slash."""
    minor = version[2] - 48
    if target == b"*" and method == b"OPTIONS":
        return target, minor, b""
    absolute = ABSOLUTE(target)
    if absolute is None or not A_HOST(absolute[1]):
        raise Refusal(400, "The request target is malformed.")
    # Without a path, OPTIONS asks about the server itself (RFC 9112, 3.2.4).
    path: bytes = absolute[2] or (b"*" if method == b"OPTIONS" else b"/")
    return b"/" + path if path.startswith(b"?") else path, minor, absolute[1]


def read_request_fields(block: bytes, minor: int, limits: Limits) -> RequestFields:
    """What the field block of a request says: everything between the request line and the empty line.

    `minor` is the minor HTTP version. Raises Refusal: 400, or 431 over the limits.
    """
    judge(block)
    lines = lines_of(block)
    check_limits(lines, limits)
    fields = RequestFields()
    kept: list[tuple[bytes, bytes]] = []
    named: frozenset[bytes] = frozenset()
    for line in lines:
        name, _, value = line.partition(b":")
        low, sort = sort_of(name)
        if sort <= SERVED_BY:
            kept.append((low, line))
        if sort == CONNECTION:
            named |= connection_options(value)
        elif sort:
            understand(fields, low, sort, value.strip(b" \t"))
    if named:
        kept = [(low, line) for low, line in kept if low not in named]
    fields.kept = b"".join([line + b"\r\n" for _, line in kept])
    settle(fields, named, minor)
    return fields


def judge(block: bytes) -> None:
    """Let llhttp judge the field block of a request. Raises Refusal(400) with its reason."""
    verdict = Verdict()
    try:
        httptools.HttpRequestParser(verdict).feed_data(b"GET / HTTP/1.1\r\n%b\r\n" % block)
    except httptools.HttpParserUpgrade:
        pass  # it stops at the end of the head, which is all we gave it
    except httptools.HttpParserError as error:
        raise Refusal(400, f"The head of the request is malformed: {error}.") from error
    if not verdict.complete:
        raise Refusal(400, "The head of the request is malformed.")


def lines_of(block: bytes) -> list[bytes]:
    """The lines of a judged block. Raises Refusal(400) if a bare CR or LF has got past llhttp after all."""
    lines = block.split(b"\r\n")
    lines.pop()  # what follows the last CRLF: nothing
    if not len(lines) == block.count(b"\n") == block.count(b"\r"):
        raise Refusal(400, "The head of the request is malformed.")
    return lines


def check_limits(lines: list[bytes], limits: Limits) -> None:
    """Refuse too many fields or too long ones; 0 is no limit, as in gunicorn."""
    if limits.fields and len(lines) > limits.fields:
        raise Refusal(431, f"A request may have {limits.fields} fields.")
    if limits.field_size and max(map(len, lines), default=0) > limits.field_size:
        raise Refusal(431, f"A field of a request may have {limits.field_size} bytes.")


def connection_options(value: bytes) -> frozenset[bytes]:
    """The lower-case options of a Connection field."""
    return frozenset([option.strip(b" \t").lower() for option in value.split(b",")]) - {b""}


def understand(fields: RequestFields, low: bytes, sort: int, value: bytes) -> None:
    """Take in a field that tells us something. Raises Refusal."""
    if sort == HOST:
        read_host(fields, value)
    elif sort == LENGTH:
        read_length(fields, value)
    elif sort == CODING:
        read_coding(fields, value)
    elif sort == UPGRADE:
        fields.upgrade = value
    elif sort == EXPECT:
        fields.expects_continue = value.lower() == b"100-continue"
    else:
        understand_identity(fields, low, sort, value)


def understand_identity(fields: RequestFields, low: bytes, sort: int, value: bytes) -> None:
    """Take in a field that says who asks, or what a request is called."""
    if sort == REQUEST_ID:
        fields.request_id = value if A_REQUEST_ID(value) else b""
    elif sort == AUTHORIZATION:
        match = BEARER(value)
        fields.bearer = match[1] if match else b""
    elif sort == FORWARDED:
        before = fields.forwarded.get(low)
        fields.forwarded[low] = before + b", " + value if before else value


def read_host(fields: RequestFields, value: bytes) -> None:
    """Take in Host: once, and a host."""
    if fields.host is not None:
        raise Refusal(400, "The request names two hosts.")
    if not A_HOST(value):
        raise Refusal(400, "The Host of the request is malformed.")
    fields.host = value


def read_length(fields: RequestFields, value: bytes) -> None:
    """Take in Content-Length: once, and digits."""
    if fields.has_length or not DIGITS(value):
        raise Refusal(400, "The Content-Length of the request is repeated or no number.")
    fields.length = int(value)
    fields.has_length = True


def read_coding(fields: RequestFields, value: bytes) -> None:
    """Take in Transfer-Encoding: once, and exactly "chunked"."""
    if fields.length == CHUNKED or value.lower() != b"chunked":
        raise Refusal(400, "The only Transfer-Encoding known here is chunked.")
    fields.length = CHUNKED


def settle(fields: RequestFields, named: frozenset[bytes], minor: int) -> None:
    """What several fields say together. Raises Refusal(400) where they contradict each other."""
    if fields.length == CHUNKED and (fields.has_length or not minor):
        raise Refusal(400, "The body is framed in two ways, or in a way that HTTP/1.0 does not know.")
    if minor and fields.host is None:
        raise Refusal(400, "The request names no host.")
    if named & NEVER_NAMED:
        raise Refusal(400, "Connection names a field that does not belong to the connection.")
    fields.close = b"close" in named
    fields.keep_alive = b"keep-alive" in named
    fields.drops = not named <= USUALLY_NAMED
    fields.expects_continue = fields.expects_continue and bool(minor)
    # h2c would be a way past everything that is checked here; a body before a tunnel is nobody's good
    # intention.
    tunnel = b"upgrade" in named and minor and not fields.length and b"h2c" not in fields.upgrade.lower()
    fields.upgrade = fields.upgrade if tunnel else b""


# --- what the container is sent


def request_block(fields: RequestFields, peer: Peer, minor: int, host: bytes = b"") -> bytes:
    """All fields of the request as the container gets it, but X-Request-ID, which is another for every
    request.

    `host` is what an absolute target named; it overrides Host (RFC 9112, 3.2.2).
    """
    return b"".join(request_frame(fields, peer, minor, host))


def request_frame(fields: RequestFields, peer: Peer, minor: int, host: bytes = b"") -> tuple[bytes, bytes]:
    """The same in two parts, between which further lines may be passed on as they came."""
    host = host or fields.host or peer.local
    lines = [forwarded_lines(fields, peer, host), framing_line(fields)]
    if fields.upgrade:
        lines += (b"Connection: Upgrade\r\nUpgrade: ", fields.upgrade, b"\r\n")
    lines.append(b"Via: 1.1 lb\r\n" if minor else b"Via: 1.0 lb\r\n")
    return b"Host: %b\r\n%b" % (host, fields.kept), b"".join(lines)


def framing_line(fields: RequestFields) -> bytes:
    """How the body is framed towards the container, from what was understood."""
    if fields.length == CHUNKED:
        return b"Transfer-Encoding: chunked\r\n"
    return b"Content-Length: %d\r\n" % fields.length if fields.has_length else b""


OUR_FORWARDED = b"X-Forwarded-For: %b\r\nX-Forwarded-Proto: %b\r\nX-Forwarded-Host: %b\r\n"


def forwarded_lines(fields: RequestFields, peer: Peer, host: bytes) -> bytes:
    """X-Forwarded-For, -Proto, -Host: ours, or what a trusted proxy said with its own address appended.

    The other X-Forwarded-* fields and Forwarded are passed on from a trusted peer and dropped otherwise.
    """
    if not peer.trusted or not fields.forwarded:
        return OUR_FORWARDED % (peer.address, peer.scheme, host)
    said = dict(fields.forwarded)
    chain = said.get(b"x-forwarded-for")
    said[b"x-forwarded-for"] = chain + b", " + peer.address if chain else peer.address
    said.setdefault(b"x-forwarded-proto", peer.scheme)
    said.setdefault(b"x-forwarded-host", host)
    if b"forwarded" in said:
        node = b'"[%b]"' % peer.address if b":" in peer.address else peer.address
        said[b"forwarded"] += b", for=" + node
    return b"".join(b"%b: %b\r\n" % (name.title(), value) for name, value in said.items())


# --- what is answered


NOT_IN_ANSWERS = frozenset({LENGTH, CODING, UPGRADE, CONNECTION, HOP, SERVED_BY, REQUEST_ID})


class BadAnswer(Exception):
    """The container's answer cannot be passed on; the message is a sentence for the log."""


@dataclass(slots=True)
class Answer:
    """The head of a container's answer, understood once and ready to be sent many times; never changed
    then.
    """

    status: int
    length: int  # bytes of the body; CHUNKED; UNTIL_CLOSE. What the head says, also where no body follows
    bodiless: bool  # 1xx, 204, 304: no body follows whatever the head says
    reusable: bool  # the connection may carry another request afterwards
    fields: bytes  # the status line and all fields that go on, framing left out
    ready: bytes = b""  # the whole head for a client of HTTP/1.1 that stays: the usual case
    ordinary: bool = False  # a final answer with a body of known length, so far as its status says
    row: int = 0  # where it is counted

    def head(self, minor: int, keep: bool, headless: bool) -> bytes:
        """The head for a client of HTTP/1.`minor` that stays or not; `headless`: it asked with HEAD."""
        lines = [self.fields, self.framing(minor, headless)]
        if not keep:
            lines.append(b"Connection: close\r\n")
        elif not minor:
            lines.append(b"Connection: keep-alive\r\n")
        return b"".join([*lines, b"\r\n"])

    def framing(self, minor: int, headless: bool) -> bytes:
        """How the body is framed towards the client."""
        if self.bodiless and self.status != 304:
            return b""
        if self.length >= 0:
            return b"Content-Length: %d\r\n" % self.length
        chunks = minor and not self.bodiless and not (headless and self.length == UNTIL_CLOSE)
        return b"Transfer-Encoding: chunked\r\n" if chunks else b""

    def can_stay(self, minor: int, headless: bool) -> bool:
        """Whether the client can tell where this answer ends without the connection's end."""
        return bool(minor) or self.length >= 0 or self.bodiless or headless


def read_answer(head: bytes, served_by: bytes) -> Answer:
    """Understand the head of an answer, empty line included. `served_by` is the container's number.

    Raises BadAnswer where it is malformed or framed in a way that could be misread.
    """
    verdict = Verdict()
    parser = httptools.HttpResponseParser(verdict)
    try:
        parser.feed_data(head)
    except httptools.HttpParserUpgrade:
        pass  # it stops at the end of the head, which is all we gave it
    except httptools.HttpParserError as error:
        raise BadAnswer(f"malformed head: {error}") from error
    start, *lines = head[:-4].split(b"\r\n")
    whole = len(lines) + 2 == head.count(b"\n") == head.count(b"\r")
    match = STATUS_LINE(start)
    if not verdict.complete or not whole or match is None:
        raise BadAnswer("malformed head")
    return build_answer(int(match[2]), match[3], lines, minor=match[1] == b"1", served_by=served_by)


def build_answer(status: int, reason: bytes | None, lines: list[bytes], *, minor: bool, served_by: bytes) -> Answer:
    """The Answer of a judged head: its status, the words for it, its field lines."""
    fields = [(*sort_of(line.partition(b":")[0]), line) for line in lines]
    named: frozenset[bytes] = frozenset()
    for _, sort, line in fields:
        if sort == CONNECTION:
            named |= connection_options(line.partition(b":")[2])
    length = answer_length([(sort, line.partition(b":")[2].strip(b" \t")) for _, sort, line in fields], minor)
    kept = [b"HTTP/1.1 %d %b\r\n" % (status, reason or b"")]
    for low, sort, line in fields:
        if sort not in NOT_IN_ANSWERS and low not in named:
            kept.append(line + b"\r\n")
        elif sort == UPGRADE and status == 101:
            kept.append(b"Connection: Upgrade\r\n%b\r\n" % line)
    if status >= 200 or status == 101:
        kept.append(b"X-Served-By: %b\r\n" % served_by)
    persistent = b"close" not in named if minor else b"keep-alive" in named
    bodiless = status < 200 or status in {204, 304}
    reusable = persistent and (length != UNTIL_CLOSE or bodiless)
    answer = Answer(status, length, bodiless, reusable, b"".join(kept))
    answer.ready = answer.head(1, keep=True, headless=False)
    answer.ordinary = not bodiless
    answer.row = row_of(status)
    return answer


def answer_length(fields: list[tuple[int, bytes]], minor: bool) -> int:
    """How the body of an answer is framed (RFC 9112, 6.3). Raises BadAnswer where it is framed twice or
    oddly.
    """
    lengths = [value for sort, value in fields if sort == LENGTH]
    codings = [value.lower() for sort, value in fields if sort == CODING]
    if codings:
        if lengths or codings != [b"chunked"] or not minor:
            raise BadAnswer("framed twice, or in an unknown coding")
        return CHUNKED
    if not lengths:
        return UNTIL_CLOSE
    if len(lengths) > 1 or not DIGITS(lengths[0]):
        raise BadAnswer("Content-Length repeated or no number")
    return int(lengths[0])
