"""Chunked bodies: every split of the same bytes means the same, and what is not by the rules is refused."""

import contextlib

import h11
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lb.bodies import BadChunk, ChunkDecoder, chunk, last_chunk


def decode(*pieces: bytes) -> tuple[bytes, ChunkDecoder]:
    """The payload of a body that arrives in these pieces."""
    decoder = ChunkDecoder()
    return b"".join(decoder.feed(piece) for piece in pieces), decoder


def test_what_follows_the_body_is_left() -> None:
    payload, decoder = decode(b"3\r\nabc\r\n0\r\n\r\nGET / HTTP/1.1\r\n")
    assert (payload, decoder.done, decoder.held) == (b"abc", True, b"GET / HTTP/1.1\r\n")


def test_trailers_are_kept_and_dangerous_ones_dropped() -> None:
    _, decoder = decode(b"0\r\nX-Sum: 1\r\nContent-Length: 7\r\nHost: evil\r\n\r\n")
    assert decoder.trailers == [b"X-Sum: 1\r\n"]


@pytest.mark.parametrize(
    "name",
    ["X-Forwarded-For", "Forwarded", "X-Real-IP", "X_Forwarded_For", "X-Request-ID", "X-Served-By", "Expect", "TE"],
)
def test_nobody_can_say_in_trailers_what_only_we_say_in_heads(name: str) -> None:
    _, decoder = decode(f"0\r\n{name}: 1\r\nx-other: 2\r\n\r\n".encode())
    assert decoder.trailers == [b"x-other: 2\r\n"]


@pytest.mark.parametrize("line", [b"5;a=b", b"5;", b'5 ; name="quoted"', b"05", b"000005"])
def test_extensions_and_leading_zeros_are_read_over(line: bytes) -> None:
    payload, decoder = decode(line + b"\r\nhello\r\n0\r\n\r\n")
    assert (payload, decoder.done) == (b"hello", True)


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"5\nhello\r\n0\r\n\r\n", "a bare line feed ends no size line"),
        (b"5\r\nhello\n0\r\n\r\n", "a bare line feed ends no chunk"),
        (b"5\r\nhelloX\r\n0\r\n\r\n", "data is longer than its size"),
        (b"5\r\nhell\r\n0\r\n\r\n", "data is shorter than its size"),
        (b"0x5\r\nhello\r\n", "0x is no hexadecimal digit"),
        (b"+5\r\nhello\r\n", "a sign is no digit"),
        (b"-1\r\n", "a sign is no digit"),
        (b" 5\r\nhello\r\n", "space before the size"),
        (b"5 \r\nhello\r\n", "space after the size without an extension"),
        (b"5_0\r\n", "Python's digits are not HTTP's"),
        (b"\r\n", "no size at all"),
        (b"g\r\n", "no hexadecimal digit"),
        (b"1" * 16 + b"\r\n", "more than any machine can count"),
        (b"5;\x00\r\nhello\r\n", "a control character in an extension"),
        (b"5;a\rb\r\nhello\r\n", "a bare carriage return in an extension"),
        (b"5;" + b"a" * 300, "an endless extension"),
        (b"0\r\nbad trailer\r\n\r\n", "a trailer without a colon"),
        (b"0\r\n: x\r\n\r\n", "a trailer without a name"),
        (b"0\r\nA: b\n\r\n", "a bare line feed ends no trailer"),
        (b"0\r\nA: b\r\n c\r\n\r\n", "a folded trailer"),
        (b"0\r\n" + b"A: b\r\n" * 2000 + b"\r\n", "endless trailers"),
        (b"0\r\n\n", "a bare line feed ends no body"),
    ],
)
def test_malformed_bodies_are_refused(body: bytes, reason: str) -> None:
    with pytest.raises(BadChunk):
        decode(body)
    with pytest.raises(BadChunk):
        decode(*[body[i : i + 1] for i in range(len(body))])


@given(st.lists(st.binary(min_size=1, max_size=40), max_size=8), st.data())
def test_any_split_of_a_body_has_the_same_payload(chunks: list[bytes], data: st.DataObject) -> None:
    raw = b"".join(map(chunk, chunks)) + last_chunk([b"A: b\r\n"]) + b"NEXT"
    cuts = sorted(data.draw(st.lists(st.integers(0, len(raw)), max_size=10)))
    pieces = [raw[start:end] for start, end in zip([0, *cuts], [*cuts, len(raw)], strict=True)]
    payload, decoder = decode(*pieces)
    assert (payload, decoder.done, decoder.held) == (b"".join(chunks), True, b"NEXT")
    assert decoder.trailers == [b"A: b\r\n"]


def judged_by_h11(raw: bytes) -> bytes:
    """The payload as h11 reads it; raises h11.RemoteProtocolError."""
    server = h11.Connection(h11.SERVER)
    server.receive_data(b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n" + raw)
    payload = b""
    while not isinstance(event := server.next_event(), h11.EndOfMessage):
        assert event is not h11.NEED_DATA
        if isinstance(event, h11.Data):
            payload += event.data
    return payload


PARTS = st.sampled_from([b"0", b"5", b"a", b"\r\n", b"\n", b"\r", b"hello", b";x=y", b" ", b"X: y", b"\x00", b"+"])


@given(st.lists(PARTS, max_size=14))
def test_what_is_accepted_means_the_same_to_another_parser(parts: list[bytes]) -> None:
    raw = b"".join(parts)
    with contextlib.suppress(BadChunk):
        payload, decoder = decode(raw)
        if decoder.done:
            assert judged_by_h11(raw) == payload
