"""``site.toml``: what the installation itself remembers (keys, database, addresses).

Knows neither Django nor the environment, so that the settings can read it first of all.
"""

from __future__ import annotations

import os
import secrets
import tempfile
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import tomlkit

HEADER = "Written by the installer. Holds secrets: keep it private (0600) and out of version control."


class SiteFileError(Exception):
    """The file cannot be read, understood or written; the message says what to do."""


def read(path: Path) -> dict[str, Any]:
    """Return what *path* holds; an absent file holds nothing.

    Raises:
        SiteFileError: it exists, but cannot be read or is not TOML.
    """
    try:
        with path.open("rb") as file:
            return tomllib.load(file)
    except FileNotFoundError:
        return {}
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise SiteFileError(
            f"{path} is not valid TOML ({error}). Mend that line, or put back the last good copy of the file."
        ) from error
    except OSError as error:
        raise SiteFileError(
            f"{path} cannot be read ({error.strerror}). The user that runs the site must be able to read it."
        ) from error


def write(path: Path, values: Mapping[str, Any]) -> None:
    """Replace *path* by *values*: whole or not at all, readable by its owner only.

    Raises:
        SiteFileError: it cannot be written (no permission, disk full, …); the old file is untouched.
    """
    try:
        temporary = _write_aside(path, values)
        os.replace(temporary, path)
        _sync_directory(path.parent)
    except OSError as error:
        raise _not_writable(path, error) from error


def create(path: Path) -> dict[str, Any]:
    """Write the file of a first boot, unless another process was faster; return what then stands in it.

    Raises:
        SiteFileError: it cannot be written or read.
    """
    values = {
        "secret_key": secrets.token_urlsafe(50),
        "setup_token": secrets.token_urlsafe(24),
        "installation_id": secrets.token_hex(8),
        "installed": False,
        "generation": 0,
    }
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary = _write_aside(path, values)
        try:
            # A link, unlike a rename, never replaces the file of a process that was faster.
            os.link(temporary, path)
        except FileExistsError:
            pass
        finally:
            os.unlink(temporary)
    except OSError as error:
        raise _not_writable(path, error) from error
    return read(path)


def update(path: Path, **changes: Any) -> dict[str, Any]:
    """Change some values of *path*, keep the others, and return them all; ``None`` removes a value.

    Raises:
        SiteFileError: it cannot be read or written.
    """
    merged = {**read(path), **changes}
    values = {key: value for key, value in merged.items() if value is not None}
    write(path, values)
    return values


def _write_aside(path: Path, values: Mapping[str, Any]) -> str:
    document = tomlkit.document()
    document.add(tomlkit.comment(HEADER))
    for key, value in values.items():
        document.add(key, tomlkit.item(value))
    # mkstemp creates the file 0600, so the secrets are never readable by others, not even for a moment.
    descriptor, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(tomlkit.dumps(document).encode())
            file.flush()
            os.fsync(file.fileno())
    except BaseException:
        os.unlink(temporary)
        raise
    return temporary


def _sync_directory(directory: Path) -> None:
    descriptor = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _not_writable(path: Path, error: OSError) -> SiteFileError:
    return SiteFileError(
        f"{path} cannot be written ({error.strerror}). Give the user that runs the site the right to write "
        f"to {path.parent} and free disk space, or point VAR_DIR at another directory."
    )
