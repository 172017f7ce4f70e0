"""Compiles translations (``.po`` to ``.mo``) without the gettext programs, which few hosts have."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

import polib
from django.apps import apps
from django.conf import settings


def sources() -> Iterator[Path]:
    """The catalogues that belong to this checkout: the site's and those of its own apps."""
    own_apps = (Path(app.path) for app in apps.get_app_configs())
    directories = [
        *map(Path, settings.LOCALE_PATHS),
        *(path / "locale" for path in own_apps if path.parent == settings.BASE_DIR / "apps"),
    ]
    for directory in directories:
        yield from sorted(directory.glob("*/LC_MESSAGES/*.po"))


def outdated() -> list[Path]:
    """The catalogues that were changed since they were compiled, or never were."""
    return [source for source in sources() if _is_outdated(source)]


def compile_catalogue(source: Path) -> None:
    """Write the ``.mo`` beside *source*, whole or not at all. Fuzzy and empty entries are left out.

    Raises:
        OSError: it cannot be written, or *source* cannot be read or understood.
    """
    compiled = polib.pofile(str(source)).to_binary()
    descriptor, temporary = tempfile.mkstemp(dir=source.parent, suffix=".mo")
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(compiled)
        # mkstemp makes private files; whoever runs the site may be somebody else than who built it.
        os.chmod(temporary, 0o644)
        os.replace(temporary, source.with_suffix(".mo"))
    except BaseException:
        os.unlink(temporary)
        raise


def _is_outdated(source: Path) -> bool:
    compiled = source.with_suffix(".mo")
    return not compiled.exists() or compiled.stat().st_mtime_ns < source.stat().st_mtime_ns
