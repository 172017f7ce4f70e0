"""What addresses say, what they cannot say, and what is pinned whatever they say."""

from __future__ import annotations

import gc
from collections.abc import Callable
from typing import Any

import pytest

from cacheadmin.engines.base import EngineUnavailable
from cacheadmin.engines.redis import connect
from cacheadmin.engines.redis.address import parse
from cacheadmin.engines.redis.errors import explain
from cacheadmin.verdicts import Verdict
from tests.cacheadmin.redis_engines import engine_at, wire_of
from tests.servers.redis import RedisServer

NewRedis = Callable[..., RedisServer]
SECRET = "sword@fish"


def test_a_server_is_read_from_its_address() -> None:
    found = parse("redis://ann:sword%40fish@host:7000/3")
    assert (found.kind, found.hosts, found.database, found.tls) == ("server", (("host", 7000),), 3, None)
    assert found.login == {"username": "ann", "password": "sword@fish"}
    assert parse("redis://").hosts == (("localhost", 6379),)
    assert parse("redis://h?db=4&password=p").login == {"password": "p"}
    assert parse("redis://h?db=4").database == 4
    assert parse("redis://[::1]:7/0").hosts == (("::1", 7),)


def test_tls_is_strict_unless_the_address_says_otherwise() -> None:
    assert parse("rediss://h/0").tls == {"ssl_cert_reqs": "required", "ssl_check_hostname": True}
    loose = parse("rediss://h/0?ssl_cert_reqs=none&ssl_check_hostname=false&ssl_ca_certs=/ca.pem").tls
    assert loose == {"ssl_cert_reqs": "none", "ssl_check_hostname": False, "ssl_ca_certs": "/ca.pem"}


def test_a_socket_is_read_from_its_address() -> None:
    found = parse("unix://:swordfish@/run/my%20redis.sock?db=2")
    assert (found.path, found.hosts, found.database) == ("/run/my redis.sock", (), 2)
    assert found.login == {"password": "swordfish"}


def test_sentinels_are_read_from_their_address() -> None:
    found = parse(
        "redis+sentinel://ann:p@h1:7000,h2,[::1]/mymaster/2?sentinel_username=w&sentinel_password=s"
    )
    assert found.hosts == (("h1", 7000), ("h2", 26379), ("::1", 26379))
    assert (found.master, found.database) == ("mymaster", 2)
    assert found.login == {"username": "ann", "password": "p"}
    assert found.sentinel_login == {"username": "w", "password": "s"}
    assert parse("rediss+sentinel://h/m").tls is not None


def test_a_cluster_is_read_from_its_address() -> None:
    found = parse("redis+cluster://ann:p,q@h1:7000,h2")
    assert (found.kind, found.hosts, found.database) == ("cluster", (("h1", 7000), ("h2", 6379)), 0)
    assert found.login == {"username": "ann", "password": "p,q"}
    assert parse("rediss+cluster://h/0").tls is not None


@pytest.mark.parametrize(
    "address",
    [
        *("", "redis", "http://h/", "redis://h:port/0", "redis://h/zero", "redis://h/0/1", "redis://[::1/0"),
        *("redis://h/-1", "redis://h:99999/0", "redis://h/0?nonsense=1", "redis://h/?db=two", "unix://"),
        *(
            "redis+sentinel://h1,h2",
            "redis+sentinel://h1/",
            "redis+sentinel://h1/m/x",
            "redis+cluster://h1/2",
        ),
        *("rediss://h/0?ssl_cert_reqs=sometimes", "redis+sentinel://h:port/m/0", "redis+cluster://h:1,h:x"),
        "rediss://h/0?ssl_ca_certs=/nowhere/ca.pem",
    ],
)
def test_nonsense_is_told_without_repeating_a_secret(address: str) -> None:
    secretive = address.replace("//h", f"//:{SECRET}@h").replace("port", "swordfish")
    for one in (address, secretive):
        with pytest.raises(EngineUnavailable) as refused:
            connect(one, 0.1, 0.1)
        assert refused.value.verdict is Verdict.BAD_ADDRESS
        assert "fish" not in str(refused.value)
        assert refused.value.__cause__ is None


def test_nothing_an_address_says_loosens_what_is_pinned(new_redis: NewRedis) -> None:
    server = new_redis(unix_socket=True)
    loose = "socket_timeout=60&socket_connect_timeout=60&retry_on_timeout=1&protocol=3&max_connections=9999"
    addresses = [
        f"{server.url()}?{loose}&health_check_interval=5&decode_responses=1&client_name=x&lib_name=y",
        f"{server.socket_url()}&{loose}",
    ]
    for address in addresses:
        ours = engine_at(address)
        pool = wire_of(ours)._pool
        options: dict[str, Any] = pool.connection_kwargs
        assert (options["socket_timeout"], options["socket_connect_timeout"]) == (0.25, 0.25)
        assert (options["protocol"], options["health_check_interval"], options["driver_info"]) == (2, 0, None)
        assert (options["decode_responses"], options["client_name"]) == (False, None)
        assert options["retry"].get_retries() == 0
        assert pool.max_connections == 100
        ours.set("p:a", b"bytes", 60)
        assert ours.get("p:a") == b"bytes"


def test_same_addresses_share_connections_and_others_do_not(redis_server: RedisServer) -> None:
    first, second = (connect(redis_server.url(), 0.25, 0.25) for _ in range(2))
    assert first is second
    assert connect(redis_server.url(), 0.25, 0.2) is not first
    assert connect(redis_server.url(password="other"), 0.25, 0.25) is not first


def test_what_nobody_uses_any_more_leaves_no_connection_behind(redis_server: RedisServer) -> None:
    def connections() -> int:
        with redis_server.client() as client:
            return len(client.client_list())

    before = connections()
    ours = engine_at(redis_server.url(), timeout=0.123)
    ours.get("p:a")
    assert connections() == before + 1
    del ours
    gc.collect()
    assert connections() == before


def test_errors_of_the_system_are_explained_without_its_words() -> None:
    error = explain(OSError(f"something about redis://:{SECRET}@host"))
    assert (error.verdict, error.detail) == (Verdict.UNREACHABLE, "OSError")
    assert explain(UnicodeError(SECRET)).verdict is Verdict.BAD_ADDRESS
