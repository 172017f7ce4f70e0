from __future__ import annotations

from dataclasses import replace

import pytest

from installer.plan import Plan, administrator, faults

GOOD = Plan(
    site_name="The House",
    language="en",
    admin_username="owner",
    admin_email="owner@example.org",
    admin_password="correct horse battery",
)


def test_a_good_plan_has_no_faults() -> None:
    assert faults(GOOD) == {}


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("site_name", ""),
        ("site_name", "   "),
        ("site_name", "x" * 81),
        ("site_name", "two\nlines"),
        ("site_name", 'quote"\x00'),
        ("language", "de"),
        ("admin_username", ""),
        ("admin_username", "a b"),
        ("admin_username", "me@example.org"),
        ("admin_email", ""),
        ("admin_email", "nobody"),
        ("admin_password", ""),
        ("admin_password", "short"),
        ("admin_password", "1234567890123"),
        ("admin_password", "owner@example.org"),
        ("cache", "off"),
        ("cache", "memcached"),
        ("sample_content", -1),
        ("sample_content", 10**9),
        ("site_url", "www.example.org"),
        ("site_url", "https://www.example.org/blog"),
        ("site_url", "https://user:secret@www.example.org"),
        ("site_url", "ftp://www.example.org"),
        ("site_url", "javascript:alert(1)"),
        ("site_url", 'https://x"\nsecret_key = "y'),
    ],
)
def test_each_fault_is_told_of_its_own_field(field: str, value: object) -> None:
    found = faults(replace(GOOD, **{field: value}))  # type: ignore[arg-type]
    assert list(found) == [field]
    assert all(found[field])


def test_all_faults_are_told_at_once() -> None:
    found = faults(replace(GOOD, site_name="", admin_email="", admin_password="", cache="x"))
    assert set(found) == {"site_name", "admin_email", "admin_password", "cache"}


@pytest.mark.parametrize(
    "url", ["https://www.example.org", "https://example.org/", "http://127.0.0.1:8000", "http://attic:8080"]
)
def test_addresses_of_all_kinds_are_understood(url: str) -> None:
    assert faults(replace(GOOD, site_url=url)) == {}


def test_a_redis_that_does_not_answer_is_not_made_the_cache() -> None:
    found = faults(replace(GOOD, cache="redis", redis_url="redis://:secret@127.0.0.1:1/0"))
    (message,) = found["redis_url"]
    assert "nothing listens" in message
    assert "secret" not in message


def test_a_redis_that_answers_is_accepted(redis_url: str) -> None:
    assert faults(replace(GOOD, cache="redis", redis_url=redis_url)) == {}


def test_an_address_of_redis_makes_no_sense_for_files() -> None:
    assert list(faults(replace(GOOD, cache="file", redis_url="redis://localhost"))) == ["redis_url"]


def test_no_plan_shows_its_secrets() -> None:
    plan = replace(GOOD, redis_url="redis://:hidden@localhost")
    assert "hidden" not in repr(plan)
    assert "correct horse" not in repr(plan)


def test_the_administrator_may_do_everything_and_has_no_password_yet() -> None:
    user = administrator(replace(GOOD, admin_email="Owner@EXAMPLE.org"))
    assert (user.is_staff, user.is_superuser, user.is_active) == (True, True, True)
    assert user.email == "Owner@example.org"
    assert user.password == ""
