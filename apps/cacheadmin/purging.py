"""Removes every trace of the app: from Redis, from the disk and from the database.

In Redis only keys under our own prefixes are touched, found by SCAN in small steps; what others keep there
survives. FLUSHDB, FLUSHALL and KEYS are never sent.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import cast

from django.apps import apps
from django.core.cache import caches
from django.db import Error, transaction
from django.utils.translation import gettext as _

from cacheadmin import conf, detect, events, ownership, shared, space, state, stats
from cacheadmin.backend import AdaptiveCache
from cacheadmin.engines.base import EngineUnavailable
from cacheadmin.engines.redis import FAILURES, RedisEngine, Wire, connect, explain, packets, without_password
from cacheadmin.plan import Code
from cacheadmin.serializer import Serializer
from cacheadmin.space import Space
from cacheadmin.verdicts import Verdict

# How many keys Redis looks at, and how many are removed, in one step.
_STEP = 1000


@dataclass(frozen=True)
class InRedis:
    """What was done in one Redis.

    Args:
        address: without a password.
        namespace: what the keys begin with.
        removed: how many there were.
        problem: why some are left; empty if none are.
    """

    address: str
    namespace: str
    removed: int = 0
    problem: str = ""


@dataclass
class Purged:
    """What was removed, and what was not.

    Args:
        redis: in each Redis that may hold keys.
        paths: files and directories that are gone.
        rows: how many, by table.
        problems: what could not be done on the disk and in the database.
    """

    redis: list[InRedis] = field(default_factory=list)
    paths: list[str] = field(default_factory=list)
    rows: dict[str, int] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)

    @property
    def is_complete(self) -> bool:
        """Whether nothing of ours is left."""
        return not self.problems and not any(one.problem for one in self.redis)


def purge(aliases: Iterable[str], *, tables: bool) -> Purged:
    """Remove what some caches have left behind. Running workers would make it anew: stop them first.

    Args:
        aliases: of the caches; all that are adaptive, as a rule.
        tables: whether to empty the app's tables as well, which are for all caches.
    """
    handles = [cast(AdaptiveCache, caches[alias]) for alias in aliases]
    spaces = list({id(handle.space): handle.space for handle in handles}.values())
    places = [(address, one) for one in spaces for address in _addresses(one)]
    owed = {id(one): _owed(one) for one in spaces}
    # From here on nothing in this process exchanges, follows or saves anything.
    space.forget()
    state.connect(None)
    done = Purged()
    for address, one in places:
        found = _in_redis(address, one, is_owed=address in owed[id(one)])
        if found.removed or found.problem:
            done.redis.append(found)
    _on_disk(spaces, done)
    if tables:
        _in_database(done)
        # Nobody shall read of this: the tables for it are empty.
        events.forget()
        with stats.collected() as counted:
            for part in (counted.counts, counted.latencies, counted.keys):
                part.clear()
    return done


def _addresses(one: Space) -> list[str]:
    """Return where keys of *one* may be: where it is in use, where it may have been, and where auto looks."""
    saved = [choice.location for choice in state.snapshot().values() if choice.location]
    known = [one.selector.address(), one.selector.plan.location, *saved]
    return list(dict.fromkeys([*known, *detect.addresses(one.identity.location)]))


def _owed(one: Space) -> list[str]:
    """Return the addresses that are, or were, in use: only there it matters that Redis is away."""
    saved = [choice.location for choice in state.snapshot().values() if choice.location]
    is_redis = one.selector.words.read(shared.HOME) == Code.REDIS
    return [*saved, one.selector.address()] if is_redis else saved


# --- Redis ---


def _in_redis(address: str, one: Space, *, is_owed: bool) -> InRedis:
    shown, namespace = without_password(address), one.namespace
    done = 0
    try:
        wire = connect(address, conf.get("CONNECT_TIMEOUT"), conf.get("ANSWER_TIMEOUT"))
    except EngineUnavailable as error:
        return InRedis(shown, namespace, done, _problem(error) if is_owed else "")
    try:
        engine = RedisEngine(wire, Serializer(""), namespace)
        ownership.refuse_strangers(engine, [namespace])
        for names in _steps(wire, engine):
            _remove(wire, names)
            done += len(names)
    except PermissionError as error:
        # What has a name that is known, all the same.
        wire.delete_many([ownership.name_of_note(namespace).encode()])
        without = _("Without it the keys cannot be found; they end by themselves within 30 days.")
        return InRedis(shown, namespace, done, f"{error} {without}")
    except (EngineUnavailable, *FAILURES) as error:
        return InRedis(shown, namespace, done, _problem(error) if is_owed else "")
    return InRedis(shown, namespace, done)


def _steps(wire: Wire, engine: RedisEngine) -> Iterator[list[bytes]]:
    names: list[bytes] = []
    for name in engine.names(count=_STEP):
        names.append(name.encode("utf-8", "surrogatepass"))
        if len(names) >= _STEP:
            yield names
            names = []
    yield names


def _remove(wire: Wire, names: list[bytes]) -> None:
    """Remove *names* without making the server wait for large ones, if its user may do that."""
    if not names:
        return
    answers = wire.ask_each([(name, packets.pack(b"UNLINK", name)) for name in names])
    refused = [name for name, answer in zip(names, answers, strict=True) if isinstance(answer, Exception)]
    if refused:
        wire.delete_many(refused)


def _problem(error: Exception) -> str:
    known = error if isinstance(error, EngineUnavailable) else explain(error)
    if known.verdict is Verdict.TAKEN:
        said = _("The keys belong to another installation (%(place)s), and were left alone.")
        return said % {"place": known.detail}
    return _("Redis could not be used: %(why)s.") % {"why": known.verdict.label}


# --- Disk ---


def _on_disk(spaces: list[Space], done: Purged) -> None:
    places: dict[Path, None] = {}
    for one in spaces:
        state_file = one.selector.words.path
        directory = one.identity.directory
        places.update(dict.fromkeys([one.files, directory / "probe", *directory.glob("evictions-*")]))
        # Its lock has the same name with an ending.
        places.update(dict.fromkeys(state_file.parent.glob(f"{state_file.name}*")))
    for place in places:
        _remove_path(place, done)
    # What else lies in a directory is somebody else's.
    for directory in {one.identity.directory for one in spaces}:
        try:
            directory.rmdir()
        except OSError:
            continue
        done.paths.append(str(directory))


def _remove_path(place: Path, done: Purged) -> None:
    try:
        if place.is_dir() and not place.is_symlink():
            shutil.rmtree(place)
        else:
            place.unlink()
    except FileNotFoundError:
        return
    except OSError as error:
        problem = _("%(path)s cannot be removed: %(why)s.") % {"path": place, "why": error.strerror}
        done.problems.append(problem)
    else:
        done.paths.append(str(place))


# --- Database ---


def _in_database(done: Purged) -> None:
    database = conf.get("DATABASE")
    for model in apps.get_app_config("cacheadmin").get_models():
        name = model._meta.db_table
        try:
            with transaction.atomic(using=database):
                done.rows[name] = model._default_manager.using(database).all().delete()[0]
        except Error as error:
            problem = _("The table %(table)s cannot be emptied (%(error)s).")
            done.problems.append(problem % {"table": name, "error": type(error).__name__})
