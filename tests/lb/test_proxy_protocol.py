"""Headers of the PROXY protocol in tables: what they say, what is refused, and what is not complete."""

import struct
from ipaddress import ip_address

import pytest

from lb.proxy_protocol import V1_LIMIT, V2_LIMIT, V2_SIGNATURE, BadHeader, Header, read_header, version_of

HTTP = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"
PROXY, LOCAL = 0x21, 0x20
TCP4, TCP6, UDP4, UNIX, UNSPECIFIED = 0x11, 0x21, 0x12, 0x31, 0x00


def v2(block: bytes = b"", command: int = PROXY, kind: int = TCP4, length: int | None = None) -> bytes:
    """A binary header; `length` where it is to lie."""
    return V2_SIGNATURE + struct.pack("!BBH", command, kind, len(block) if length is None else length) + block


def ends(client: str, server: str) -> bytes:
    """The addresses of a binary header, with the ports 4711 and 80."""
    return ip_address(client).packed + ip_address(server).packed + struct.pack("!HH", 4711, 80)


V4 = ends("192.0.2.1", "10.0.0.1")
V6 = ends("2001:db8::1", "2001:db8::2")
LONGEST_V1 = b"PROXY UNKNOWN " + b"f" * 91 + b"\r\n"
GOOD = [
    (b"PROXY TCP4 192.0.2.1 10.0.0.1 4711 80\r\n", ("192.0.2.1", 4711), ("10.0.0.1", 80)),
    (b"PROXY TCP4 0.0.0.0 255.255.255.255 0 65535\r\n", ("0.0.0.0", 0), ("255.255.255.255", 65535)),
    (b"PROXY TCP6 2001:DB8:0::1 2001:db8::2 4711 80\r\n", ("2001:db8::1", 4711), ("2001:db8::2", 80)),
    (b"PROXY TCP6 ::ffff:192.0.2.1 ::1 1 2\r\n", ("::ffff:192.0.2.1", 1), ("::1", 2)),
    (b"PROXY UNKNOWN\r\n", None, None),
    (b"PROXY UNKNOWN ffff:f::1 ffff::2 65535 65535\r\n", None, None),
    (LONGEST_V1, None, None),
    (v2(V4), ("192.0.2.1", 4711), ("10.0.0.1", 80)),
    (v2(V6, kind=TCP6), ("2001:db8::1", 4711), ("2001:db8::2", 80)),
    (v2(V4 + b"\x04\x00\x01x"), ("192.0.2.1", 4711), ("10.0.0.1", 80)),
    (v2(V4 + b"\x04" * (V2_LIMIT - 28)), ("192.0.2.1", 4711), ("10.0.0.1", 80)),
    (v2(kind=UNSPECIFIED), None, None),
]
BAD = [
    (HTTP, "no header"),
    (b"\r\n" + HTTP, "an empty line before a request"),
    (b"proxy TCP4 192.0.2.1 10.0.0.1 1 2\r\n", "small letters"),
    (b"PROXY TCP4 192.0.2.1 10.0.0.1 1\r\n", "a port missing"),
    (b"PROXY TCP4 192.0.2.1 10.0.0.1 1 2 3\r\n", "a word too many"),
    (b"PROXY TCP4  192.0.2.1 10.0.0.1 1 2\r\n", "two spaces"),
    (b"PROXY TCP4 192.0.2.1 10.0.0.1 1 65536\r\n", "a port too large"),
    (b"PROXY TCP4 192.0.2.1 10.0.0.1 01 2\r\n", "a leading zero"),
    (b"PROXY TCP4 192.0.2.1 10.0.0.1 +1 2\r\n", "a signed port"),
    (b"PROXY TCP4 192.0.2.256 10.0.0.1 1 2\r\n", "no address"),
    (b"PROXY TCP4 2001:db8::1 2001:db8::2 1 2\r\n", "the other family"),
    (b"PROXY TCP6 192.0.2.1 10.0.0.1 1 2\r\n", "the other family again"),
    (b"PROXY TCP6 fe80::1%eth0 ::1 1 2\r\n", "a zone"),
    (b"PROXY UDP4 192.0.2.1 10.0.0.1 1 2\r\n", "another transport"),
    (b"PROXY UNKNOWNS\r\n", "a word that only begins so"),
    (b"PROXY \r\n", "nothing"),
    (b"PROXY TCP4 192.0.2.1 10.0.0.1 1 2\n" + b"x" * V1_LIMIT, "no carriage return"),
    (b"PROXY UNKNOWN " + b"f" * 92 + b"\r\n", "a byte too long"),
    (b"PROXY " + b"x" * 101, "too long without an end"),
    (v2(V4)[:11] + b"\r" + v2(V4)[12:], "another signature"),
    (v2(V4, command=0x11), "another version"),
    (v2(V4, command=0x22), "a command that does not exist"),
    (v2(V4, kind=UDP4), "datagrams"),
    (v2(b"x" * 216, kind=UNIX), "a unix socket"),
    (v2(V4[:11]), "too short for its addresses"),
    (v2(V6[:35], kind=TCP6), "too short for these"),
    (v2(length=V2_LIMIT - 15), "too long, known from its beginning"),
]


@pytest.mark.parametrize(("raw", "client", "server"), GOOD)
@pytest.mark.parametrize("rest", [b"", HTTP])
def test_a_header_names_both_ends_and_nothing_more_is_taken(raw, client, server, rest: bytes) -> None:
    assert read_header(raw + rest, "auto") == Header(len(raw), client, server)


@pytest.mark.parametrize("block", [b"", V4, b"anything"])
def test_a_balancer_that_speaks_for_itself_names_nobody(block: bytes) -> None:
    raw = v2(block, command=LOCAL)
    assert read_header(raw + HTTP, "auto") == Header(len(raw), local=True)


@pytest.mark.parametrize("raw", [raw for raw, _, _ in GOOD])
def test_whatever_is_cut_off_is_waited_for(raw: bytes) -> None:
    assert {read_header(raw[:size], "auto") for size in range(len(raw))} == {None}


@pytest.mark.parametrize(("raw", "why"), BAD)
def test_what_is_no_header_is_refused_in_a_sentence(raw: bytes, why: str) -> None:
    with pytest.raises(BadHeader, match=r"^[A-Z].*\.$"):
        read_header(raw, "auto")


@pytest.mark.parametrize(
    ("data", "mode", "version"),
    [
        (b"", "auto", None),
        (b"P", "auto", None),
        (b"P", "v2", 0),
        (b"PROXY ", "auto", 1),
        (b"PROXY ", "v1", 1),
        (b"PROXY ", "v2", 0),
        (b"POST ", "auto", 0),
        (b"\r\n", "auto", None),
        (b"\r\n", "v1", 0),
        (V2_SIGNATURE, "auto", 2),
        (V2_SIGNATURE, "v2", 2),
        (V2_SIGNATURE, "v1", 0),
        (HTTP, "auto", 0),
    ],
)
def test_the_version_is_told_by_the_first_bytes_and_the_setting(data: bytes, mode: str, version: int | None) -> None:
    assert version_of(data, mode) == version
