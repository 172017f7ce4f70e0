"""The smaller copies of a cover, of which each browser fetches the one that fits its screen.

They lie beside the cover and are named after it: ``covers/ab12.webp``, ``covers/ab12-256.webp``, …
"""

from __future__ import annotations

from collections.abc import Sequence
from io import BytesIO
from pathlib import PurePosixPath

from django.core.files.base import ContentFile
from django.core.files.storage import Storage
from PIL import Image, UnidentifiedImageError

# Pixels. A row of a list on an ordinary and on a sharp screen, and what opens the front page.
WIDTHS = (256, 640, 960)
QUALITY = 70


def name_of(cover: str, width: int) -> str:
    """Return the name of the copy of *cover* that is *width* pixels wide."""
    path = PurePosixPath(cover)
    return str(path.with_name(f"{path.stem}-{width}.webp"))


def lay_out(storage: Storage, cover: str) -> list[int]:
    """Make the copies of *cover* that are not there yet; return the widths of all there are.

    None is as wide as the cover itself, or wider. A file that is gone, or is no image, has no copies.
    """
    try:
        with storage.open(cover) as file, Image.open(file) as image:
            widths = [width for width in WIDTHS if width < image.width]
            missing = [width for width in widths if not storage.exists(name_of(cover, width))]
            copies = {width: _copy(image, width) for width in missing}
    except (UnidentifiedImageError, OSError, SyntaxError, ValueError, EOFError):
        return []
    for width, content in copies.items():
        storage.save(name_of(cover, width), content)
    return widths


def remove(storage: Storage, cover: str) -> None:
    """Delete the copies of *cover*, as many as there are."""
    for width in WIDTHS:
        storage.delete(name_of(cover, width))


def srcset(storage: Storage, cover: str, own_width: int, widths: Sequence[int]) -> str:
    """Return what stands in ``srcset``: the addresses of the copies and of the cover with their widths."""
    if not widths:
        return ""
    addresses = {width: storage.url(name_of(cover, width)) for width in widths}
    addresses[own_width] = storage.url(cover)
    return ", ".join(f"{url} {width}w" for width, url in addresses.items())


def _copy(image: Image.Image, width: int) -> ContentFile[bytes]:
    height = max(1, round(image.height * width / image.width))
    pixels = image if image.mode in {"RGB", "RGBA"} else image.convert("RGBA")
    target = BytesIO()
    pixels.resize((width, height), Image.Resampling.LANCZOS).save(target, "WEBP", quality=QUALITY, method=4)
    return ContentFile(target.getvalue())
