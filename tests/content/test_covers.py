"""Cover images: what is taken, and what is kept of it."""

from __future__ import annotations

import re
import struct
import zlib
from io import BytesIO
from pathlib import Path

import pytest
from django.core.exceptions import ValidationError
from django.core.files.base import ContentFile
from django.core.files.uploadedfile import SimpleUploadedFile
from PIL import Image

from content import covers
from content.models import Article
from tests.content.conftest import ArticleMaker, ImageMaker


def kept(upload: SimpleUploadedFile) -> Image.Image:
    return Image.open(BytesIO(covers.prepare(upload).read()))


@pytest.mark.parametrize(
    ("kind", "mode"),
    [
        *[("JPEG", "RGB"), ("JPEG", "L"), ("JPEG", "CMYK")],
        *[("PNG", "RGB"), ("PNG", "I;16"), ("PNG", "P"), ("PNG", "LA"), ("GIF", "P"), ("WEBP", "RGB")],
    ],
)
def test_every_usual_image_becomes_webp(kind: str, mode: str, new_image: ImageMaker) -> None:
    image = kept(new_image((640, 480), kind, mode, colour=0))
    assert (image.format, image.size) == ("WEBP", (640, 480))


def test_transparency_stays(new_image: ImageMaker) -> None:
    half = kept(new_image(kind="PNG", mode="RGBA", colour=(0, 128, 128, 100)))
    assert half.convert("RGBA").getpixel((5, 5))[3] == 100  # type: ignore[index]


def test_a_large_image_is_scaled_down_in_its_shape(new_image: ImageMaker) -> None:
    assert kept(new_image((4000, 2000))).size == (1600, 800)


def test_a_photograph_is_turned_upright_and_loses_its_place(new_image: ImageMaker) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6  # turned by a quarter
    exif[0x8825] = {1: "N", 2: (48.0, 51.0, 0.0)}
    upload = new_image((800, 600), exif=exif)
    assert b"Exif" in upload.read()
    image = kept(upload)
    assert image.size == (600, 800)
    assert not image.getexif()


def test_what_hides_behind_an_image_is_not_kept(new_image: ImageMaker) -> None:
    upload = new_image()
    polyglot = SimpleUploadedFile("x.jpg", upload.read() + b"<script>alert(1)</script>")
    assert b"script" not in covers.prepare(polyglot).read()


@pytest.mark.parametrize(
    "content",
    [b"", b"not an image", b"<svg xmlns='http://www.w3.org/2000/svg'/>", b"\x89PNG\r\n\x1a\n" + b"\0" * 50],
)
def test_what_is_no_image_is_refused(content: bytes) -> None:
    with pytest.raises(ValidationError, match="not an image that can be read"):
        covers.prepare(SimpleUploadedFile("cover.png", content))


def test_half_an_image_is_refused(new_image: ImageMaker) -> None:
    upload = new_image()
    with pytest.raises(ValidationError, match="not an image that can be read"):
        covers.prepare(SimpleUploadedFile("cover.jpg", upload.read()[:1500]))


def test_a_small_image_is_refused_with_its_size(new_image: ImageMaker) -> None:
    with pytest.raises(ValidationError) as refusal:
        covers.prepare(new_image((199, 900)))
    assert refusal.value.messages == ["This image is 199 × 900 pixels; each side needs at least 200."]


@pytest.mark.parametrize(("width", "height"), [(8000, 6000), (20_000, 20_000), (2**31 - 1, 2**31 - 1)])
def test_a_bomb_is_refused_before_it_goes_off(width: int, height: int) -> None:
    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    bomb = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"\0" * 1000))
    with pytest.raises(ValidationError, match="too many pixels"):
        covers.prepare(SimpleUploadedFile("cover.png", bomb))


def test_a_heavy_file_is_refused_with_its_weight() -> None:
    with pytest.raises(ValidationError) as refusal:
        covers.prepare(SimpleUploadedFile("cover.jpg", b"\0" * (covers.LARGEST_FILE + 1)))
    assert refusal.value.code == "file_too_large"
    assert "10.0\xa0MB" in refusal.value.messages[0]


# --- Files of articles ---


@pytest.fixture
def with_cover(new_article: ArticleMaker, new_image: ImageMaker) -> Article:
    article = new_article()
    article.cover = covers.prepare(new_image((400, 300)))
    article.save()
    return article


@pytest.mark.django_db(transaction=True)
def test_a_cover_gets_a_name_of_ours_and_its_size_is_known(with_cover: Article) -> None:
    article = Article.objects.get()
    assert re.fullmatch(r"covers/[0-9a-f]{24}\.webp", str(article.cover))
    assert (article.cover_width, article.cover_height) == (400, 300)


@pytest.mark.django_db(transaction=True)
def test_a_replaced_cover_is_removed(with_cover: Article, new_image: ImageMaker) -> None:
    before = Path(with_cover.cover.path)
    with_cover.cover = covers.prepare(new_image((500, 300)))
    with_cover.save()
    assert not before.exists()
    assert Path(with_cover.cover.path).exists()


@pytest.mark.django_db(transaction=True)
def test_the_cover_of_a_deleted_article_is_removed(with_cover: Article) -> None:
    before = Path(with_cover.cover.path)
    with_cover.delete()
    assert not before.exists()


@pytest.mark.django_db(transaction=True)
def test_a_cover_that_another_article_shows_stays(with_cover: Article, new_article: ArticleMaker) -> None:
    new_article(cover=with_cover.cover.name)
    with_cover.delete()
    assert Path(Article.objects.get().cover.path).exists()


@pytest.mark.django_db(transaction=True)
def test_a_cover_that_was_taken_away_is_removed_and_has_no_size(with_cover: Article) -> None:
    before = Path(with_cover.cover.path)
    with_cover.cover = ""
    with_cover.save()
    article = Article.objects.get()
    assert not before.exists()
    assert (article.cover_width, article.cover_height) == (None, None)


@pytest.mark.django_db(transaction=True)
def test_loading_an_article_does_not_open_its_cover(with_cover: Article) -> None:
    Path(with_cover.cover.path).unlink()
    article = Article.objects.get()
    assert article.cover_width == 400


@pytest.mark.django_db(transaction=True)
def test_a_file_that_is_already_gone_does_no_harm(with_cover: Article) -> None:
    Path(with_cover.cover.path).unlink()
    with_cover.cover = ContentFile(b"", name="x")
    Article.objects.all().delete()
    assert not Article.objects.exists()
