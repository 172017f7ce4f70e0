"""What others put into the directory or the Redis: a miss, which runs nothing and stops nothing."""

from __future__ import annotations

import os
import pickle
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

import pytest
from django.core.cache import caches

from cacheadmin.backend import AdaptiveCache
from cacheadmin.engines.file.entry import name_of, pack
from cacheadmin.serializer import FORMAT, MAGIC
from tests.servers.redis import RedisServer

CacheMaker = Callable[..., AdaptiveCache]


class Trap:
    """Whose unpickling leaves a trace."""

    def __init__(self, trace: Path) -> None:
        self.trace = trace

    def __reduce__(self) -> Any:
        return (Path.touch, (self.trace,))


def entry_files(directory: Path) -> list[Path]:
    """The files of entries under *directory*."""
    return [path for path in directory.rglob("*") if path.is_file() and len(path.name) == 32]


class Files:
    """The file engine seen from the disk."""

    def __init__(self, new_cache: CacheMaker, directory: Path) -> None:
        self.cache = new_cache("file")
        # The first use decides the engine, and with it what keys end in.
        self.cache.get("first")
        self.directory = directory

    def only_file(self) -> Path:
        (path,) = entry_files(self.directory)
        return path

    def plant(self, key: str, data: bytes) -> None:
        """Put a well-formed file with *data* where *key* would be."""
        full = self.cache.full_key(key)
        self.cache.set(key, "to be replaced")
        path = Path(self.cache.space.engine().path_of(full))  # type: ignore[attr-defined]
        path.write_bytes(pack(name_of(full), data, time.time() + 60, time.time()))

    def exists(self, key: str) -> bool:
        return os.path.exists(self.cache.space.engine().path_of(self.cache.full_key(key)))  # type: ignore[attr-defined]


class Keys:
    """The Redis engine seen from another client."""

    def __init__(self, new_cache: CacheMaker, server: RedisServer) -> None:
        self.cache = new_cache("redis", location=server.url())
        self.cache.get("first")
        self.server = server

    def plant(self, key: str, data: bytes) -> None:
        """Put *data* under the key that *key* becomes."""
        with self.server.client() as client:
            client.set(self.cache.full_key(key), data)

    def exists(self, key: str) -> bool:
        with self.server.client() as client:
            return bool(client.exists(self.cache.full_key(key)))


@pytest.fixture(params=["redis", "file"])
def stranger(
    request: pytest.FixtureRequest, new_cache: CacheMaker, redis_server: RedisServer, tmp_path: Path
) -> Files | Keys:
    """Somebody else who can write where the cache keeps its entries."""
    if request.param == "redis":
        return Keys(new_cache, redis_server)
    return Files(new_cache, tmp_path / "cache")


PLANTED = [
    b"", b"foreign bytes", b"\x80\x04K\x01.", b"9" * 5000, MAGIC, MAGIC + bytes(40),
    b"\x00" * 9,
]  # fmt: skip


@pytest.mark.parametrize("data", PLANTED, ids=lambda data: repr(data[:12]))
def test_what_is_planted_is_a_miss_for_every_operation(stranger: Files | Keys, data: bytes) -> None:
    cache = stranger.cache
    stranger.plant("a", data)
    assert cache.get("a", "nothing") == "nothing"
    assert not stranger.exists("a")
    stranger.plant("a", data)
    assert cache.get_many(["a"]) == {}
    stranger.plant("a", data)
    with pytest.raises(ValueError, match="not found"):
        cache.incr("a")
    stranger.plant("a", data)
    cache.set("a", "ours")
    assert cache.get("a") == "ours"
    stranger.plant("a", data)
    cache.delete("a")
    assert not stranger.exists("a")


@pytest.mark.parametrize("data", PLANTED[:3], ids=lambda data: repr(data[:12]))
def test_what_is_planted_keeps_nobody_from_computing(stranger: Files | Keys, data: bytes) -> None:
    stranger.plant("a", data)
    assert stranger.cache.get_or_set("a", "ours") == "ours"
    assert stranger.cache.get("a") == "ours"


def test_a_planted_pickle_never_runs(stranger: Files | Keys, tmp_path: Path) -> None:
    trace = tmp_path / "trace"
    body = pickle.dumps(Trap(trace))
    for data in (body, MAGIC + bytes(16) + body):
        stranger.plant("a", data)
        assert stranger.cache.get("a") is None
        stranger.plant("a", data)
        stranger.cache.touch("a", 60)
        stranger.cache.add("a", 1)
        stranger.cache.get_many(["a"])
    assert not trace.exists()


def test_a_value_moved_from_one_key_to_another_is_a_miss(stranger: Files | Keys) -> None:
    cache = stranger.cache
    cache.set("session:ann", {"user": 1})
    if isinstance(stranger, Keys):
        with stranger.server.client() as client:
            data = cast(bytes, client.get(cache.full_key("session:ann")))
        stranger.plant("session:bob", data)
    else:
        content = stranger.only_file().read_bytes()
        cache.set("session:bob", "to be replaced")
        Path(cache.space.engine().path_of(cache.full_key("session:bob"))).write_bytes(content)  # type: ignore[attr-defined]
    assert cache.get("session:bob") is None
    assert cache.get("session:ann") == {"user": 1}


def test_an_entry_of_another_version_is_a_miss_and_left_where_it_is(stranger: Files | Keys) -> None:
    later = FORMAT + b"\x09" + b"as a later version writes it"
    stranger.plant("a", later)
    assert stranger.cache.get("a") is None
    assert stranger.cache.get_many(["a"]) == {}
    with pytest.raises(ValueError, match="not found"):
        stranger.cache.incr("a")
    assert stranger.exists("a")
    stranger.cache.set("a", "ours")
    assert stranger.cache.get("a") == "ours"


def test_a_planted_number_is_only_a_number(stranger: Files | Keys) -> None:
    stranger.plant("a", b"7")
    assert stranger.cache.get("a") == 7


# --- Redis only ---


def test_another_structure_under_our_key_is_a_miss(new_cache: CacheMaker, redis_server: RedisServer) -> None:
    cache = new_cache("redis", location=redis_server.url())
    cache.set("a", 1)
    cache.delete("a")
    with redis_server.client() as client:
        client.rpush(cache.full_key("a"), "one", "two")
    assert cache.get("a") is None
    assert cache.get_many(["a"]) == {}
    with pytest.raises(ValueError, match="not found"):
        cache.incr("a")
    assert cache.space.selector.status().engine == "redis"
    cache.set("a", 1)
    assert cache.get("a") == 1


@pytest.mark.parametrize("planted", [b"9" * 5000, b"-1", b"words", b"", b"18446744073709551615", b"0"])
def test_a_planted_generation_stops_nothing(
    new_cache: CacheMaker, redis_server: RedisServer, planted: bytes
) -> None:
    cache = new_cache("redis", location=redis_server.url())
    cache.set("a", 1)
    with redis_server.client() as client:
        for name in client.scan_iter("*:generation:*"):
            client.set(name, planted)
    cache.space._synced = 0
    cache.space.sync()
    cache.set("a", 2)
    assert cache.get("a") == 2
    cache.clear()
    assert cache.get("a") is None
    cache.set("a", 3)
    assert cache.get("a") == 3


# --- Files only ---


@pytest.fixture
def files(new_cache: CacheMaker, tmp_path: Path) -> Files:
    return Files(new_cache, tmp_path / "cache")


def test_a_truncated_file_is_a_miss_and_goes(files: Files) -> None:
    whole = b""
    for share in (0, 0.1, 0.5, 0.9, 0.999):
        files.cache.set("a", "x" * 5000)
        path = files.only_file()
        whole = path.read_bytes()
        path.write_bytes(whole[: int(len(whole) * share)])
        assert files.cache.get("a") is None
        assert not path.exists()
    assert len(whole) > 5000


def test_a_file_with_one_wrong_byte_is_a_miss_and_goes(files: Files) -> None:
    files.cache.set("a", "value")
    length = files.only_file().stat().st_size
    for position in [0, *range(4, length, 5)]:
        files.cache.set("a", "value")
        path = files.only_file()
        content = bytearray(path.read_bytes())
        content[position] ^= 0xFF
        path.write_bytes(content)
        assert files.cache.get("a") is None, position
        assert not path.exists(), position


def test_a_file_format_of_another_version_is_left_alone(files: Files) -> None:
    files.cache.set("a", "value")
    path = files.only_file()
    content = b"cae9" + path.read_bytes()[4:]
    path.write_bytes(content)
    assert files.cache.get("a") is None
    assert files.cache.touch("a", 60) is False
    with pytest.raises(ValueError, match="not found"):
        files.cache.incr("a")
    assert path.read_bytes() == content


def test_a_directory_in_the_place_of_an_entry_stops_nothing(files: Files) -> None:
    files.cache.set("a", "value")
    path = files.only_file()
    path.unlink()
    path.mkdir()
    assert files.cache.get("a") is None
    # It cannot be replaced by a file; the engine is left, and the site goes on.
    files.cache.set("a", "value")
    assert files.cache.get("a") == "value"


def test_a_strangers_file_among_the_entries_stops_nothing(files: Files) -> None:
    files.cache.set("a", "value")
    (files.only_file().parent / "README").write_text("not an entry")
    assert files.cache.get("a") == "value"
    files.cache.clear()
    assert files.cache.get("a") is None
    assert cast(AdaptiveCache, caches["default"]).space.selector.status().engine == "file"
