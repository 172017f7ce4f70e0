from __future__ import annotations

import gettext
import gzip
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import brotli
import pytest
from compressor import storage as compressor
from django.utils.functional import empty
from pytest_django import Settings

from installer import build, catalogues

PO = """msgid ""
msgstr ""
"Content-Type: text/plain; charset=UTF-8\\n"
"Plural-Forms: nplurals=2; plural=(n > 1);\\n"

msgid "Good morning"
msgstr "Bonjour"

#, fuzzy
msgid "Good night"
msgstr "Bonjour peut-être"

msgid "%(number)d cat"
msgid_plural "%(number)d cats"
msgstr[0] "%(number)d chat"
msgstr[1] "%(number)d chats"
"""


@pytest.fixture
def checkout(tmp_path: Path, settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A small checkout: one catalogue, one style sheet, one template."""
    messages = tmp_path / "locale/fr/LC_MESSAGES"
    for directory in (messages, tmp_path / "static", tmp_path / "templates"):
        directory.mkdir(parents=True)
    (messages / "django.po").write_text(PO)
    (tmp_path / "static/site.css").write_text("body { color : #123456; }\n" * 40)
    (tmp_path / "templates/page.html").write_text(
        '{% load compress static %}{% compress css file site %}<link rel="stylesheet" '
        "href=\"{% static 'site.css' %}\">{% endcompress %}"
    )
    (tmp_path / "config").mkdir()
    (tmp_path / "config/settings.py").write_text("")
    settings.BASE_DIR = tmp_path
    settings.LOCALE_PATHS = [tmp_path / "locale"]
    settings.STATICFILES_DIRS = [tmp_path / "static"]
    settings.STATIC_ROOT = settings.COMPRESS_ROOT = str(tmp_path / "staticfiles")
    settings.TEMPLATES = [{**settings.TEMPLATES[0], "DIRS": [tmp_path / "templates"]}]
    # What other packages bring takes most of the time and is not looked at here.
    settings.STATICFILES_FINDERS = [
        finder for finder in settings.STATICFILES_FINDERS if "AppDir" not in finder
    ]
    settings.COMPRESS_ENABLED = settings.COMPRESS_OFFLINE = True
    settings.STORAGES = {
        **settings.STORAGES,
        "staticfiles": {"BACKEND": "whitenoise.storage.CompressedManifestStaticFilesStorage"},
    }
    # It remembers where files went the first time, for the life of a process.
    for storage in (compressor.default_storage, compressor.default_offline_manifest_storage):
        monkeypatch.setattr(storage, "_wrapped", empty)
    return tmp_path


def made(checkout: Path, *, force: bool = False) -> list[str]:
    """Build, and return what was told."""
    told: list[str] = []
    build.build(told.append, force=force)
    return told


def test_catalogues_are_compiled_so_that_gettext_can_read_them(checkout: Path) -> None:
    assert made(checkout)[0] == "Compiling locale/fr/LC_MESSAGES/django.po"
    compiled = checkout / "locale/fr/LC_MESSAGES/django.mo"
    with compiled.open("rb") as file:
        french = gettext.GNUTranslations(file)
    assert french.gettext("Good morning") == "Bonjour"
    assert french.gettext("Good night") == "Good night"  # fuzzy: nobody has said that it is right
    assert french.ngettext("%(number)d cat", "%(number)d cats", 2) == "%(number)d chats"
    assert compiled.stat().st_mode & 0o777 == 0o644
    assert [
        path.name for path in compiled.parent.iterdir() if path.name not in {"django.po", "django.mo"}
    ] == []


def test_a_second_build_does_nothing(checkout: Path) -> None:
    assert len(made(checkout)) == 3
    before = {path: path.stat().st_mtime_ns for path in checkout.rglob("*") if path.is_file()}
    assert made(checkout) == []
    assert {path: path.stat().st_mtime_ns for path in checkout.rglob("*") if path.is_file()} == before


def test_a_changed_catalogue_is_compiled_again_and_nothing_else(checkout: Path) -> None:
    made(checkout)
    source = checkout / "locale/fr/LC_MESSAGES/django.po"
    source.write_text(PO.replace("Bonjour", "Salut"))
    later = time.time() + 5
    os.utime(source, (later, later))
    assert catalogues.outdated() == [source]
    assert made(checkout) == ["Compiling locale/fr/LC_MESSAGES/django.po"]


@pytest.mark.parametrize("changed", ["static/site.css", "templates/page.html", "config/settings.py"])
def test_a_changed_source_makes_the_assets_anew(checkout: Path, changed: str) -> None:
    made(checkout)
    (checkout / changed).write_text((checkout / changed).read_text() + "\n\n")
    assert made(checkout) == ["Collecting static files", "Compressing styles and scripts"]
    assert made(checkout) == []


def test_force_makes_everything_anew(checkout: Path) -> None:
    first = made(checkout)
    assert made(checkout, force=True) == first


def test_bundles_are_minified_and_lie_there_compressed_in_both_ways(checkout: Path) -> None:
    made(checkout)
    (bundle,) = (checkout / "staticfiles/CACHE/css").glob("site.*.css")
    plain = bundle.read_bytes()
    assert plain.startswith(b"body{color:#123456}")
    assert gzip.decompress(bundle.with_name(bundle.name + ".gz").read_bytes()) == plain
    assert brotli.decompress(bundle.with_name(bundle.name + ".br").read_bytes()) == plain
    assert (checkout / "staticfiles/CACHE/manifest.json").exists()
    assert not (checkout / "staticfiles/CACHE/manifest.json.gz").exists()


def test_a_template_that_cannot_be_read_is_named(checkout: Path) -> None:
    (checkout / "templates/broken.html").write_text("{% if %}{% load compress %}")
    told = made(checkout)
    assert any(words.startswith("Warning: Invalid template broken.html") for words in told)


def test_where_nothing_can_be_written_an_older_build_is_kept(checkout: Path) -> None:
    made(checkout)
    (checkout / "static/site.css").write_text("body { color: red }")
    with unwritable(checkout / "staticfiles"):
        told = made(checkout)
    assert len(told) == 1
    assert told[0].startswith("Warning: the static files are older than their sources")


def test_where_nothing_can_be_written_and_nothing_was_made_it_says_what_to_do(checkout: Path) -> None:
    with unwritable(checkout / "staticfiles"), pytest.raises(build.BuildError, match="Give the user"):
        made(checkout)


def test_a_current_build_needs_no_right_to_write(checkout: Path) -> None:
    made(checkout)
    with unwritable(checkout / "staticfiles"):
        assert made(checkout) == []


@contextmanager
def unwritable(directory: Path) -> Iterator[None]:
    """A directory that not even root can build in: another thing takes the place of its lock."""
    lock = directory / ".building"
    directory.mkdir(exist_ok=True)
    lock.unlink(missing_ok=True)
    lock.mkdir()
    yield
    lock.rmdir()
