"""What was entered in the wizard so far: one private file, the same for all workers, tabs and browsers.

It is bound to the setup token and forgotten a day after the last change, so that a wizard that was
left open is of no use to anybody. Secrets are never in it as they were typed.
"""

from __future__ import annotations

import fcntl
import json
import os
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from django.conf import settings
from django.utils.crypto import salted_hmac

from installer import setup_token

FILE = "setup.json"
LOCK = ".setup-lock"
LIFETIME = 24 * 3600  # seconds since the last change
LARGEST = 100_000  # bytes


class AnswersNotKept(Exception):
    """The directory of the site cannot be written; the message names it and the reason."""


@dataclass(frozen=True)
class Answer:
    """What is known of one step.

    Args:
        values: as they were typed, by the name of the field; no secrets.
        secrets: hashed or encrypted, by the name of the field.
        is_done: whether they were checked and found good.
    """

    values: dict[str, Any] = field(default_factory=dict)
    secrets: dict[str, str] = field(default_factory=dict, repr=False)
    is_done: bool = False


Answers = Mapping[str, Answer]
NOTHING = Answer()


def load() -> Answers:
    """Return the answers by the slug of their step; none where there is no usable file."""
    try:
        text = _path().read_bytes()
        held = json.loads(text) if len(text) <= LARGEST else {}
        if held["seal"] != _seal() or not 0 <= time.time() - held["saved_at"] < LIFETIME:
            return {}
        return {slug: Answer(**answer) for slug, answer in held["answers"].items()}
    except (OSError, ValueError, TypeError, KeyError, AttributeError):
        # Cut off, or written by nobody we know: whoever sets up begins again, nothing else is lost.
        return {}


def keep(slug: str, answer: Answer) -> None:
    """Take *answer* for what is known of the step *slug*; the other steps keep theirs.

    Raises:
        AnswersNotKept: the file cannot be written.
    """
    try:
        with _alone():
            _write({**load(), slug: answer})
    except OSError as error:
        raise AnswersNotKept(f"{error.filename or settings.VAR_DIR}: {error.strerror}") from error


def forget() -> None:
    """Remove everything that was entered."""
    # What cannot be removed ends with its lifetime, and with the setup token.
    with suppress(OSError):
        _path().unlink()


def _write(answers: Answers) -> None:
    held = {
        "seal": _seal(),
        "saved_at": time.time(),
        "answers": {slug: asdict(answer) for slug, answer in answers.items()},
    }
    # mkstemp makes files that only their owner may read.
    descriptor, temporary = tempfile.mkstemp(dir=settings.VAR_DIR, prefix=f".{FILE}.")
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            json.dump(held, file)
        os.replace(temporary, _path())
    except BaseException:
        os.unlink(temporary)
        raise


def _path() -> Path:
    return Path(settings.VAR_DIR, FILE)


def _seal() -> str:
    return salted_hmac("installer.answers", setup_token.current()).hexdigest()


@contextmanager
def _alone() -> Iterator[None]:
    """One change at a time: two tabs that send two steps at once both keep theirs."""
    Path(settings.VAR_DIR).mkdir(parents=True, exist_ok=True)
    descriptor = os.open(Path(settings.VAR_DIR, LOCK), os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)
