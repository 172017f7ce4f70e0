"""Every document that is named exists."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.project.files import CHECKOUT, short, written

pytestmark = pytest.mark.project

NAMED = re.compile(r"\bdocs/[\w./-]+\.(?:md|svg|png)\b")
LINK = re.compile(r"\]\((?!https?:|mailto:|#)([^)#\s]+)[^)]*\)")


def test_every_document_that_is_named_exists() -> None:
    missing = [
        f"{short(path)} names {name}"
        for path in written(".py", ".md", ".html", ".toml", ".in", ".yaml", "")
        for name in sorted(set(NAMED.findall(path.read_text())))
        if not (CHECKOUT / name).exists()
    ]
    assert not missing, "\n".join(missing)


def test_every_link_between_documents_leads_somewhere() -> None:
    broken = [
        f"{short(path)} links to {target}"
        for path in written(".md")
        for target in LINK.findall(path.read_text())
        if not Path(path.parent, target).exists()
    ]
    assert not broken, "\n".join(broken)


@pytest.mark.parametrize(
    "name", ["README.md", "CHANGELOG.md", "LICENSE", "apps/cacheadmin/LICENSE", "tests/README.md"]
)
def test_the_checkout_has(name: str) -> None:
    assert (CHECKOUT / name).read_text().strip()


def test_the_site_and_the_app_have_their_own_licences() -> None:
    assert "GNU AFFERO GENERAL PUBLIC LICENSE" in (CHECKOUT / "LICENSE").read_text()[:200]
    assert "BSD 3-Clause" in (CHECKOUT / "apps/cacheadmin/LICENSE").read_text()[:200]
