"""Which database it is: every copy is another one, and every way to the same one leads to the same."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from urllib.parse import urlsplit

import pytest
from django.db.utils import ConnectionHandler

from cacheadmin import places
from tests.engines import fresh_name
from tests.servers.postgres import PostgresServer

# The databases here are others than that of the tests.
pytestmark = pytest.mark.django_db

Configure = Callable[..., None]


class Place:
    """``place(described)`` is the place of a database with these settings."""

    def __init__(self, patch: pytest.MonkeyPatch) -> None:
        self._patch = patch
        self._made: list[ConnectionHandler] = []

    def __call__(self, described: dict[str, Any]) -> str:
        self._made.append(ConnectionHandler({"default": described}))
        self._patch.setattr(places, "connections", self._made[-1])
        return places.place_of("default")

    @property
    def connection(self) -> Any:
        """The one that was asked last."""
        return self._made[-1]["default"]

    def close(self) -> None:
        """Close them all."""
        for handler in self._made:
            handler.close_all()


@pytest.fixture
def place(monkeypatch: pytest.MonkeyPatch) -> Iterator[Place]:
    made = Place(monkeypatch)
    yield made
    made.close()


@pytest.fixture
def configure(monkeypatch: pytest.MonkeyPatch) -> Configure:
    """Have DATABASES say this; Django's own would be in use."""

    def say(**databases: Any) -> None:
        monkeypatch.setattr(places, "settings", SimpleNamespace(DATABASES=databases))

    return say


def sqlite(path: Path | str) -> dict[str, Any]:
    return {"ENGINE": "django.db.backends.sqlite3", "NAME": str(path)}


def postgres(url: str, **more: Any) -> dict[str, Any]:
    parts = urlsplit(url)
    return {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": parts.path[1:],
        "USER": parts.username,
        "PASSWORD": parts.password,
        "HOST": parts.hostname,
        "PORT": str(parts.port),
        **more,
    }


# --- Files ---


def test_a_copied_file_is_another_one_and_a_replaced_file_the_same(place: Place, tmp_path: Path) -> None:
    for directory in ("site", "copy"):
        (tmp_path / directory).mkdir()
        (tmp_path / directory / "db").touch()
    known = place(sqlite(tmp_path / "site" / "db"))
    assert known
    assert place(sqlite(tmp_path / "copy" / "db")) != known
    (tmp_path / "site" / "db").unlink()
    (tmp_path / "site" / "db").write_bytes(b"restored")
    assert place(sqlite(tmp_path / "site" / "db")) == known


def test_a_copied_directory_in_the_place_of_the_first_is_another_one(place: Place, tmp_path: Path) -> None:
    directory = tmp_path / "site"
    directory.mkdir()
    known = place(sqlite(directory / "db"))
    directory.rename(tmp_path / "moved away")
    directory.mkdir()
    assert place(sqlite(directory / "db")) != known


def test_a_link_leads_to_the_same_file(place: Place, tmp_path: Path) -> None:
    (tmp_path / "current").symlink_to(tmp_path)
    assert place(sqlite(tmp_path / "current" / "db")) == place(sqlite(tmp_path / "db"))


@pytest.mark.parametrize("name", [":memory:", "file:shared?mode=memory&cache=shared", ""])
def test_what_lies_in_memory_is_no_place(place: Place, configure: Configure, name: str) -> None:
    assert place(sqlite(name)) == ""
    configure(default=sqlite(name))
    assert places.configured("default") == ""


def test_a_file_whose_directory_is_not_there_is_no_place(place: Place, tmp_path: Path) -> None:
    assert place(sqlite(tmp_path / "none" / "db")) == ""


# --- Servers ---


def test_each_database_of_a_cluster_is_one_whatever_it_is_called(
    place: Place, postgres_server: PostgresServer, postgres_url: str
) -> None:
    other = postgres_server.create_database(fresh_name("db"))
    known = place(postgres(postgres_url))
    assert known
    assert place(postgres(other)) != known
    assert place(postgres(postgres_url, HOST="localhost")) == known


def test_whoever_may_not_ask_the_cluster_its_number_goes_by_its_address(
    place: Place, postgres_url: str
) -> None:
    asked_freely = place(postgres(postgres_url))
    role = fresh_name("role")
    with place.connection.cursor() as cursor:
        cursor.execute("REVOKE EXECUTE ON FUNCTION pg_control_system() FROM PUBLIC")
        cursor.execute(f"CREATE ROLE {role} LOGIN PASSWORD 'x'")
    confined = postgres(postgres_url, USER=role, PASSWORD="x")
    by_address = place(confined)
    assert by_address not in ("", asked_freely)
    assert place(confined) == by_address
    assert place({**confined, "HOST": "localhost"}) != by_address


def test_inside_a_transaction_nothing_is_asked(
    place: Place, postgres_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    known = place(postgres(postgres_url))
    monkeypatch.setattr(place.connection, "in_atomic_block", True)
    assert places.place_of("default") == ""
    monkeypatch.undo()
    assert known


def test_another_kind_of_database_goes_by_address_and_name(place: Place) -> None:
    described = {"ENGINE": "django.db.backends.dummy", "NAME": "site", "HOST": "db1", "PORT": "3306"}
    known = place(described)
    assert known == place(described)
    others = [place({**described, **other}) for other in ({"NAME": "b"}, {"HOST": "db2"}, {"PORT": "3307"})]
    assert len({known, *others}) == 4


# --- What the settings say ---


def test_the_settings_tell_two_sites_apart_without_asking(configure: Configure, tmp_path: Path) -> None:
    (tmp_path / "current").symlink_to(tmp_path)
    configure(
        file=sqlite(tmp_path / "current" / "db"),
        server=postgres("postgres://me:secret@db.example/site"),
        nameless={"ENGINE": "django.db.backends.postgresql"},
    )
    assert places.configured("file") == os.path.realpath(tmp_path / "db")
    assert places.configured("server") == "site"
    assert places.configured("nameless") == places.configured("unknown") == ""
