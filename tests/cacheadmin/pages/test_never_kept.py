"""What is never kept, or never answered from the cache: one person's page for another, or a planted one."""

from __future__ import annotations

import pytest
from django.conf import settings as django_settings
from pytest_django import Settings

from tests.cacheadmin.pages.asking import HOST, Asker
from tests.cacheadmin.pages.conftest import FrontMaker
from tests.cacheadmin.pages.urls import made

PERSONAL = [
    *("cookie", "session", "csrf", "private", "no-store", "vary", "compressed"),
    *("missing", "elsewhere"),
]


@pytest.mark.parametrize("what", PERSONAL)
def test_what_is_somebodys_own_is_made_each_time(ask_either: Asker, what: str) -> None:
    answers = [ask_either(f"/personal/{what}/") for _ in range(3)]
    assert [answer.cache for answer in answers] == ["fwd=miss"] * 3
    assert made[what] == 3
    if answers[0].status == 200:
        assert len({answer.body for answer in answers}) == 3


@pytest.mark.parametrize("what", ["stream", "file"])
def test_a_stream_is_sent_as_it_comes(ask: Asker, what: str) -> None:
    assert [ask(f"/personal/{what}/").cache for _ in range(2)] == ["fwd=miss"] * 2
    assert made[what] == 2


def test_a_message_is_read_by_its_reader_alone(ask_either: Asker) -> None:
    answers = [ask_either("/personal/message/") for _ in range(2)]
    assert all(
        answer.cache == "fwd=miss" and "messages=" in answer.headers["set-cookie"] for answer in answers
    )


def test_an_error_is_kept_no_more_than_anything_else(settings: Settings, ask_either: Asker) -> None:
    settings.DEBUG_PROPAGATE_EXCEPTIONS = False
    for _ in range(2):
        answer = ask_either("/personal/broken/")
        assert (answer.status, answer.cache) == (500, "fwd=miss")


def test_what_nobody_called_public_is_made_each_time(ask_either: Asker) -> None:
    answers = [ask_either("/unmarked/") for _ in range(2)]
    assert [answer.cache for answer in answers] == ["fwd=miss"] * 2
    assert made["unmarked"] == 2
    # As Django's own middleware has it.
    assert answers[0].headers["content-encoding"] == "gzip"
    assert "cache-control" not in answers[0].headers


def test_a_secret_is_not_compressed(ask: Asker) -> None:
    assert "content-encoding" not in ask("/personal/csrf/").headers


@pytest.mark.parametrize(
    "headers",
    [
        {"Cookie": f"{django_settings.SESSION_COOKIE_NAME}=stolen"},
        {"Cookie": f"a=b; {django_settings.SESSION_COOKIE_NAME} =stolen"},
        {"Cookie": "django_language=fr"},
        {"Cookie": "messages=hello"},
        {"Cookie": "member=1"},
        {"Authorization": "Basic Z3Vlc3Q6Z3Vlc3Q="},
        {"Transfer_Encoding": "chunked"},
        {"Content_Length": "7"},
        {"If_Match": '"a"'},
    ],
)
def test_who_may_get_a_page_of_their_own_never_gets_the_common_one(
    ask_either: Asker, headers: dict[str, str]
) -> None:
    assert [ask_either("/things/a/", **headers).cache for _ in range(2)] == ["fwd=bypass"] * 2
    ask_either("/things/a/")
    assert ask_either("/things/a/").cache == "hit"
    assert ask_either("/things/a/", **headers).cache == "fwd=bypass"


def test_other_cookies_change_nothing(ask_either: Asker) -> None:
    ask_either("/things/a/")
    for cookies in ("theme=dark", "csrftoken=abc; my_sessionid=1", "a=sessionid=3"):
        assert ask_either("/things/a/", Cookie=cookies).cache == "hit"


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "OPTIONS", "PURGE"])
def test_methods_that_do_something_go_through(ask_either: Asker, method: str) -> None:
    ask_either("/things/a/")
    assert ask_either("/things/a/", method).cache == "fwd=bypass"


def test_static_files_are_not_looked_up(ask_either: Asker) -> None:
    assert ask_either("/static/a.css").cache == "fwd=bypass"


# --- Queries ---


def test_parameters_of_campaigns_find_the_page_and_never_make_it(ask_either: Asker) -> None:
    poisoned = ask_either("/things/a/", query="utm_source=evil")
    assert poisoned.cache == "fwd=miss"
    clean = ask_either("/things/a/")
    assert "evil" not in clean.text
    hit = ask_either("/things/a/", query="utm_source=evil&gclid=1")
    assert (hit.cache, hit.body) == ("hit", clean.body)


def test_the_order_of_parameters_makes_no_other_page(ask_either: Asker) -> None:
    ask_either("/things/a/", query="order=up&page=2")
    assert ask_either("/things/a/", query="page=2&order=up").cache == "hit"
    assert ask_either("/things/a/", query="order=up&page=3").cache == "fwd=miss"


@pytest.mark.parametrize("query", ["x=1", "page=1&x=2", "page=2&order=up", "x", "page%00=1", "a" * 3000])
def test_a_query_that_no_view_reads_keeps_nothing(ask_either: Asker, query: str) -> None:
    assert "hit" not in {ask_either("/things/a/", query=query).cache for _ in range(3)}


# --- Hosts and schemes ---


def test_a_page_of_one_host_is_not_that_of_another(ask_either: Asker) -> None:
    ask_either("/things/a/")
    other = ask_either("/things/a/", Host="other.example")
    assert other.cache == "fwd=miss"
    assert "http://other.example/" in other.text


@pytest.mark.parametrize(
    "host", ["evil.example", "evil.example:80", "pages.example@evil", "pages.example/x", ""]
)
def test_a_host_that_nobody_allowed_gets_nothing(ask_either: Asker, host: str) -> None:
    ask_either("/things/a/")
    for _ in range(2):
        answer = ask_either("/things/a/", Host=host)
        assert answer.status == 400
        assert answer.cache in ("fwd=miss", "fwd=bypass")


def test_a_host_in_capitals_is_no_second_page(ask_either: Asker) -> None:
    assert [ask_either("/things/a/", Host=HOST.upper()).cache for _ in range(2)] == ["fwd=bypass"] * 2


@pytest.mark.parametrize(
    "header",
    [
        "X_Forwarded_Host",
        "X_Forwarded_Proto",
        "X_Forwarded_Port",
        "X_Forwarded_Prefix",
        "X_Original_URL",
        "X_Host",
    ],
)
def test_a_header_that_is_not_in_the_key_changes_no_page(ask_either: Asker, header: str) -> None:
    planted = ask_either("/things/a/", **{header: "evil.example"})
    clean = ask_either("/things/a/")
    assert "evil" not in clean.text
    assert planted.text == clean.text


def test_a_forwarded_host_is_in_the_key_where_it_counts(settings: Settings, new_front: FrontMaker) -> None:
    settings.USE_X_FORWARDED_HOST = True
    ask = new_front()
    other = ask("/things/a/", X_Forwarded_Host="other.example")
    assert "http://other.example/" in other.text
    assert "http://pages.example/" in ask("/things/a/").text
    assert ask("/things/a/", X_Forwarded_Host="other.example").cache == "hit"
    assert ask("/things/a/", X_Forwarded_Host="evil.example").status == 400


def test_a_scheme_that_the_site_does_not_believe_makes_no_page(
    settings: Settings, new_front: FrontMaker
) -> None:
    settings.SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
    settings.MIDDLEWARE = ["core.proxies.TrustedProxyMiddleware", *settings.MIDDLEWARE]
    settings.CACHEADMIN = {"PAGES_TRUST": None}
    settings.TRUSTED_PROXIES = []
    ask = new_front()
    for _ in range(2):
        claimed = ask("/things/a/", X_Forwarded_Proto="https")
        assert claimed.cache == "fwd=miss"
        assert "http://pages" in claimed.text
    settings.TRUSTED_PROXIES = ["198.51.100.7"]
    believed = ask("/things/a/", X_Forwarded_Proto="https")
    assert (believed.cache, "https://pages" in believed.text) == ("fwd=miss", True)
    assert ask("/things/a/", X_Forwarded_Proto="https, http").cache == "hit"
    assert ask("/things/a/", X_Forwarded_Proto="http").cache == "fwd=miss"


def test_who_may_not_name_the_scheme_gets_the_page_of_plain_http(
    settings: Settings, new_front: FrontMaker
) -> None:
    settings.SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
    settings.MIDDLEWARE = ["core.proxies.TrustedProxyMiddleware", *settings.MIDDLEWARE]
    settings.CACHEADMIN = {"PAGES_TRUST": "core.client_ip.is_trusted_peer"}
    settings.TRUSTED_PROXIES = ["198.51.100.7"]
    behind = [new_front(), new_front("asgi")]
    assert [ask("/things/a/", X_Forwarded_Proto="https").cache for ask in behind] == ["fwd=miss", "hit"]
    # Whoever connects directly is no proxy, whatever they say.
    settings.TRUSTED_PROXIES = ["192.0.2.1"]
    first, second = (ask("/things/a/", X_Forwarded_Proto="https") for ask in behind)
    assert (first.cache, second.cache) == ("fwd=miss", "hit")
    assert "http://pages" in first.text
    assert second.text == first.text


# --- Paths ---


@pytest.mark.parametrize(
    "path",
    [
        "/personal/session/x.css",
        "/personal/session/..%2f..%2fthings%2fa/",
        "/things/a/..%2f",
        "/things/a;x.css/",
    ],
)
def test_a_trick_with_the_path_leads_to_no_page_of_somebody_else(ask_either: Asker, path: str) -> None:
    ask_either("/things/a/")
    page = ask_either("/things/a/")
    answer = ask_either(path)
    assert answer.body != page.body
    assert answer.status == 404 or answer.text.startswith("a;x.css 1 ")


def test_the_same_path_in_another_spelling_is_the_same_page(ask_either: Asker) -> None:
    first = ask_either("/things/%61/")
    assert ask_either("/things/a/").body == first.body


def test_a_path_in_any_letters_is_kept(ask_either: Asker) -> None:
    for path in ("/things/%C3%A9t%C3%A9/", "/things/" + "long" * 100 + "/"):
        assert [ask_either(path).cache for _ in range(2)] == ["fwd=miss", "hit"]
    # No text: Django answers it as it can, and there it ends.
    assert ask_either("/things/%ff%fe/").cache == "fwd=miss"
