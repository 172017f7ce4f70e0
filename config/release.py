"""What tells this release of the site from others: no kept page outlives it."""

from __future__ import annotations

import hashlib
from pathlib import Path

from django.conf import settings

# Whatever has a hand in a page: the code, the templates, the words, the names of the assets.
_PARTS = ("apps", "config", "templates", "locale", "staticfiles")
_KINDS = frozenset({".py", ".html", ".xml", ".txt", ".mo", ".json"})


def stamp() -> str:
    """Return a short name of the release and its configuration; another one after any change of them."""
    digest = hashlib.blake2b(digest_size=8)
    base: Path = settings.BASE_DIR
    for part in _PARTS:
        for path in sorted((base / part).rglob("*")):
            if path.suffix in _KINDS and path.is_file():
                digest.update(f"{path.relative_to(base)}\0".encode() + path.read_bytes())
    digest.update(f"{settings.GENERATION}\0{settings.SITE_URL}".encode())
    return digest.hexdigest()
