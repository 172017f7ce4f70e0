"""Cover images: what is taken, and what is kept of it."""

from __future__ import annotations

import re
import struct
import zlib
from io import BytesIO, StringIO
from pathlib import Path

import pytest
from django.core.exceptions import ValidationError
from django.core.files.base import ContentFile
from django.core.files.uploadedfile import SimpleUploadedFile
from django.core.management import call_command
from django.test import Client
from PIL import Image

from cacheadmin import clear_group
from content import cover_sizes, covers
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


# --- Smaller copies ---


def copies(name: str) -> dict[int, tuple[int, int]]:
    """The copies that lie beside a cover: their sizes by the width in their names."""
    cover = Path(Article.cover.field.storage.path(name))
    found = {}
    for path in cover.parent.glob(f"{cover.stem}-*.webp"):
        with Image.open(path) as image:
            assert image.format == "WEBP"
            found[int(path.stem.rpartition("-")[2])] = image.size
    return dict(sorted(found.items()))


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(
    ("size", "widths"),
    [
        ((1200, 600), {256: (256, 128), 640: (640, 320), 960: (960, 480)}),
        ((640, 480), {256: (256, 192)}),
        ((250, 250), {}),
    ],
)
def test_an_upload_gets_smaller_copies(
    size: tuple[int, int],
    widths: dict[int, tuple[int, int]],
    new_article: ArticleMaker,
    new_image: ImageMaker,
) -> None:
    article = new_article(cover=covers.prepare(new_image(size)))
    assert copies(str(article.cover)) == widths
    article.refresh_from_db()
    assert article.cover_widths == list(widths)


@pytest.mark.django_db(transaction=True)
def test_a_page_offers_each_browser_the_copy_that_fits(
    client: Client, new_article: ArticleMaker, new_image: ImageMaker
) -> None:
    article = new_article("Rain", cover=covers.prepare(new_image((1200, 600))))
    stem = article.cover.url.removesuffix(".webp")
    srcset = f"{stem}-256.webp 256w, {stem}-640.webp 640w, {stem}-960.webp 960w, {stem}.webp 1200w"
    for path in ("/", "/articles/", "/articles/rain/"):
        page = client.get(path).content.decode()
        [image] = re.findall(r'<img class="cover.*?>', page, re.DOTALL)
        assert f'srcset="{srcset}" sizes="' in image
        assert 'width="1200"' in image
        assert 'height="600"' in image
        assert 'loading="lazy"' in image
        assert "style=" not in image
    for address in re.findall(r"(\S+) \d+w", srcset):
        answer = client.get(address)
        assert (answer.status_code, answer["Content-Type"]) == (200, "image/webp")
        answer.close()


@pytest.mark.django_db(transaction=True)
def test_copies_go_with_their_cover(new_article: ArticleMaker, new_image: ImageMaker) -> None:
    article = new_article(cover=covers.prepare(new_image((1200, 600))))
    before = str(article.cover)
    article.cover = covers.prepare(new_image((700, 600)))
    article.save(update_fields=["cover"])
    article.refresh_from_db()
    assert (copies(before), list(copies(str(article.cover)))) == ({}, [256, 640])
    assert (article.cover_width, article.cover_widths) == (700, [256, 640])
    after = str(article.cover)
    article.cover = ""
    article.save()
    assert (copies(after), article.cover_widths) == ({}, [])


@pytest.mark.django_db(transaction=True)
def test_a_cover_from_before_there_were_copies_is_shown_as_it_is_until_it_gets_some(
    client: Client, new_article: ArticleMaker, new_image: ImageMaker
) -> None:
    article = new_article("Rain", cover=covers.prepare(new_image((1200, 600))))
    other = new_article("Snow", cover=str(article.cover))
    for width in copies(str(article.cover)):
        Path(Article.cover.field.storage.path(cover_sizes.name_of(str(article.cover), width))).unlink()
    Article.objects.update(cover_widths=[])
    clear_group("content")
    assert "srcset" not in client.get("/articles/rain/").content.decode()
    said = StringIO()
    call_command("covers", stdout=said)
    assert "new copies: 2." in said.getvalue()
    assert list(copies(str(article.cover))) == [256, 640, 960]
    other.refresh_from_db()
    assert other.cover_widths == [256, 640, 960]
    assert "srcset" in client.get("/articles/rain/").content.decode()
    said = StringIO()
    call_command("covers", stdout=said)
    assert "new copies: 0." in said.getvalue()


@pytest.mark.django_db(transaction=True)
def test_saving_an_article_gives_its_old_cover_copies(
    new_article: ArticleMaker, new_image: ImageMaker
) -> None:
    article = new_article(cover=covers.prepare(new_image((1200, 600))))
    cover_sizes.remove(Article.cover.field.storage, str(article.cover))
    Article.objects.update(cover_widths=[])
    Article.objects.get().save()
    assert Article.objects.get().cover_widths == [256, 640, 960]


@pytest.mark.django_db(transaction=True)
def test_a_cover_that_is_no_image_or_gone_has_no_copies(new_article: ArticleMaker) -> None:
    article = new_article(cover=ContentFile(b"no image", name="x"))
    assert article.cover_widths == []
    assert cover_sizes.lay_out(Article.cover.field.storage, "covers/gone.webp") == []
    call_command("covers", stdout=StringIO())
