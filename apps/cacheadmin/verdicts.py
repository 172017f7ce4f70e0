"""What can be said of an engine or an address, in words."""

from __future__ import annotations

from enum import IntEnum

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _


class Verdict(IntEnum):
    """One answer to "can this be used?"; the numbers are stored, so they never change."""

    UNKNOWN = 0
    FOUND = 1
    CHOSEN = 2
    REFUSED = 3
    TIMED_OUT = 4
    NEEDS_PASSWORD = 5
    WRONG_PASSWORD = 6
    NO_PERMISSION = 7
    NEEDS_TLS = 8
    NOT_REDIS = 9
    UNREACHABLE = 10
    READ_ONLY = 11
    OUT_OF_MEMORY = 12
    LOADING = 13
    ERROR = 14
    NOT_WRITABLE = 15
    DISK_FULL = 16
    UNSAFE_DIRECTORY = 17
    NO_DIRECTORY = 18
    BAD_ADDRESS = 19
    LAST_RESORT = 20
    LOST = 21
    UNTRUSTED = 22
    NO_TLS = 23
    NO_DATABASE = 24
    NO_MASTER = 25
    INCOMPLETE = 26
    NOT_CLUSTER = 27
    IS_CLUSTER = 28
    TAKEN = 29
    FORBIDDEN = 30
    CANNOT_SAVE = 31

    @classmethod
    def stored(cls, number: int) -> Verdict:
        """Return the verdict that *number* in the shared state stands for; ``UNKNOWN`` for none."""
        try:
            return cls(number)
        except ValueError:
            return cls.UNKNOWN

    @property
    def word(self) -> str:
        """The name programs read, such as ``timed out``."""
        return self.name.lower().replace("_", " ")

    @property
    def label(self) -> Promise:
        """The words people read."""
        return _LABELS[self]


_LABELS: dict[Verdict, Promise] = {
    Verdict.UNKNOWN: _("not looked at yet"),
    Verdict.FOUND: _("found and working"),
    Verdict.CHOSEN: _("chosen in the settings"),
    Verdict.REFUSED: _("nothing listens at this address"),
    Verdict.TIMED_OUT: _("no answer in time"),
    Verdict.NEEDS_PASSWORD: _("it asks for a password"),
    Verdict.WRONG_PASSWORD: _("the user name or password is wrong"),
    Verdict.NO_PERMISSION: _("the user lacks a permission it needs"),
    Verdict.NEEDS_TLS: _("the connection broke off: it may expect TLS, or none"),
    Verdict.NOT_REDIS: _("something answers there, but it is not a Redis"),
    Verdict.UNREACHABLE: _("there is no way to this address"),
    Verdict.READ_ONLY: _("it refuses writes (a read-only replica)"),
    Verdict.OUT_OF_MEMORY: _("its memory is full"),
    Verdict.LOADING: _("it is still loading its data"),
    Verdict.CANNOT_SAVE: _("it cannot save to its disk and refuses writes"),
    Verdict.ERROR: _("it answers with an error"),
    Verdict.NOT_WRITABLE: _("the directory cannot be written"),
    Verdict.DISK_FULL: _("the disk is full"),
    Verdict.UNSAFE_DIRECTORY: _("other users can write to the directory"),
    Verdict.NO_DIRECTORY: _("no directory is configured"),
    Verdict.BAD_ADDRESS: _("the address is not understood"),
    Verdict.LOST: _("the connection was lost"),
    Verdict.LAST_RESORT: _("nothing better is available"),
    Verdict.UNTRUSTED: _("its certificate is not one that is trusted here"),
    Verdict.NO_TLS: _("it answers, but without TLS"),
    Verdict.NO_DATABASE: _("it has no database of this number"),
    Verdict.NO_MASTER: _("the Sentinels know no master of this name"),
    Verdict.INCOMPLETE: _("a part of the Cluster is away"),
    Verdict.NOT_CLUSTER: _("it is no Cluster"),
    Verdict.IS_CLUSTER: _("it belongs to a Cluster: the address has to begin with redis+cluster"),
    Verdict.TAKEN: _("its keys are another installation’s: say whether this one was moved or copied"),
    Verdict.FORBIDDEN: _("addresses of this kind are not tried from here"),
}

ENGINE_LABELS: dict[str, Promise] = {
    "auto": _("Automatic"),
    "redis": _("Redis"),
    "file": _("Files"),
    "memory": _("Memory"),
    "off": _("Off"),
}
