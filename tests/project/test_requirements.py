"""Everything that is installed is pinned and has its hash."""

from __future__ import annotations

import re

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.project.files import CHECKOUT

pytestmark = pytest.mark.project

LOCKS = ["requirements.txt", "requirements-dev.txt"]


def entries(name: str) -> list[str]:
    """The requirements of a lock file, each with its continuation lines."""
    text = (CHECKOUT / name).read_text().replace("\\\n", " ")
    return [line for line in text.splitlines() if line.strip() and not line.lstrip().startswith(("#", "-c"))]


@pytest.mark.parametrize("lock", LOCKS)
def test_every_package_has_one_version_and_hashes(lock: str) -> None:
    assert len(entries(lock)) > 10
    for entry in entries(lock):
        assert re.match(r"\s*[\w.-]+(\[[\w, -]+\])?==\S+", entry), entry
        assert "--hash=sha256:" in entry, entry


@pytest.mark.parametrize("lock", LOCKS)
def test_every_wish_stands_in_the_lock(lock: str) -> None:
    wishes = (CHECKOUT / lock.replace(".txt", ".in")).read_text().splitlines()
    wished = [Requirement(line) for line in wishes if line.strip() and not line.startswith(("#", "-"))]
    locked = {
        canonicalize_name(requirement.name): requirement
        for requirement in (Requirement(entry.split("--hash")[0].strip()) for entry in entries(lock))
    }
    for wish in wished:
        found = locked.get(canonicalize_name(wish.name))
        assert found is not None, f"{wish.name} is missing: make lock"
        version = next(iter(found.specifier)).version
        assert wish.specifier.contains(version, prereleases=True), f"{found} is not {wish}: make lock"


def test_extras_are_kept() -> None:
    """A pip before 23.3 refuses a lock without them as soon as a newer version than the locked one is out."""
    assert [entry for entry in entries("requirements-dev.txt") if entry.startswith("coverage[toml]==")]
    assert [entry for entry in entries("requirements.txt") if entry.startswith("psycopg[binary, pool]==")]


def test_both_locks_agree() -> None:
    versions: dict[str, str] = {}
    for lock in LOCKS:
        for entry in entries(lock):
            requirement = Requirement(entry.split("--hash")[0].strip())
            # One package may stand twice, for two versions of Python.
            name = f"{canonicalize_name(requirement.name)} {requirement.marker or ''}"
            assert versions.setdefault(name, str(requirement.specifier)) == str(requirement.specifier), name
