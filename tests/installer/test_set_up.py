"""The last step of the wizard on the real server: what was entered is what runs afterwards."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import psycopg
import pytest

from tests.engines import fresh_name
from tests.installer import setting_up
from tests.installer.installing import rows, written
from tests.installer.wizard import PASSWORD
from tests.servers.postgres import PostgresServer
from tests.servers.redis import RedisServer
from tests.servers.site import Site
from tests.sites import SiteMaker

pytestmark = [pytest.mark.server, pytest.mark.slow]

REDIS_PASSWORD = "a redis password: with /@ signs"


def test_postgresql_and_a_redis_with_a_password_are_what_the_site_runs_on(
    new_site: SiteMaker, postgres_server: PostgresServer, new_redis: Callable[..., RedisServer]
) -> None:
    redis = new_redis(password=REDIS_PASSWORD)
    database = postgres_server.create_database(fresh_name("wizard"))
    site = new_site().start()
    owner = setting_up.owner_of(site)
    where = {"host": "127.0.0.1", "port": str(redis.port), "database": "0"}
    setting_up.walk(
        owner,
        database=setting_up.fields_of(database, postgres_server.password),
        cache={"engine": "redis", "password": REDIS_PASSWORD, **where},
    )
    refused = owner.post("/install/database/", setting_up.fields_of(database, "wrong"))
    assert "refuses this user name or password" in refused.text
    database_again = setting_up.fields_of(database, postgres_server.password)
    assert owner.post("/install/database/", database_again).headers["Location"] == "/install/site/"
    wrong = owner.post("/install/cache/", {"engine": "redis", "password": "wrong", **where})
    assert wrong.status == 200
    assert "Files were selected instead" in wrong.text
    right = owner.post("/install/cache/", {"engine": "redis", "password": REDIS_PASSWORD, **where})
    assert right.status == 302, right.text
    done = setting_up.install(owner)
    assert 'data-done="1"' in done.text, done.text
    setting_up.wait_until_new(site)
    ready = site.readiness()
    assert (ready["database"]["engine"], ready["cache"]["engine"], ready["cache"]["choice"]) == (
        "postgresql", "redis", "redis",
    )  # fmt: skip
    assert [key for key in redis.client().keys("*") if b"limits" in key or b"data" in key]
    assert "redis" not in str(written(site)).lower().replace(database.lower(), "")
    member = site.visitor()
    member.log_in("owner", PASSWORD)
    assert member.get("/admin/cache/").status == 200
    said = site.said() + "".join(path.name for path in site.directory.iterdir())
    for secret in (REDIS_PASSWORD, PASSWORD, postgres_server.password):
        assert secret not in said
    assert not (site.directory / "setup.json").exists()
    for slug in ("", "welcome/", "summary/", "progress/"):
        assert owner.get(f"/install/{slug}").status == 404
    # --- A second site meets the first one's database: reuse it or stop, never overwrite. ---
    second = new_site().start()
    other = setting_up.owner_of(second)
    for slug in ("welcome", "requirements"):
        other.post(f"/install/{slug}/", {"language": "en"})
    found = other.post("/install/database/", setting_up.fields_of(database, postgres_server.password))
    assert "already holds an installed site" in found.text
    taken = {**setting_up.fields_of(database, postgres_server.password), "reuse": "on"}
    assert other.post("/install/database/", taken).headers["Location"] == "/install/summary/"
    assert 'data-done="1"' in setting_up.install(other).text
    setting_up.wait_until_new(second)
    assert "The House" in second.visitor().get("/").text
    with psycopg.connect(database) as connection:
        assert connection.execute("SELECT count(*) FROM users_user WHERE is_superuser").fetchone() == (1,)


def test_a_failure_names_the_action_keeps_what_was_typed_and_can_be_tried_again(new_site: SiteMaker) -> None:
    site = new_site().start()
    owner = setting_up.owner_of(site)
    setting_up.walk(owner)
    blocked = site.directory / "media"
    blocked.write_text("not a directory")
    failed = setting_up.install(owner)
    assert failed.status == 200
    assert "It did not work" in failed.text
    assert "Try again" in failed.text
    assert "Writing 12 sample articles" in failed.text
    assert str(blocked) in failed.text
    assert rows(site, "SELECT count(*) FROM users_user") == [(0,)]
    assert not written(site)["installed"]
    assert 'value="The House"' in owner.get("/install/site/").text
    blocked.unlink()
    # --- Two browsers press the button at once: one site, one administrator. ---
    browsers = [owner, setting_up.owner_of(site)]
    with ThreadPoolExecutor() as pool:
        answers = list(pool.map(setting_up.install, browsers))
    assert any('data-done="1"' in answer.text for answer in answers)
    assert all(answer.status in {200, 404, 503} for answer in answers)
    setting_up.wait_until_new(site)
    assert rows(site, "SELECT username FROM users_user WHERE is_superuser") == [("owner",)]
    assert rows(site, "SELECT count(*) FROM content_article") == [(12,)]
    assert rows(site, "SELECT name, tagline, time_zone FROM core_sitesettings") == [
        ("The House", "Rooms with a view", "Europe/Paris")
    ]
    assert site.readiness()["cache"]["choice"] == "file"
    assert "Rooms with a view" in site.visitor().get("/").text


def test_the_list_of_the_command_is_that_of_the_page(new_site: SiteMaker) -> None:
    site: Site = new_site()
    words = ["--noinput", "--site-name=x", "--admin-username=owner", "--admin-email=owner@example.org"]
    said = site.manage("install", "--check", *words, environment={"ADMIN_PASSWORD": PASSWORD})
    for name in ("Python", "Packages", "Writable directory", "Room on the disk", "SQLite", "E-mail"):
        assert f"{name}: " in said
