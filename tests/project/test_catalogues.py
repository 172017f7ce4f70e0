"""Nothing a person reads is left in one language only."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import polib
import pytest

from tests.project.files import CHECKOUT, short, written
from tests.servers.gettext import find_gettext

pytestmark = pytest.mark.project

CATALOGUE = "locale/fr/LC_MESSAGES/django.po"
# The site's own strings stand in config/ and templates/; each app keeps its own.
PLACES = [CHECKOUT, *(path.parent for path in sorted((CHECKOUT / "apps").glob("*/__init__.py")))]
COMMAND = ["makemessages", "-l", "fr", "--no-obsolete", "--no-wrap", "--no-location"]

NAMED = re.compile(r"%\((\w+)\)[a-z]|(?<!\{)\{(\w*)[^{}]*\}(?!\})")
POSITIONAL = re.compile(r"(?<!%)%[sdifr]\b")
NARROW, WIDE = "\u202f", "\u00a0"
TAG = re.compile(r"<[^>]+>|&\w+;|%\(\w+\)[a-z]|\{[^{}]*\}|https?://\S+")


def copied(place: Path, target: Path) -> Path:
    """A copy of what makemessages shall look at."""
    names = ["config", "templates", "locale"] if place == CHECKOUT else ["."]
    for name in names:
        if (place / name).exists():
            ignored = shutil.ignore_patterns("__pycache__", "*.mo")
            shutil.copytree(place / name, target / name, dirs_exist_ok=True, ignore=ignored)
    (target / "locale").mkdir(exist_ok=True)
    return target


def made_again(place: Path, target: Path) -> polib.POFile:
    """What makemessages writes today."""
    find_gettext()
    copy = copied(place, target)
    # Without the settings: their LOCALE_PATHS would lead out of the copy.
    environment = {name: value for name, value in os.environ.items() if name != "DJANGO_SETTINGS_MODULE"}
    done = subprocess.run(
        [sys.executable, "-m", "django", *COMMAND],
        cwd=copy,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    catalogue = copy / CATALOGUE
    return polib.pofile(str(catalogue)) if catalogue.exists() else polib.POFile()


def kept(place: Path) -> polib.POFile:
    """The catalogue as it stands in the checkout; an empty one if there is none."""
    path = place / CATALOGUE
    return polib.pofile(str(path)) if path.exists() else polib.POFile()


def signature(entry: polib.POEntry) -> tuple[object, ...]:
    """What the source decides about an entry, and its translation."""
    return (
        entry.msgctxt,
        entry.msgid,
        entry.msgid_plural,
        entry.msgstr,
        tuple(sorted(entry.msgstr_plural.items())),
    )


def translations(entry: polib.POEntry) -> list[str]:
    """The French of an entry: one, or singular and plural."""
    return list(entry.msgstr_plural.values()) if entry.msgid_plural else [entry.msgstr]


def entries() -> list[tuple[Path, polib.POEntry]]:
    """Every entry of every catalogue."""
    return [(place, entry) for place in PLACES for entry in kept(place) if not entry.obsolete]


@pytest.mark.parametrize("place", PLACES, ids=lambda place: place.name if place != CHECKOUT else "site")
def test_a_second_makemessages_changes_nothing(place: Path, tmp_path: Path) -> None:
    again, now = made_again(place, tmp_path), kept(place)
    assert [entry.msgid for entry in again if "fuzzy" in entry.flags] == []
    assert {signature(entry) for entry in again} == {signature(entry) for entry in now}


@pytest.mark.parametrize("place", PLACES, ids=lambda place: place.name if place != CHECKOUT else "site")
def test_everything_is_translated(place: Path) -> None:
    catalogue = kept(place)
    assert [entry.msgid for entry in catalogue.untranslated_entries()] == []
    assert [entry.msgid for entry in catalogue.fuzzy_entries()] == []
    assert [entry.msgid for entry in catalogue.obsolete_entries()] == []


def test_catalogues_say_that_they_are_french_and_how_french_counts() -> None:
    for place in PLACES:
        if (place / CATALOGUE).exists():
            metadata = kept(place).metadata
            assert metadata["Language"] == "fr", short(place / CATALOGUE)
            assert "plural=(n > 1)" in metadata["Plural-Forms"], short(place / CATALOGUE)
            assert "charset=UTF-8" in metadata["Content-Type"], short(place / CATALOGUE)


def test_no_catalogue_stands_where_nobody_looks() -> None:
    assert set(written(".po")) <= {place / CATALOGUE for place in PLACES}


def test_placeholders_have_names_and_survive_translation() -> None:
    wrong = []
    for place, entry in entries():
        if POSITIONAL.search(entry.msgid):
            wrong.append(f"{place.name}: unnamed in {entry.msgid!r}")
        allowed = _names(entry.msgid) | _names(entry.msgid_plural)
        # A singular may say "one" in words.
        needed = allowed if not entry.msgid_plural else set()
        wrong += [
            f"{place.name}: {entry.msgid!r} became {text!r}"
            for text in translations(entry)
            if not needed <= _names(text) <= allowed
        ]
    assert not wrong, "\n".join(wrong)


def test_french_keeps_its_typography() -> None:
    wrong = []
    for place, entry in entries():
        for text in translations(entry):
            plain = TAG.sub("x", text)
            wrong += [f"{place.name}: {fault}: {text!r}" for fault in _faults(plain)]
    assert not wrong, "\n".join(wrong)


def _faults(text: str) -> list[str]:
    faults = {
        "a straight apostrophe": r"\w'\w",
        "no U+202F before ; ! or ?": rf"(?<=\w)[ {WIDE}]?[;!?](?=\s|$)",
        "no U+00A0 before a colon": rf"(?<=[^\s\d:/{WIDE}])[ {NARROW}]?:(?=\s|$)",
        "no U+202F inside « »": rf"«(?!{NARROW})|(?<!{NARROW})»",
        "straight quotation marks": r"(?:^|\s)\"\w",
        "three points for an ellipsis": r"\.\.\.",
    }
    return [fault for fault, pattern in faults.items() if re.search(pattern, text)]


def _names(text: str) -> set[str]:
    return {first or second for first, second in NAMED.findall(text)}


@pytest.mark.parametrize(
    ("text", "faults"),
    [
        ("Êtes-vous sûr\u202f?", 0),
        ("Êtes-vous sûr ?", 1),
        ("Êtes-vous sûr?", 1),
        ("Langue\u00a0: français", 0),
        ("Langue : français", 1),
        ("Langue: français", 1),
        ("à 10:30", 0),
        ("«\u202fici\u202f»", 0),
        ("« ici »", 1),
        ("l\u2019article", 0),
        ("l'article", 1),
        ("Patientez...", 1),
    ],
)
def test_the_typographer_sees_what_is_wrong(text: str, faults: int) -> None:
    assert len(_faults(text)) == faults
