"""What is known of lines that were seen before, so that a new head costs little when most of its lines are old ones.

A browser that asks for the next picture sends another Accept and Referer and otherwise the same lines; a proxy before
us sends the lines of many people over one connection. So lines are judged one by one and remembered. Two sorts of
fields are told apart: those that are passed on as they came and mean nothing to us (one regular expression judges
them, which lets nothing through that llhttp refuses), and the few others, which are judged together by
`read_request_fields` and remembered together. A head with anything else in it is judged as a whole, every time.

What is kept is bounded: a full memo is emptied, and long lines are judged anew each time.
"""

import re

from lb.headers import PLAIN, TOKEN, Limits, RequestFields, read_request_fields, read_request_line, sort_of
from lb.paths import Meaning, PathRules
from lb.replies import Refusal

MEMO_SIZE = 1024  # of each kind; some 100 KB as people ask, so that it stays in a core's cache
LONGEST_KEPT = 2048  # bytes; memos full of such lines are a few megabytes
# Visible ASCII, blanks, tabs and bytes above it: what may stand in a value (RFC 9110, 5.5), and nothing that ends one.
PLAIN_LINE = re.compile(rb"(" + TOKEN + rb"+):[\t -~\x80-\xff]*").fullmatch

Asked = tuple[bytes, bytes, int, bytes, Meaning]  # method, target, minor version, host of an absolute target, meaning


class RequestLines(dict[bytes, Asked]):
    """What each request line asks for."""

    def __init__(self, rules: PathRules, limits: Limits) -> None:
        super().__init__()
        self.rules = rules
        self.limit = limits.line

    def __missing__(self, line: bytes) -> Asked:
        """Judge a line that was not seen before. Raises Refusal."""
        if len(line) > self.limit:
            raise Refusal(414, f"A request line may have {self.limit} bytes.")
        method, target, minor, host = read_request_line(line)
        asked = method, target, minor, host, self.rules.meaning(method, target)
        if len(self) >= MEMO_SIZE:
            self.clear()
        if len(line) <= LONGEST_KEPT:
            self[line] = asked
        return asked


class Unusual(Exception):
    """A line that cannot be judged by itself: no error, its head is judged as a whole."""


class FieldLines(dict[bytes, bytes]):
    """What of each field line is passed on: itself with its CRLF, or nothing where it has a meaning."""

    def __init__(self) -> None:
        super().__init__()
        self.with_meaning: set[bytes] = set()
        self.clear()

    def clear(self) -> None:
        """Forget all but the nothing that follows the last CRLF of a block."""
        super().clear()
        self.with_meaning.clear()
        self[b""] = b""

    def __missing__(self, line: bytes) -> bytes:
        """Judge a line that was not seen before. Raises Unusual."""
        well_formed = PLAIN_LINE(line)
        if well_formed is None or len(line) > LONGEST_KEPT:
            raise Unusual
        if len(self) >= MEMO_SIZE:
            self.clear()
            raise Unusual  # other lines of the same head may have been forgotten just now
        low, sort = sort_of(well_formed[1])
        if low == b"close":
            raise Unusual  # "Connection: close" takes a field of this name away
        if sort != PLAIN:
            self.with_meaning.add(line)
        kept = self[line] = b"" if sort else line + b"\r\n"
        return kept


class FieldMemo:
    """Reads the field blocks of all connections of a worker."""

    def __init__(self, limits: Limits) -> None:
        self.limits = limits
        self.lines = FieldLines()
        # By minor version and all lines that have a meaning, in their order.
        self.understood: dict[tuple[int, tuple[bytes, ...]], RequestFields] = {}
        # Limits that are lower than what is remembered are left to those who judge the whole.
        self.useless = 0 < limits.field_size < LONGEST_KEPT

    def read(self, block: bytes, minor: int) -> tuple[RequestFields, bytes]:
        """What a field block says, and the lines that are passed on besides its `kept`. Raises Refusal.

        Others get the same object for equal fields: nobody may change it.
        """
        lines = block.split(b"\r\n")
        if 0 < self.limits.fields < len(lines) - 1 or self.useless:
            return self.read_whole(block, minor)
        try:
            plain = b"".join(map(self.lines.__getitem__, lines))
        except Unusual:
            return self.read_whole(block, minor)
        key = minor, tuple(filter(self.lines.with_meaning.__contains__, lines))
        fields = self.understood.get(key) or self.understand(*key)
        return self.read_whole(block, minor) if fields.drops else (fields, plain)

    def read_whole(self, block: bytes, minor: int) -> tuple[RequestFields, bytes]:
        """The same without the memo. Raises Refusal."""
        return read_request_fields(block, minor, self.limits), b""

    def understand(self, minor: int, lines: tuple[bytes, ...]) -> RequestFields:
        """Read the lines that have a meaning. Raises Refusal."""
        block = b"".join([line + b"\r\n" for line in lines])
        fields = read_request_fields(block, minor, self.limits)
        if len(self.understood) >= MEMO_SIZE:
            self.understood.clear()
        if len(block) <= LONGEST_KEPT:
            self.understood[minor, lines] = fields
        return fields
