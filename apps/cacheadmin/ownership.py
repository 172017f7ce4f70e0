"""Whose the keys of a cache in Redis are.

Each cache leaves a note beside its keys that says which installation they belong to. A second
installation that finds a foreign note there (another site with the same prefix, or a copy of this
one with a database of its own) writes nothing under that prefix until somebody has said whether
it was moved, and takes the keys over, or copied, and gets keys of its own.
"""

from __future__ import annotations

import json
import os
import platform
import time
from collections.abc import Iterable
from dataclasses import asdict, dataclass

from django.conf import settings

from cacheadmin import state
from cacheadmin.engines.base import EngineUnavailable
from cacheadmin.engines.redis import RedisEngine
from cacheadmin.serializer import fingerprint
from cacheadmin.verdicts import Verdict

# Seconds after which the owner's note is written anew, so that it outlives what it stands beside.
_RENEWED_AFTER = 24 * 3600
_LONGEST_NOTE = 2000


@dataclass(frozen=True)
class Owner:
    """An installation, as its note has it.

    Args:
        secret: a name made from its SECRET_KEY, which it gives nothing away of.
        place: which database it lives in; empty where that is not known.
        label: where it runs, for people.
        noted_at: when the note was written, in seconds since 1970.
    """

    secret: str
    place: str
    label: str
    noted_at: int

    def as_note(self) -> bytes:
        """Return the bytes of the note."""
        return json.dumps(asdict(self), sort_keys=True).encode()


def name_of_note(namespace: str) -> str:
    """Return the key of the note beside the keys of *namespace*."""
    return f"{namespace}:owner"


def here() -> Owner:
    """Return this installation."""
    return Owner(
        secret=fingerprint(settings.SECRET_KEY),
        place=state.place(),
        label=f"{platform.node()}:{os.getcwd()}",
        noted_at=int(time.time()),
    )


def read_note(data: bytes | None) -> Owner | None:
    """Return whom a note names, ``None`` where there is none; what is no note names a stranger."""
    if data is None:
        return None
    try:
        found = json.loads(data[:_LONGEST_NOTE])
        owner = Owner(found["secret"], found["place"], found["label"], int(found["noted_at"]))
    except (ValueError, TypeError, KeyError, OverflowError):
        return Owner("?", "?", "?", 0)
    return Owner(str(owner.secret), str(owner.place), str(owner.label), owner.noted_at)


def is_ours(owner: Owner) -> bool:
    """Whether *owner* is this installation.

    The database tells, since a copy of an installation has one of its own. Where one of the two
    does not know its database, the secret has to do.
    """
    place = state.place()
    if place and owner.place:
        return place == owner.place
    secrets = (settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS)
    return owner.secret in {fingerprint(secret) for secret in secrets}


def require(engine: RedisEngine, namespace: str, note: bytes | None) -> None:
    """Make sure that the keys of *namespace* are ours, and note it where that is not noted yet.

    Args:
        engine: the Redis they are in.
        namespace: what they begin with.
        note: what stands beside them now.

    Raises:
        EngineUnavailable: they are another installation's.
    """
    owner = read_note(note)
    if owner is None:
        if not engine.write_note(name_of_note(namespace), here().as_note(), only_new=True):
            require(engine, namespace, engine.read_notes([name_of_note(namespace)])[0])
        return
    if not is_ours(owner):
        raise EngineUnavailable(Verdict.TAKEN, owner.label)
    ours = here()
    is_old = ours.noted_at - owner.noted_at > _RENEWED_AFTER
    if is_old or (ours.place and not owner.place):
        engine.write_note(name_of_note(namespace), ours.as_note())


def refuse_strangers(engine: RedisEngine, namespaces: Iterable[str]) -> None:
    """Make sure that none of *namespaces* is another installation's; nothing is noted.

    Raises:
        EngineUnavailable: one is.
    """
    names = dict.fromkeys(map(name_of_note, namespaces))
    for owner in map(read_note, engine.read_notes(names)):
        if owner is not None and not is_ours(owner):
            raise EngineUnavailable(Verdict.TAKEN, owner.label)


def take_over(engine: RedisEngine, namespaces: Iterable[str]) -> None:
    """Make the keys of *namespaces* ours, whosever they were."""
    for namespace in namespaces:
        engine.write_note(name_of_note(namespace), here().as_note())
