"""Writing and publishing in the administration."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import Permission
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from content import lookups
from content.models import Article, Tag
from core.models import AdminHistory
from tests.content.conftest import ArticleMaker, ImageMaker, MemberMaker, SettingsMaker, content_queries
from users.models import User

# Real commits: what is invalidated on commit is invalidated here too.
pytestmark = pytest.mark.django_db(transaction=True)

Titles = Callable[[], list[str]]

ADD = "/admin/content/article/add/"
LIST = "/admin/content/article/"


def form(**values: Any) -> dict[str, Any]:
    """What the form of an article sends."""
    author = User.objects.get(username="editor")
    return {
        "title": "Rain",
        "language": "en",
        "summary": "",
        "body": "Text.",
        "tags": [],
        "author": author.pk,
        "slug": "",
        "status": "published",
        "published_at_0": "",
        "published_at_1": "",
        **values,
    }


def faults(answer: Any) -> dict[str, list[str]]:
    found: dict[str, list[str]] = answer.context["adminform"].form.errors
    return found


def actions() -> list[tuple[str, str]]:
    return list(AdminHistory.objects.order_by("id").values_list("action", "target_repr"))


@pytest.fixture
def listed() -> Titles:
    """The titles on the first page of the list, as the cache knows them."""

    def titles() -> list[str]:
        return [article.title for article in lookups.articles_page(language="en", size=20).articles]

    return titles


def test_an_article_is_written_and_published(editor: Client, new_image: ImageMaker, listed: Titles) -> None:
    assert listed() == []
    tag = Tag.objects.create(name="weather")
    answer = editor.post(ADD, form(tags=[tag.pk], cover=new_image((2400, 1200))))
    assert answer.status_code == 302, faults(answer)
    article = Article.objects.get()
    assert (article.slug, article.author.username, article.word_count) == ("rain", "editor", 1)
    assert Article.objects.published().get() == article
    assert (article.cover_width, article.cover_height) == (1600, 800)
    assert str(article.cover).endswith(".webp")
    with article.cover.open() as file:
        assert file.read(16)[8:12] == b"WEBP"
    assert listed() == ["Rain"]
    assert [card.name for card in lookups.article_by_slug("rain").tags] == ["weather"]
    assert actions() == [("add", "Rain")]


@pytest.mark.parametrize(
    ("values", "field", "message"),
    [
        ({"slug": "feed"}, "slug", "“feed” is an address of the site itself. Choose another slug."),
        ({"slug": "taken"}, "slug", "Article with this Slug already exists."),
        ({"title": ""}, "title", "This field is required."),
        ({"body": "x" * 200_001}, "body", "at most 200000 characters"),
        ({"body": "a\0b"}, "body", "Null characters are not allowed."),
        ({"cover": SimpleUploadedFile("x.png", b"no image")}, "cover", "not an image that can be read"),
        ({"published_at_0": "yesterday", "published_at_1": "noon"}, "published_at", "Enter a valid date."),
    ],
)
def test_what_cannot_be_is_refused_beside_its_field(
    values: dict[str, Any], field: str, message: str, editor: Client, new_article: ArticleMaker
) -> None:
    new_article(slug="taken")
    answer = editor.post(ADD, form(**values))
    assert answer.status_code == 200
    assert message in " ".join(faults(answer)[field])
    assert Article.objects.count() == 1


def test_a_small_cover_is_refused_with_its_size(editor: Client, new_image: ImageMaker) -> None:
    answer = editor.post(ADD, form(cover=new_image((100, 100))))
    assert faults(answer)["cover"] == ["This image is 100 × 100 pixels; each side needs at least 200."]


def test_a_double_click_on_save_makes_two_articles_and_no_error(editor: Client) -> None:
    for _ in range(2):
        assert editor.post(ADD, form()).status_code == 302
    assert sorted(Article.objects.values_list("slug", flat=True)) == ["rain", "rain-2"]


def test_a_cover_can_be_taken_away(editor: Client, new_image: ImageMaker) -> None:
    editor.post(ADD, form(cover=new_image()))
    article = Article.objects.get()
    answer = editor.post(f"{LIST}{article.pk}/change/", form(slug="rain", **{"cover-clear": "on"}))
    assert answer.status_code == 302, faults(answer)
    article.refresh_from_db()
    assert not article.cover


def test_a_cover_that_is_not_touched_stays_as_it_is(editor: Client, new_image: ImageMaker) -> None:
    editor.post(ADD, form(cover=new_image()))
    article = Article.objects.get()
    editor.post(f"{LIST}{article.pk}/change/", form(slug="rain", title="Snow"))
    changed = Article.objects.get()
    assert (changed.title, changed.cover.name) == ("Snow", article.cover.name)
    assert changed.cover.storage.exists(str(changed.cover))


def test_the_form_suggests_who_writes_in_which_language(editor: Client, site_settings: SettingsMaker) -> None:
    site_settings(language="fr")
    initial = editor.get(ADD).context["adminform"].form.initial
    assert initial["author"] == str(User.objects.get(username="editor").pk)
    assert initial["language"] == "fr"
    User.objects.filter(username="editor").update(language="en")
    assert User.objects.get(username="editor").language == "en"


def test_a_date_in_the_future_schedules(editor: Client, listed: Titles) -> None:
    tomorrow = timezone.now() + timedelta(days=1)
    moment = {"published_at_0": tomorrow.strftime("%Y-%m-%d"), "published_at_1": "12:00:00"}
    assert editor.post(ADD, form(**moment)).status_code == 302
    assert listed() == []
    assert Article.objects.scheduled().count() == 1


# --- Many at once ---


def run(editor: Client, action: str, articles: list[Article], **more: str) -> Any:
    chosen = {"_selected_action": [article.pk for article in articles]}
    return editor.post(LIST, {"action": action, **chosen, **more}, follow=True)


def test_the_selected_drafts_are_published(editor: Client, new_article: ArticleMaker, listed: Titles) -> None:
    drafts = [new_article(title, status="draft", published_at=None) for title in ("One", "Two")]
    out = new_article("Out")
    assert listed() == ["Out"]
    answer = run(editor, "publish", [*drafts, out])
    assert "2 articles were published." in answer.content.decode()
    assert set(listed()) == {"One", "Two", "Out"}
    assert sorted(actions()) == [("publish", "One"), ("publish", "Two")]


def test_the_selected_articles_are_withdrawn(
    editor: Client, new_article: ArticleMaker, listed: Titles
) -> None:
    article = new_article("One")
    lookups.article_by_slug("one")
    assert listed() == ["One"]
    answer = run(editor, "withdraw", [article])
    assert "1 article is a draft again." in answer.content.decode()
    assert listed() == []
    with pytest.raises(Article.DoesNotExist):
        lookups.article_by_slug("one")
    assert actions() == [("withdraw", "One")]


def test_the_selected_articles_are_deleted(editor: Client, new_article: ArticleMaker, listed: Titles) -> None:
    articles = [new_article(title) for title in ("One", "Two")]
    lookups.article_by_slug("one")
    assert listed() == ["Two", "One"]
    assert run(editor, "delete_selected", articles, post="yes").status_code == 200
    assert listed() == []
    with pytest.raises(Article.DoesNotExist):
        lookups.article_by_slug("one")
    assert sorted(actions()) == [("delete", "One"), ("delete", "Two")]


def test_publishing_nothing_is_said(editor: Client, new_article: ArticleMaker) -> None:
    answer = run(editor, "publish", [new_article()])
    assert "0 articles were published." in answer.content.decode()


def test_who_may_only_look_publishes_nothing(
    client: Client, new_member: MemberMaker, new_article: ArticleMaker
) -> None:
    member = new_member("looker", is_staff=True)
    member.user_permissions.add(Permission.objects.get(codename="view_article"))
    client.force_login(member)
    draft = new_article(status="draft", published_at=None)
    run(client, "publish", [draft])
    draft.refresh_from_db()
    assert draft.status == "draft"


# --- Pages ---


@pytest.mark.parametrize("number", [1, 12])
def test_the_list_costs_the_same_queries_however_long(
    number: int, editor: Client, new_article: ArticleMaker, new_member: MemberMaker
) -> None:
    for position in range(number):
        new_article(author=new_member(f"author{position}"), tags=(f"tag{position}",))
    editor.get(LIST)
    with content_queries() as queries:
        assert editor.get(LIST).status_code == 200
    assert len(queries) == 6
    assert not any('"body"' in query for query in queries)


@pytest.mark.parametrize(
    "name", ["content_article_changelist", "content_article_add", "content_tag_changelist", "content_tag_add"]
)
def test_every_page_opens_in_both_languages(name: str, editor: Client, new_article: ArticleMaker) -> None:
    new_article(tags=("rain",))
    for language in ("en", "fr"):
        assert editor.get(reverse(f"admin:{name}"), headers={"Accept-Language": language}).status_code == 200


def test_articles_are_found_by_words_and_filters(editor: Client, new_article: ArticleMaker) -> None:
    new_article("Rain", tags=("weather",))
    new_article("Pluie", language="fr")
    for query, titles in (({"q": "rai"}, ["Rain"]), ({"language__exact": "fr"}, ["Pluie"])):
        found = editor.get(LIST, query).context["cl"].result_list
        assert [article.title for article in found] == titles


def test_tags_say_how_many_articles_they_have(editor: Client, new_article: ArticleMaker) -> None:
    new_article(tags=("rain",))
    new_article(tags=("rain", "snow"))
    rows = editor.get("/admin/content/tag/").content.decode()
    assert '<td class="field-number_of_articles">2</td>' in rows
    assert '<td class="field-number_of_articles">1</td>' in rows


def test_a_renamed_tag_is_renamed_on_the_pages(editor: Client, new_article: ArticleMaker) -> None:
    new_article("Rain", tags=("weather",))
    lookups.article_by_slug("rain")
    tag = Tag.objects.get()
    answer = editor.post(f"/admin/content/tag/{tag.pk}/change/", {"name": "climate", "slug": "climate"})
    assert answer.status_code == 302
    assert [card.name for card in lookups.article_by_slug("rain").tags] == ["climate"]
    assert actions() == [("change", "climate")]


def test_every_label_of_the_form_begins_with_a_capital(editor: Client) -> None:
    fields = editor.get(ADD).context["adminform"].form.fields.values()
    assert [str(field.label) for field in fields if str(field.label)[0].islower()] == []
