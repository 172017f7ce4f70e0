"""Sample content."""

from __future__ import annotations

import re
from datetime import timedelta
from io import BytesIO
from pathlib import Path

import pytest
from django.core.files.storage import default_storage
from django.db.models import Count
from django.test import Client
from django.utils import timezone
from PIL import Image
from pytest_django import Settings

from content import lookups, markdown
from content.models import Article, Tag
from content.sample import create_sample_content
from content.sample.covers import VARIANTS, draw
from content.sample.create import LANGUAGES
from tests.content.conftest import LONG_AGO, ArticleMaker, MemberMaker
from users.models import User

pytestmark = pytest.mark.django_db

NUMBER = 60


@pytest.fixture(scope="module")
def media(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One place for the covers of all these tests: they are drawn once."""
    return tmp_path_factory.mktemp("media")


@pytest.fixture(autouse=True)
def _covers_are_drawn_once(settings: Settings, media: Path, _media_of_its_own: None) -> None:
    settings.MEDIA_ROOT = media


def everything() -> list[tuple[object, ...]]:
    fields = ("title", "slug", "summary", "body", "language", "published_at", "cover", "author__username")
    return list(Article.objects.order_by("pk").values_list(*fields))


def test_it_writes_as_many_as_asked_in_both_languages() -> None:
    assert create_sample_content(NUMBER) == NUMBER
    assert Article.objects.published().count() == NUMBER
    for language in ("en", "fr"):
        assert Article.objects.in_language(language).count() == NUMBER / 2


@pytest.mark.parametrize("number", [0, -3])
def test_none_are_none(number: int) -> None:
    assert create_sample_content(number) == 0
    assert not User.objects.exists()
    assert not Tag.objects.exists()


def test_an_odd_number_is_that_number() -> None:
    assert create_sample_content(3) == 3
    assert Article.objects.count() == 3


def test_what_it_writes_would_pass_the_forms() -> None:
    create_sample_content(NUMBER)
    for article in Article.objects.all():
        article.full_clean()
        assert article.word_count == markdown.count_words(article.body)
        assert 300 <= article.word_count <= 3000


def test_texts_have_structure_and_no_hole() -> None:
    create_sample_content(NUMBER)
    bodies = [article.body for article in Article.objects.all()]
    html = [markdown.render(body) for body in bodies]
    for mark in ("<h2>", "<ul>", "<ol>", "<blockquote>", "<table>", "<pre ", "<em>"):
        assert any(mark in text for text in html), mark
    for article in Article.objects.all():
        assert not re.search(r"[{}]|None| ,|\.\.|  ", article.title + article.summary), article.title
        assert article.summary.endswith(".")
        assert "{" not in re.sub(r"```.*?```", "", article.body, flags=re.DOTALL)


def test_french_is_set_as_french_is() -> None:
    create_sample_content(NUMBER)
    for article in Article.objects.in_language("fr"):
        text = re.sub(r"```.*?```", "", article.body, flags=re.DOTALL) + article.title + article.summary
        assert not re.search(r" [;!?»]|« ", text), "a narrow no-break space belongs there"
        assert not re.search(r"\b(de|que) [aeiouéèêh]un\b|\bde le \w|\bà le \w|\bque un", text)
        assert "'" not in text


def test_no_title_is_there_twice() -> None:
    create_sample_content(600)
    assert not Article.objects.values("title").annotate(number=Count("pk")).filter(number__gt=1).exists()
    assert not Article.objects.filter(title__contains="(").exists()


def test_several_authors_write_each_in_their_language() -> None:
    create_sample_content(NUMBER)
    authors = User.objects.filter(articles__isnull=False).distinct()
    assert len(authors) == 8
    for author in authors:
        assert author.bio
        assert author.get_full_name()
        assert not author.has_usable_password()
        assert set(author.articles.values_list("language", flat=True)) == {author.language}
        author.full_clean()


def test_tags_are_used_in_their_language() -> None:
    create_sample_content(NUMBER)
    assert Tag.objects.count() == 14
    assert not Article.objects.filter(tags=None).exists()
    for tag in Tag.objects.all():
        assert tag.articles.values("language").distinct().count() <= 1


def test_it_spreads_over_years_and_ends_before_now() -> None:
    create_sample_content(NUMBER)
    dates = [article.published_at for article in Article.objects.all() if article.published_at]
    assert max(dates) < timezone.now()
    assert max(dates) - min(dates) > timedelta(days=3 * 365)
    for article in Article.objects.all():
        assert article.published_at is not None
        assert article.created_at < article.published_at <= article.updated_at <= timezone.now()


def test_the_same_seed_writes_the_same_articles() -> None:
    create_sample_content(10, seed=7, now=LONG_AGO)
    first = everything()
    Article.objects.all().delete()
    create_sample_content(10, seed=7, now=LONG_AGO)
    assert everything() == first
    Article.objects.all().delete()
    create_sample_content(10, seed=8, now=LONG_AGO)
    assert everything() != first


def test_called_again_it_goes_on_with_others() -> None:
    create_sample_content(10, now=LONG_AGO)
    first = everything()
    create_sample_content(10, now=LONG_AGO)
    both = everything()
    assert both[:10] == first
    assert len({title for title, *_ in both}) == 20
    assert (User.objects.count(), Tag.objects.count()) == (8, 14)
    Article.objects.all().delete()
    create_sample_content(20, now=LONG_AGO)
    assert everything() == both


def test_after_deletions_it_repeats_nothing(new_article: ArticleMaker) -> None:
    create_sample_content(10)
    Article.objects.order_by("pk")[0].delete()
    create_sample_content(5)
    titles = list(Article.objects.values_list("title", flat=True))
    assert len(titles) == len(set(titles)) == 14


def test_it_leaves_alone_what_was_there(new_member: MemberMaker, new_article: ArticleMaker) -> None:
    own = new_article("My own", tags=("Gardens",))
    namesake = new_member("margaret")
    create_sample_content(20)
    own.refresh_from_db()
    namesake.refresh_from_db()
    assert own.title == "My own"
    assert namesake.articles.count() == 0
    assert User.objects.filter(username="margaret2").exists()
    assert Tag.objects.filter(name="Gardens").count() == 1


def test_it_can_be_written_by_others(writer: User) -> None:
    create_sample_content(6, authors=[writer])
    assert writer.articles.count() == 6
    assert User.objects.count() == 1


def test_it_tells_how_far_it_is() -> None:
    told: list[tuple[int, int]] = []
    create_sample_content(1200, progress=lambda done, wanted: told.append((done, wanted)))
    assert told == [(500, 1200), (1000, 1200), (1200, 1200)]


def test_nothing_is_left_of_what_fails_halfway() -> None:
    def stop(done: int, wanted: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        create_sample_content(10, progress=stop)
    assert not Article.objects.exists()
    assert not User.objects.exists()


def test_covers_are_small_and_of_one_size() -> None:
    for theme in range(len(LANGUAGES["en"][1])):
        for variant in range(VARIANTS):
            picture = draw(theme, variant)
            assert len(picture) < 40_000
            with Image.open(BytesIO(picture)) as image:
                assert (image.format, image.size) == ("WEBP", (1200, 630))
    assert draw(2, 3) == draw(2, 3)
    assert draw(2, 3) != draw(2, 4)


def test_every_cover_is_there_and_shared(media: Path) -> None:
    create_sample_content(300)
    names = set(Article.objects.exclude(cover="").values_list("cover", flat=True))
    assert 20 < len(names) <= 36
    assert all(default_storage.exists(name) for name in names)
    # Each of them, and three smaller ones.
    assert len(list((media / "covers").iterdir())) == 4 * len(names)
    assert Article.objects.filter(cover="").exists()


def test_its_pages_open(client: Client) -> None:
    create_sample_content(NUMBER)
    for article in Article.objects.all()[:6]:
        assert client.get(article.get_absolute_url()).status_code == 200
        if article.cover:
            cover = client.get(article.cover.url)
            assert cover["Content-Type"] == "image/webp"
            assert cover.getvalue()  # read to its end, the file is closed


@pytest.mark.django_db(transaction=True)
def test_lists_know_it_at_once() -> None:
    assert lookups.articles_page(language="en", size=5).articles == ()
    create_sample_content(20)
    assert len(lookups.articles_page(language="en", size=5).articles) == 5
