"""The owner's answer where an installation finds its keys in Redis taken: it was moved, or copied."""

from __future__ import annotations

import secrets
from typing import Any, cast

from django.core.cache import caches

from cacheadmin import conf, ownership, shared, signals, state
from cacheadmin.backend import AdaptiveCache
from cacheadmin.engines.redis import RedisEngine, connect
from cacheadmin.plan import Code
from cacheadmin.serializer import Serializer
from cacheadmin.space import Space, aliases


def moved(**origin: Any) -> None:
    """Take the keys over: this is the only installation left of the two.

    What is stored under them is forgotten, as it may be of another state of the database.

    Args:
        origin: what the event says of its cause, such as ``actor`` and ``request``.

    Raises:
        EngineUnavailable: Redis cannot be reached.
    """
    for space in _spaces():
        space.selector.live()
        if space.selector.words.read(shared.HOME) != Code.REDIS:
            # It is to run on something else, where nobody can have taken its keys.
            continue
        wire = connect(space.selector.address(), conf.get("CONNECT_TIMEOUT"), conf.get("ANSWER_TIMEOUT"))
        engine = RedisEngine(wire, Serializer(""), space.namespace)
        ownership.take_over(engine, [space.namespace])
    _begin_anew()
    signals.send("moved", **origin)


def copied(**origin: Any) -> None:
    """Take keys of one's own: the other installation goes on with the present ones.

    Args:
        origin: what the event says of its cause, such as ``actor`` and ``request``.

    Raises:
        RuntimeError: there is no place to save that.
        django.db.DatabaseError: it cannot be saved.
    """
    state.store().save_suffix(secrets.token_hex(4))
    state.refresh(now=True)
    _begin_anew()
    signals.send("copied", **origin)


def _begin_anew() -> None:
    for selector in {id(space.selector): space.selector for space in _spaces()}.values():
        selector.live()
        selector.words.advance_all()
        selector.reconsider()


def _spaces() -> list[Space]:
    return [cast(AdaptiveCache, caches[alias]).space for alias in aliases()]
