"""A clock that is set back or forth, as a virtual machine's is after a pause, loses nothing."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cacheadmin.conftest import WorkerMaker
from tests.servers.redis import RedisServer


@pytest.mark.parametrize("hours", [-1, 1])
def test_clears_of_other_machines_are_heard_of_whatever_the_clock_does(
    redis_server: RedisServer, new_worker: WorkerMaker, tmp_path: Path, hours: int
) -> None:
    here = new_worker("redis", location=redis_server.url())
    there = new_worker("redis", location=redis_server.url(), directory=tmp_path / "there")
    there("cache.set('a', 1, None)")
    assert here("cache.get('a')") == 1
    here("time.sleep(1.1)")
    here.request()
    here(f"clock = time.time_ns\ntime.time_ns = lambda: clock() + {hours} * 3600 * 10**9")
    here.request()
    there("cache.clear()")
    here("time.sleep(1.1)")
    here.request()
    assert here("cache.get('a')") is None
