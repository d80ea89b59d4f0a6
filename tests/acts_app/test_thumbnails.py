"""Small pictures, and pictures that want to be a bomb."""

import io
import struct
import zlib

import pytest
from PIL import Image

from acts_app.thumbnails import SIDE, thumbnail


def encoded(picture: Image.Image, kind: str, **options: object) -> bytes:
    """The picture as a file."""
    out = io.BytesIO()
    picture.save(out, kind, **options)
    return out.getvalue()


def shown(data: bytes) -> Image.Image:
    """A thumbnail as a picture."""
    return Image.open(io.BytesIO(data))


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "GIF", "WEBP", "AVIF"])
def test_every_kind_becomes_a_small_webp(kind: str) -> None:
    small = shown(thumbnail(encoded(Image.new("RGB", (1600, 800), "teal"), kind)))
    assert (small.format, small.size) == ("WEBP", (SIDE, SIDE // 2))


def test_a_small_picture_is_not_blown_up() -> None:
    assert shown(thumbnail(encoded(Image.new("RGB", (30, 20)), "PNG"))).size == (30, 20)


def test_a_photo_taken_upright_stands_upright() -> None:
    exif = Image.Exif()
    exif[0x0112] = 6  # turn by 90 degrees
    assert shown(thumbnail(encoded(Image.new("RGB", (40, 20)), "JPEG", exif=exif))).size == (20, 40)


def test_transparency_is_kept() -> None:
    assert shown(thumbnail(encoded(Image.new("RGBA", (20, 20), (0, 0, 0, 0)), "PNG"))).mode == "RGBA"


@pytest.mark.parametrize("data", [b"", b"\xff\xd8\xff", b"<svg/>", b"\x89PNG\r\n\x1a\n" + b"\0" * 50])
def test_what_is_no_picture_gives_none(data: bytes) -> None:
    assert thumbnail(data) == b""


def test_a_picture_cut_short_gives_none() -> None:
    whole = encoded(Image.effect_noise((300, 300), 80), "PNG")
    assert thumbnail(whole[: len(whole) // 2]) == b""


def test_a_decompression_bomb_is_refused_by_its_head_alone() -> None:
    def chunk(name: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))

    head = struct.pack(">IIBBBBB", 60_000, 60_000, 8, 2, 0, 0, 0)
    bomb = (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(bytes(10_000))) + chunk(b"IEND", b"")
    )
    assert thumbnail(bomb) == b""
