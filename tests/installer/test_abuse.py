"""What somebody could try with the wizard, and does not get."""

from __future__ import annotations

import itertools
import socket
import socketserver
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import time_machine
from django.test import Client

from installer import answers, site_file, trial
from installer.databases import DatabaseProblem
from installer.setup_plan import plan_of
from tests.engines import fresh_name
from tests.installer.wizard import FORM_TOKEN, GOOD, Walker
from tests.servers.postgres import PostgresServer

pytestmark = pytest.mark.django_db

# One place that no cloud wants to be asked for, in several ways of writing it, and its relatives.
FORBIDDEN = [
    "169.254.169.254",
    "2852039166",
    "0xA9FEA9FE",
    "0251.0376.0251.0376",
    "::ffff:169.254.169.254",
    "64:ff9b::a9fe:a9fe",
    "fe80::1",
    "fd00:ec2::254",
    "100.100.100.200",
    "metadata.example.org",
]
TESTS = ["test-port", "test-redis", "test-advanced", "measure", "check-password"]
SECRET = "a banner that is nobody's business"
WEIRD = [
    b"\x00",
    b"\xff\xfe\x00",
    b"%00%ff",
    b"a\r\nb",
    "\u2028\u202e\U0001f600".encode(),
    b"[" * 40,
    b"%" * 40,
]


@pytest.fixture
def walker(not_installed: Path) -> Walker:
    found = Walker()
    found.walk(until="cache")
    return found


@pytest.fixture
def names(monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """Host names that mean something in this test only."""
    known = {"metadata.example.org": "169.254.169.254"}
    ask = socket.getaddrinfo

    def answer(host: Any, *arguments: Any, **options: Any) -> Any:
        return ask(known.get(host, host), *arguments, **options)

    monkeypatch.setattr(socket, "getaddrinfo", answer)
    return known


class _Talker(socketserver.BaseRequestHandler):
    """Says one thing to whoever comes."""

    def handle(self) -> None:
        self.request.sendall(self.server.words)  # type: ignore[attr-defined]
        self.request.settimeout(2)
        try:
            self.request.recv(1000)
        except OSError:
            return


@pytest.fixture(
    params=[b"SSH-2.0-x ", b"HTTP/1.1 400 ", b"-ERR ", b"NE\x00\x00\x00\x30SFATAL\x00C28000\x00M"]
)
def talker(request: pytest.FixtureRequest) -> Iterator[int]:
    """The port of a program that says something of its own."""
    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), _Talker) as server:
        server.daemon_threads = True
        server.words = request.param + SECRET.encode() + b"\x00\x00\r\n"  # type: ignore[attr-defined]
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
        yield server.server_address[1]
        server.shutdown()


def postgres_at(host: str, port: int = 80) -> dict[str, str]:
    return {
        "engine": "postgresql",
        "host": host,
        "port": str(port),
        "name": "x",
        "user": "x",
        "password": "x",
    }


# --- Where it may lead ---


@pytest.mark.parametrize("host", FORBIDDEN)
def test_no_way_leads_to_what_a_cloud_tells_its_machines(
    walker: Walker, names: dict[str, str], monkeypatch: pytest.MonkeyPatch, host: str
) -> None:
    reached: list[tuple[Any, ...]] = []
    measured: list[str] = []
    monkeypatch.setattr(socket.socket, "connect", lambda _socket, address: reached.append(address))
    monkeypatch.setattr("installer.measuring.measure", measured.append)
    redis = {"engine": "redis", "host": host, "port": "80"}
    for address in ("test-redis", "test-advanced", "measure", "cache"):
        response = walker.send("cache", to=address, **redis)
        assert response.status_code == 200, address
        assert 'data-engine="redis"' not in response.content.decode()
    words = walker.send("database", **postgres_at(host)).content.decode()
    assert "Addresses of this kind are not tried from here" in words
    # The pages themselves look at the usual place.
    assert {address[0] for address in reached} <= {"127.0.0.1"}
    assert measured == []
    assert walker.is_led_to("database", instead_of="summary")


def test_a_database_is_reached_at_the_address_that_was_looked_at(
    postgres_server: PostgresServer, names: dict[str, str]
) -> None:
    names["db.example.org"] = "127.0.0.1"
    url = postgres_server.create_database(fresh_name("pinned")).replace("127.0.0.1", "db.example.org")
    # The driver itself would ask the real name servers.
    assert trial.try_out(url) is False
    with pytest.raises(DatabaseProblem, match="host name of the database is unknown"):
        trial.try_out(url.replace("db.example.org", "nowhere.invalid"))


@pytest.mark.parametrize("host", ["127.0.0.1,169.254.169.254", "127.0.0.1 169.254.169.254"])
def test_one_host_is_one_host(walker: Walker, host: str) -> None:
    assert "Name one host" in walker.send("database", **postgres_at(host)).content.decode()


def test_nothing_of_what_another_program_says_is_shown(walker: Walker, talker: int) -> None:
    redis = {"engine": "redis", "host": "127.0.0.1", "port": str(talker), "custom": "on"}
    told = [
        walker.send("requirements", to="test-port", **redis),
        *(walker.send("cache", to=address, **redis) for address in ("test-redis", "test-advanced", "cache")),
        walker.send("database", **postgres_at("127.0.0.1", talker)),
    ]
    for response in told:
        assert response.status_code == 200
        assert SECRET[:20] not in response.content.decode()


def test_all_that_tries_addresses_counts_together(walker: Walker) -> None:
    token = FORM_TOKEN.search(walker.page("cache"))
    assert token
    fields = {"csrfmiddlewaretoken": token[1], "engine": "redis", "port": "1", "host": "127.0.0.1"}
    ways = itertools.cycle(["test-redis", "test-advanced", "test-port", "cache"])
    # Within one window, however long it takes.
    with time_machine.travel(time.time(), tick=False):
        statuses = [walker.client.post(f"/install/{next(ways)}/", fields).status_code for _ in range(31)]
        late = walker.client.post("/install/database/", fields)
    assert statuses[-1] == late.status_code == 429
    assert late.headers["Retry-After"]


# --- What it is fed with ---


def test_what_is_too_large_is_refused_and_nothing_is_lost(walker: Walker) -> None:
    before = answers.load()
    huge = {**GOOD["site"], "tagline": "x" * 3_000_000}
    assert walker.send("site", **huge).status_code == 413
    assert walker.send("cache", to="test-redis", engine="redis", host="x" * 200_000).status_code == 200
    assert walker.send("site", back="1", **{**GOOD["site"], "tagline": "x" * 200_000}).status_code == 302
    after = answers.load()
    assert after.keys() >= before.keys()
    assert len(after["site"].values["tagline"]) < 1000
    assert len(after["cache"].values["host"]) < 1000


@pytest.mark.parametrize("knows_token", [True, False])
def test_files_are_left_out(not_installed: Path, knows_token: bool) -> None:
    client = Walker(knows_token=knows_token).client
    boundary = "------x"
    body = (
        f'--{boundary}\r\nContent-Disposition: form-data; name="token"; filename="x"\r\n\r\n'
        f"{'y' * 4_000_000}\r\n--{boundary}--\r\n"
    )
    response = client.post(
        "/install/", body.encode(), content_type=f"multipart/form-data; boundary={boundary}"
    )
    assert not response.wsgi_request.FILES
    assert response.status_code in {200, 302}


@pytest.mark.parametrize("kind", ["application/x-www-form-urlencoded", "multipart/form-data", "text/plain"])
def test_bytes_that_mean_nothing_break_nothing(not_installed: Path, kind: str) -> None:
    walker, stranger = Walker(), Client()
    walker.walk()
    for slug, weird in itertools.product(["", *GOOD, "summary", *TESTS], WEIRD):
        body = b"csrfmiddlewaretoken=" + weird + b"&token=" + weird + b"&engine=" + weird
        for client in (walker.client, stranger):
            answer = client.post(f"/install/{slug}/".replace("//", "/"), body, content_type=kind)
            assert answer.status_code in {200, 302, 400, 403, 429}, (slug, weird)
    assert walker.client.get("/install/summary/").status_code == 200


@pytest.mark.parametrize("weird", [word.decode("utf-8", "replace") for word in WEIRD])
def test_fields_that_mean_nothing_are_refused_or_kept_as_they_are(walker: Walker, weird: str) -> None:
    for slug, usual in GOOD.items():
        for name in usual:
            response = walker.send(slug, **{**usual, name: weird})
            assert response.status_code in {200, 302, 429}, (slug, name)
        walker.answer(slug)


# --- What gets into the configuration ---

LINES = '{}"\ninstalled = true\nsecret_key = "known'


@pytest.mark.parametrize("name", ["site_name", "tagline", "site_url", "language", "time_zone", "samples"])
@pytest.mark.parametrize("usual", ["The House", "https://www.example.org", "http://house"])
def test_a_field_is_never_more_than_one_line(walker: Walker, name: str, usual: str) -> None:
    response = walker.answer("site", **{name: LINES.format(usual)})
    assert response.status_code == 200
    assert "errorlist" in response.content.decode()


@pytest.mark.parametrize("host", ['x"\nsecret_key = "known', "a b", "x/../y", "x@y", "x\r\nSet-Cookie: a=b"])
def test_no_name_of_a_host_gets_into_the_configuration_that_is_none(walker: Walker, host: str) -> None:
    token = FORM_TOKEN.search(walker.page("site"))
    assert token
    fields = {**GOOD["site"], "csrfmiddlewaretoken": token[1]}
    assert walker.client.post("/install/site/", fields, headers={"host": host}).status_code == 400
    assert plan_of(answers.load()).hosts == ("testserver",)


def test_the_file_holds_what_it_was_given_and_no_line_more(tmp_path: Path) -> None:
    path = tmp_path / "site.toml"
    hostile = {"site_url": LINES.format("x"), "allowed_hosts": [LINES.format("y"), "'''", '"""', "\\", "]"]}
    site_file.write(path, {"installed": False, **hostile})
    assert site_file.read(path) == {"installed": False, **hostile}
