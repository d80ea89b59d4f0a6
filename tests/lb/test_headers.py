"""Heads: what is refused and why, what goes on, and that others read what we send as we meant it."""

import h11
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lb.headers import (
    CHUNKED,
    UNTIL_CLOSE,
    BadAnswer,
    Limits,
    Peer,
    RequestFields,
    read_answer,
    read_request_fields,
    read_request_line,
    request_block,
)
from lb.replies import Refusal

STRANGER = Peer(b"192.0.2.7", False, b"http", b"198.51.100.1:80")
FRIEND = Peer(b"10.0.0.1", True, b"http", b"198.51.100.1:80")


def fields_of(*lines: str, minor: int = 1) -> RequestFields:
    """What these field lines say, beside a Host."""
    block = "".join(f"{line}\r\n" for line in ("Host: example.org", *lines)).encode("latin-1")
    return read_request_fields(block, minor, Limits())


def sent(*lines: str, peer: Peer = STRANGER, minor: int = 1) -> list[str]:
    """The field lines a container gets for these of a client."""
    return request_block(fields_of(*lines, minor=minor), peer, minor).decode("latin-1").split("\r\n")[:-1]


# --- request line


@pytest.mark.parametrize(
    ("line", "method", "target", "minor", "host"),
    [
        (b"GET / HTTP/1.1", b"GET", b"/", 1, b""),
        (b"PROPFIND /a%20b?c=d HTTP/1.0", b"PROPFIND", b"/a%20b?c=d", 0, b""),
        (b"BREW /pot HTTP/1.1", b"BREW", b"/pot", 1, b""),
        (b"OPTIONS * HTTP/1.1", b"OPTIONS", b"*", 1, b""),
        (b"GET http://a.example:80/x?y HTTP/1.1", b"GET", b"/x?y", 1, b"a.example:80"),
        (b"GET HTTP://a.example HTTP/1.1", b"GET", b"/", 1, b"a.example"),
        (b"OPTIONS http://a.example HTTP/1.1", b"OPTIONS", b"*", 1, b"a.example"),
        (b"OPTIONS http://a.example?q HTTP/1.1", b"OPTIONS", b"/?q", 1, b"a.example"),
        (b"GET http://a.example?q HTTP/1.1", b"GET", b"/?q", 1, b"a.example"),
        (b"GET http://[::1]:80/ HTTP/1.1", b"GET", b"/", 1, b"[::1]:80"),
    ],
)
def test_request_lines_that_are_understood(line: bytes, method: bytes, target: bytes, minor: int, host: bytes) -> None:
    assert read_request_line(line) == (method, target, minor, host)


@pytest.mark.parametrize(
    ("line", "status", "reason"),
    [
        (b"GET  / HTTP/1.1", 400, "two spaces"),
        (b"GET / HTTP/1.1 ", 400, "a space at the end"),
        (b" GET / HTTP/1.1", 400, "a space at the beginning"),
        (b"GET\t/ HTTP/1.1", 400, "a tab is no space"),
        (b"GET /", 400, "HTTP/0.9"),
        (b"GET / HTTP/1.1\r", 400, "a bare carriage return"),
        (b"GET /a b HTTP/1.1", 400, "a space in the path"),
        (b"GET /\xc3\xa9 HTTP/1.1", 400, "not ASCII"),
        (b"GET /\x00 HTTP/1.1", 400, "a control character"),
        (b"GET /a#b HTTP/1.1", 400, "a fragment is for the client alone"),
        (b"GET a HTTP/1.1", 400, "no path"),
        (b"GET * HTTP/1.1", 400, "the asterisk is for OPTIONS"),
        (b"G@T / HTTP/1.1", 400, "no method"),
        (b"GET http://u@h/ HTTP/1.1", 400, "a user in the host"),
        (b"GET ftp://h/ HTTP/1.1", 400, "another scheme"),
        (b"GET / http/1.1", 400, "the version is case-sensitive"),
        (b"GET / HTTP/11", 400, "no version"),
        (b"GET / HTTP/1.10", 400, "no version"),
        (b"GET / HTTP/2.0", 505, "another version"),
        (b"PRI * HTTP/2.0", 505, "the preface of HTTP/2"),
        (b"GET / HTTP/1.2", 505, "another version"),
        (b"CONNECT example.org:443 HTTP/1.1", 501, "no open proxy"),
        (b"TRACE / HTTP/1.1", 501, "would show cookies to scripts"),
    ],
)
def test_request_lines_that_are_refused(line: bytes, status: int, reason: str) -> None:
    with pytest.raises(Refusal) as refused:
        read_request_line(line)
    assert refused.value.status == status


# --- request fields


@pytest.mark.parametrize(
    ("lines", "reason"),
    [
        (["Content-Length: 5", "Transfer-Encoding: chunked"], "framed twice"),
        (["Transfer-Encoding: chunked", "Content-Length: 5"], "framed twice, the other way round"),
        (["Content-Length: 5", "Content-Length: 5"], "said twice"),
        (["Content-Length: 5, 5"], "said twice in one line"),
        (["Content-Length: 5", "Content-Length: 6"], "said twice, differently"),
        (["Content-Length: +5"], "a sign"),
        (["Content-Length: 0x5"], "hexadecimal"),
        (["Content-Length: 5 5"], "two numbers"),
        (["Content-Length:"], "no number"),
        (["Content-Length: " + "9" * 30], "more than any machine can count"),
        (["Transfer-Encoding: gzip"], "a coding we do not know"),
        (["Transfer-Encoding: gzip, chunked"], "a coding we do not know, below"),
        (["Transfer-Encoding: chunked, chunked"], "chunked twice"),
        (["Transfer-Encoding: chunked", "Transfer-Encoding: chunked"], "chunked twice"),
        (["Transfer-Encoding: xchunked"], "obfuscated"),
        (["Transfer-Encoding: chunked;q=1"], "obfuscated"),
        (["Transfer-Encoding:\x0bchunked"], "obfuscated"),
        (["Transfer-Encoding : chunked"], "space before the colon"),
        (["Transfer\tEncoding: chunked"], "no name"),
        (["Transfer-Encoding: chunked\nX: y"], "a bare line feed"),
        (["X: y\rZ: z"], "a bare carriage return"),
        (["X: a", " b"], "folded"),
        ([" X: a"], "space before the first field"),
        (["X"], "no colon"),
        ([": x"], "no name"),
        (["X: \x00"], "a control character"),
        (["X: \x7f"], "a control character"),
        (["X\xe9: y"], "a name that is no token"),
        (["Host: other.example"], "two hosts"),
        (["Connection: host"], "Connection may not take the host away"),
        (["Connection: close, content-length"], "nor the framing"),
    ],
)
def test_fields_that_are_refused(lines: list[str], reason: str) -> None:
    with pytest.raises(Refusal) as refused:
        fields_of(*lines)
    assert refused.value.status == 400


@pytest.mark.parametrize("host", ["", "a b", "a/b", "a@b", "a:b", "[::1", "a,b:80:80", "a\\b", "exämple.org"])
def test_hosts_that_are_refused(host: str) -> None:
    with pytest.raises(Refusal):
        read_request_fields(f"Host: {host}\r\n".encode(), 1, Limits())


def test_a_host_is_needed_in_1_1_only() -> None:
    with pytest.raises(Refusal):
        read_request_fields(b"", 1, Limits())
    fields = read_request_fields(b"", 0, Limits())
    assert b"Host: 198.51.100.1:80\r\n" in request_block(fields, STRANGER, 0)


def test_chunked_is_not_for_1_0() -> None:
    with pytest.raises(Refusal):
        fields_of("Transfer-Encoding: chunked", minor=0)


def test_too_many_and_too_long_fields_are_431() -> None:
    for lines in (["X: y"] * 100, ["X: " + "y" * 8200]):
        with pytest.raises(Refusal) as refused:
            fields_of(*lines)
        assert refused.value.status == 431


def test_names_and_values_go_on_as_they_came() -> None:
    lines = ["COOKIE: a=b; c", "x-Custom:  \tspaced  out \t", "X-Empty:"]
    assert sent(*lines)[1:4] == lines


def test_fields_of_one_connection_stay_behind() -> None:
    lines = sent(
        "Connection: keep-alive, X-Secret",
        "Connection: x-other",
        "X-Secret: 1",
        "X-Other: 2",
        "Keep-Alive: timeout=5",
        "Proxy-Authorization: Basic x",
        "Proxy-Connection: keep-alive",
        "TE: trailers",
        "Upgrade: h2c",
        "HTTP2-Settings: x",
        "traceparent: 00-1",
    )
    assert [line.partition(":")[0] for line in lines] == [
        "Host",
        "traceparent",
        "X-Forwarded-For",
        "X-Forwarded-Proto",
        "X-Forwarded-Host",
        "Via",
    ]


def test_the_body_is_framed_by_us() -> None:
    assert "Content-Length: 5" in sent("Content-Length: 005")
    assert "Content-Length: 0" in sent("content-length:0")
    assert "Transfer-Encoding: chunked" in sent("transfer-encoding: Chunked")
    assert not [line for line in sent() if "ength" in line or "oding" in line]


def test_a_stranger_cannot_say_who_he_is() -> None:
    lines = sent(
        "X-Forwarded-For: 10.0.0.1",
        "X-Forwarded-Proto: https",
        "X_Forwarded_For: 10.0.0.1",
        "X-Forwarded-Prefix: /admin",
        "Forwarded: for=10.0.0.1",
        "X-Real-IP: 10.0.0.1",
        "Content_Length: 7",
    )
    assert lines == [
        "Host: example.org",
        "X-Forwarded-For: 192.0.2.7",
        "X-Forwarded-Proto: http",
        "X-Forwarded-Host: example.org",
        "Via: 1.1 lb",
    ]


def test_a_trusted_proxy_is_believed_and_appended() -> None:
    lines = sent(
        "X-Forwarded-For: 192.0.2.9",
        "X-Forwarded-For: 192.0.2.8",
        "X-Forwarded-Proto: https",
        "X-Forwarded-Host: public.example",
        "Forwarded: for=192.0.2.9",
        peer=FRIEND,
    )
    assert "X-Forwarded-For: 192.0.2.9, 192.0.2.8, 10.0.0.1" in lines
    assert "X-Forwarded-Proto: https" in lines
    assert "X-Forwarded-Host: public.example" in lines
    assert "Forwarded: for=192.0.2.9, for=10.0.0.1" in lines


def test_an_upgrade_goes_on_only_as_a_tunnel_can() -> None:
    assert sent("Connection: Upgrade", "Upgrade: websocket")[-3:-1] == ["Connection: Upgrade", "Upgrade: websocket"]
    assert fields_of("Connection: Upgrade", "Upgrade: h2c").upgrade == b""
    assert fields_of("Connection: Upgrade", "Upgrade: websocket, H2C").upgrade == b""
    assert fields_of("Upgrade: websocket").upgrade == b""
    assert fields_of("Connection: upgrade", "Upgrade: websocket", "Content-Length: 1").upgrade == b""


def test_persistence_and_expectations_are_understood() -> None:
    assert fields_of("Connection: foo, Close").close
    assert fields_of("Connection: Keep-Alive").keep_alive
    assert fields_of("Expect: 100-Continue", "Content-Length: 1").expects_continue
    assert not fields_of("Expect: 100-continue", minor=0).expects_continue
    assert fields_of("Authorization: bEarer  s3cret").bearer == b"s3cret"
    assert fields_of("X-Request-ID: abc").request_id == b"abc"
    assert fields_of("X-Request-ID: two words").request_id == b""


TOKENS = st.text("abcXYZ09-_!~", min_size=1, max_size=12)
VALUES = st.text([chr(code) for code in [*range(0x20, 0x7F), *range(0xA1, 0x100)]], max_size=30)
SPECIAL = st.sampled_from(
    [
        ("Connection", "close"),
        ("Connection", "x-a, keep-alive"),
        ("Content-Length", "3"),
        ("Transfer-Encoding", "chunked"),
        ("Upgrade", "websocket"),
        ("X-Forwarded-For", "1.2.3.4"),
        ("x-a", "b"),
        ("Cookie", "a=b"),
    ]
)


@given(st.lists(st.one_of(st.tuples(TOKENS, VALUES), SPECIAL), max_size=12))
def test_another_parser_reads_what_we_send_as_we_meant_it(pairs: list[tuple[str, str]]) -> None:
    block = "".join(f"{name}: {value}\r\n" for name, value in [("Host", "h.example"), *pairs]).encode("latin-1")
    try:
        fields = read_request_fields(block, 1, Limits())
    except Refusal:
        return
    server = h11.Connection(h11.SERVER)
    server.receive_data(b"POST /x HTTP/1.1\r\n" + request_block(fields, STRANGER, 1) + b"\r\n")
    request = server.next_event()
    assert isinstance(request, h11.Request)
    names = [name for name, _ in request.headers]
    values = dict(request.headers)
    assert names.count(b"host") == names.count(b"x-forwarded-for") == 1
    assert values[b"x-forwarded-for"] == STRANGER.address
    assert (b"transfer-encoding" in names) is (fields.length == CHUNKED)
    assert (b"content-length" in names) is fields.has_length
    kept = [name for name in names if name in {b"keep-alive", b"te", b"proxy-authorization"}]
    assert not kept
    assert values.get(b"connection", b"Upgrade") == b"Upgrade"


# --- answers


def answer_head(*lines: str, start: str = "HTTP/1.1 200 OK") -> bytes:
    """The head of an answer."""
    return "\r\n".join([start, *lines, "", ""]).encode("latin-1")


@pytest.mark.parametrize(
    ("lines", "start", "length", "reusable"),
    [
        (["Content-Length: 5"], "HTTP/1.1 200 OK", 5, True),
        (["Content-Length: 5", "Connection: close"], "HTTP/1.1 200 OK", 5, False),
        (["Content-Length: 5"], "HTTP/1.0 200 OK", 5, False),
        (["Content-Length: 5", "Connection: keep-alive"], "HTTP/1.0 200 OK", 5, True),
        (["Transfer-Encoding: chunked"], "HTTP/1.1 200 OK", CHUNKED, True),
        ([], "HTTP/1.1 200 OK", UNTIL_CLOSE, False),
        ([], "HTTP/1.1 204 No Content", UNTIL_CLOSE, True),
        (["Content-Length: 9"], "HTTP/1.1 304 Not Modified", 9, True),
    ],
)
def test_how_answers_are_framed(lines: list[str], start: str, length: int, reusable: bool) -> None:
    answer = read_answer(answer_head(*lines, start=start), b"1")
    assert (answer.length, answer.reusable) == (length, reusable)


@pytest.mark.parametrize(
    "head",
    [
        answer_head("Content-Length: 5", "Transfer-Encoding: chunked"),
        answer_head("Content-Length: 5", "Content-Length: 5"),
        answer_head("Content-Length: five"),
        answer_head("Content-Length: 5, 5"),
        answer_head("Content-Length: +5"),
        answer_head("Content-Length:"),
        answer_head("Content-Length: " + "9" * 20),
        answer_head(start="HTTP/1.1  200 OK"),
        b"HTTP/1.1 200 OK\nContent-Length: 0\n\r\n\r\n",
        b"\r\n" + answer_head("Content-Length: 0"),
        answer_head("Transfer-Encoding: gzip, chunked"),
        answer_head("Transfer-Encoding: gzip"),
        answer_head("Transfer-Encoding: chunked", start="HTTP/1.0 200 OK"),
        answer_head("X: a\nb"),
        answer_head("X : a"),
        answer_head(start="HTTP/2.0 200 OK"),
        answer_head(start="HTTP/1.1 20 OK"),
        answer_head(start="HTTP/1.1 OK"),
        answer_head(start="ICY 200 OK"),
        b"\x16\x03\x01\r\n\r\n",
    ],
)
def test_answers_that_could_be_misread_are_not_passed_on(head: bytes) -> None:
    with pytest.raises(BadAnswer):
        read_answer(head, b"1")


def test_an_answer_goes_on_with_its_container_and_without_its_connection() -> None:
    answer = read_answer(
        answer_head(
            "Server: x",
            "Connection: close, X-Hop",
            "X-Hop: 1",
            "Keep-Alive: 5",
            "X-Served-By: spoof",
            "Content-Length: 2",
        ),
        b"3",
    )
    assert answer.ready == answer_head("Server: x", "X-Served-By: 3", "Content-Length: 2")


def test_framing_follows_the_client() -> None:
    chunked = read_answer(answer_head("Transfer-Encoding: chunked"), b"1")
    assert b"Transfer-Encoding: chunked\r\n" in chunked.head(1, keep=True, headless=False)
    assert b"Transfer" not in chunked.head(0, keep=False, headless=False)
    assert not chunked.can_stay(0, headless=False)
    unframed = read_answer(answer_head(), b"1")
    assert b"Transfer-Encoding: chunked\r\n" in unframed.ready
    assert b"Transfer" not in unframed.head(1, keep=True, headless=True)
    sized = read_answer(answer_head("Content-Length: 2"), b"1")
    assert b"Connection: keep-alive\r\n" in sized.head(0, keep=True, headless=False)
    assert b"Connection: close\r\n" in sized.head(1, keep=False, headless=False)


def test_204_says_nothing_about_a_body_and_304_may() -> None:
    assert b"Length" not in read_answer(answer_head("Content-Length: 0", start="HTTP/1.1 204 N"), b"1").ready
    assert b"Content-Length: 9" in read_answer(answer_head("Content-Length: 9", start="HTTP/1.1 304 N"), b"1").ready


@given(
    st.sampled_from([200, 201, 204, 206, 301, 304, 404, 500, 503]),
    st.lists(st.one_of(st.tuples(TOKENS, VALUES), SPECIAL), max_size=10),
    st.booleans(),
)
def test_another_parser_reads_the_answers_we_pass_on(status: int, pairs: list[tuple[str, str]], keep: bool) -> None:
    lines = [f"{name}: {value}" for name, value in pairs]
    try:
        answer = read_answer(answer_head(*lines, start=f"HTTP/1.1 {status} Fine"), b"4")
    except BadAnswer:
        return
    client = h11.Connection(h11.CLIENT)
    client.send(h11.Request(method="GET", target="/", headers=[("Host", "x")]))
    client.send(h11.EndOfMessage())
    client.receive_data(answer.head(1, keep=keep, headless=False))
    event = client.next_event()
    assert isinstance(event, h11.Response)
    values = dict(event.headers)
    assert (event.status_code, values[b"x-served-by"]) == (status, b"4")
    assert values.get(b"connection") == (None if keep else b"close")
    if not answer.bodiless:
        assert (b"content-length" in values) is (answer.length >= 0)
        assert (b"transfer-encoding" in values) is (answer.length < 0)
