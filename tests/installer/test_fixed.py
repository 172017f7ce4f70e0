"""What the environment decides is shown with its name, and not asked."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from django.conf import settings as loaded
from pytest_django import Settings

from installer import answers, fixed
from installer.setup_plan import plan_of
from tests.installer.wizard import GOOD, Walker
from tests.servers.redis import RedisServer

pytestmark = pytest.mark.django_db

SECRET = "nobody-reads-this"
Say = Callable[..., None]


@pytest.fixture
def say(not_installed: Path, settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Say:
    """Set variables of the environment, as a server has them that was started with them."""

    def set_variables(*, in_file: bool = False, **values: str) -> None:
        lists = {"ALLOWED_HOSTS", "CSRF_TRUSTED_ORIGINS"}
        changes = {
            name.lower(): value.split(",") if name in lists else value for name, value in values.items()
        }
        settings.CONFIGURATION = loaded.CONFIGURATION.model_copy(update=changes)
        for name, value in {} if in_file else values.items():
            monkeypatch.setenv(name, value)

    return set_variables


def test_the_address_of_the_site_is_shown_and_cannot_be_typed(say: Say) -> None:
    say(SITE_URL="https://fixed.example.org")
    walker = Walker()
    walker.walk(until="site")
    page = walker.page("site")
    assert "https://fixed.example.org" in page
    assert "The variable SITE_URL of the environment says so" in page
    assert 'name="site_url"' not in page
    assert walker.answer("site", site_url="https://other.example.org").status_code == 302
    assert plan_of(answers.load()).site_url == "https://fixed.example.org"
    # Whoever comes back finds it as it is, and the step done.
    assert walker.send("site", back="1", **GOOD["site"]).status_code == 302
    assert "https://fixed.example.org" in walker.page("site")


def test_the_names_of_the_site_are_shown_and_who_came_by_another_one_is_warned(say: Say) -> None:
    say(ALLOWED_HOSTS="a.example.org,b.example.org", CSRF_TRUSTED_ORIGINS="https://a.example.org")
    walker = Walker()
    walker.walk(until="site")
    page = walker.page("site")
    for words in ("a.example.org, b.example.org", "ALLOWED_HOSTS", "CSRF_TRUSTED_ORIGINS"):
        assert words in page
    assert 'name="answers_here"' not in page
    assert "add it to ALLOWED_HOSTS" in page
    say(ALLOWED_HOSTS="testserver")
    assert "add it to ALLOWED_HOSTS" not in walker.page("site")


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        (f"postgres://me:{SECRET}@127.0.0.1:1/house?passfile={SECRET}", "postgres://me:…@127.0.0.1:1/house"),
        ("sqlite:////nowhere/at/all.sqlite3", "sqlite:////nowhere/at/all.sqlite3"),
    ],
)
@pytest.mark.parametrize("in_file", [True, False])
def test_the_database_is_shown_without_its_password_and_tested(
    say: Say, url: str, shown: str, in_file: bool
) -> None:
    say(DATABASE_URL=url, in_file=in_file)
    walker = Walker()
    walker.walk(until="database")
    page = walker.page("database")
    assert shown in page
    assert ("The line “database_url” of" if in_file else "The variable DATABASE_URL of") in page
    assert 'type="radio"' not in page
    refused = walker.answer("database").content.decode()
    assert "Nothing listens at the address" in refused or "There is no directory" in refused
    assert SECRET not in page + refused


def test_redis_is_shown_without_its_password_tested_and_what_the_site_runs_on(
    say: Say, redis_server: RedisServer
) -> None:
    address = redis_server.url()
    say(REDIS_URL=address)
    walker = Walker()
    walker.walk(until="cache")
    page = walker.page("cache")
    assert f"redis://127.0.0.1:{redis_server.port}" in page
    assert "The variable REDIS_URL of the environment says so" in page
    assert 'name="host"' not in page
    assert 'data-engine="redis"' in walker.send("cache", to="test-redis", engine="redis").content.decode()
    assert walker.answer("cache", engine="redis").status_code == 302
    plan = plan_of(answers.load())
    assert (plan.cache, plan.redis_url) == ("redis", "")
    assert str(redis_server.port) in walker.page("summary")
    say(REDIS_URL=f"redis://me:{SECRET}@127.0.0.1:1/0")
    page = walker.page("cache") + walker.send("cache", to="test-redis", engine="redis").content.decode()
    assert "redis://me@127.0.0.1:1/0" in page
    assert SECRET not in page + walker.page("summary")


def test_what_nobody_decides_is_asked(not_installed: Path) -> None:
    walker = Walker()
    walker.walk()
    assert "wins over what could be entered" not in "".join(walker.page(slug) for slug in GOOD)
    assert fixed.fixed("SITE_URL", "") is None
