"""What an image is, by its first bytes."""

import pytest

from acts_app.media_types import media_type


@pytest.mark.parametrize(
    ("data", "kind"),
    [
        (b"\x89PNG\r\n\x1a\nrest", "image/png"),
        (b"\xff\xd8\xff\xe0rest", "image/jpeg"),
        (b"GIF87arest", "image/gif"),
        (b"GIF89arest", "image/gif"),
        (b"RIFF\n\x00\x00\nWEBPVP8 ", "image/webp"),
        (b"\x00\x00\x00 ftypavif\x00\x00\x00\x00", "image/avif"),
        (b"\x00\x00\x00 ftypmif1\x00\x00\x00\x00miafavif", "image/avif"),
        (b"\x00\x00\x00 ftypmif1\x00\x00\x00\x00heicmif1", None),
        (b"\x00\x00\x00 ftypisom", None),
        (b"<svg xmlns='http://www.w3.org/2000/svg'>", None),
        (b"<html>", None),
        (b"%PDF-1.7", None),
        (b" GIF89a", None),
        (b"RIFF....WAVE", None),
        (b"", None),
    ],
)
def test_a_picture_is_known_by_its_magic_bytes(data: bytes, kind: str | None) -> None:
    assert media_type(data) == kind
