"""What each public and member page asks of the database: when nothing is known, and when all is."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import Permission
from django.core.cache import cache
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from content.models import Article
from tests.content.conftest import ArticleMaker, ImageMaker, SettingsMaker
from users.models import User

# Real commits: a session is kept in the cache from its commit on.
pytestmark = pytest.mark.django_db(transaction=True)

# The path, the queries with an empty cache, and those when everything is known. One query of each
# first number reads the settings of the site.
PUBLIC = {
    # Articles with their authors, their tags, the next scheduled one.
    "/": (4, 0),
    "/fr/": (4, 0),
    "/articles/": (4, 0),
    "/articles/feed/": (4, 0),
    "/api/v1/articles/": (4, 0),
    # The key of the slug, the article, its tags; its neighbours, relatives, their tags, the next one.
    "/articles/rain/": (12, 0),
    "/api/v1/articles/rain/": (4, 0),
    # The person, whether they have published; a list.
    "/authors/ada/": (6, 0),
    "/tags/weather/": (6, 0),
    "/sitemap.xml": (7, 0),
    "/robots.txt": (1, 0),
    "/api/v1/site/": (4, 0),
    "/api/v1/openapi.json": (1, 0),
    "/accounts/login/": (1, 0),
    "/accounts/register/": (1, 0),
    "/accounts/password-reset/": (1, 0),
    "/search/": (1, 0),
    # What people look for has no end, and is not kept.
    "/search/?q=rain": (3, 2),
    # Nor is what does not exist.
    "/articles/made-up/": (3, 2),
}
MEMBERS = {
    "/": (4, 0),
    "/articles/rain/": (12, 0),
    # The member, then their own work, which is read as it is now: numbers, drafts, scheduled, published.
    "/dashboard/": (12, 4),
    # The form shows the account as the database has it.
    "/profile/": (3, 1),
    # A preview is never kept.
    "/articles/draft/": (5, 3),
}


@pytest.fixture(autouse=True)
def _library(new_article: ArticleMaker, new_image: ImageMaker, site_settings: SettingsMaker) -> None:
    site_settings(name="Site")
    new_article("Rain", tags=("weather", "rain"), cover=new_image())
    for number in range(5):
        new_article(tags=("weather", f"tag{number}"))
        new_article(language="fr", tags=("weather",))
    new_article("Draft", status=Article.Status.DRAFT)


OWN_TABLES = ('"content_', '"core_', '"users_', '"auth_', '"django_')


def _is_the_page_s(sql: str) -> bool:
    if connection.vendor == "postgresql":
        # There the look comes with a savepoint and questions about the database itself.
        return any(table in sql for table in OWN_TABLES)
    return '"cacheadmin_' not in sql


def costs(client: Client, path: str) -> tuple[int, int]:
    """The number of queries of the page with an empty cache, and with a full one."""
    cache.clear()
    found = []
    for _ in ("miss", "hit"):
        with CaptureQueriesContext(connection) as queries:
            assert client.get(path).status_code in {200, 404}
        # The look at the saved settings of the cache is one in a second, whichever request makes it.
        found.append(len([one for one in queries.captured_queries if _is_the_page_s(one["sql"])]))
    return found[0], found[1]


@pytest.mark.parametrize("path", PUBLIC)
def test_a_reader_s_page(path: str, client: Client) -> None:
    assert costs(client, path) == PUBLIC[path]


@pytest.mark.parametrize("path", MEMBERS)
def test_a_member_s_page(path: str, engine: str, client: Client, writer: User) -> None:
    client.force_login(writer)
    client.get("/dashboard/")  # the visit is noted
    miss, hit = MEMBERS[path]
    session = session_queries(path, engine)
    assert costs(client, path) == (miss + session, hit + session)


def session_queries(path: str, engine: str) -> int:
    """Memory is not shared by the workers: there the database alone answers for a session."""
    asks = path in {"/dashboard/", "/profile/", "/articles/draft/"}
    return int(engine == "memory" and asks)


def test_permissions_of_a_member_cost_nothing_once_they_are_known(
    engine: str, client: Client, writer: User
) -> None:
    writer.is_staff = True
    writer.save()
    writer.user_permissions.add(Permission.objects.get(codename="add_article"))
    client.force_login(writer)
    client.get("/dashboard/")
    miss, hit = costs(client, "/dashboard/")
    session = session_queries("/dashboard/", engine)
    known_miss, known_hit = MEMBERS["/dashboard/"]
    # Their own, and those of their groups.
    assert (miss, hit) == (known_miss + session + 2, known_hit + session)
