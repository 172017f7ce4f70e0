"""Each address gets one verdict in words, and all together take no longer than a second."""

from __future__ import annotations

import os
import socket
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
import redis

from cacheadmin import detect
from cacheadmin.backend import AdaptiveCache
from cacheadmin.detect import examine
from cacheadmin.verdicts import Verdict
from tests.cacheadmin.conftest import nobodys_address
from tests.cacheadmin.waiting import Stopwatch, wait_until
from tests.servers.redis import RedisServer

NewRedis = Callable[..., RedisServer]
CacheMaker = Callable[..., AdaptiveCache]
# What the engine needs, and nothing else.
MINIMAL = "+ping +select +get +set +mget +del +expire +incrby +watch +multi +exec"


# --- Verdicts ---


def test_a_redis_that_works_is_found(redis_server: RedisServer) -> None:
    found = examine(redis_server.url())
    assert (found.verdict, found.is_usable, found.detail) == (Verdict.FOUND, True, "")
    assert found.address == f"redis://127.0.0.1:{redis_server.port}/0"
    assert 0 < found.ms < 1000


def test_looking_leaves_nothing_behind(redis_server: RedisServer) -> None:
    examine(redis_server.url())
    with redis_server.client() as client:
        assert client.dbsize() == 0


def test_nobody_there_is_refused() -> None:
    assert examine(nobodys_address()).verdict is Verdict.REFUSED


def test_a_socket_that_is_not_there_is_refused(tmp_path: Path) -> None:
    assert examine(f"unix://{tmp_path}/redis.sock").verdict is Verdict.REFUSED


def test_silence_and_dropped_packets_time_out(silent: str, full: str) -> None:
    for address in (silent, full):
        with Stopwatch() as watch:
            assert examine(address).verdict is Verdict.TIMED_OUT
        assert watch.seconds < 0.6
        # Asked once more, in the clear, whether it is there at all.
        with Stopwatch() as watch:
            assert examine(address.replace("redis:", "rediss:")).verdict is Verdict.TIMED_OUT
        assert watch.seconds < 1.1


def test_a_frozen_redis_times_out(redis_server: RedisServer) -> None:
    redis_server.pause()
    assert examine(redis_server.url()).verdict is Verdict.TIMED_OUT


def test_passwords_missing_and_wrong(new_redis: NewRedis) -> None:
    server = new_redis(password="swordfish")
    assert examine(server.url(password="")).verdict is Verdict.NEEDS_PASSWORD
    assert examine(server.url(password="wrong")).verdict is Verdict.WRONG_PASSWORD
    assert examine(server.url(username="nobody", password="swordfish")).verdict is Verdict.WRONG_PASSWORD
    assert examine(server.url()).verdict is Verdict.FOUND


def test_a_password_where_none_is_wanted_is_wrong(redis_server: RedisServer) -> None:
    assert examine(redis_server.url(password="superfluous")).verdict is Verdict.WRONG_PASSWORD


def test_a_website_is_no_redis(website: str) -> None:
    assert examine(website).verdict is Verdict.NOT_REDIS


def test_tls_and_plain_do_not_understand_each_other(new_redis: NewRedis, redis_server: RedisServer) -> None:
    server = new_redis(tls=True)
    assert examine(server.url()).verdict is Verdict.FOUND
    assert examine(f"redis://127.0.0.1:{server.port}/0").verdict is Verdict.NEEDS_TLS
    # Who speaks no TLS takes the greeting for a line that has not ended yet, and waits for the rest.
    with Stopwatch() as watch:
        greeted = examine(redis_server.url().replace("redis:", "rediss:"))
    assert greeted.verdict is Verdict.NO_TLS
    assert watch.seconds < 0.9
    with_password = new_redis(password="swordfish")
    assert examine(with_password.url().replace("redis:", "rediss:")).verdict is Verdict.NO_TLS


def test_whose_certificate_is_trusted_is_the_owners_choice(new_redis: NewRedis) -> None:
    server, other = new_redis(tls=True), new_redis(tls=True)
    # An authority that this machine does not know, and that of somebody else.
    address = f"rediss://127.0.0.1:{server.port}/0"
    assert examine(address).verdict is Verdict.UNTRUSTED
    assert other.certificates is not None
    assert examine(f"{address}?ssl_ca_certs={other.certificates.authority}").verdict is Verdict.UNTRUSTED
    assert examine(f"{address}?ssl_cert_reqs=none").verdict is Verdict.FOUND
    # The certificate names the host; under another name it is a stranger's, unless names do not matter.
    elsewhere = server.url().replace("127.0.0.1", "127.0.0.2")
    assert examine(elsewhere).verdict in {Verdict.REFUSED, Verdict.UNTRUSTED}
    missing = examine(f"{address}?ssl_ca_certs=/nowhere/ca.pem")
    assert (missing.verdict, missing.detail) == (Verdict.BAD_ADDRESS, "ssl_ca_certs: there is no such file")


def test_a_server_that_asks_who_we_are_is_shown_a_certificate(new_redis: NewRedis) -> None:
    server = new_redis(tls=True)
    certificates = server.certificates
    assert certificates is not None
    with server.client() as client:
        client.config_set("tls-auth-clients", "yes")
    shown = f"&ssl_certfile={certificates.certificate}&ssl_keyfile={certificates.key}"
    assert examine(server.url() + shown).verdict is Verdict.FOUND
    assert examine(server.url()).verdict in {Verdict.NEEDS_TLS, Verdict.UNREACHABLE, Verdict.LOST}


def test_who_hangs_up_may_want_tls(hangs_up: str) -> None:
    assert examine(hangs_up).verdict is Verdict.NEEDS_TLS


def test_a_unix_socket_is_found(new_redis: NewRedis) -> None:
    assert examine(new_redis(unix_socket=True).socket_url()).verdict is Verdict.FOUND


def test_a_replica_is_read_only(new_redis: NewRedis) -> None:
    server = new_redis()
    with server.client() as client:
        client.replicaof("127.0.0.1", "1")
    assert examine(server.url()).verdict is Verdict.READ_ONLY


def test_a_full_memory_is_told(new_redis: NewRedis) -> None:
    server = new_redis(options=("maxmemory-policy", "noeviction"))
    with server.client() as client:
        client.set("big", "x" * 3_000_000)
        client.config_set("maxmemory", "2mb")
    assert examine(server.url()).verdict is Verdict.OUT_OF_MEMORY


def test_a_redis_that_still_loads_is_told(new_redis: NewRedis) -> None:
    server = new_redis(options=("key-load-delay", "1000", "enable-debug-command", "yes"))
    with server.client() as client:
        pipeline = client.pipeline(transaction=False)
        for number in range(3000):
            pipeline.set(f"key{number}", os.urandom(1000))
        pipeline.execute()
        client.config_set("loading-process-events-interval-bytes", 1024)

    def reload() -> None:
        with redis.Redis.from_url(server.url(), socket_timeout=60) as other:
            other.execute_command("DEBUG", "RELOAD")

    thread = threading.Thread(target=reload)
    thread.start()
    wait_until(lambda: examine(server.url()).verdict is Verdict.LOADING, seconds=30)
    thread.join()
    wait_until(lambda: examine(server.url()).is_usable, seconds=30)


@pytest.mark.parametrize(
    "address",
    ["", "redis", "http://127.0.0.1/", "redis://127.0.0.1:port/0", "redis://a..b/0", f"redis://{'a' * 70}/0",
     "redis://127.0.0.1:6379/zero", "redis://127.0.0.1:99999/0", "://", "redis://[::1/0"],
)  # fmt: skip
def test_an_address_that_means_nothing_is_told_and_stops_nothing(address: str, new_cache: CacheMaker) -> None:
    assert examine(address).verdict in {Verdict.BAD_ADDRESS, Verdict.UNREACHABLE, Verdict.REFUSED}
    cache = new_cache("redis", location=address or "nonsense")
    cache.set("a", 1)
    assert (cache.get("a"), cache.space.selector.status().engine) == (1, "file")


def test_a_database_that_does_not_exist_is_told(redis_server: RedisServer) -> None:
    assert examine(redis_server.url(database=4711)).verdict is Verdict.NO_DATABASE


# --- Permissions ---


def test_the_minimal_permissions_are_enough_for_everything(
    new_redis: NewRedis, new_cache: CacheMaker
) -> None:
    server = new_redis(acl=[f"user site on >secret ~* {MINIMAL}"])
    cache = new_cache("redis", location=server.url(username="site", password="secret"))
    cache.set("a", 1)
    assert cache.incr("a") == 2
    with pytest.raises(ValueError, match="not found"):
        cache.incr("nothing")
    cache.set("text", "x")
    with pytest.raises(TypeError):
        cache.incr("text")
    cache.add("b", 1)
    cache.touch("b", 5)
    cache.set_many({"c": 1, "d": 2})
    assert cache.get_many(["a", "b", "c", "d"]) == {"a": 2, "b": 1, "c": 1, "d": 2}
    cache.delete_many(["c", "d"])
    assert cache.replace("a", lambda old: old + 1, 60) == 3
    cache.clear_groups(["content"])
    cache.clear()
    cache.space.sync()
    assert cache.space.selector.status().engine == "redis"
    assert not cache.space.selector.is_degraded


@pytest.mark.parametrize(
    "missing", ["get", "set", "mget", "del", "expire", "incrby", "watch", "multi", "exec"]
)
def test_a_missing_permission_is_found_out_before_it_hurts(new_redis: NewRedis, missing: str) -> None:
    server = new_redis(acl=[f"user site on >secret ~* {MINIMAL} -{missing}"])
    assert examine(server.url(username="site", password="secret")).verdict is Verdict.NO_PERMISSION


def test_a_user_confined_to_our_keys_is_found(new_redis: NewRedis, new_cache: CacheMaker) -> None:
    server = new_redis(acl=[f"user site on >secret ~mine:* {MINIMAL} -select"])
    address = server.url(username="site", password="secret")
    assert examine(address, "mine").verdict is Verdict.FOUND
    assert examine(address, "other").verdict is Verdict.NO_PERMISSION
    for choice in ("redis", "auto"):
        cache = new_cache(choice, location=address, KEY_PREFIX="mine")
        cache.set("a", 1)
        cache.clear()
        cache.space.sync()
        assert cache.space.selector.status().engine == "redis"
        server.pause()
        cache.get("a")
        server.resume()
        wait_until(lambda cache=cache: cache.space.selector.status().engine == "redis", seconds=5)  # type: ignore[misc]


def test_a_user_who_may_only_read_is_told(new_redis: NewRedis) -> None:
    server = new_redis(acl=["user reader on >secret ~* +@read +ping +select"])
    assert examine(server.url(username="reader", password="secret")).verdict is Verdict.NO_PERMISSION


# --- All together ---


def test_all_candidates_together_take_less_than_a_second(silent: str, full: str, website: str) -> None:
    candidates = [silent, full, website, nobodys_address(), "nonsense", *[silent] * 10]
    with Stopwatch() as watch:
        found = detect.detect(candidates)
    assert watch.seconds < 1.1
    assert [one.verdict.word for one in found[:5]] == [
        "timed out",
        "timed out",
        "not redis",
        "refused",
        "bad address",
    ]


def test_a_resolver_that_hangs_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    release = threading.Event()

    def hang(*args: object, **kwargs: object) -> None:
        release.wait(5)
        raise socket.gaierror("no such host")

    monkeypatch.setattr(socket, "getaddrinfo", hang)
    with Stopwatch() as watch:
        (found,) = detect.detect(["redis://somewhere.example/0"])
    release.set()
    assert (found.verdict, found.ms) == (Verdict.TIMED_OUT, 1000)
    assert watch.seconds < 1.3


def test_nothing_to_try_is_nothing_found() -> None:
    assert detect.detect([]) == []


# --- What `auto` may adopt ---


def test_auto_tries_its_address_the_environments_and_the_usual_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REDIS_URL", "redis://from-the-environment/0")
    assert detect.addresses("redis://configured/0") == [
        "redis://configured/0",
        "redis://from-the-environment/0",
        "redis://127.0.0.1:6379/0",
    ]
    monkeypatch.setenv("REDIS_URL", "redis://127.0.0.1:6379/0")
    assert detect.addresses("") == ["redis://127.0.0.1:6379/0"]


def test_auto_takes_the_first_that_works_and_returns_to_it(
    new_cache: CacheMaker, redis_server: RedisServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REDIS_URL", redis_server.url())
    cache = new_cache("auto")
    cache.set("a", 1)
    status = cache.space.selector.status()
    assert (status.engine, status.is_degraded) == ("redis", False)
    assert status.address == redis_server.url()
    redis_server.kill()
    assert cache.get("a") is None
    redis_server.start()
    wait_until(lambda: cache.space.selector.status().engine == "redis", seconds=5)


def test_auto_without_any_redis_is_on_files_and_misses_nothing(
    new_cache: CacheMaker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("cacheadmin.detect.LOCALHOST", nobodys_address())
    cache = new_cache("auto")
    cache.set("a", 1)
    status = cache.space.selector.status()
    assert (status.engine, status.is_degraded, status.reason) == ("file", False, Verdict.REFUSED)
    assert str(status.engine_label) == "Files"
    assert str(status.choice_label) == "Automatic"


def test_every_verdict_has_words() -> None:
    assert all(str(verdict.label) and verdict.word == verdict.word.lower() for verdict in Verdict)
    assert len({str(verdict.label) for verdict in Verdict}) == len(Verdict)
