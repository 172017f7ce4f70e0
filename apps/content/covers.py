"""Cover images: what is uploaded is looked at, turned upright, scaled down and written anew as WebP.

Written anew, a file holds its pixels and nothing else: no place where the photograph was taken,
no script between the bytes.
"""

from __future__ import annotations

import warnings
from io import BytesIO

from django.core.exceptions import ValidationError
from django.core.files import File
from django.core.files.base import ContentFile
from django.template.defaultfilters import filesizeformat
from django.utils.translation import gettext_lazy as _
from PIL import Image, ImageOps, UnidentifiedImageError

LARGEST_FILE = 10 * 1024 * 1024  # bytes, as uploaded
MOST_PIXELS = 40_000_000
SMALLEST_SIDE = 200  # pixels
LARGEST_SIDE = 1600  # pixels, as kept
QUALITY = 82
FORMATS = ("JPEG", "PNG", "WEBP", "GIF")


def prepare(upload: File[bytes]) -> ContentFile[bytes]:
    """Return the WebP that is kept of an uploaded image.

    Raises:
        ValidationError: it is no image, or too large, or too small; the message says which.
    """
    if upload.size > LARGEST_FILE:
        raise ValidationError(
            _("This file has %(size)s; an image may have %(limit)s."),
            code="file_too_large",
            params={"size": filesizeformat(upload.size), "limit": filesizeformat(LARGEST_FILE)},
        )
    try:
        with warnings.catch_warnings():
            # Sizes are checked here, by our own limit and in words.
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)
            return _written_anew(upload)
    except (UnidentifiedImageError, OSError, SyntaxError, ValueError, EOFError) as error:
        raise ValidationError(
            _("This file is not an image that can be read. JPEG, PNG, WebP and GIF can."), code="not_an_image"
        ) from error
    except Image.DecompressionBombError as error:
        raise _too_many_pixels() from error


def _written_anew(upload: File[bytes]) -> ContentFile[bytes]:
    upload.seek(0)
    with Image.open(upload, formats=FORMATS) as image:
        # The header tells the size: nothing is unpacked before it is known to fit.
        _check_size(*image.size)
        upright = ImageOps.exif_transpose(image)
        has_transparency = upright.mode in {"RGBA", "LA", "PA"} or "transparency" in upright.info
        pixels = upright.convert("RGBA" if has_transparency else "RGB")
    pixels.thumbnail((LARGEST_SIDE, LARGEST_SIDE), Image.Resampling.LANCZOS)
    pixels.info.clear()
    target = BytesIO()
    pixels.save(target, "WEBP", quality=QUALITY, method=4)
    return ContentFile(target.getvalue(), name="cover.webp")


def _check_size(width: int, height: int) -> None:
    if width * height > MOST_PIXELS:
        raise _too_many_pixels()
    if min(width, height) < SMALLEST_SIDE:
        raise ValidationError(
            _("This image is %(width)d × %(height)d pixels; each side needs at least %(limit)d."),
            code="too_small",
            params={"width": width, "height": height, "limit": SMALLEST_SIDE},
        )


def _too_many_pixels() -> ValidationError:
    return ValidationError(
        _("This image has too many pixels; up to %(limit)d million can be read."),
        code="too_many_pixels",
        params={"limit": MOST_PIXELS // 1_000_000},
    )
