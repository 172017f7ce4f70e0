"""Pages as files: which ones, until when, and that nothing old is ever found."""

from __future__ import annotations

import gzip
import os
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import pytest
from django.core.cache import caches
from pytest_django import Settings

from cacheadmin import clear_group, pagecache
from cacheadmin.backend import AdaptiveCache
from cacheadmin.clear import clear
from cacheadmin.pagecache import files
from cacheadmin.pagecache.direct import Direct
from cacheadmin.pagecache.doors import Doors
from cacheadmin.pagecache.index import Index, opened
from tests.cacheadmin.pages.asking import HOST, Asker
from tests.cacheadmin.pages.conftest import FrontMaker
from tests.cacheadmin.pages.urls import meanwhile
from tests.servers.redis import RedisServer

A = f"http/{HOST}/things/a/index.html"


@pytest.fixture
def directory(
    request: pytest.FixtureRequest, settings: Settings, tmp_path: Path, new_cache: Callable[..., object]
) -> Path:
    """The directory of the files; the setting is on, and the cache is one that no other test has used."""
    if "engine" not in request.fixturenames:
        new_cache("memory")
    settings.CACHEADMIN = {"PAGES_DIRECTORY": str(tmp_path / "direct")}
    return tmp_path / "direct"


@pytest.fixture
def site(directory: Path, new_front: FrontMaker) -> Asker:
    """Ask a front of this site."""
    return new_front()


def found(directory: Path) -> set[str]:
    """What a web server finds now, through each of the doors that are open."""
    moments = Doors(directory / "now", "").names(time.time())
    seen = [
        {str(path.relative_to(door)) for path in door.rglob("*") if path.is_file()}
        for door in (directory / "now" / name for name in moments)
        if door.exists()
    ]
    assert all(one == seen[0] for one in seen)
    return seen[0] if seen else set()


def current() -> Direct:
    """The files of this site."""
    made = files.of_pages()
    assert made is not None
    return made


# --- Writing ---


def test_a_page_that_is_kept_is_a_file_too(engine: str, site: Asker, directory: Path) -> None:
    page = site("/things/a/")
    files.sweep()
    assert found(directory) == {A, f"{A}.gz"}
    assert (directory / "pages" / A).read_text() == page.text
    assert (directory / "pages" / f"{A}.gz").read_bytes() == page.body
    assert current().contents() == (1, len(page.text.encode()) + len(page.body))
    assert not list((directory / "aside").iterdir())


def test_without_the_setting_there_are_none(ask: Asker, tmp_path: Path) -> None:
    ask("/things/a/")
    files.sweep()
    assert files.of_pages() is None
    assert not (tmp_path / "direct").exists()


def test_the_time_of_a_file_is_made_of_what_is_in_it(site: Asker, directory: Path) -> None:
    site("/things/a/")
    first = os.stat(directory / "pages" / A)
    pagecache.forget("thing:a")
    site("/things/a/")
    second = os.stat(directory / "pages" / A)
    assert (first.st_size, second.st_size) == (first.st_size, first.st_size)
    assert first.st_mtime != second.st_mtime < time.time() - 86400
    assert {oct(one.st_mode)[-3:] for one in (first, second)} == {"644"}


def test_a_page_that_is_not_compressed_has_no_compressed_file(site: Asker, directory: Path) -> None:
    old = directory / "pages" / f"http/{HOST}/tiny/index.html.gz"
    old.parent.mkdir(parents=True)
    old.write_bytes(b"older")
    site("/tiny/")
    files.sweep()
    assert found(directory) == {f"http/{HOST}/tiny/index.html"}


@pytest.mark.parametrize(
    ("path", "more"),
    [
        ("/things/a/", {"query": "page=2"}),
        ("/things/a/", {"Cookie": "sessionid=x"}),
        ("/things/a/", {"Host": f"{HOST}:8080"}),
        ("/things/a/", {"Host": "stranger.example"}),
        ("/things/a/", {"method": "HEAD"}),
        ("/personal/cookie/", {}),
        ("/personal/session/", {}),
        ("/personal/private/", {}),
        ("/personal/vary/", {}),
        ("/personal/missing/", {}),
        ("/unmarked/", {}),
        ("/things/index.html/", {}),
        ("/things/%2e%2e/", {}),
        ("/things/..%5c/", {}),
        ("/things/a%00b/", {}),
        ("/things/a%0ab/", {}),
        ("/things/%252e%252e/", {}),
        ("/things/.htaccess/", {}),
        ("/things/a b/", {}),
        ("/things/%ff/", {}),
        (f"/things/{'é' * 101}/", {}),
    ],
)
def test_what_is_not_kept_or_has_no_plain_address_is_no_file(
    site: Asker, directory: Path, path: str, more: dict[str, Any]
) -> None:
    site(path, **more)
    assert not list(directory.rglob("*.html*"))


def test_letters_of_any_alphabet_have_one(site: Asker, directory: Path) -> None:
    site("/things/été/")
    assert (directory / "pages" / "http" / HOST / "things" / "été" / "index.html").exists()


# --- Removing ---


@pytest.mark.parametrize(
    "change",
    [
        lambda: pagecache.forget("thing:a"),
        lambda: pagecache.forget("list:all"),
        pagecache.forget_all,
        lambda: clear_group("pages"),
        clear,
        lambda: caches["default"].clear(),
    ],
)
def test_a_change_removes_its_files_at_once(
    engine: str, site: Asker, directory: Path, change: Callable[[], object]
) -> None:
    site("/things/a/")
    files.sweep()
    assert A in found(directory)
    change()
    assert found(directory) == set()
    site("/things/a/")
    assert found(directory) == {A, f"{A}.gz"}


def test_a_change_of_something_else_removes_none(site: Asker, directory: Path) -> None:
    for name in ("a", "b"):
        site(f"/things/{name}/")
    files.sweep()
    pagecache.forget("thing:b")
    clear_group("views")
    assert found(directory) == {A, f"{A}.gz"}
    assert not (directory / "pages" / "http" / HOST / "things" / "b").exists()


def test_a_page_from_before_a_change_is_never_a_file(engine: str, site: Asker, directory: Path) -> None:
    meanwhile["a"] = lambda: pagecache.forget("thing:a")
    site("/things/a/")
    assert not list(directory.rglob("*.html"))


def test_a_change_between_the_look_and_the_file_is_seen(
    site: Asker, directory: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    site("/things/b/")
    original = Index.note

    def note(self: Any, *args: Any) -> None:
        original(self, *args)
        words = current().space.selector.words
        words.advance(current()._marks._cell("pages"))

    monkeypatch.setattr(Index, "note", note)
    site("/things/a/")
    assert not (directory / "pages" / A).exists()


def test_a_switch_closes_all_doors_at_once(engine: str, site: Asker, directory: Path) -> None:
    site("/things/a/")
    files.sweep()
    assert found(directory)
    cast(AdaptiveCache, caches["default"]).space.selector.words.advance_all()
    assert found(directory) == set()
    files.sweep()
    assert found(directory) == set()
    assert not (directory / "pages" / A).exists()


def test_an_outage_shows_nothing_old(
    redis_server: RedisServer,
    new_cache: Callable[..., object],
    directory: Path,
    new_front: FrontMaker,
) -> None:
    new_cache("redis", location=redis_server.url())
    ask = new_front()
    ask("/things/a/")
    files.sweep()
    assert found(directory)
    redis_server.kill()
    ask("/things/b/")
    assert A not in found(directory)
    files.sweep()
    assert not (directory / "pages" / A).exists()


def test_where_nothing_is_kept_there_are_none(
    new_cache: Callable[..., object], directory: Path, new_front: FrontMaker
) -> None:
    new_cache("off")
    new_front()("/things/a/")
    assert not directory.exists()


def test_switching_the_cache_off_closes_the_doors(site: Asker, directory: Path) -> None:
    site("/things/a/")
    files.sweep()
    assert found(directory)
    selector = current().space.selector
    selector.plan = replace(selector.plan, choice="off")
    files.sweep()
    assert found(directory) == set()


def test_what_another_machine_has_changed_goes_with_the_sweep(
    redis_server: RedisServer, new_cache: Callable[..., AdaptiveCache], directory: Path, new_front: FrontMaker
) -> None:
    cache = new_cache("redis", location=redis_server.url())
    new_front()("/things/a/")
    files.sweep()
    assert found(directory)
    name = f"{cache.space.namespace}:generation:{pagecache.marks.name_of('thing:a')}"
    redis_server.client().set(name, time.time_ns())
    cache.space._synced = float("-inf")
    cache.space.sync()
    files.sweep()
    assert found(directory) == set()


def test_a_file_ends_with_its_page(site: Asker, directory: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    site("/ending/3/")
    site("/things/a/")
    now = time.time()
    files.sweep()
    assert len(found(directory)) == 4
    monkeypatch.setattr("cacheadmin.pagecache.direct.time.time", lambda: now + 3.1)
    files.sweep()
    assert found(directory) == {A, f"{A}.gz"}
    monkeypatch.setattr("cacheadmin.pagecache.direct.time.time", lambda: now + 121)
    files.sweep()
    assert current().contents() == (0, 0)


def test_without_a_sweep_nothing_is_found_after_a_moment(site: Asker, directory: Path) -> None:
    site("/things/a/")
    files.sweep()
    doors = Doors(directory / "now", "../pages")
    now = time.time()
    held = set(os.listdir(directory / "now"))
    assert set(doors.names(now)) <= held
    assert held.isdisjoint(doors.names(now + 20))
    doors.open(now + 60)
    assert set(os.listdir(directory / "now")).isdisjoint(held)
    current().close()
    assert os.listdir(directory / "now") == []


def test_the_names_of_the_doors_are_those_that_web_servers_make(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cacheadmin.pagecache.doors._ZONE", Path("/usr/share/zoneinfo/Asia/Kathmandu"))
    assert Doors(Path(), "").names(1_764_012_345.6) == ("176401234", "2025112501104")
    monkeypatch.setattr("cacheadmin.pagecache.doors._ZONE", Path("/nowhere"))
    assert Doors(Path(), "").names(1_764_012_345.6) == ("176401234", "2025112419254")


def test_another_release_has_files_of_its_own(directory: Path, new_front: FrontMaker) -> None:
    new_front(version="1")("/things/a/")
    files.sweep()
    assert found(directory)
    new_front(version="2")
    files.sweep()
    assert found(directory) == set()


def test_there_are_never_more_than_allowed(
    settings: Settings, directory: Path, tmp_path: Path, new_front: FrontMaker
) -> None:
    settings.CACHEADMIN = {"PAGES_DIRECTORY": str(tmp_path), "PAGES_DIRECTORY_ENTRIES": 2}
    ask = new_front()
    for name in ("a", "b", "c"):
        ask(f"/things/{name}/")
    assert len(list(tmp_path.rglob("*.html"))) == 2
    settings.CACHEADMIN = {"PAGES_DIRECTORY": str(tmp_path), "PAGES_DIRECTORY_BYTES": 100}
    new_front()("/things/d/")
    assert not list(tmp_path.rglob("*.html"))


# --- Trouble ---


def test_a_broken_index_closes_the_doors_and_is_begun_anew(
    site: Asker, directory: Path, caplog: pytest.LogCaptureFixture
) -> None:
    site("/things/a/")
    files.sweep()
    (directory / "index.sqlite3").write_bytes(b"nonsense " * 1000)
    pagecache.forget("thing:a")
    assert found(directory) == set()
    assert "not served by the web server for now" in caplog.text
    assert site("/things/b/").cache == "fwd=miss"
    files.sweep()
    assert found(directory) == {A.replace("/a/", "/b/"), A.replace("/a/", "/b/") + ".gz"}


def test_whoever_cannot_have_the_lock_closes_the_doors(
    site: Asker, directory: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    site("/things/a/")
    files.sweep()
    monkeypatch.setattr("cacheadmin.pagecache.index._PATIENCE", 0.01)
    with opened(directory / "index.sqlite3"):
        pagecache.forget("thing:a")
        assert found(directory) == set()
        assert current().contents() is None
    files.sweep()
    assert found(directory) == set()


def test_what_is_left_half_written_goes(
    site: Asker, directory: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    site("/things/a/")
    (directory / "aside" / "half").write_bytes(b"<htm")
    pagecache.forget_all()
    files.sweep()
    assert [path.name for path in (directory / "aside").iterdir()] == ["half"]
    monkeypatch.setattr("cacheadmin.pagecache.direct._HALF", -1.0)
    files.sweep()
    assert not list((directory / "aside").iterdir())


def test_files_can_be_unpacked(site: Asker, directory: Path) -> None:
    site("/things/a/")
    target = directory / "pages" / A
    assert gzip.decompress(target.with_name("index.html.gz").read_bytes()) == target.read_bytes()
