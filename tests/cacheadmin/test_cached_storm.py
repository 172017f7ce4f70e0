"""``@cached`` in a storm: readers, a writer and processes that are killed, and never an old value."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.cacheadmin.workers import Worker
from tests.servers.redis import RedisServer

WorkerMaker = Callable[..., Worker]
SECONDS = 4.0

CODE = """
import random, struct
from cacheadmin import cached

row, promised = (os.open({directory!r} + name, os.O_RDWR | os.O_CREAT) for name in ("/row", "/promised"))

def number(file):
    found = os.pread(file, 8, 0)
    return struct.unpack("q", found)[0] if found else 0

@cached("content", ttl=0.2, wait=0.02, stale_while_revalidate={stale})
def read(key):
    value = number(row)
    time.sleep(random.random() * 0.03)
    if random.random() < 0.05:
        raise ZeroDivisionError
    return value

def look(seconds):
    looks, old, end = 0, 0, time.monotonic() + seconds
    while time.monotonic() < end:
        # What was promised before the call is the least that it may return.
        least = number(promised)
        try:
            value = read.refresh(1) if random.random() < 0.05 else read(1)
        except ZeroDivisionError:
            continue
        looks, old = looks + 1, old + (value < least)
    return looks, old

def change(seconds):
    changes, end = 0, time.monotonic() + seconds
    while time.monotonic() < end:
        changes += 1
        os.pwrite(row, struct.pack("q", changes), 0)
        cacheadmin.clear_group("content") if changes % 7 == 0 else read.invalidate(1)
        os.pwrite(promised, struct.pack("q", changes), 0)
        time.sleep(random.random() * 0.04)
    return changes
"""


@pytest.mark.slow
@pytest.mark.parametrize("name", ["redis", "file"])
@pytest.mark.parametrize("stale", [0, 5])
def test_nobody_is_ever_given_what_was_invalidated_before_he_asked(
    new_worker: WorkerMaker, redis_server: RedisServer, tmp_path: Path, name: str, stale: int
) -> None:
    def start() -> Worker:
        worker = new_worker(name, location=redis_server.url())
        worker(CODE.format(directory=str(tmp_path), stale=stale))
        return worker

    writer, *readers = (start() for _ in range(4))
    for worker, code in ((writer, "change"), *((reader, "look") for reader in readers)):
        worker.begin(f"{code}({SECONDS})")
    time.sleep(random.uniform(0.5, 1.5))
    readers.pop().kill()
    seen = [reader.finish() for reader in readers]
    assert [old for _looks, old in seen] == [0, 0]
    assert all(looks > 20 for looks, _old in seen)
    changes = writer.finish()
    assert changes > 20
    assert readers[0]("read.invalidate(1)") is None
    assert writer("look(0.2)")[1] == 0
