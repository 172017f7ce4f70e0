"""Each rule of the advice on facts that call for it, and on facts that do not."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from django.utils import translation

from cacheadmin.facts import DiskFacts, Facts, GroupFacts, RedisFacts
from cacheadmin.rules import BY_ID, ERROR, INFO, RULES, WARNING, advise_on
from tests.project.files import CHECKOUT

HERE = Path("/srv/site/cache")
MB = 1 << 20


def redis(**facts: Any) -> Facts:
    return Facts("default", "redis", redis=RedisFacts("redis://h:6379/0", **facts))


def disk(**facts: Any) -> Facts:
    return Facts("default", "file", disk=DiskFacts(HERE, **facts))


def group(**facts: Any) -> Facts:
    numbers = {"hits": 0, "misses": 0, "writes": 0, **facts}
    return Facts("default", "file", groups=(GroupFacts("shop", **numbers),))


# By the number of the rule: facts that call for it, and facts that do not.
FIRES: list[tuple[int, Facts]] = [
    (2, disk(unsafe="/srv/site (by way of /srv)")),
    (3, Facts("default", "memory", workers=4)),
    (3, Facts("default", "memory")),
    (5, Facts("default", "file", is_taken=True)),
    (6, disk(served="/srv/site")),
    (7, disk(free=50 * MB, total=1000 * MB)),
    (7, disk(free=4000 * MB, total=100_000 * MB)),
    (8, Facts("default", "file", machines=("one", "two"))),
    (8, Facts("default", "memory", workers=1, machines=("one", "two"))),
    (10, redis(policy="noeviction", limit=MB)),
    (11, redis(limit=0, used=MB)),
    (11, redis(limit=0)),
    (12, redis(evicted=20, evicted_before=(5, 600))),
    (13, group(hits=150, misses=850)),
    (14, group(hits=900, misses=1000, writes=1000, ttl=10)),
    (15, redis(large=(("shop:1", 2 * MB),))),
    (15, disk(large=(("/a", 2 * MB), ("/b", 3 * MB)))),
    (16, Facts("limits", "memory", workers=2, keeps=("ratelimit",))),
    (16, Facts("limits", "memory", workers=1, machines=("one", "two"), keeps=("ratelimit",))),
    (16, Facts("limits", "off", workers=1, keeps=("ratelimit",))),
    (16, Facts("sessions", "memory", workers=1, keeps=("sessions",))),
    (17, redis(is_open=True)),
    (18, Facts("default", "file", statistics_problem="OperationalError")),
]
DOES_NOT: list[tuple[int, Facts]] = [
    (2, disk()),
    (3, Facts("default", "memory", workers=1)),
    (3, Facts("default", "file", workers=4)),
    (5, Facts("default", "file")),
    (6, disk()),
    (7, disk(free=500 * MB, total=1000 * MB)),
    (7, disk(free=40_000 * MB, total=1_000_000 * MB)),
    (7, disk()),
    (8, Facts("default", "file", machines=("one",))),
    (8, Facts("default", "redis", machines=("one", "two"))),
    (10, redis(policy="allkeys-lru", limit=MB)),
    # Without a limit it is never full; W011 says that.
    (10, redis(policy="noeviction", limit=0)),
    (10, redis()),
    (11, redis(limit=MB)),
    (11, redis()),
    (12, redis(evicted=5, evicted_before=(5, 600))),
    (12, redis(evicted=5)),
    (12, redis()),
    (13, group(hits=250, misses=750)),
    (13, group(hits=1, misses=900)),
    (13, group(misses=5000, protected=True)),
    (14, group(hits=900, misses=1000, writes=1000, ttl=61)),
    (14, group(hits=900, misses=1000, writes=800, ttl=10)),
    (14, group(hits=900, misses=1000, writes=1000)),
    (14, group(hits=1, misses=9, writes=9, ttl=10)),
    (15, redis()),
    (15, disk()),
    (16, Facts("limits", "memory", workers=1, keeps=("ratelimit",))),
    (16, Facts("limits", "redis", keeps=("ratelimit", "sessions"))),
    (16, Facts("default", "off")),
    (17, redis()),
    (18, Facts("default", "file")),
]


def advised(number: int, facts: Facts) -> bool:
    name = f"cacheadmin.W{number:03}"
    return name in [advice.id for advice in advise_on(facts)]


@pytest.mark.parametrize(("number", "facts"), FIRES)
def test_it_is_said_where_it_has_to_be(number: int, facts: Facts) -> None:
    assert advised(number, facts)


@pytest.mark.parametrize(("number", "facts"), DOES_NOT)
def test_it_is_not_said_where_there_is_no_reason(number: int, facts: Facts) -> None:
    assert not advised(number, facts)


def test_each_rule_is_tried_both_ways() -> None:
    numbers = {int(rule.id[-3:]) for rule in RULES}
    assert {number for number, _ in FIRES} == numbers
    assert {number for number, _ in DOES_NOT} == numbers
    assert len(BY_ID) == len(RULES)


@pytest.mark.parametrize(("number", "facts"), FIRES)
def test_each_speaks_both_languages(number: int, facts: Facts) -> None:
    rule = BY_ID[f"cacheadmin.W{number:03}"]
    said = {}
    for language in ("en", "fr"):
        with translation.override(language):
            found = rule.apply(facts)
            assert found is not None
            said[language] = found
    assert said["en"].title != said["fr"].title
    assert said["en"].action != said["fr"].action
    assert said["en"].evidence
    if number not in (2, 18):
        assert said["en"].evidence != said["fr"].evidence
    assert "%(" not in "".join(said["fr"].as_json().values())


def test_the_most_severe_comes_first() -> None:
    facts = Facts(
        "default",
        "file",
        disk=DiskFacts(HERE, served="/srv", free=1, total=MB),
        groups=(GroupFacts("shop", 0, 5000, 0),),
    )
    assert [advice.severity for advice in advise_on(facts)] == [ERROR, WARNING, INFO]


@pytest.mark.parametrize("has_foreign", [True, None])
def test_no_policy_that_may_evict_a_strangers_queue_is_advised(has_foreign: bool | None) -> None:
    facts = redis(policy="noeviction", limit=MB, has_foreign=has_foreign)
    (found,) = advise_on(facts)
    assert "a Redis of its own" in found.action
    assert "maxmemory-policy to allkeys" not in found.action
    (found,) = advise_on(redis(limit=0, has_foreign=has_foreign))
    assert "a Redis of its own" in found.action


def test_a_redis_of_ours_alone_may_evict_whatever_was_used_longest_ago() -> None:
    (found,) = advise_on(redis(policy="noeviction", limit=MB, has_foreign=False))
    assert "allkeys-lru" in found.action
    assert "of its own" not in found.action


def test_the_documents_have_a_line_on_each() -> None:
    page = (CHECKOUT / "docs/checks.md").read_text()
    facts = dict(FIRES)
    for rule in RULES:
        found = rule.apply(facts[int(rule.id[-3:])])
        assert found is not None
        document, _, anchor = found.anchor.partition("#")
        assert document == "docs/checks.md"
        assert f'<a id="{anchor}"></a>`{rule.id}`' in page
