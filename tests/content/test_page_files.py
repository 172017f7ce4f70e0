"""The site's pages as files: the web server's rules add to them what the site itself sends."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.test import Client

from cacheadmin import conf
from cacheadmin.pagecache.asked import Asked
from cacheadmin.pagecache.page import make
from cacheadmin.pagecache.places import place_of
from tests.servers.web import DEPLOY

NGINX = re.compile(r"^\s+add_header (\S+) (.+);$", re.MULTILINE)
APACHE = re.compile(r"^Header set (\S+) (.+) env=REDIRECT_PAGES_FOUND$", re.MULTILINE)


@pytest.mark.django_db
@pytest.mark.parametrize("path", ["/", "/articles/", "/fr/", "/fr/articles/"])
def test_pages_of_the_site_may_be_files(path: str, settings: Any) -> None:
    settings.ALLOWED_HOSTS = ["www.example.org"]
    answer = Client(headers={"host": "www.example.org"}).get(path)
    assert answer.status_code == 200
    page = make(answer.items(), answer.content, 0, "")
    asked = Asked("https", "www.example.org", path, "", True, False, "gzip", "", "")
    assert place_of(asked, page) == f"https/www.example.org{path}index.html"


@pytest.mark.parametrize(
    ("name", "rule"), [("nginx.conf", NGINX), ("apache.htaccess", APACHE)], ids=["nginx", "apache"]
)
def test_the_rules_add_what_the_settings_say(name: str, rule: re.Pattern[str]) -> None:
    text = Path(DEPLOY / name).read_text()
    # In nginx, only those of the place that files are found in.
    text = text[text.index("location / {") : text.index("location @site {")] if "nginx" in name else text
    added = {header: value.strip('"') for header, value in rule.findall(text)}
    usual = conf.get("PAGES_DIRECTORY_HEADERS")
    assert usual
    assert {header: added.get(header) for header in usual} == usual


@pytest.mark.parametrize("name", ["nginx.conf", "apache.htaccess"])
def test_the_rules_know_whose_pages_are_their_own(name: str) -> None:
    cookies = {
        settings.SESSION_COOKIE_NAME,
        settings.LANGUAGE_COOKIE_NAME,
        "messages",
        *conf.get("PAGES_COOKIES"),
    }
    named = re.findall(r"\(\^\|;\)\\s\*\(([\w|]+)\)\\s\*=", Path(DEPLOY / name).read_text())
    assert named
    assert all(set(one.split("|")) == cookies for one in named)
