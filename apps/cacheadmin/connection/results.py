"""What a test of a connection found out: its steps, each with words in the active language."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from django.template.defaultfilters import filesizeformat
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, pgettext_lazy

from cacheadmin import remedies
from cacheadmin.verdicts import Verdict

CONNECT, AUTHENTICATE, DATABASE, PING, INFO = "connect", "authenticate", "database", "ping", "info"
OWNERSHIP, WRITE, READ, COMPARE = "ownership", "write", "read", "compare"
EXPIRY, INCREMENT, DELETE = "expiry", "increment", "delete"

LABELS: dict[str, Promise] = {
    CONNECT: gettext_lazy("Connect"),
    AUTHENTICATE: gettext_lazy("Log in to Redis"),
    DATABASE: gettext_lazy("Choose the database"),
    PING: gettext_lazy("Ask for an answer"),
    INFO: gettext_lazy("Ask for version and memory"),
    OWNERSHIP: gettext_lazy("Look whose keys these are"),
    WRITE: gettext_lazy("Write"),
    READ: gettext_lazy("Read over a second connection"),
    COMPARE: gettext_lazy("Compare"),
    EXPIRY: gettext_lazy("Let an entry end"),
    INCREMENT: gettext_lazy("Count up"),
    DELETE: pgettext_lazy("a step of the connection test", "Delete"),
}
_DONE: dict[str, Promise] = {
    CONNECT: gettext_lazy("The connection stands."),
    AUTHENTICATE: gettext_lazy("Redis lets this site in."),
    DATABASE: gettext_lazy("The database is there."),
    PING: gettext_lazy("Redis answers."),
    INFO: gettext_lazy("%(server)s %(version)s, %(memory)s in use."),
    OWNERSHIP: gettext_lazy("No other installation has this prefix."),
    WRITE: gettext_lazy("An entry was written."),
    READ: gettext_lazy("It was found over another connection."),
    COMPARE: gettext_lazy("What was read is what was written."),
    EXPIRY: gettext_lazy("An entry ended when its time was over."),
    INCREMENT: gettext_lazy("A number was counted up, in one piece."),
    DELETE: gettext_lazy("The entry was deleted; nothing is left behind."),
}
# What may be refused, since the cache does without it.
_DONE_WITHOUT: dict[str, Promise] = {
    PING: gettext_lazy(
        "Redis answers, though its user may not use PING (+ping is missing). The cache does without it."
    ),
    INFO: gettext_lazy(
        "Version and memory are not available: this Redis does not let its user ask (+info is missing). "
        "The cache does without it; to see them here, have it granted."
    ),
}


@dataclass(frozen=True)
class Step:
    """One step of a test.

    Args:
        name: for programs; it never changes.
        ok: whether the test may go on.
        ms: milliseconds it took.
        verdict: what went wrong; ``FOUND`` where nothing did.
        values: what the message names; a number is one of bytes.
    """

    name: str
    ok: bool
    ms: float
    verdict: Verdict = Verdict.FOUND
    values: Mapping[str, str | int] = field(default_factory=dict)

    @property
    def label(self) -> Promise:
        """What is done in it, in words."""
        return LABELS[self.name]

    @property
    def message(self) -> str:
        """What happened, and if it went wrong why, and what to do next; in the active language."""
        values = {name: _as_words(value) for name, value in self.values.items()}
        if not self.ok:
            return remedies.told(self.verdict, values)
        words = _DONE if self.verdict is Verdict.FOUND else _DONE_WITHOUT
        return str(words[self.name]) % values


@dataclass(frozen=True)
class ConnectionTest:
    """What came of a test.

    Args:
        address: what was tested, without its password.
        verdict: the answer in one word; ``FOUND`` if all is well.
        steps: what was done, up to the first step that failed.
        version: of the server; empty where it does not say.
        used: bytes of memory that the server uses; ``None`` where it does not say.
        engine: the engine that was tested.
    """

    address: str
    verdict: Verdict
    steps: tuple[Step, ...]
    version: str = ""
    used: int | None = None
    engine: str = "redis"

    @property
    def ok(self) -> bool:
        """Whether the cache can run on it, as far as was tested."""
        return self.verdict is Verdict.FOUND

    @property
    def memory(self) -> str:
        """The memory that the server uses, in words."""
        return _("not available") if self.used is None else _as_words(self.used)

    @property
    def latency(self) -> float | None:
        """Milliseconds between a question and its answer; ``None`` if there was none."""
        return next((step.ms for step in self.steps if step.name == PING and step.ok), None)

    @property
    def message(self) -> str:
        """The outcome in words: those of the step that failed, or that none did."""
        return _("Everything works.") if self.ok else self.steps[-1].message

    def as_json(self) -> dict[str, Any]:
        """Return what programs read; its words are in the active language."""
        return {
            "ok": self.ok,
            "engine": self.engine,
            "version": self.version or _("not available"),
            "memory": self.memory,
            "steps": [
                {"name": step.name, "ok": step.ok, "ms": round(step.ms, 2), "message": step.message}
                for step in self.steps
            ],
        }


def _as_words(value: str | int) -> str:
    return str(filesizeformat(value)) if isinstance(value, int) else value
