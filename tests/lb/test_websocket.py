"""WebSocket frames: every length and piece, masked and not."""

import time
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lb.websocket import CLOSE, MASKED_CLOSE, Frames


def frame(length: int, masked: bool) -> bytes:
    """A binary frame with a payload of zeros."""
    bit = 0x80 if masked else 0
    if length < 126:
        head = bytes([0x82, bit | length])
    elif length < 65536:
        head = bytes([0x82, bit | 126]) + length.to_bytes(2)
    else:
        head = bytes([0x82, bit | 127]) + length.to_bytes(8)
    return head + (b"mask" if masked else b"") + bytes(length)


@given(st.lists(st.tuples(st.sampled_from([0, 1, 125, 126, 127, 300, 70_000]), st.booleans())), st.data())
def test_a_boundary_is_where_a_frame_has_ended(kinds: list[tuple[int, bool]], data: st.DataObject) -> None:
    frames, raw, ends = Frames(), b"", {0}
    for length, masked in kinds:
        raw += frame(length, masked)
        ends.add(len(raw))
    cuts = sorted({0, len(raw), *data.draw(st.lists(st.integers(0, len(raw)), max_size=20))})
    for start, end in pairwise(cuts):
        frames.feed(raw[start:end])
        assert frames.at_boundary is (end in ends)


def test_a_flood_of_small_frames_costs_as_much_as_it_is_long() -> None:
    frames, began = Frames(), time.monotonic()
    frames.feed(frame(0, True) * 400_000 + b"\x82")
    assert not frames.at_boundary
    assert time.monotonic() - began < 5  # it was half a minute when each frame copied the rest


@pytest.mark.parametrize("raw", [CLOSE, MASKED_CLOSE])
def test_our_close_frames_are_whole_frames(raw: bytes) -> None:
    frames = Frames()
    for number, byte in enumerate(raw, 1):
        frames.feed(bytes([byte]))
        assert frames.at_boundary is (number == len(raw))
