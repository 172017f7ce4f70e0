"""Generated covers: quiet abstract pictures, drawn from a number, so that they need no licence.

Each theme has a drawing of its own, in several palettes; articles share the files.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from io import BytesIO
from random import Random

from PIL import Image, ImageColor, ImageDraw

WIDTH, HEIGHT = 1200, 630  # pixels
VARIANTS = 6
QUALITY = 80

# Drawn larger and scaled down: edges without steps.
SCALE = 2
W, H = WIDTH * SCALE, HEIGHT * SCALE

# Sky or ground from the first colour to the second; the others are what stands before it.
PALETTES = (
    ("#f4e9d8", "#e9c9a1", "#c8553d", "#588b8b", "#2d3a3a"),
    ("#dfe9ec", "#9fc1c8", "#33658a", "#f6ae2d", "#1f2f3d"),
    ("#fbf3e4", "#f2b880", "#c98686", "#966b9d", "#3a2e4d"),
    ("#e6efe2", "#a9c6a0", "#4f7350", "#d9a441", "#24382b"),
    ("#1c2541", "#3a506b", "#5bc0be", "#f4d35e", "#e8f1f2"),
    ("#faf0ee", "#e8b4b0", "#7d5a7a", "#3e6680", "#26263a"),
)

Palette = tuple[str, ...]
Drawing = Callable[[ImageDraw.ImageDraw, Palette, Random], None]


def draw(theme: int, variant: int) -> bytes:
    """Return the WebP of one variant of a theme's drawing; the same numbers give the same picture."""
    random = Random(f"{theme}.{variant}")  # noqa: S311 - nothing here is secret
    palette = PALETTES[(theme + variant) % len(PALETTES)]
    picture = _gradient(palette[0], palette[1])
    DRAWINGS[theme % len(DRAWINGS)](ImageDraw.Draw(picture, "RGBA"), palette, random)
    target = BytesIO()
    picture.reduce(SCALE).save(target, "WEBP", quality=QUALITY, method=4)
    return target.getvalue()


def _gradient(top: str, bottom: str) -> Image.Image:
    mask = Image.linear_gradient("L").resize((W, H))
    return Image.composite(Image.new("RGB", (W, H), bottom), Image.new("RGB", (W, H), top), mask)


def _clear(colour: str, opacity: float) -> tuple[int, ...]:
    return (*ImageColor.getrgb(colour)[:3], int(255 * opacity))


def _disc(pen: ImageDraw.ImageDraw, x: float, y: float, radius: float, colour: tuple[int, ...]) -> None:
    pen.ellipse((x - radius, y - radius, x + radius, y + radius), fill=colour)


def _leaves(pen: ImageDraw.ImageDraw, palette: Palette, random: Random) -> None:
    """Gardens: leaves on bent stems."""
    for stem in range(9):
        colour = palette[2 + stem % 3]
        x, lean = W * (stem + random.random()) / 9, random.uniform(-0.25, 0.25)
        height = H * random.uniform(0.45, 0.95)
        spine = [(x + lean * height * (n / 10) ** 2, H - height * n / 10) for n in range(11)]
        pen.line(spine, fill=_clear(colour, 0.6), width=3 * SCALE)
        for step in range(1, 11):
            side = 1 if step % 2 else -1
            _leaf(pen, spine[step], W * 0.055 * (1.25 - step / 10), side, _clear(colour, 0.78))


def _leaf(
    pen: ImageDraw.ImageDraw, foot: tuple[float, float], length: float, side: int, colour: tuple[int, ...]
) -> None:
    x, y = foot
    belly = [(step / 12, math.sin(math.pi * step / 12) * 0.3) for step in range(13)]
    outline = [(along, above) for along, above in belly] + [(along, -below) for along, below in belly[::-1]]
    turn = 0.7
    pen.polygon(
        [
            (
                x + side * length * (a * math.cos(turn) - b * math.sin(turn)),
                y - length * (a * math.sin(turn) + b * math.cos(turn)),
            )
            for a, b in outline
        ],
        fill=colour,
    )


def _tracks(pen: ImageDraw.ImageDraw, palette: Palette, random: Random) -> None:
    """Trains: rails that run to one point, under a low sun."""
    far = (W * random.uniform(0.3, 0.7), H * 0.42)
    _disc(pen, far[0], far[1], H * 0.24, _clear(palette[3], 0.9))
    pen.rectangle((0, far[1], W, H), fill=_clear(palette[1], 1))
    for number in range(-6, 7):
        foot = W / 2 + number * W * 0.22 + random.uniform(-0.04, 0.04) * W
        width = W * 0.03
        colour = _clear(palette[2 if number % 2 else 4], 0.85)
        pen.polygon([far, (foot - width, H), (foot + width, H)], fill=colour)
    for row in range(1, 9):
        y = far[1] + (H - far[1]) * (row / 9) ** 2.2
        pen.line((0, y, W, y), fill=_clear(palette[0], 0.35), width=1 + 2 * row)


def _rounds(pen: ImageDraw.ImageDraw, palette: Palette, random: Random) -> None:
    """Bread: round loaves, scored."""
    for number in range(7):
        x, y = W * (number + 0.5 + random.uniform(-0.3, 0.3)) / 7, H * random.uniform(0.25, 0.8)
        radius = H * random.uniform(0.16, 0.34)
        _disc(pen, x + radius * 0.06, y + radius * 0.08, radius, _clear(palette[4], 0.25))
        _disc(pen, x, y, radius, _clear(palette[2 + number % 2], 0.95))
        angle = random.uniform(0, math.pi)
        for cut in (-0.45, -0.15, 0.15, 0.45):
            reach = radius * math.sqrt(1 - cut * cut) * 0.8
            cx, cy = x - math.sin(angle) * cut * radius, y + math.cos(angle) * cut * radius
            dx, dy = math.cos(angle) * reach, math.sin(angle) * reach
            ends = (cx - dx, cy - dy, cx + dx, cy + dy)
            pen.line(ends, fill=_clear(palette[0], 0.8), width=int(radius * 0.05))


def _stars(pen: ImageDraw.ImageDraw, palette: Palette, random: Random) -> None:
    """Astronomy: orbits and small lights."""
    x, y = W * random.uniform(0.25, 0.75), H * random.uniform(0.35, 0.65)
    for ring in range(1, 8):
        radius = H * 0.13 * ring
        box = (x - radius, y - radius, x + radius, y + radius)
        pen.ellipse(box, outline=_clear(palette[4], 0.45), width=3 * SCALE)
        angle, size = random.uniform(0, 2 * math.pi), H * random.uniform(0.015, 0.04)
        planet = (x + radius * math.cos(angle), y + radius * math.sin(angle))
        _disc(pen, *planet, size, _clear(palette[2 + ring % 2], 1))
    for _ in range(90):
        _disc(pen, W * random.random(), H * random.random(), random.uniform(2, 6), _clear(palette[4], 0.7))
    _disc(pen, x, y, H * 0.075, _clear(palette[3], 1))


def _blocks(pen: ImageDraw.ImageDraw, palette: Palette, random: Random) -> None:
    """Software: lines of text that are only their lengths."""
    size = H / 11
    for row in range(1, 10):
        x = size * (1 + random.randint(0, 3))
        while x < W - size * 2:
            length = size * random.choice((1, 1, 2, 3, 4, 6))
            right = min(x + length, W - size)
            colour = _clear(palette[random.choice((2, 2, 3, 4))], 0.9)
            pen.rounded_rectangle((x, row * size, right, row * size + size * 0.52), size * 0.26, fill=colour)
            x = right + size * 0.45
            if random.random() < 0.18:
                break


def _waves(pen: ImageDraw.ImageDraw, palette: Palette, random: Random) -> None:
    """Rivers: bands of water between hills."""
    _disc(pen, W * random.uniform(0.15, 0.85), H * 0.26, H * 0.13, _clear(palette[3], 0.9))
    for band in range(7):
        base, swing = H * (0.34 + band * 0.1), H * random.uniform(0.03, 0.08)
        length, start = W * random.uniform(0.35, 0.8), random.uniform(0, 2 * math.pi)
        edge = [(x, base + swing * math.sin(start + 2 * math.pi * x / length)) for x in range(0, W + 40, 40)]
        colour = _clear(palette[(2, 4, 2, 3, 2, 4, 2)[band]], 0.28 + band * 0.07)
        pen.polygon([*edge, (W, H), (0, H)], fill=colour)


# In the order of the themes of each language.
DRAWINGS: tuple[Drawing, ...] = (_leaves, _tracks, _rounds, _stars, _blocks, _waves)
