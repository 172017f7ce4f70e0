"""The same stories on every engine, over HTTP, with two workers: what a reader and a member see."""

from __future__ import annotations

import re
import secrets
import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.combinations import Combination
from tests.servers.site import ADMIN, ADMIN_PASSWORD, Site
from tests.servers.visitor import Answer, Visitor

pytestmark = [pytest.mark.server, pytest.mark.slow]

# Requests enough to have met both workers: with 20 the chance to miss one is one in half a million.
BOTH_WORKERS = 20
# What the memory engine needs to hear of a change in another worker, in seconds.
MEMORY_DELAY = 2.5
# Visitors who ask for a page in the same moment.
CROWD = 12
CHANGE = """
from content.models import Article
Article.objects.published().in_language("{language}").first().save()
"""
# Seconds in which logins are counted.
WINDOW = 60


def test_the_site_runs_on_the_engine_it_was_told(combined_site: Site, combination: Combination) -> None:
    ready = combined_site.readiness()
    assert ready["status"] == "ok"
    assert ready["cache"]["engine"] == combination.engine
    assert ready["database"]["engine"] == ("sqlite" if combination.database == "sqlite" else "postgresql")


def test_pages_are_in_the_language_of_their_address(combined_site: Site, combination: Combination) -> None:
    other = "fr" if combination.language == "en" else "en"
    visitor = combined_site.visitor()
    for path, language in (("/", combination.language), (f"/{other}/", other)):
        answer = visitor.get(path)
        assert answer.status == 200
        assert answer.headers["Content-Language"] == language
        assert f'<html lang="{language}"' in answer.text
    assert visitor.get(f"/{combination.language}/articles/").status == 302


def test_a_member_stays_logged_in_through_both_workers_and_a_clear(combined_site: Site) -> None:
    member = combined_site.visitor()
    member.log_in(ADMIN, ADMIN_PASSWORD)
    assert all(member.is_logged_in() for _ in range(BOTH_WORKERS))
    combined_site.manage("cache", "clear")
    assert all(member.is_logged_in() for _ in range(BOTH_WORKERS))


def test_a_logout_counts_in_both_workers(combined_site: Site, combination: Combination) -> None:
    member = combined_site.visitor()
    member.log_in(ADMIN, ADMIN_PASSWORD)
    stolen = member.cookie("sessionid")
    member.post("/accounts/logout/", form="/dashboard/")
    wait_for_workers(combination)
    thief = combined_site.visitor()
    for _ in range(BOTH_WORKERS):
        answer = thief.get("/dashboard/", headers={"Cookie": f"sessionid={stolen}"})
        assert answer.status == 302


def test_a_restart_logs_nobody_out(combined_site: Site) -> None:
    member = combined_site.visitor()
    member.log_in(ADMIN, ADMIN_PASSWORD)
    combined_site.restart()
    assert member.is_logged_in()


def test_a_published_article_is_seen_by_everybody(combined_site: Site, combination: Combination) -> None:
    reader = combined_site.visitor()
    title = f"News {secrets.token_hex(4)}"
    for _ in range(BOTH_WORKERS):
        assert title not in reader.get("/articles/").text
    article = publish(combined_site, title, combination.language)
    wait_for_workers(combination)
    assert all(title in reader.get("/articles/").text for _ in range(BOTH_WORKERS))
    assert all(reader.get(article).status == 200 for _ in range(BOTH_WORKERS))


def test_a_changed_page_is_made_once_however_many_ask(combined_site: Site, combination: Combination) -> None:
    path = "/articles/"
    combined_site.visitor().get(path)
    combined_site.manage("shell", "-c", CHANGE.format(language=combination.language))
    wait_for_workers(combination)
    visitors = [combined_site.visitor() for _ in range(CROWD)]
    together = threading.Barrier(CROWD)

    def ask(visitor: Visitor) -> Answer:
        together.wait(30)
        return visitor.get(path)

    with ThreadPoolExecutor(CROWD) as crowd:
        answers = list(crowd.map(ask, visitors))
    how = Counter(answer.headers["Cache-Status"].removeprefix("cacheadmin; ") for answer in answers)
    assert {answer.status for answer in answers} == {200}
    assert len({answer.body for answer in answers}) == 1
    # Each worker has a memory of its own.
    most = 2 if combination.engine == "memory" else 1
    assert how.keys() == {"fwd=miss", "hit"}
    assert how["fwd=miss"] <= most


def test_a_changed_setting_is_seen_by_everybody(combined_site: Site, combination: Combination) -> None:
    owner, reader = combined_site.owner(), combined_site.visitor()
    name = f"House {secrets.token_hex(4)}"
    for _ in range(BOTH_WORKERS):
        reader.get("/")
    settings = {"name": name, "tagline": "", "language": combination.language, "time_zone": "UTC"}
    answer = owner.post("/admin/core/sitesettings/1/change/", {**settings, "registration_open": "on"})
    assert answer.status == 302, answer.text
    wait_for_workers(combination)
    assert all(name in reader.get("/").text for _ in range(BOTH_WORKERS))


def test_no_login_beyond_the_limit_gets_through(combined_site: Site, combination: Combination) -> None:
    statuses = login_attempts_within_one_window(combined_site, number=24)
    if combination.engine == "memory":
        # Each worker counts for itself; a check of the cache says so.
        assert 10 <= statuses.count(200) <= 20
    else:
        assert statuses == [200] * 10 + [429] * 14


def login_attempts_within_one_window(site: Site, *, number: int) -> list[int]:
    """What a stranger is answered who tries to log in; 429 must say when to come back."""
    for _ in range(4):
        begun, stranger = time.time(), site.visitor()
        statuses: list[int] = []
        wait = 0
        # The last answer tells when its window ends, and with it when that began.
        while len(statuses) < number or statuses[-1] != 429:
            guess = {"username": f"nobody{len(statuses)}", "password": "wrong"}
            answer = stranger.post("/accounts/login/", guess)
            statuses.append(answer.status)
            if answer.status == 429:
                wait = int(answer.headers["Retry-After"])
                assert 0 < wait <= WINDOW
        # The count begins anew with each window. Where one began among the attempts, try with somebody else.
        if time.time() + wait - WINDOW < begun - 1:
            return statuses[:number]
    raise AssertionError("Every attempt met the beginning of a window")


def publish(site: Site, title: str, language: str) -> str:
    """Write an article in the administration; its path."""
    owner = site.owner()
    slug = title.lower().replace(" ", "-")
    fields = {
        "title": title,
        "slug": slug,
        "language": language,
        "summary": "",
        "body": "Something happened.",
        "author": owner_id(owner),
        "status": "published",
        "published_at_0": "",
        "published_at_1": "",
    }
    answer = owner.post("/admin/content/article/add/", fields)
    assert answer.status == 302, answer.text
    return f"/articles/{slug}/"


def owner_id(owner: Visitor) -> str:
    """The primary key of the administrator, as the form for a new article proposes it."""
    page = owner.get("/admin/content/article/add/").text
    chosen = re.search(r'name="author".*?<option value="(\d+)" selected', page, re.DOTALL)
    assert chosen, page
    return chosen[1]


def wait_for_workers(combination: Combination) -> None:
    """Redis and files are shared; memory hears of changes by and by."""
    if combination.engine == "memory":
        time.sleep(MEMORY_DELAY)
