"""Whose a key is: the groups that apps declare, and what they claim."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.core import checks
from django.core.cache.utils import make_template_fragment_key
from django.http import HttpRequest, HttpResponse
from django.test import RequestFactory
from django.views.decorators.cache import cache_page

from cacheadmin import clear_group, groups
from cacheadmin.backend import AdaptiveCache
from cacheadmin.checks import check_groups
from cacheadmin.groups import Group

CacheMaker = Callable[..., AdaptiveCache]


@pytest.mark.parametrize(
    ("key", "group"),
    [
        ("content:list:1", "content"),
        ("users:7", "users"),
        ("content", "other"),
        ("content-list:1", "other"),
        ("unheard of:1", "other"),
        (":content", "other"),
        ("", "other"),
        ("sessions:abc", "sessions"),
        ("django.contrib.sessions.cacheabc", "sessions"),
        ("django.contrib.sessions.cached_dbabc", "sessions"),
        ("template.cache.sidebar.5d41402abc4b2a76b9719d911017c592", "templates"),
        ("template.cache.a:b.5d41402abc4b2a76b9719d911017c592", "templates"),
        ("views.decorators.cache.cache_page..GET.900150983.098f6bcd.en-us.UTC", "views"),
        ("views.decorators.cache.cache_header.my:prefix.098f6bcd.en-us.UTC", "views"),
        ("templates:1", "templates"),
        ("template.cache", "other"),
    ],
)
def test_the_part_before_the_first_colon_names_the_group(key: str, group: str) -> None:
    assert groups.of_key(key) == group


def test_an_alias_may_have_one_group_for_all_keys(new_cache: CacheMaker) -> None:
    cache = new_cache("memory", GROUP="sessions")
    assert cache.group_of("content:1") == "sessions"
    cache.set("content:1", 1)
    cache.clear_groups(["content"])
    assert cache.get("content:1") == 1
    cache.clear_groups(["sessions"])
    assert cache.get("content:1") is None


def test_the_apps_of_the_site_declare_their_groups() -> None:
    lifetimes = {group.name: group.ttl for group in groups.every()}
    assert lifetimes.items() >= {"settings": 600, "users": 300, "content": 120, "sessions": 3600}.items()
    assert {group.name for group in groups.every() if group.protected} == {"sessions", "ratelimit"}


def test_what_django_itself_caches_has_its_groups(new_cache: CacheMaker) -> None:
    cache = new_cache("memory")
    cache.set(make_template_fragment_key("sidebar", ["ann"]), "<nav>")
    request = RequestFactory().get("/page/")
    numbers = itertools.count()

    def count(request: HttpRequest) -> HttpResponse:
        return HttpResponse(str(next(numbers)))

    view = cache_page(60)(count)
    assert [view(request).content for _ in range(2)] == [b"0", b"0"]
    clear_group("views")
    assert view(request).content == b"1"
    assert cache.get(make_template_fragment_key("sidebar", ["ann"])) == "<nav>"
    clear_group("templates")
    assert cache.get(make_template_fragment_key("sidebar", ["ann"])) is None
    assert view(request).content == b"1"


@pytest.mark.parametrize("name", ["", "a:b", "two words", "tab\t", "x" * 101])
def test_a_group_needs_a_name_without_a_colon(name: str) -> None:
    with pytest.raises(ValueError, match="without a colon"):
        Group(name)


@pytest.mark.parametrize("ttl", [0, -5, True, float("nan")])
def test_a_group_needs_a_lifetime_above_nothing(ttl: Any) -> None:
    with pytest.raises(ValueError, match="'content' needs a ttl above 0 seconds"):
        Group("content", ttl=ttl)


@pytest.mark.parametrize("prefixes", [("",), "template.", ["a."]])
def test_prefixes_are_a_tuple_of_texts(prefixes: Any) -> None:
    with pytest.raises(ValueError, match="tuple of texts"):
        Group("content", prefixes=prefixes)


@pytest.fixture
def registry(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """What this test declares goes with it."""
    with monkeypatch.context() as changed:
        changed.setattr(groups, "_registry", dict(groups._registry))
        changed.setattr(groups, "_declared_by", dict(groups._declared_by))
        yield
    groups._claim()


@pytest.mark.usefixtures("registry")
def test_a_group_may_claim_what_keys_begin_with_and_the_longest_claim_counts() -> None:
    groups.register(Group("shop", prefixes=("shop.", "django.", "template.cache.shop.")))
    groups.register(Group("carts", prefixes=("shop.cart.",)))
    assert groups.of_key("shop.price.1") == "shop"
    assert groups.of_key("shop.cart.1") == "carts"
    assert groups.of_key("shop:1") == "shop"
    assert groups.of_key("content:shop.1") == "content"
    assert groups.of_key("django.contrib.sessions.cacheabc") == "sessions"
    assert groups.of_key("django.other") == "shop"


@pytest.mark.usefixtures("registry")
def test_nobody_takes_the_sessions_away_from_their_group() -> None:
    with pytest.raises(ValueError, match="belong to the group 'sessions'"):
        groups.register(Group("shop", prefixes=("django.contrib.sessions.cache",)))
    groups.register(Group("sessions", label="Visits", ttl=100, prefixes=("visits.",)))
    found = groups.get("sessions")
    assert found == Group(
        "sessions",
        label="Visits",
        ttl=100,
        protected=True,
        prefixes=("django.contrib.sessions.", "visits."),
    )
    assert groups.of_key("visits.1") == "sessions"


@pytest.mark.usefixtures("registry")
def test_a_name_or_prefix_that_two_apps_declare_is_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    assert check_groups() == []
    declared = [Group("content", ttl=5), Group("shop", prefixes=("shop.", "shop."))]
    monkeypatch.setattr("users.cache_groups.groups", declared)
    groups.autodiscover()
    assert check_groups() == [
        checks.Warning(
            "The cache group or prefix 'content' is declared 2 times, in users, content.",
            hint="The last declaration counts. Rename one of them, or take it out of its cache_groups.py.",
            id="cacheadmin.W009",
        ),
        checks.Warning(
            "The cache group or prefix 'shop.' is declared 2 times, in users, users.",
            hint="The last declaration counts. Rename one of them, or take it out of its cache_groups.py.",
            id="cacheadmin.W009",
        ),
    ]
