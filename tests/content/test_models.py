"""Articles and tags as they are stored."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.db.models import ProtectedError
from django.utils import timezone

from content.models import LONGEST_BODY, Article, Tag
from tests.content.conftest import LONG_AGO, ArticleMaker
from users.models import User

pytestmark = pytest.mark.django_db


def test_saving_counts_the_words(new_article: ArticleMaker) -> None:
    article = new_article(body="one two three")
    assert article.word_count == 3
    article.body = "one " * 500
    article.save(update_fields=["body"])
    article.refresh_from_db()
    assert article.word_count == 500
    assert article.reading_minutes == 3


def test_saving_a_part_of_an_article_leaves_its_text_alone(new_article: ArticleMaker) -> None:
    pk = new_article(body="one two three").pk
    article = Article.objects.only("title").get(pk=pk)
    article.title = "New"
    article.save()
    article = Article.objects.get(pk=pk)
    assert (article.title, article.body, article.word_count) == ("New", "one two three", 3)


def test_what_is_published_without_a_date_is_published_now(new_article: ArticleMaker) -> None:
    before = timezone.now()
    article = new_article(published_at=None)
    assert article.published_at is not None
    assert before <= article.published_at <= timezone.now()
    assert Article.objects.published().get() == article


def test_publishing_a_draft_by_its_status_alone_stores_the_date_too(new_article: ArticleMaker) -> None:
    article = new_article(status=Article.Status.DRAFT, published_at=None)
    article.status = Article.Status.PUBLISHED
    article.save(update_fields=["status"])
    article.refresh_from_db()
    assert article.published_at is not None


def test_a_draft_needs_no_date(new_article: ArticleMaker) -> None:
    article = new_article(status=Article.Status.DRAFT, published_at=None)
    article.full_clean()
    assert article.published_at is None
    assert not Article.objects.published().exists()


def test_the_future_is_not_public_yet(new_article: ArticleMaker) -> None:
    new_article(published_at=timezone.now() + timedelta(minutes=1))
    assert not Article.objects.published().exists()


def test_the_database_itself_refuses_a_published_article_without_a_date(new_article: ArticleMaker) -> None:
    article = new_article()
    with pytest.raises(IntegrityError), transaction.atomic():
        Article.objects.filter(pk=article.pk).update(published_at=None)


def test_saving_moves_the_date_of_change_and_no_other(new_article: ArticleMaker) -> None:
    article = new_article(created_at=LONG_AGO, updated_at=LONG_AGO)
    before = timezone.now()
    article.save()
    article.refresh_from_db()
    assert article.updated_at >= before
    assert article.created_at == LONG_AGO


@pytest.mark.parametrize(
    ("field", "value", "message"),
    [
        ("slug", "feed", "is an address of the site itself"),
        ("slug", "with space", "valid “slug”"),
        ("title", "two\nlines", "Leave out line breaks"),
        ("summary", "a\x0bb", "Leave out line breaks"),
        ("body", "a" * (LONGEST_BODY + 1), "at most 200000"),
        ("body", "a\0b", "Null characters"),
        ("language", "de", "not a valid choice"),
        ("title", "", "cannot be blank"),
    ],
)
def test_what_cannot_be_is_refused_in_words(
    field: str, value: str, message: str, new_article: ArticleMaker
) -> None:
    article = new_article()
    setattr(article, field, value)
    with pytest.raises(ValidationError) as refusal:
        article.full_clean()
    assert message in str(refusal.value.message_dict[field])


def test_an_address_is_in_the_language_of_the_article(new_article: ArticleMaker) -> None:
    assert new_article("Rain").get_absolute_url() == "/articles/rain/"
    assert new_article("Pluie", language="fr").get_absolute_url() == "/fr/articles/pluie/"


def test_who_has_written_something_is_not_deleted_with_it(new_article: ArticleMaker, writer: User) -> None:
    new_article()
    with pytest.raises(ProtectedError):
        writer.delete()


def test_deleting_a_tag_leaves_its_articles(new_article: ArticleMaker) -> None:
    article = new_article(tags=("rain", "snow"))
    Tag.objects.get(name="rain").delete()
    assert [tag.name for tag in article.tags.all()] == ["snow"]


def test_things_are_called_by_their_names(new_article: ArticleMaker) -> None:
    article = new_article("Rain", tags=("weather",))
    assert (str(article), str(article.tags.get())) == ("Rain", "weather")
    assert article.tags.get().get_absolute_url() == "/tags/weather/"
