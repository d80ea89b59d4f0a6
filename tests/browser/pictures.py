"""Pictures to upload: painted here, so that nobody's photo lies in the repository. Hills, a sun, haze, film grain."""

import colorsys
import io
import math
import random

from PIL import Image, ImageDraw, ImageFilter


def colour(hue: float, saturation: float, value: float) -> tuple[int, int, int]:
    """A colour as Pillow takes it."""
    red, green, blue = colorsys.hsv_to_rgb(hue % 1, saturation, value)
    return int(red * 255), int(green * 255), int(blue * 255)


def sky(size: tuple[int, int], hue: float) -> Image.Image:
    """From deep above to light at the horizon."""
    strip = Image.new("RGB", (1, 64))
    for y in range(64):
        strip.putpixel((0, y), colour(hue + y / 900, 0.55 - y / 150, 0.6 + y / 170))
    return strip.resize(size, Image.Resampling.BICUBIC)


def landscape(seed: int, width: int = 320, height: int = 240) -> Image.Image:
    """A landscape that no other seed has."""
    chance = random.Random(seed)
    hue = chance.choice((0.05, 0.09, 0.12, 0.46, 0.55, 0.6, 0.68, 0.9, 0.97)) + chance.uniform(-0.02, 0.02)
    picture = sky((width, height), hue)
    glow(picture, chance, hue)
    for layer in range(5):
        hills(picture, chance, hue, layer)
    trees(picture, chance)
    grain = Image.effect_noise((width, height), 18).convert("RGB")
    return Image.blend(picture.filter(ImageFilter.GaussianBlur(width / 1600)), grain, 0.05)


def glow(picture: Image.Image, chance: random.Random, hue: float) -> None:
    """The sun and the light around it."""
    width, height = picture.size
    x, y, radius = chance.uniform(0.2, 0.8) * width, chance.uniform(0.2, 0.45) * height, width * 0.05
    light = Image.new("L", picture.size, 0)
    ImageDraw.Draw(light).ellipse((x - 4 * radius, y - 4 * radius, x + 4 * radius, y + 4 * radius), fill=110)
    light = light.filter(ImageFilter.GaussianBlur(radius * 2))
    ImageDraw.Draw(light).ellipse((x - radius, y - radius, x + radius, y + radius), fill=245)
    picture.paste(
        Image.new("RGB", picture.size, colour(hue + 0.04, 0.18, 1)), mask=light.filter(ImageFilter.GaussianBlur(2))
    )


def hills(picture: Image.Image, chance: random.Random, hue: float, layer: int) -> None:
    """One range of hills, darker the nearer."""
    width, height = picture.size
    base, phase = height * (0.5 + layer * 0.11), chance.uniform(0, 9)
    line = [
        (
            x,
            base
            + height * 0.05 * (math.sin(x / width * (3 + layer) + phase) + 0.4 * math.sin(x / width * 11 + phase * 2)),
        )
        for x in range(0, width + 16, 16)
    ]
    shade = colour(hue + 0.02 * layer if hue < 0.3 else hue - 0.06 * layer, 0.35 + 0.08 * layer, 0.72 - 0.13 * layer)
    ImageDraw.Draw(picture).polygon([(0, height), *line, (width, height)], fill=shade)


def trees(picture: Image.Image, chance: random.Random) -> None:
    """A few firs in front."""
    width, height = picture.size
    draw = ImageDraw.Draw(picture)
    for _ in range(chance.randint(4, 14)):
        x, tall = chance.uniform(0, width), chance.uniform(0.08, 0.24) * height
        foot = height * chance.uniform(0.93, 1.02)
        for step in range(4):
            top, half = foot - tall * (1 - step * 0.2), tall * (0.09 + 0.05 * step)
            draw.polygon([(x, top), (x - half, top + tall * 0.36), (x + half, top + tall * 0.36)], fill=(34, 38, 34))


def encoded(picture: Image.Image, kind: str = "JPEG") -> bytes:
    """The picture as a file."""
    out = io.BytesIO()
    picture.save(out, kind, quality=82)
    return out.getvalue()
