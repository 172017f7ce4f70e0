from __future__ import annotations

from pathlib import Path

import pytest

from tests.installer.wizard import Walker
from tests.servers.redis import RedisServer

pytestmark = pytest.mark.django_db


def test_redis_and_files_are_measured_and_one_is_recommended(
    not_installed: Path, redis_server: RedisServer
) -> None:
    walker = Walker()
    walker.walk(until="cache")
    where = {"engine": "redis", "host": "127.0.0.1", "port": str(redis_server.port)}
    page = walker.send("cache", to="measure", **where).content.decode()
    assert "Median of many" in page
    assert page.count('<th scope="row">') == 2
    assert "Recommended here" in page
    assert f'value="{redis_server.port}"' in page


def test_what_is_no_address_is_not_measured(not_installed: Path) -> None:
    walker = Walker()
    walker.walk(until="cache")
    page = walker.send("cache", to="measure", engine="redis", host="169.254.169.254").content.decode()
    assert "Nothing could be measured" in page
