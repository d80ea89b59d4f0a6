"""What an image is, by its first bytes. Pure. What is not on the list is offered as a download and never shown."""

import re

SIGNATURES = (
    (re.compile(rb"\x89PNG\r\n\x1a\n"), "image/png"),
    (re.compile(rb"\xff\xd8\xff"), "image/jpeg"),
    (re.compile(rb"GIF8[79]a"), "image/gif"),
    (re.compile(rb"RIFF....WEBP", re.DOTALL), "image/webp"),
    (re.compile(rb"....ftyp(?:avif|avis)", re.DOTALL), "image/avif"),
    # The major brand may be a general one, with avif among the compatible brands that follow.
    (re.compile(rb"....ftyp(?:mif1|msf1|miaf)....(?:.{4}){0,6}?avif", re.DOTALL), "image/avif"),
)
DOWNLOAD = "application/octet-stream"


def media_type(data: bytes) -> str | None:
    """The type of a picture that browsers show, or None."""
    return next((kind for signature, kind in SIGNATURES if signature.match(data)), None)
