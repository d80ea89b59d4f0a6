"""What is remembered of lines says the same as a look at the whole head, and is bounded."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lb.head_memo import LONGEST_KEPT, MEMO_SIZE, PLAIN_LINE, FieldMemo, RequestLines
from lb.headers import Limits, Peer, judge, read_request_fields, request_block, request_frame
from lb.paths import Meaning, path_rules
from lb.replies import Refusal

PEER = Peer(b"192.0.2.7", True, b"http", b"lb.example:80")
LINES = [
    b"Host: a",
    b"host: b",
    b"Cookie: s=1",
    b"Cookie: s=2",
    b"Accept:*/*",
    b"Accept: text/html",
    b"Accept:",
    b"Close: yes",
    b"X-A: 1",
    b"X-A: \t2 ",
    b"Connection: close",
    b"Connection: X-A, keep-alive",
    b"Connection: keep-alive",
    b"Connection: upgrade",
    b"Upgrade: websocket",
    b"Keep-Alive: timeout=5",
    b"Content-Length: 5",
    b"Content_Length: 6",
    b"Transfer-Encoding: chunked",
    b"Expect: 100-continue",
    b"Authorization: Bearer abc",
    b"X-Request-ID: mine",
    b"X-Forwarded-For: 203.0.113.9",
    b"X-Served-By: 9",
    b"Bad Name: 1",
    b"X-Bad: \x00",
    b" folded",
    b"no colon",
]
heads = st.lists(st.sampled_from(LINES), max_size=6).map(lambda lines: b"".join(line + b"\r\n" for line in lines))
SHARED = FieldMemo(Limits())


def whole(block: bytes, minor: int) -> object:
    """What the container is sent, as a set of lines, and what was understood; or the refusal."""
    try:
        fields = read_request_fields(block, minor, Limits())
    except Refusal as refusal:
        return refusal.status
    return sorted(request_block(fields, PEER, minor).split(b"\r\n")), fields.length, fields.close, fields.bearer


def remembered(memo: FieldMemo, block: bytes, minor: int) -> object:
    """The same by the memo."""
    try:
        fields, plain = memo.read(block, minor)
    except Refusal as refusal:
        return refusal.status
    sent = plain.join(request_frame(fields, PEER, minor))
    return sorted(sent.split(b"\r\n")), fields.length, fields.close, fields.bearer


@given(heads, st.sampled_from([0, 1]))
def test_a_head_means_the_same_whether_its_lines_are_remembered_or_not(block: bytes, minor: int) -> None:
    assert remembered(FieldMemo(Limits()), block, minor) == whole(block, minor)
    assert remembered(SHARED, block, minor) == whole(block, minor)


@given(st.binary(min_size=1, max_size=20), st.binary(max_size=20))
def test_what_passes_as_a_plain_line_passes_llhttp_too(name: bytes, value: bytes) -> None:
    line = name + b":" + value
    if PLAIN_LINE(line) and name.lower() not in {b"content-length", b"transfer-encoding", b"connection", b"upgrade"}:
        judge(b"Host: a\r\n" + line + b"\r\n")


@pytest.mark.parametrize("byte", range(256))
def test_every_byte_that_passes_in_a_value_passes_llhttp_too(byte: int) -> None:
    line = b"X-A: a" + bytes([byte]) + b"b"
    if PLAIN_LINE(line):
        judge(line + b"\r\n")
    else:
        assert byte < 32 or byte == 127


def test_fields_of_one_name_keep_their_order() -> None:
    fields, plain = SHARED.read(b"X-A: 1\r\nHost: a\r\nX-B: 0\r\nX-A: 2\r\n", 1)
    assert plain == b"X-A: 1\r\nX-B: 0\r\nX-A: 2\r\n"
    assert fields.host == b"a"


def test_what_is_remembered_is_bounded() -> None:
    memo = FieldMemo(Limits())
    for number in range(3 * MEMO_SIZE):
        fields, plain = memo.read(b"Host: h%d\r\nCookie: s=%d\r\nAccept: */*\r\n" % (number, number), 1)
        assert fields.host == b"h%d" % number
        assert b"Cookie: s=%d\r\n" % number in fields.kept + plain
        assert len(memo.lines) <= MEMO_SIZE + 3
        assert len(memo.lines.with_meaning) <= MEMO_SIZE
        assert len(memo.understood) <= MEMO_SIZE


def test_long_lines_pass_but_are_not_remembered() -> None:
    memo = FieldMemo(Limits())
    line = b"Cookie: " + b"x" * LONGEST_KEPT + b"\r\n"
    fields, plain = memo.read(b"Host: a\r\n" + line, 1)
    assert fields.kept + plain == line
    assert line[:-2] not in memo.lines


def test_limits_hold_for_remembered_lines_too() -> None:
    memo = FieldMemo(Limits(fields=3))
    memo.read(b"Host: a\r\nX-A: 1\r\nX-B: 1\r\n", 1)
    with pytest.raises(Refusal, match="3 fields"):
        memo.read(b"Host: a\r\nX-A: 1\r\nX-B: 1\r\nX-A: 1\r\n", 1)
    with pytest.raises(Refusal, match="10 bytes"):
        FieldMemo(Limits(field_size=10)).read(b"Host: a\r\nX-A: 1234567\r\n", 1)


def test_a_request_line_is_judged_once() -> None:
    lines = RequestLines(path_rules("/api/", "/api/v1/_health"), Limits(line=40))
    asked = (b"GET", b"/api/x", 1, b"", Meaning.COUNTED)
    assert lines[b"GET /api/x HTTP/1.1"] == asked
    assert lines[b"GET /api/x HTTP/1.1"] is lines[b"GET /api/x HTTP/1.1"]
    assert lines[b"GET http://h/x HTTP/1.0"] == (b"GET", b"/x", 0, b"h", Meaning.PLAIN)


@pytest.mark.parametrize(("line", "status"), [(b"GET /" + b"x" * 40, 414), (b"TRACE / HTTP/1.1", 501), (b"junk", 400)])
def test_a_refused_request_line_is_refused_each_time(line: bytes, status: int) -> None:
    lines = RequestLines(path_rules("/api/", "/api/v1/_health"), Limits(line=40))
    for _ in range(2):
        with pytest.raises(Refusal) as refused:
            lines[line]
        assert refused.value.status == status


def test_request_lines_that_are_remembered_are_bounded() -> None:
    lines = RequestLines(path_rules("/api/", "/api/v1/_health"), Limits())
    for number in range(3 * MEMO_SIZE):
        assert lines[b"GET /%d HTTP/1.1" % number][1] == b"/%d" % number
    assert len(lines) <= MEMO_SIZE
