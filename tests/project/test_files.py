"""What holds for every file of the checkout."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.project.files import CHECKOUT, short, written

pytestmark = pytest.mark.project

LONGEST = 400
# Put together here, so that this file does not accuse itself.
HOMES = re.compile(
    "|".join(
        ["/wor" + "k/", "/roo" + "t/", "/tm" + "p/w/", "/Use" + "rs/", r"/hom" + r"e/(?!site\b|user\b)\w"]
    )
)
TEXT = {
    "", ".cfg", ".css", ".html", ".in", ".js", ".json", ".md", ".po", ".py", ".pyi", ".sh", ".svg", ".toml",
    ".txt", ".xml", ".yaml", ".yml",
}  # fmt: skip


def test_every_python_file_is_short() -> None:
    lengths = {short(path): len(path.read_text().splitlines()) for path in written(".py")}
    assert not {name: lines for name, lines in lengths.items() if lines >= LONGEST}


def test_no_file_names_a_place_on_somebodys_machine() -> None:
    found = [
        f"{short(path)}:{number}: {line.strip()[:100]}"
        for path in written(*TEXT)
        for number, line in enumerate(path.read_text().splitlines(), 1)
        if HOMES.search(line)
    ]
    assert not found, "\n".join(found)


def test_no_grab_bags() -> None:
    bags = {"utils", "helpers", "services", "misc", "common"}
    assert not [short(path) for path in written(".py") if path.stem in bags or path.parent.name in bags]


def test_every_package_of_the_site_says_what_it_is_for() -> None:
    silent = [
        short(path)
        for path in written(".py", below=CHECKOUT / "apps")
        if path.name != "__init__.py" and "migrations" not in path.parts and not _has_docstring(path)
    ]
    assert not silent


def _has_docstring(path: Path) -> bool:
    return path.read_text().lstrip().removeprefix("#!/usr/bin/env python\n").startswith(('"""', 'r"""'))


def test_every_text_file_ends_with_a_line_end() -> None:
    bad = [short(path) for path in written(*TEXT) if (text := path.read_bytes()) and not text.endswith(b"\n")]
    assert not bad
