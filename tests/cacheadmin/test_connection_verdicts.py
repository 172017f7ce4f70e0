"""What a connection test says of each kind of trouble: against the real thing, in both languages."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from typing import Any

import pytest
from django.utils import translation

from cacheadmin import connection, ownership
from cacheadmin.connection import deep_test, simple_test
from cacheadmin.ownership import Owner
from cacheadmin.verdicts import Verdict
from tests.cacheadmin.conftest import nobodys_address
from tests.cacheadmin.connections import last, names, said
from tests.cacheadmin.failures import cannot_save
from tests.cacheadmin.redis_engines import MINIMAL
from tests.cacheadmin.waiting import Stopwatch
from tests.servers.redis import RedisServer

NewRedis = Callable[..., RedisServer]
BOTH = pytest.mark.parametrize("test", [simple_test, deep_test])


@BOTH
def test_nothing_listens(test: Any) -> None:
    result = test(nobodys_address())
    assert last(result) == ("connect", False, Verdict.REFUSED)
    english, french = said(result)
    assert english.startswith("Nothing listens at this address. Redis may be stopped")
    assert french.startswith("Rien n’écoute à cette adresse. Redis est peut-être arrêté")
    assert result.as_json()["version"] == result.as_json()["memory"] == "not available"


@BOTH
def test_a_silent_listener(silent: str, test: Any) -> None:
    with Stopwatch() as watch:
        result = test(silent)
    assert watch.seconds < 3
    assert last(result) == ("ping", False, Verdict.TIMED_OUT)
    english, french = said(result)
    assert english.startswith("No answer in time. Most often a firewall")
    assert french.startswith("Pas de réponse à temps. Le plus souvent")


@BOTH
def test_a_server_that_is_no_redis(website: str, test: Any) -> None:
    result = test(website)
    assert last(result) == ("ping", False, Verdict.NOT_REDIS)
    english, french = said(result)
    assert (
        english
        == "Something answers there, but it is not a Redis. Another program has this port. Check the port."
    )
    assert french.startswith("Quelque chose répond")
    # By its kind only: nothing of what the stranger said.
    assert "HTTP" not in english + french


@BOTH
def test_a_password_is_required(new_redis: NewRedis, test: Any) -> None:
    result = test(new_redis(password="swordfish").url(password=""))
    assert last(result) == ("authenticate", False, Verdict.NEEDS_PASSWORD)
    assert names(result) == ["connect", "authenticate"]
    english, french = said(result)
    assert english.startswith("It asks for a password. Redis is there. Enter its password")
    assert french.startswith("Un mot de passe est demandé. Redis est bien là")


@BOTH
def test_a_wrong_password(new_redis: NewRedis, test: Any) -> None:
    result = test(new_redis(password="swordfish").url(password="codfish"))
    assert last(result) == ("authenticate", False, Verdict.WRONG_PASSWORD)
    english, french = said(result)
    assert english.startswith("The user name or password is wrong. Check both at your host.")
    assert french.startswith("Le nom d’utilisateur ou le mot de passe est faux. Vérifiez")
    assert "codfish" not in f"{result!r}{english}{french}"


@BOTH
def test_a_user_who_may_not_ask_info_passes(new_redis: NewRedis, test: Any) -> None:
    server = new_redis(acl=[f"user site on >secret ~* {MINIMAL}"])
    result = test(server.url(username="site", password="secret"))
    assert result.ok
    info = next(step for step in result.steps if step.name == "info")
    assert (info.ok, info.verdict) == (True, Verdict.NO_PERMISSION)
    assert "+info is missing" in info.message
    with translation.override("fr"):
        assert "+info manque" in info.message
        assert (result.as_json()["version"], result.memory) == ("non disponible", "non disponible")


def test_a_user_who_may_not_ping_passes_since_the_cache_does_without(new_redis: NewRedis) -> None:
    server = new_redis(acl=[f"user site on >secret ~* {MINIMAL} -ping"])
    result = deep_test(server.url(username="site", password="secret"))
    assert result.ok
    assert "+ping is missing" in result.steps[2].message
    with translation.override("fr"):
        assert "+ping manque" in result.steps[2].message


@pytest.mark.parametrize(
    ("missing", "step"),
    [
        ("set", "write"),
        ("get", "read"),
        ("mget", "read"),
        ("expire", "expiry"),
        ("incrby", "increment"),
        ("watch", "increment"),
        ("multi", "increment"),
        ("exec", "increment"),
        ("del", "delete"),
    ],
)
def test_every_missing_permission_is_named(new_redis: NewRedis, missing: str, step: str) -> None:
    server = new_redis(acl=[f"user site on >secret ~* {MINIMAL} -{missing}"])
    address = server.url(username="site", password="secret")
    assert simple_test(address).ok
    result = deep_test(address)
    assert last(result) == (step, False, Verdict.NO_PERMISSION)
    english, french = said(result)
    assert english.startswith(f"The user lacks a permission it needs. Missing is +{missing}. Have it granted")
    assert french.startswith(f"Il manque une autorisation à l’utilisateur. Il manque +{missing}.")
    assert MINIMAL in english
    assert MINIMAL in french


def test_keys_that_the_user_may_not_touch_are_named(new_redis: NewRedis) -> None:
    server = new_redis(acl=[f"user site on >secret ~mine:* {MINIMAL}"])
    address = server.url(username="site", password="secret")
    assert deep_test(address, "mine").ok
    result = deep_test(address)
    assert last(result) == ("write", False, Verdict.NO_PERMISSION)
    assert "Missing is ~<KEY_PREFIX>:*." in said(result)[0]


def test_select_that_the_user_may_not_use_is_named(new_redis: NewRedis) -> None:
    server = new_redis(acl=[f"user site on >secret ~* {MINIMAL} -select"])
    result = simple_test(server.url(3, username="site", password="secret"))
    assert last(result) == ("database", False, Verdict.NO_PERMISSION)
    assert "+select" in said(result)[0]


def test_what_cannot_be_deleted_ends_by_itself(new_redis: NewRedis) -> None:
    server = new_redis(acl=[f"user site on >secret ~* {MINIMAL} -del"])
    deep_test(server.url(username="site", password="secret"))
    with server.client() as client:
        left = list(client.scan_iter())
        assert left
        assert all(0 < client.pttl(name) <= 10_000 for name in left)


@BOTH
def test_tls_is_required(new_redis: NewRedis, test: Any) -> None:
    server = new_redis(tls=True)
    result = test(f"redis://127.0.0.1:{server.port}/0")
    assert (result.verdict, result.steps[-1].name) == (Verdict.NEEDS_TLS, "ping")
    english, french = said(result)
    assert english.endswith("Turn TLS on, or off if it is on, and try again.")
    assert french.endswith("Activez TLS, ou désactivez-le s’il est actif, puis réessayez.")


@BOTH
def test_tls_where_none_is_spoken(redis_server: RedisServer, test: Any) -> None:
    result = test(redis_server.url().replace("redis:", "rediss:"))
    assert last(result) == ("connect", False, Verdict.NO_TLS)
    english, french = said(result)
    assert english.startswith("It answers, but without TLS. Turn TLS off")
    assert french.startswith("Une réponse arrive, mais sans TLS. Désactivez TLS")


@BOTH
def test_a_wrong_authority(new_redis: NewRedis, test: Any) -> None:
    server, other = new_redis(tls=True), new_redis(tls=True)
    assert other.certificates is not None
    authority = other.certificates.authority
    result = test(f"rediss://127.0.0.1:{server.port}/0?ssl_ca_certs={authority}")
    assert last(result) == ("connect", False, Verdict.UNTRUSTED)
    english, french = said(result)
    assert "(CA file)" in english
    assert "(fichier CA)" in french


@BOTH
def test_a_database_that_is_not_there(redis_server: RedisServer, test: Any) -> None:
    result = test(redis_server.url(database=4711))
    assert last(result) == ("database", False, Verdict.NO_DATABASE)
    english, french = said(result)
    assert english.endswith("Try 0.")
    assert french.endswith("Essayez 0.")


@BOTH
def test_a_read_only_replica(new_redis: NewRedis, test: Any) -> None:
    server = new_redis()
    with server.client() as client:
        client.replicaof("127.0.0.1", "1")
    result = test(server.url())
    assert last(result) == ("info", False, Verdict.READ_ONLY)
    english, french = said(result)
    assert english.endswith("Enter the address of the primary server (the master).")
    assert french.endswith("Saisissez l’adresse du serveur principal (le maître).")


def test_a_replica_that_does_not_say_so_is_found_out_by_writing(new_redis: NewRedis) -> None:
    server = new_redis(acl=[f"user site on >secret ~* {MINIMAL}"])
    with server.client() as client:
        client.replicaof("127.0.0.1", "1")
    result = deep_test(server.url(username="site", password="secret"))
    assert last(result) == ("write", False, Verdict.READ_ONLY)


def test_a_memory_that_is_full(new_redis: NewRedis) -> None:
    server = new_redis(options=("maxmemory-policy", "noeviction"))
    with server.client() as client:
        client.set("big", "x" * 3_000_000)
        client.config_set("maxmemory", "2mb")
    assert simple_test(server.url()).ok
    result = deep_test(server.url())
    assert last(result) == ("write", False, Verdict.OUT_OF_MEMORY)
    english, french = said(result)
    assert english.startswith("Its memory is full. It keeps what it has")
    assert french.startswith("Sa mémoire est pleine. Redis garde ce qu’il a")


def test_a_server_that_cannot_save() -> None:
    with ExitStack() as stack:
        failure = cannot_save(stack)
        failure.harm()
        result = deep_test(failure.location)
        assert last(result) == ("ping", False, Verdict.CANNOT_SAVE)
        failure.mend()
        assert deep_test(failure.location).ok
    english, french = said(result)
    assert english.startswith("It cannot save to its disk and refuses writes. Its disk may be full")
    assert french.startswith("L’enregistrement sur son disque échoue, et les écritures sont refusées. Son")


def test_another_installations_prefix_is_told_and_left_alone(redis_server: RedisServer) -> None:
    stranger = Owner("another", "elsewhere", "host:/srv/<other>\nsite", 1)
    with redis_server.client() as client:
        client.set(ownership.name_of_note("shared"), stranger.as_note())
        result = deep_test(redis_server.url(), "shared")
        assert client.dbsize() == 1
        assert not deep_test(redis_server.url(), "mine", ["shared"]).ok
    assert last(result) == ("ownership", False, Verdict.TAKEN)
    english, french = said(result)
    assert "It runs at host:/srv/<other>site." in english
    assert "Elle se trouve à host:/srv/<other>site." in french
    assert simple_test(redis_server.url()).ok


def test_an_address_that_is_none(redis_server: RedisServer) -> None:
    for address in ("", "redis", "http://127.0.0.1/", "redis://127.0.0.1:99999/0", "redis://[::1/0"):
        assert last(simple_test(address)) == ("connect", False, Verdict.BAD_ADDRESS)
    missing = simple_test("rediss://127.0.0.1/0?ssl_ca_certs=/nowhere.pem")
    english, french = said(missing)
    assert english.startswith("The address is not understood. Check how host")
    assert french.startswith("L’adresse n’est pas comprise. Vérifiez")


@BOTH
def test_a_server_that_hangs_up(hangs_up: str, test: Any) -> None:
    assert test(hangs_up).verdict is Verdict.NEEDS_TLS


def test_every_verdict_that_a_test_can_give_says_what_to_do_in_both_languages() -> None:
    of_redis = set(Verdict) - {
        Verdict.UNKNOWN, Verdict.FOUND, Verdict.CHOSEN, Verdict.LAST_RESORT,
        Verdict.NOT_WRITABLE, Verdict.DISK_FULL, Verdict.UNSAFE_DIRECTORY, Verdict.NO_DIRECTORY,
    }  # fmt: skip
    for verdict in of_redis:
        step = connection.Step("ping", ok=False, ms=0, verdict=verdict)
        with translation.override("en"):
            english, label = step.message, str(verdict.label)
        with translation.override("fr"):
            french = step.message
        # What happened, and more than that.
        assert len(english) > len(label) + 10, verdict
        assert english != french
    step = connection.Step("ping", ok=False, ms=0, verdict=Verdict.UNKNOWN)
    assert step.message == "Not looked at yet."
