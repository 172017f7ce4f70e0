"""The pages that the browser walks through."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from tests.servers.site import Site


@dataclass(frozen=True)
class Stop:
    """One page of the walk.

    Attributes:
        name: for the names of tests.
        path: in the site's language; ``{article}``, ``{author}`` and ``{tag}`` are filled in.
        owner: whether one has to be the administrator.
        has_prefix: whether its language stands in its URL; otherwise it follows the browser.
        status: what it answers.
    """

    name: str
    path: str
    owner: bool = False
    has_prefix: bool = True
    status: int = 200

    def address(self, site: Site, language: str) -> str:
        """Its path on *site* in *language*."""
        path = self.path.format(**words(site, language))
        return f"/fr{path}" if language == "fr" and self.has_prefix else path


PUBLIC = [
    Stop("home", "/"),
    Stop("articles", "/articles/"),
    Stop("article", "/articles/{article}/"),
    Stop("author", "/authors/{author}/"),
    Stop("tag", "/tags/{tag}/"),
    Stop("search-before", "/search/"),
    Stop("search", "/search/?q={word}"),
    Stop("search-in-vain", "/search/?q=xyzzyxyzzy"),
    Stop("login", "/accounts/login/"),
    Stop("register", "/accounts/register/"),
    Stop("password-reset", "/accounts/password-reset/"),
    Stop("password-reset-done", "/accounts/password-reset/done/"),
    Stop("password-reset-broken-link", "/accounts/password-reset/eA/none/"),
    Stop("not-found", "/no-such-page/", status=404),
]
MEMBERS = [
    Stop("dashboard", "/dashboard/", owner=True),
    Stop("profile", "/profile/", owner=True),
    Stop("password-change", "/profile/password/", owner=True),
]
# Ours inside Django's administration.
ADMIN = [
    Stop("admin-cache", "/admin/cache/", owner=True, has_prefix=False),
]
# Django's own pages, with our models in them.
DJANGO_ADMIN = [
    Stop("admin", "/admin/", owner=True, has_prefix=False),
    Stop("admin-articles", "/admin/content/article/", owner=True, has_prefix=False),
    Stop("admin-article", "/admin/content/article/add/", owner=True, has_prefix=False),
    Stop("admin-users", "/admin/users/user/", owner=True, has_prefix=False),
    Stop("admin-site", "/admin/core/sitesettings/1/change/", owner=True, has_prefix=False),
    Stop("admin-history", "/admin/core/adminhistory/", owner=True, has_prefix=False),
]

_words: dict[tuple[str, str], dict[str, str]] = {}


def words(site: Site, language: str) -> dict[str, str]:
    """An article of *site* in *language* with a cover and tags, and what belongs to it."""
    key = (site.url(), language)
    if key not in _words:
        listed: list[dict[str, Any]] = (
            site.visitor().get(f"/api/v1/articles/?language={language}").json["articles"]
        )
        article = next(one for one in listed if one["cover"] and one["tags"])
        _words[key] = {
            "article": article["slug"],
            "author": article["author"]["username"],
            "tag": article["tags"][0]["slug"],
            "word": max(article["title"].split(), key=len).strip("«»“”’.,:;!?\u202f\u00a0"),
        }
    return _words[key]
