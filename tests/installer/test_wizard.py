"""The state machine of the wizard: its order, its memory, and who may touch it."""

from __future__ import annotations

import itertools
import json
import os
import stat
import threading
import time
from pathlib import Path

import pytest
import time_machine
from django.test import Client
from pytest_django import Settings

from installer import answers, setup_token, steps
from installer.answers import Answer
from installer.models import Installation
from tests.installer.conftest import TOKEN
from tests.installer.wizard import GOOD, PASSWORD, Walker

pytestmark = pytest.mark.django_db

SLUGS = [step.slug for step in steps.STEPS]
ADDRESSES = [*SLUGS, "progress"]
TESTS = ["test-port", "test-redis", "test-advanced", "check-password", "measure"]


@pytest.fixture
def walker(not_installed: Path) -> Walker:
    return Walker()


# --- The order ---


@pytest.mark.parametrize("done", range(len(SLUGS)))
def test_no_step_can_be_skipped_into(walker: Walker, done: int) -> None:
    walker.walk(until=SLUGS[done])
    for slug in SLUGS[: done + 1]:
        assert walker.client.get(f"/install/{slug}/").status_code == 200
    for slug in SLUGS[done + 1 :]:
        assert walker.is_led_to(SLUGS[done], instead_of=slug)
        response = walker.send(SLUGS[done], to=slug, **GOOD.get(slug, {}))
        assert response["Location"] == f"/install/{SLUGS[done]}/"
    assert not Installation.objects.exists()


def test_any_set_of_answers_leads_to_the_first_one_that_is_missing() -> None:
    for kept in itertools.product([True, False], repeat=len(GOOD)):
        known = {slug: Answer(is_done=is_done) for slug, is_done in zip(GOOD, kept, strict=True)}
        expected = next((slug for slug, is_done in zip(GOOD, kept, strict=True) if not is_done), "summary")
        assert steps.next_to_answer(known).slug == expected
        opened = [step.slug for step in steps.STEPS if steps.is_open(known, step)]
        assert opened == SLUGS[: SLUGS.index(expected) + 1]


def test_the_start_leads_to_where_the_setup_was_left(walker: Walker) -> None:
    walker.walk(until="site")
    assert walker.client.get("/install/")["Location"] == "/install/site/"


def test_an_unknown_step_is_a_404(walker: Walker) -> None:
    assert walker.client.get("/install/nonsense/").status_code == 404


def test_the_progress_bar_shows_where_one_is_and_leads_back(walker: Walker) -> None:
    walker.walk(until="administrator")
    page = walker.page("site")
    assert page.count('aria-current="step"') == 1
    assert 'href="/install/database/"' in page
    assert 'href="/install/administrator/"' in page
    assert 'href="/install/cache/"' not in page


# --- The memory ---


def test_what_was_typed_is_there_after_reload_back_and_in_a_second_tab(walker: Walker) -> None:
    walker.walk(until="administrator")
    assert walker.send("administrator", back="1", admin_username="half")["Location"] == "/install/site/"
    for page in (walker.page("site"), walker.page("site")):
        assert 'value="The House"' in page
        assert 'value="Rooms with a view"' in page
    assert 'value="half"' in walker.page("administrator")


def test_what_was_typed_wrongly_is_kept_too_and_the_step_is_not_done(walker: Walker) -> None:
    walker.walk()
    response = walker.answer("site", site_name="", tagline="Newer words")
    assert response.status_code == 200
    assert 'value="Newer words"' in walker.page("site")
    assert walker.is_led_to("site", instead_of="summary")


def test_going_back_from_an_unchanged_step_leaves_it_done(walker: Walker) -> None:
    walker.walk()
    fields = GOOD["site"]
    assert walker.send("site", back="1", **fields)["Location"] == "/install/database/"
    assert walker.client.get("/install/summary/").status_code == 200
    walker.send("site", back="1", **{**fields, "site_name": "Another"})
    assert walker.is_led_to("site", instead_of="summary")


def test_an_old_tab_that_is_sent_again_breaks_nothing(walker: Walker) -> None:
    walker.walk()
    assert walker.answer("welcome", language="fr").status_code == 302
    assert walker.client.get("/install/summary/").status_code == 200


def test_two_tabs_that_send_two_steps_at_once_both_keep_theirs(not_installed: Path) -> None:
    begin = threading.Barrier(8)

    def keep(number: int) -> None:
        begin.wait()
        answers.keep(f"step-{number}", Answer({"number": number}))

    threads = [threading.Thread(target=keep, args=[number]) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert {slug: answer.values["number"] for slug, answer in answers.load().items()} == {
        f"step-{number}": number for number in range(8)
    }


def test_the_file_is_private_and_holds_no_secret_as_it_was_typed(walker: Walker, not_installed: Path) -> None:
    walker.walk()
    walker.send(
        "database", back="1", engine="postgresql", host="db", name="n", user="u", password="pg-secret"
    )
    walker.send("cache", to="test-redis", engine="redis", host="127.0.0.1", port="1", password="redis-secret")
    file = not_installed.parent / answers.FILE
    assert stat.S_IMODE(os.stat(file).st_mode) == 0o600
    for secret in (PASSWORD, "pg-secret", "redis-secret"):
        assert secret not in file.read_text()


@pytest.mark.parametrize("slug", ["database", "administrator", "cache"])
def test_no_password_is_ever_echoed(walker: Walker, slug: str) -> None:
    walker.walk()
    typed = {**GOOD[slug], "password": "a-secret-word", "admin_password": "a-secret-word", "engine": "redis"}
    if slug == "database":
        typed |= {"engine": "postgresql", "host": "no-such-host.invalid", "name": "x", "user": "x"}
    elif slug == "cache":
        typed |= {"host": "127.0.0.1", "port": "1"}
    assert "a-secret-word" not in walker.send(slug, **typed).content.decode()
    assert "a-secret-word" not in walker.page(slug)


def test_the_password_of_the_administrator_need_not_be_typed_again_but_for_other_names(
    walker: Walker,
) -> None:
    walker.walk()
    assert walker.answer("administrator", admin_password="", again="").status_code == 302
    response = walker.answer("administrator", admin_password="", again="", admin_email="x@example.org")
    assert "type a password again" in response.content.decode()
    assert walker.is_led_to("administrator", instead_of="summary")


@pytest.mark.parametrize(
    "spoilt",
    ["", "{", "[]", "null", '{"answers": 1}', '{"seal": "x", "saved_at": 1, "answers": {}}', "\x00\xff"],
)
def test_a_spoilt_file_is_an_empty_one(walker: Walker, not_installed: Path, spoilt: str) -> None:
    walker.walk()
    (not_installed.parent / answers.FILE).write_text(spoilt)
    assert walker.is_led_to("welcome", instead_of="summary")
    walker.walk()
    assert walker.client.get("/install/summary/").status_code == 200


def test_answers_that_were_put_into_the_file_are_checked_again_before_the_installation(
    walker: Walker, not_installed: Path
) -> None:
    walker.walk()
    file = not_installed.parent / answers.FILE
    held = json.loads(file.read_text())
    held["answers"]["administrator"]["values"]["admin_username"] = "not a name"
    file.write_text(json.dumps(held))
    from installer.plan import faults
    from installer.setup_plan import plan_of

    assert "admin_username" in faults(plan_of(answers.load()))


def test_a_wizard_that_was_left_open_is_forgotten(
    walker: Walker, not_installed: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    walker.walk()
    later = time.time() + answers.LIFETIME + 60
    monkeypatch.setattr(time, "time", lambda: later)
    assert answers.load() == {}
    # Its cookie has ended too.
    assert walker.client.get("/install/summary/")["Location"] == "/install/"


def test_another_token_begins_anew(walker: Walker, settings: Settings) -> None:
    walker.walk()
    settings.SETUP_TOKEN = "another-token-of-another-day"
    assert answers.load() == {}


def test_where_nothing_can_be_written_the_page_says_so(
    walker: Walker, not_installed: Path, settings: Settings
) -> None:
    page = walker.page("welcome")
    blocked = not_installed.parent / "a-file"
    blocked.write_text("")
    settings.VAR_DIR = blocked
    token = page.split('csrfmiddlewaretoken" value="')[1].split('"')[0]
    response = walker.client.post("/install/welcome/", {"csrfmiddlewaretoken": token, "language": "en"})
    assert response.status_code == 503
    assert "Nothing can be kept here" in response.content.decode()


# --- Who may touch it ---


@pytest.mark.parametrize("slug", ADDRESSES)
def test_whoever_does_not_know_the_token_sees_and_sends_nothing(not_installed: Path, slug: str) -> None:
    stranger = Walker(knows_token=False)
    assert stranger.client.get(f"/install/{slug}/")["Location"] == "/install/"
    assert stranger.client.post(f"/install/{slug}/", GOOD.get(slug, {})).status_code in {403, 405}
    assert answers.load() == {}


@pytest.mark.parametrize("slug", TESTS)
def test_no_address_can_be_tested_by_strangers_or_by_a_link(not_installed: Path, slug: str) -> None:
    stranger, owner = Walker(knows_token=False), Walker()
    fields = {"host": "127.0.0.1", "port": "22"}
    assert stranger.client.post(f"/install/{slug}/", fields).status_code == 403
    assert owner.client.get(f"/install/{slug}/").status_code == 405
    assert owner.client.post(f"/install/{slug}/", fields).status_code == 403


def test_a_form_of_another_page_or_browser_is_refused(walker: Walker) -> None:
    walker.walk()
    token = Walker().page("welcome").split('csrfmiddlewaretoken" value="')[1].split('"')[0]
    before = answers.load()
    for slug, sent in itertools.product([*SLUGS, *TESTS], ["", "x", token]):
        fields = {**GOOD.get(slug, {}), "csrfmiddlewaretoken": sent}
        assert walker.client.post(f"/install/{slug}/", fields).status_code == 403, slug
    assert answers.load() == before


def test_a_form_is_taken_behind_a_proxy_that_nobody_has_configured(walker: Walker) -> None:
    token = walker.page("welcome").split('csrfmiddlewaretoken" value="')[1].split('"')[0]
    response = walker.client.post(
        "/install/welcome/",
        {"csrfmiddlewaretoken": token, "language": "fr"},
        headers={"origin": "https://www.example.org", "referer": "https://www.example.org/install/welcome/"},
    )
    assert response["Location"] == "/install/requirements/"


@pytest.mark.parametrize("slug", [*ADDRESSES, *TESTS])
def test_every_address_is_gone_once_the_site_is_installed(client: Client, slug: str) -> None:
    assert client.get(f"/install/{slug}/").status_code in {404, 405}
    assert client.post(f"/install/{slug}/").status_code in {404, 405}


def test_the_cookie_opens_the_whole_wizard_and_nothing_else(walker: Walker) -> None:
    assert walker.client.cookies[setup_token.COOKIE]["path"] == "/install/"
    assert TOKEN not in walker.page("welcome")


def test_the_tests_are_limited(walker: Walker) -> None:
    walker.walk(until="database")
    # Within one window, however long it takes.
    with time_machine.travel(time.time(), tick=False):
        statuses = {walker.send("requirements", to="test-port", port="1").status_code for _ in range(31)}
    assert statuses == {200, 429}
