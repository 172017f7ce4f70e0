"""Whole pages over HTTP, with two workers: changed, read and attacked, each reader gets what is right."""

from __future__ import annotations

import http.client
import re
import threading
import time
from collections import Counter
from collections.abc import Iterator

import pytest

from tests.combinations import Combination
from tests.servers.site import ADMIN, ADMIN_PASSWORD, Site
from tests.servers.visitor import Answer, Visitor
from tests.torture.http.players import ARTICLES, Editor, Player, Reader
from tests.torture.http.record import WRONG, Record

pytestmark = [pytest.mark.server, pytest.mark.slow]

# Whoever has one gets the page from Django, and nothing else changes by it.
PAST_THE_CACHE = {"Cookie": "messages=none"}
SECONDS = 6.0
NAME = "Somebody Else Entirely"

TALES = """
from content.models import Article
from users.models import User
for number in range({articles}):
    words = f"Tale {{number}}, version 0."
    article, _made = Article.objects.update_or_create(
        slug=f"tale-{{number}}",
        defaults=dict(title=words, summary=words, body=words, author=User.objects.get(username="owner"),
                      status="published", language="en"))
    print("key", article.pk)
"""


class Member(Player):
    """Changes language, theme and name, logs out and in again, and reads public pages meanwhile."""

    def begin(self) -> None:
        """Log in."""
        self.visitor.log_in(ADMIN, ADMIN_PASSWORD)

    def act(self) -> None:
        """Change something, and see that a public page is one's own."""
        fields = {"first_name": NAME, "last_name": "", "email": "owner@example.org", "bio": ""}
        fields |= {
            "language": self.chance.choice(["en", "fr"]),
            "theme": self.chance.choice(["dark", "light"]),
        }
        self.fill_in("profile", "/profile/", fields)
        answer = self.ask("member reads", "/articles/")
        if answer and answer.headers["Cache-Status"] != "cacheadmin; fwd=bypass":
            self.record.complain(WRONG, "a member got a page of everybody")
        if self.chance.random() < 0.2:
            self.fill_in("log out", "/accounts/logout/", {}, form="/dashboard/")
            self.visitor.log_in(ADMIN, ADMIN_PASSWORD)


class Stranger(Player):
    """Looks for what belongs to others in pages of everybody, and for wrong languages."""

    def __init__(self, site: Site, record: Record, over: threading.Event) -> None:
        super().__init__(site, record, over)
        self.seen: Counter[str] = Counter()

    def act(self) -> None:
        """Read a page, or try to have one that is somebody's."""
        path = self.chance.choice(["/articles/", "/fr/articles/", "/dashboard/", "/profile/x.css", "/fr/"])
        answer = self.ask("stranger", path)
        if answer is None:
            return
        self.seen[answer.headers["Cache-Status"]] += 1
        if "csrfmiddlewaretoken" in answer.text and answer.status == 200:
            self.record.complain(WRONG, f"{path} holds a token")
        if answer.headers.get_all("Set-Cookie") or "/accounts/logout/" in answer.text:
            self.record.complain(WRONG, f"{path} is somebody's")
        language = "fr" if path.startswith("/fr/") else "en"
        if answer.status == 200 and f'<html lang="{language}"' not in answer.text:
            self.record.complain(WRONG, f"{path} is in another language")


@pytest.fixture
def english_site(combined_site: Site, combination: Combination) -> Iterator[Site]:
    """The site, on which English pages have no prefix: the players read those."""
    speak(combined_site, "en", instead_of=combination.language)
    yield combined_site
    speak(combined_site, combination.language, instead_of="en")


def speak(site: Site, language: str, *, instead_of: str) -> None:
    """Give *site* another language, if it is another."""
    if language != instead_of:
        settings = {"name": "House", "tagline": "", "language": language, "time_zone": "UTC"}
        path = "/admin/core/sitesettings/1/change/"
        assert site.owner().post(path, {**settings, "registration_open": "on"}).status == 302


def test_everybody_gets_what_is_right_while_everything_changes(english_site: Site) -> None:
    site = english_site
    keys = [
        int(key)
        for key in re.findall(r"key (\d+)", site.manage("shell", "-c", TALES.format(articles=ARTICLES)))
    ]
    record, over = Record(ARTICLES), threading.Event()
    stranger = Stranger(site, record, over)
    editor = Editor(site, record, over, keys)
    # Long drafts of the sample content never come between: these are the newest.
    players: list[Player] = [
        editor,
        Member(site, record, over),
        stranger,
        *(Reader(site, record, over) for _ in range(3)),
    ]
    for player in players:
        player.start()
    time.sleep(SECONDS)
    over.set()
    for player in players:
        player.join(60)
    assert not record.words
    assert stranger.seen["cacheadmin; hit"]
    assert {"save", "read", "profile", "stranger"} <= set(record.took)
    visitor = site.visitor()
    for path in [
        "/",
        "/articles/",
        "/fr/",
        "/fr/articles/",
        "/sitemap.xml",
        "/articles/feed/",
        "/articles/tale-0/",
    ]:
        assert settled(visitor, path).text == visitor.get(path, headers=PAST_THE_CACHE).text, path


def settled(visitor: Visitor, path: str) -> Answer:
    """The page from the cache."""
    for _ in range(30):
        answer = visitor.get(path)
        if answer.headers["Cache-Status"] == "cacheadmin; hit":
            return answer
    raise AssertionError(f"{path} is never kept")


def test_both_workers_answer_from_the_cache(site: Site) -> None:
    visitor = site.visitor()
    first = settled(visitor, "/articles/")
    tag = first.headers["ETag"]
    for _ in range(20):
        again = visitor.get("/articles/", headers={"If-None-Match": tag})
        assert (again.status, again.body) == (304, b"")
        assert again.headers["Cache-Status"] in ("cacheadmin; hit", "cacheadmin; fwd=miss")


def test_members_past_and_present_get_pages_of_their_own(site: Site) -> None:
    visitor = site.visitor()
    settled(visitor, "/articles/")
    for cookies in ("sessionid=1", "member=1", "django_language=fr", "a=b; sessionid=1"):
        answer = visitor.get("/articles/", headers={"Cookie": cookies})
        assert answer.headers["Cache-Status"] == "cacheadmin; fwd=bypass"
    # The hint of somebody whose session is over is taken away.
    hinted = visitor.get("/articles/", headers={"Cookie": "member=1"})
    assert "member=" in hinted.headers["Set-Cookie"]
    assert "Set-Cookie" not in visitor.get("/articles/").headers


@pytest.mark.parametrize(
    ("path", "headers"),
    [
        ("/articles/", {"X-Forwarded-Host": "evil.example"}),
        ("/articles/", {"X-Forwarded-Proto": "ftp"}),
        ("/articles/", {"X-Original-URL": "/evil.example"}),
        ("/articles/", {"Accept-Language": "fr"}),
        ("/articles/", {"Accept": "application/json"}),
        ("/articles/?utm_source=evil.example", {}),
        ("/articles/?x=evil.example", {}),
        ("/articles/..%2farticles/", {}),
        ("//evil.example/articles/", {}),
        ("/articles/%2e%2e/", {}),
    ],
)
def test_what_a_stranger_sends_changes_no_page_of_others(
    site: Site, path: str, headers: dict[str, str]
) -> None:
    visitor = site.visitor()
    site.manage("cache", "clear", "--group", "pages")
    # As many as meet both workers, most likely.
    for _ in range(6):
        visitor.get(path, headers=headers)
    kept = settled(visitor, "/articles/")
    assert "evil.example" not in kept.text
    assert kept.text == visitor.get("/articles/", headers=PAST_THE_CACHE).text


def test_a_host_that_nobody_allowed_plants_nothing(site: Site) -> None:
    for host in ("evil.example", f"127.0.0.1:{site.port}@evil.example", "127.0.0.1.evil.example"):
        connection = http.client.HTTPConnection("127.0.0.1", site.port, timeout=30)
        connection.request("GET", "/articles/", headers={"Host": host})
        assert connection.getresponse().status == 400
        connection.close()
    assert "evil.example" not in settled(site.visitor(), "/articles/").text
