"""Small pictures for the lists, made with Pillow. Refuses what would take much memory to unpack."""

import io
import threading
import warnings

from PIL import Image, ImageOps

SIDE = 640  # pixels: a card is at most 360 CSS pixels wide, and phones have two or three pixels for each
QUALITY = 76  # of WebP: 30 to 60 KB for a photo
# Unpacked sizes: JPEG is unpacked at a fraction of its size, so a phone's 50 megapixels pass; others whole, at four
# bytes a pixel.
MOST_PIXELS = {"JPEG": 80_000_000, "MPO": 80_000_000}
MOST_PIXELS_OTHERS = 25_000_000
FORMATS = ("JPEG", "PNG", "GIF", "WEBP", "AVIF", "MPO")
AT_ONCE = threading.BoundedSemaphore(1)  # one picture at a time in this container: 100 MB at the worst


def thumbnail(data: bytes) -> bytes:
    """A WebP of at most SIDE pixels a side, upright; empty when the picture is broken, unknown or too large."""
    with AT_ONCE, warnings.catch_warnings():
        warnings.simplefilter("error")
        try:
            return shrunk(data)
        except Exception:
            return b""


def shrunk(data: bytes) -> bytes:
    """The thumbnail, or any exception."""
    with Image.open(io.BytesIO(data), formats=FORMATS) as picture:
        width, height = picture.size
        if width * height > MOST_PIXELS.get(picture.format or "", MOST_PIXELS_OTHERS):
            return b""
        picture.draft("RGB", (SIDE, SIDE))
        upright = ImageOps.exif_transpose(picture)
        upright.thumbnail((SIDE, SIDE), Image.Resampling.LANCZOS)
        out = io.BytesIO()
        upright.convert("RGBA" if has_alpha(upright) else "RGB").save(out, "WEBP", quality=QUALITY, method=4)
        return out.getvalue()


def has_alpha(picture: Image.Image) -> bool:
    """Whether parts of the picture are see-through."""
    return "A" in picture.getbands() or "transparency" in picture.info
