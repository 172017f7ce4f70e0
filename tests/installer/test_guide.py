"""The guide to Redis: whole in both languages, and shown where the setup asks for it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from django.conf import settings
from django.utils import translation

from cacheadmin.remedies import _REMEDIES
from cacheadmin.verdicts import Verdict
from tests.installer.wizard import Walker

NOT_OF_REDIS = {
    *(Verdict.UNKNOWN, Verdict.FOUND, Verdict.CHOSEN, Verdict.LAST_RESORT),
    *(Verdict.NOT_WRITABLE, Verdict.DISK_FULL, Verdict.UNSAFE_DIRECTORY, Verdict.NO_DIRECTORY),
}


def guide(language: str) -> str:
    return (settings.BASE_DIR / "docs" / f"redis-guide.{language}.md").read_text()


@pytest.mark.parametrize("language", ["en", "fr"])
def test_every_message_of_the_connection_test_has_its_cause_and_its_cure(language: str) -> None:
    rows = {
        cells[0]: cells[1:]
        for cells in re.findall(r"^\| (.+?) \| (.+?) \| (.+?) \|$", guide(language), re.MULTILINE)
    }
    with translation.override(language):
        for verdict in set(Verdict) - NOT_OF_REDIS:
            assert all(rows[str(verdict.label)]), verdict
    assert _REMEDIES.keys() <= set(Verdict) - NOT_OF_REDIS


def test_both_languages_have_the_same_parts() -> None:
    parts = [
        [line.split()[0] for line in guide(language).splitlines() if line.startswith(("#", "|", "```"))]
        for language in ("en", "fr")
    ]
    assert parts[0] == parts[1]


@pytest.mark.django_db
def test_it_is_a_page_of_the_setup_in_the_language_of_the_owner(not_installed: Path) -> None:
    walker = Walker()
    walker.walk(until="requirements")
    page = walker.page("redis-guide")
    assert page.count("<h1") == 1
    assert "<h2>On shared hosting: cPanel, LiteSpeed, CloudLinux</h2>" in page
    assert "<td>it is no Cluster</td>" in page
    response = walker.client.get("/install/redis-guide/?language=fr")
    assert response["Location"] == "/install/redis-guide/"
    assert "<h1>Guide Redis</h1>" in walker.page("redis-guide")


@pytest.mark.django_db
def test_the_step_that_finds_no_redis_leads_to_it(
    not_installed: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("installer.redis_found.usual_places", list)
    walker = Walker()
    walker.walk(until="requirements")
    page = walker.page("requirements")
    assert "NOT DETECTED" in page
    assert 'href="/install/redis-guide/"' in page
    assert "//redis.io" not in page
