"""The pages that people read."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from content.cards import ArticlePage
from content.models import Article
from tests.content.conftest import ArticleMaker, ImageMaker, MemberMaker, SettingsMaker, content_queries
from users.models import User

pytestmark = pytest.mark.django_db


def shown(answer: Any) -> list[str]:
    """The titles on a page of a list."""
    page: ArticlePage = answer.context["page"]
    return [article.title for article in page.articles]


def numbered(new_article: ArticleMaker, number: int, **values: Any) -> None:
    for position in range(1, number + 1):
        new_article(f"Number {position}", **values)


# --- Home ---


def test_the_home_page_of_a_new_site_is_a_page(client: Client) -> None:
    answer = client.get("/")
    assert answer.status_code == 200
    assert answer.context["featured"] is None
    assert answer.context["latest"].articles == ()


def test_home_features_the_newest_article_with_a_cover_and_lists_the_others(
    client: Client, new_article: ArticleMaker, new_image: ImageMaker
) -> None:
    numbered(new_article, 12)
    new_article("With cover", cover=new_image())
    new_article("Newest")
    answer = client.get("/")
    assert answer.context["featured"].title == "With cover"
    latest = [article.title for article in answer.context["latest"].articles]
    assert latest[0] == "Newest"
    assert len(latest) == 12
    assert "With cover" not in latest
    assert b"With cover" in answer.content


def test_home_without_covers_lists_the_newest_only(client: Client, new_article: ArticleMaker) -> None:
    numbered(new_article, 14)
    answer = client.get("/")
    assert answer.context["featured"] is None
    assert len(answer.context["latest"].articles) == 12
    assert answer.context["latest"].articles[0].title == "Number 14"


# --- Lists ---


def test_the_list_turns_its_pages(client: Client, new_article: ArticleMaker) -> None:
    numbered(new_article, 45)
    first = client.get("/articles/")
    assert shown(first)[0] == "Number 45"
    second = client.get("/articles/", {"cursor": first.context["page"].next_cursor})
    third = client.get("/articles/", {"cursor": second.context["page"].next_cursor})
    assert shown(third) == [f"Number {number}" for number in range(5, 0, -1)]
    assert third.context["page"].next_cursor == ""
    back = client.get("/articles/", {"cursor": third.context["page"].previous_cursor})
    assert shown(back) == shown(second)


def test_the_way_back_ends_at_the_address_of_the_list(client: Client, new_article: ArticleMaker) -> None:
    numbered(new_article, 25)
    second = client.get("/articles/", {"cursor": client.get("/articles/").context["page"].next_cursor})
    answer = client.get("/articles/", {"cursor": second.context["page"].previous_cursor})
    assert (answer.status_code, answer["Location"]) == (302, "/articles/")


@pytest.mark.parametrize("path", ["/articles/", "/authors/ada/", "/tags/rain/", "/search/?q=text"])
@pytest.mark.parametrize("cursor", ["x", "AAAA", "%F0%9F", "a" * 500])
def test_a_malformed_cursor_is_a_page_that_does_not_exist(
    path: str, cursor: str, client: Client, new_article: ArticleMaker
) -> None:
    new_article(tags=("rain",))
    joint = "&" if "?" in path else "?"
    answer = client.get(f"{path}{joint}cursor={cursor}")
    assert answer.status_code == 404
    assert "This page of the list does not exist." in answer.content.decode()


def test_each_language_lists_its_own(client: Client, new_article: ArticleMaker) -> None:
    new_article("Rain")
    new_article("Pluie", language="fr")
    assert shown(client.get("/articles/")) == ["Rain"]
    assert shown(client.get("/fr/articles/")) == ["Pluie"]


def test_the_site_s_language_moves_the_addresses_not_the_articles(
    client: Client, new_article: ArticleMaker, site_settings: SettingsMaker
) -> None:
    new_article("Rain")
    new_article("Pluie", language="fr")
    site_settings(language="fr")
    assert shown(client.get("/articles/")) == ["Pluie"]
    assert shown(client.get("/en/articles/")) == ["Rain"]


def test_an_author_s_page_tells_who_they_are(
    client: Client, new_article: ArticleMaker, new_member: MemberMaker
) -> None:
    other = new_member("grace", first_name="Grace", last_name="Hopper", bio="Finds moths.")
    new_article("Hers", author=other)
    new_article("Not hers")
    answer = client.get("/authors/grace/")
    assert shown(answer) == ["Hers"]
    assert (answer.context["kind"], answer.context["heading"]) == ("author", "Grace Hopper")
    assert b"Finds moths." in answer.content
    assert shown(client.get("/fr/authors/grace/")) == []


def test_a_tag_s_page_lists_what_has_it(client: Client, new_article: ArticleMaker) -> None:
    new_article("Wet", tags=("Forêt",))
    new_article("Dry")
    answer = client.get("/tags/foret/")
    assert shown(answer) == ["Wet"]
    assert (answer.context["kind"], answer.context["heading"]) == ("tag", "Forêt")


@pytest.mark.parametrize(
    ("path", "words"),
    [
        ("/articles/made-up/", "There is no such article."),
        ("/authors/made-up/", "There is no author of this name."),
        ("/authors/ADA/", "There is no author of this name."),
        ("/authors/reader/", "There is no author of this name."),
        ("/tags/made-up/", "There is no tag of this name."),
        ("/articles/%ff%fe/", ""),
        (f"/articles/{'a' * 500}/", ""),
        ("/articles/привет/", "There is no such article."),
    ],
)
def test_what_does_not_exist_is_told_in_words(
    path: str, words: str, client: Client, new_article: ArticleMaker, new_member: MemberMaker
) -> None:
    new_member("reader")
    new_article()
    answer = client.get(path)
    assert answer.status_code == 404
    assert words in answer.content.decode()


@pytest.mark.parametrize(
    "path", ["/", "/articles/", "/authors/ada/", "/tags/rain/", "/articles/feed/", "/search/"]
)
def test_pages_are_for_reading(path: str, client: Client, new_article: ArticleMaker) -> None:
    new_article(tags=("rain",))
    assert client.head(path).status_code == 200
    assert client.post(path).status_code == 405


@pytest.mark.parametrize("number", [2, 15])
def test_a_list_page_runs_a_constant_number_of_queries(
    number: int,
    client: Client,
    new_article: ArticleMaker,
    new_member: MemberMaker,
    site_settings: SettingsMaker,
) -> None:
    site_settings(name="Site")
    for position in range(number):
        new_article(author=new_member(f"author{position}"), tags=("all", f"tag{position}"))
    # Articles with their authors, tags, the next scheduled one; of a tag first what it is, how many have it.
    for path, costs in (("/articles/", 3), ("/tags/all/", 5)):
        with content_queries() as queries:
            assert len(shown(client.get(path))) == number
        assert len(queries) == costs
        with content_queries() as queries:
            assert len(shown(client.get(path))) == number
        assert len(queries) == 0


@pytest.mark.parametrize("path", ["/", "/articles/", "/articles/rain/", "/authors/ada/", "/search/?q=text"])
def test_public_pages_do_not_vary_by_visitor(
    path: str, client: Client, editor: Client, new_article: ArticleMaker
) -> None:
    new_article("Rain")
    anonymous, member = client.get(path), editor.get(path)
    assert anonymous.content == member.content
    assert "Cookie" not in anonymous.get("Vary", "")
    assert not anonymous.cookies


# --- An article ---


def test_an_article_shows_everything(
    client: Client, new_article: ArticleMaker, new_image: ImageMaker
) -> None:
    new_article("Before")
    new_article(
        "Rain & <snow>",
        summary="Wet <b>and</b> cold.",
        body="# Water\n\nIt *falls*.",
        tags=("weather",),
        cover=new_image((900, 500)),
    )
    new_article("After", tags=("weather",))
    answer = client.get("/articles/rain-snow/")
    html = answer.content.decode()
    assert "<h2>Water</h2>" in html
    assert "<em>falls</em>" in html
    assert "Rain &amp; &lt;snow&gt;" in html
    assert "<b>and</b>" not in html
    assert 'width="900"' in html
    assert "Ada Byron" in html
    assert answer.context["newer"].title == "After"
    assert answer.context["older"].title == "Before"
    assert [card.title for card in answer.context["related"]] == ["After"]
    assert answer.context["preview"] is False


@pytest.mark.parametrize(
    ("path", "home"), [("/fr/articles/rain/", "/articles/rain/"), ("/articles/pluie/", "/fr/articles/pluie/")]
)
def test_an_article_is_read_in_its_own_language(
    path: str, home: str, client: Client, new_article: ArticleMaker
) -> None:
    new_article("Rain")
    new_article("Pluie", language="fr")
    answer = client.get(path)
    assert (answer.status_code, answer["Location"]) == (302, home)
    assert client.get(home).status_code == 200


def test_an_article_in_any_script_has_a_page(client: Client, new_article: ArticleMaker) -> None:
    article = new_article("Привет, мир")
    assert client.get(article.get_absolute_url()).status_code == 200
    assert client.get("/articles/привет-мир/").status_code == 200


# --- What is not public yet ---

NOT_PUBLIC = [
    pytest.param({"status": Article.Status.DRAFT, "published_at": None}, id="draft"),
    pytest.param({"published_at": timezone.now() + timedelta(days=365)}, id="scheduled"),
]


@pytest.mark.parametrize("values", NOT_PUBLIC)
def test_nobody_meets_what_is_not_public(
    values: dict[str, Any], client: Client, new_article: ArticleMaker, new_member: MemberMaker
) -> None:
    new_article("Open", tags=("rain",))
    new_article("Zanzibar", tags=("rain",), body="treasure", **values)
    reader = Client()
    reader.force_login(new_member("reader"))
    staff = Client()
    staff.force_login(new_member("staff", is_staff=True))
    for visitor in (client, reader, staff):
        assert visitor.get("/articles/zanzibar/").status_code == 404
        assert visitor.get("/api/v1/articles/zanzibar/").status_code == 404
        for path in (
            *("/", "/articles/", "/authors/ada/", "/tags/rain/", "/articles/open/", "/articles/feed/"),
            *("/search/?q=treasure", "/search/?q=zanzibar", "/sitemap.xml", "/api/v1/articles/"),
        ):
            answer = visitor.get(path)
            assert answer.status_code == 200
            assert "Zanzibar" not in answer.content.decode(), path


@pytest.mark.parametrize("values", NOT_PUBLIC)
def test_author_and_editors_see_a_preview_that_nobody_keeps(
    values: dict[str, Any], client: Client, editor: Client, writer: User, new_article: ArticleMaker
) -> None:
    article = new_article("Hidden", **values)
    client.force_login(writer)
    for visitor in (client, editor):
        answer = visitor.get("/articles/hidden/")
        assert answer.status_code == 200
        assert answer.context["preview"] is True
        assert answer.context["is_draft"] is (article.status == "draft")
        assert "no-store" in answer["Cache-Control"]
        assert "private" in answer["Cache-Control"]
    assert Client().get("/articles/hidden/").status_code == 404


def test_a_preview_is_always_of_the_latest_text(editor: Client, new_article: ArticleMaker) -> None:
    article = new_article("Hidden", status=Article.Status.DRAFT, body="one")
    editor.get("/articles/hidden/")
    Article.objects.filter(pk=article.pk).update(body="two")
    assert b"<p>two</p>" in editor.get("/articles/hidden/").content


def test_a_preview_is_shown_in_its_own_language(editor: Client, new_article: ArticleMaker) -> None:
    new_article("Caché", language="fr", status=Article.Status.DRAFT)
    answer = editor.get("/articles/cache/")
    assert (answer.status_code, answer["Location"]) == (302, "/fr/articles/cache/")
    assert "no-store" in answer["Cache-Control"]
