"""Redis dies while people read: nobody sees an error, nobody is logged out, and it comes back by itself."""

from __future__ import annotations

import json
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.servers.process import free_port
from tests.servers.redis import RedisServer
from tests.servers.site import ADMIN, ADMIN_PASSWORD, Site
from tests.servers.visitor import Visitor
from tests.sites import SiteMaker

pytestmark = [pytest.mark.server, pytest.mark.slow]

PATHS = ("/", "/articles/", "/dashboard/", "/api/v1/articles/", "/accounts/login/", "/health/ready/")


class Readers:
    """Some people who ask for one page after the other, until told to stop."""

    def __init__(self, people: list[Visitor]) -> None:
        self.statuses: Counter[tuple[str, int]] = Counter()
        self.failures: list[str] = []
        self._stop = threading.Event()
        self._threads = [threading.Thread(target=self._read, args=(person,)) for person in people]

    def __enter__(self) -> Readers:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join()

    @property
    def errors(self) -> list[str]:
        """What nobody should have seen."""
        return [f"{status} for {path}" for path, status in self.statuses if status >= 500] + self.failures

    def _read(self, person: Visitor) -> None:
        while not self._stop.is_set():
            for path in PATHS:
                try:
                    self.statuses[path, person.get(path).status] += 1
                except OSError as error:
                    self.failures.append(f"{path}: {error}")


@pytest.fixture(scope="module")
def own_redis() -> Iterator[RedisServer]:
    """A Redis to be hurt."""
    with RedisServer() as server:
        yield server


@pytest.fixture(scope="module")
def hurt_site(new_site: SiteMaker, own_redis: RedisServer) -> Site:
    """A site on that Redis."""
    site = new_site(REDIS_URL=own_redis.url())
    site.install(cache="auto", samples=20)
    return site.start()


def members(site: Site, number: int) -> list[Visitor]:
    """Some people who are logged in."""
    people = [site.visitor() for _ in range(number)]
    for person in people:
        person.log_in(ADMIN, ADMIN_PASSWORD)
    return people


def wait_until(site: Site, is_so: Callable[[dict[str, Any]], bool], *, seconds: float) -> None:
    """Ask the site for its cache until it is so."""
    deadline = time.monotonic() + seconds
    while not is_so(site.readiness()["cache"]):
        assert time.monotonic() < deadline, site.readiness()
        time.sleep(0.1)


@pytest.mark.parametrize("trouble", ["kill", "pause"])
def test_no_reader_sees_an_error_and_no_member_is_logged_out(
    trouble: str, hurt_site: Site, own_redis: RedisServer
) -> None:
    wait_until(hurt_site, lambda cache: cache["engine"] == "redis" and not cache["degraded"], seconds=10)
    people = members(hurt_site, 3)
    with Readers(people) as readers:
        time.sleep(1)
        getattr(own_redis, trouble)()
        time.sleep(3)
        assert hurt_site.readiness()["status"] == "degraded"
        assert hurt_site.readiness()["cache"]["engine"] == "file"
        newcomer = hurt_site.visitor()
        newcomer.log_in(ADMIN, ADMIN_PASSWORD)
        if trouble == "kill":
            own_redis.start()
        else:
            own_redis.resume()
        wait_until(hurt_site, lambda cache: cache["engine"] == "redis" and not cache["degraded"], seconds=5)
        time.sleep(1)
    assert not readers.errors
    assert readers.statuses["/dashboard/", 200] > 0
    assert readers.statuses["/dashboard/", 302] == 0, "somebody was logged out"
    assert all(person.is_logged_in() for person in [*people, newcomer])


@pytest.mark.parametrize(
    ("choice", "trouble", "reasons"),
    [("auto", "pause", {"timed out"}), ("redis", "kill", {"refused", "lost"})],
)
def test_programs_are_told_by_every_worker(
    choice: str, trouble: str, reasons: set[str], hurt_site: Site, own_redis: RedisServer
) -> None:
    hurt_site.manage("cache", "use", choice)
    wait_until(hurt_site, lambda cache: (cache["engine"], cache["choice"]) == ("redis", choice), seconds=10)
    getattr(own_redis, trouble)()
    assert hurt_site.visitor().get("/").status == 200
    wait_until(hurt_site, lambda cache: cache["degraded"], seconds=10)
    for told in answers(hurt_site):
        assert told["status"] == "degraded"
        assert (told["cache"]["engine"], told["cache"]["choice"]) == ("file", choice)
        assert told["cache"]["reason"] in reasons
    status = json.loads(hurt_site.manage("cache", "status", "--json"))
    assert (status["engine"], status["choice"], status["degraded"]) == ("file", choice, True)
    assert status["reason"].startswith("The chosen engine was lost")
    own_redis.start().resume()
    wait_until(hurt_site, lambda cache: not cache["degraded"], seconds=10)
    for told in answers(hurt_site):
        assert (told["status"], told["cache"]["engine"], told["cache"]["choice"]) == ("ok", "redis", choice)
    status = json.loads(hurt_site.manage("cache", "status", "--json"))
    assert (status["engine"], status["choice"], status["degraded"]) == ("redis", choice, False)


def answers(site: Site) -> list[dict[str, Any]]:
    """What the site says of itself, so often that each of its two workers has been asked."""
    return [site.readiness() for _ in range(20)]


def test_a_logout_during_the_outage_holds_when_redis_is_back(hurt_site: Site, own_redis: RedisServer) -> None:
    (member,) = members(hurt_site, 1)
    stolen = member.cookie("sessionid")
    own_redis.pause()
    wait_until(hurt_site, lambda cache: cache["engine"] != "redis" or not member.is_logged_in(), seconds=5)
    member.post("/accounts/logout/", form="/dashboard/")
    own_redis.resume()
    wait_until(hurt_site, lambda cache: cache["engine"] == "redis", seconds=5)
    thief = hurt_site.visitor()
    for _ in range(10):
        assert thief.get("/dashboard/", headers={"Cookie": f"sessionid={stolen}"}).status == 302


def test_auto_without_redis_runs_on_files_and_is_not_degraded(new_site: SiteMaker) -> None:
    site = new_site(REDIS_URL=f"redis://127.0.0.1:{free_port()}/0")
    site.install(cache="auto", samples=4)
    site.start()
    assert site.readiness()["cache"]["engine"] == "file"
    assert site.readiness()["status"] == "ok"
    (member,) = members(site, 1)
    assert all(member.is_logged_in() for _ in range(10))
    site.stop()


def test_without_redis_and_without_a_directory_it_runs_on_memory(new_site: SiteMaker) -> None:
    site = new_site(REDIS_URL=f"redis://127.0.0.1:{free_port()}/0")
    site.install(cache="auto", samples=4)
    cache = site.directory / "cache"
    if cache.is_dir():
        cache.rename(site.directory / "cache-before")
    # Root may write anywhere, but nobody makes a directory out of a file.
    cache.write_text("in the way")
    site.start()
    assert site.readiness()["cache"]["engine"] == "memory"
    (member,) = members(site, 1)
    assert all(member.is_logged_in() for _ in range(10))
    site.stop()
