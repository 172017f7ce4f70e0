"""What a strict content security policy asks of templates, before a browser has to complain."""

from __future__ import annotations

import re

import pytest

from tests.project.files import short, written

pytestmark = pytest.mark.project

COMMENT = re.compile(r"\{#.*?#\}|\{% comment.*?endcomment %\}|<!--.*?-->", re.DOTALL)
FORBIDDEN = {
    "a script in the page": re.compile(
        r"<script\b(?![^>]*\bsrc=)(?![^>]*type=\"application/(?:ld\+)?json\")", re.IGNORECASE
    ),
    "a style sheet in the page": re.compile(r"<style\b", re.IGNORECASE),
    "a style attribute": re.compile(r"<[^>{]*\sstyle\s*=", re.IGNORECASE),
    "an event attribute": re.compile(r"<[^>{]*\son[a-z]+\s*=\s*[\"']", re.IGNORECASE),
    "a javascript: address": re.compile(r"(?:href|src|action)\s*=\s*[\"']\s*javascript:", re.IGNORECASE),
    "something from another host": re.compile(
        r"<(?:script|img|link|iframe|source|video|audio)\b[^>]*\b(?:src|href)\s*=\s*[\"'](?:https?:)?//",
        re.IGNORECASE,
    ),
}


@pytest.mark.parametrize("what", list(FORBIDDEN))
def test_no_template_holds(what: str) -> None:
    found = []
    for path in written(".html"):
        text = COMMENT.sub(lambda match: "\n" * match[0].count("\n"), path.read_text())
        lines = [text.count("\n", 0, match.start()) + 1 for match in FORBIDDEN[what].finditer(text)]
        found += [f"{short(path)}:{line}" for line in lines]
    assert not found


def test_a_form_that_posts_carries_the_token() -> None:
    posting = re.compile(r"<form\b[^>]*method=[\"']post[\"'][^>]*>(.*?)</form>", re.IGNORECASE | re.DOTALL)
    found = [
        short(path)
        for path in written(".html")
        for form in posting.findall(path.read_text())
        if "csrf_token" not in form
    ]
    assert not found


@pytest.mark.parametrize("what", list(FORBIDDEN))
def test_the_rules_would_notice(what: str) -> None:
    guilty = {
        "a script in the page": "<script>alert(1)</script>",
        "a style sheet in the page": "<style>p {}</style>",
        "a style attribute": '<p class="a" style="color: red">',
        "an event attribute": '<button onclick="go()">',
        "a javascript: address": '<a href="javascript:go()">',
        "something from another host": '<link rel="stylesheet" href="https://cdn.example.org/a.css">',
    }
    assert FORBIDDEN[what].search(guilty[what])
    assert not FORBIDDEN[what].search(
        '<script src="{% static "js/site.js" %}" defer></script><p class="style">'
    )
