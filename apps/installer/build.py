"""Makes what the server needs and version control does not hold: compiled catalogues, static files.

What a build was made from is remembered as one digest, so that a start where nothing changed
does nothing.
"""

from __future__ import annotations

import fcntl
import hashlib
import io
from collections.abc import Callable, Iterator
from contextlib import contextmanager, redirect_stdout
from importlib import metadata
from pathlib import Path

from compressor.conf import settings as compressor_settings
from compressor.exceptions import OfflineGenerationError
from django.apps import apps
from django.conf import settings
from django.core.management import CommandError, call_command
from django.template import engines
from whitenoise.compress import Compressor  # type: ignore[import-untyped]

from installer import catalogues

Say = Callable[[str], None]

STAMP = ".built-from"
MANIFEST = "staticfiles.json"
# Their code decides what comes out.
MAKERS = ("Django", "django-compressor", "whitenoise", "rcssmin", "rjsmin", "brotli")
SOURCES = ("static", "templates")


class BuildError(Exception):
    """Something could not be made and there is nothing older to go on with; the message says why."""


def build(say: Say, *, force: bool = False) -> None:
    """Make whatever is out of date; *say* is told about each thing that is made.

    Where the directories are read-only and an older build exists, that one is kept, with a warning.

    Raises:
        BuildError: the site cannot be served.
    """
    _build_catalogues(say, force=force)
    # While developing, static files come from their sources.
    if not settings.DEBUG:
        _build_assets(say, force=force)


def _build_catalogues(say: Say, *, force: bool) -> None:
    for source in list(catalogues.sources()) if force else catalogues.outdated():
        say(f"Compiling {source.relative_to(settings.BASE_DIR)}")
        try:
            catalogues.compile_catalogue(source)
        except OSError as error:
            # The site can be read without its newest translations.
            say(f"Warning: {source} is not compiled ({error.strerror or error}).")


def _build_assets(say: Say, *, force: bool) -> None:
    root = Path(settings.STATIC_ROOT)
    wanted = digest_of_sources()
    if not force and _stamp_of(root) == wanted:
        return
    try:
        with _alone_in(root):
            # Another process may have built meanwhile.
            if force or _stamp_of(root) != wanted:
                _make_assets(root, say)
                (root / STAMP).write_text(wanted)
    except OSError as error:
        reason = f"{error.filename or root}: {error.strerror or error}"
        if not (root / MANIFEST).exists():
            raise BuildError(
                f"The static files cannot be written ({reason}). Give the user that runs the site the right "
                f"to write to {root}, or run `manage.py build` once as a user that may."
            ) from error
        say(f"Warning: the static files are older than their sources, and cannot be renewed ({reason}).")


def _make_assets(root: Path, say: Say) -> None:
    say("Collecting static files")
    call_command("collectstatic", interactive=False, verbosity=0)
    say("Compressing styles and scripts")
    _bundle(say)
    precompress(root / compressor_settings.COMPRESS_OUTPUT_DIR)


def _bundle(say: Say) -> None:
    told = io.StringIO()
    try:
        # It prints past the stream that a command is given.
        with redirect_stdout(told):
            call_command("compress", force=True, verbosity=1)
    except (CommandError, OfflineGenerationError) as error:
        raise BuildError(f"The styles and scripts cannot be bundled: {error}") from error
    # A template that it cannot read, it leaves out: pages made of that one will fail.
    for line in told.getvalue().removeprefix("Compressing... ").splitlines():
        if not line.startswith(("done", "Compressed ")):
            say(f"Warning: {line}")


def precompress(directory: Path) -> None:
    """Lay a gzip and a brotli copy beside each bundle, which no static files storage has seen."""
    compressor = Compressor(quiet=True)
    for path in list(directory.rglob("*")):
        if path.is_file() and path.name != "manifest.json" and compressor.should_compress(path.name):
            compressor.compress(str(path))


def digest_of_sources() -> str:
    """Return what the static files of this checkout are made from, as one digest."""
    digest = hashlib.sha256()
    for maker in MAKERS:
        digest.update(f"{maker}={_version(maker)}\0".encode())
    # How it is done stands there.
    digest.update(hashlib.sha256(Path(settings.BASE_DIR, "config", "settings.py").read_bytes()).digest())
    for directory in _source_directories():
        for path in sorted(path for path in directory.rglob("*") if path.is_file()):
            digest.update(f"{path.relative_to(directory)}\0".encode())
            digest.update(hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()


def _source_directories() -> Iterator[Path]:
    """Ours only: what other packages bring changes with their version."""
    yield from map(Path, settings.STATICFILES_DIRS)
    for engine in engines.all():
        yield from map(Path, engine.dirs)
    for app in apps.get_app_configs():
        if Path(app.path).is_relative_to(settings.BASE_DIR / "apps"):
            yield from (Path(app.path) / name for name in SOURCES)


def _version(package: str) -> str:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return ""


def _stamp_of(root: Path) -> str:
    try:
        return (root / STAMP).read_text()
    except OSError:
        return ""


@contextmanager
def _alone_in(root: Path) -> Iterator[None]:
    """One builder at a time; the others wait, and then find everything made."""
    root.mkdir(parents=True, exist_ok=True)
    with (root / ".building").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
