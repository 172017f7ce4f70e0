"""The rules that advice comes from: what an owner could do better, and what that is concluded from.

Each looks at plain facts and has an id that never changes. It is a system check too (``advice_checks``), and
docs/checks.md has a line on it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from django.template.defaultfilters import filesizeformat
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from cacheadmin.facts import Facts, GroupFacts, RedisFacts
from cacheadmin.verdicts import ENGINE_LABELS

ERROR, WARNING, INFO = "error", "warning", "info"
_ORDER = (ERROR, WARNING, INFO)

# Lookups from which on a rate says something, and the share of hits below which a group is of little use.
ENOUGH_LOOKUPS, POOR_RATE = 1000, 0.2
# Seconds up to which a lifetime is a short one, and bytes from which on an entry is a large one.
SHORT_LIFE, LARGE = 60, 1 << 20
# A disk is nearly full with so many bytes left, or with so small a share of no more than so many.
LITTLE, SMALL_SHARE, NOT_MUCH = 100 << 20, 0.05, 5 << 30


@dataclass(frozen=True)
class Advice:
    """One piece of advice, in the active language.

    Args:
        id: such as ``cacheadmin.W010``; it never changes.
        severity: ``error``, ``warning`` or ``info``.
        title: what is the matter.
        evidence: what that is concluded from.
        action: what to do.
    """

    id: str
    severity: str
    title: str
    evidence: str
    action: str

    @property
    def anchor(self) -> str:
        """Where the documents say more."""
        return f"docs/checks.md#{self.id}"

    def as_json(self) -> dict[str, str]:
        """Return what the page and the command print."""
        return {
            "id": self.id,
            "severity": self.severity,
            "title": self.title,
            "evidence": self.evidence,
            "action": self.action,
            "docs": self.anchor,
        }


Words = tuple[str, str, str]
Finding = Words | None


@dataclass(frozen=True)
class Rule:
    """One rule: of the facts it makes title, evidence and action, or nothing."""

    id: str
    severity: str
    look: Callable[[Facts], Finding]

    def apply(self, facts: Facts) -> Advice | None:
        """Return the advice that the facts call for."""
        found = self.look(facts)
        return None if found is None else Advice(self.id, self.severity, *found)


def advise_on(facts: Facts, rules: Iterable[Rule] | None = None) -> list[Advice]:
    """Return all advice on *facts*, the most severe first."""
    chosen = RULES if rules is None else rules
    found = [advice for rule in chosen if (advice := rule.apply(facts)) is not None]
    return sorted(found, key=lambda advice: _ORDER.index(advice.severity))


# --- Engine, workers, machines ---


def _memory(facts: Facts) -> Finding:
    if facts.engine != "memory" or facts.workers == 1:
        return None
    workers = _("an unknown number of") if facts.workers is None else str(facts.workers)
    return (
        _("Each worker has a memory cache of its own"),
        _("The engine is memory, with %(workers)s workers.") % {"workers": workers},
        _("Use files or Redis: then workers share what they keep, and limits count for all of them."),
    )


def _machines(facts: Facts) -> Finding:
    if facts.engine not in ("file", "memory") or len(facts.machines) < 2:
        return None
    return (
        _("Several machines, and a cache that they do not share"),
        _("The engine keeps to one machine, and these serve at the same time: %(machines)s.")
        % {"machines": ", ".join(facts.machines)},
        _("Use a Redis that all of them reach. Until then, what one machine changes the others show late."),
    )


def _keeps(facts: Facts) -> Finding:
    is_shared = facts.engine == "memory" and facts.workers == 1 and len(facts.machines) < 2
    kept = [name for name in facts.keeps if not (is_shared and name == "ratelimit")]
    if facts.engine not in ("memory", "off") or not kept:
        return None
    return (
        _("Sessions or limits are kept where they get lost"),
        _("Kept in this cache: %(what)s. Its engine: %(engine)s.")
        % {"what": ", ".join(kept), "engine": ENGINE_LABELS[facts.engine]},
        _("Use files or Redis for it. SESSION_ENGINE = 'cacheadmin.sessions' is safe on any engine."),
    )


def _taken(facts: Facts) -> Finding:
    if not facts.is_taken:
        return None
    return (
        _("Another installation has this prefix"),
        _("The note beside the keys in Redis names another installation, so Redis is left alone."),
        _("Say whether this one was moved or copied: manage.py cache claim moved, or copied."),
    )


# --- Redis ---


def _redis(rule: Callable[[RedisFacts], Finding]) -> Callable[[Facts], Finding]:
    return lambda facts: None if facts.redis is None else rule(facts.redis)


def _policy_to_set(redis: RedisFacts) -> str:
    if redis.has_foreign is False:
        return _("Have it set maxmemory-policy to allkeys-lru: all keys in it are this site's.")
    # An allkeys policy would throw away somebody's queue.
    return _(
        "Others keep keys in it, or may do so: give the cache a Redis of its own, "
        "with a limit of memory and the policy allkeys-lru there."
    )


def _noeviction(redis: RedisFacts) -> Finding:
    if redis.policy != "noeviction" or redis.limit == 0:
        return None
    return (
        _("Redis refuses writes when it is full"),
        _("%(address)s has the policy noeviction.") % {"address": redis.address},
        _policy_to_set(redis),
    )


def _no_limit(redis: RedisFacts) -> Finding:
    if redis.limit != 0:
        return None
    words = (
        _("%(address)s has no maxmemory.")
        if redis.used is None
        else _("%(address)s has no maxmemory; it uses %(used)s now.")
    )
    return (
        _("Redis may take all memory of its machine"),
        words % {"address": redis.address, "used": filesizeformat(redis.used or 0)},
        _("Have maxmemory set, to what the machine can spare.") + " " + _policy_to_set(redis),
    )


def _evictions(redis: RedisFacts) -> Finding:
    if redis.evicted is None or redis.evicted_before is None:
        return None
    before, seconds = redis.evicted_before
    risen = redis.evicted - before
    if risen <= 0:
        return None
    return (
        _("Redis throws entries away before their time"),
        _("%(number)d keys were evicted within %(minutes)d minutes.")
        % {"number": risen, "minutes": max(1, round(seconds / 60))},
        _("Give it more memory (maxmemory), or shorten the lifetimes of the largest groups."),
    )


def _open(redis: RedisFacts) -> Finding:
    if not redis.is_open:
        return None
    return (
        _("Redis is reached over a public address without TLS"),
        _("%(address)s: everybody on the way can read and change what is kept.") % {"address": redis.address},
        _("Use an address that begins with rediss://, or a private network."),
    )


# --- Groups ---


def _groups(
    is_bad: Callable[[GroupFacts], bool], words: Callable[[str, GroupFacts], Words]
) -> Callable[[Facts], Finding]:
    def look(facts: Facts) -> Finding:
        bad = [one for one in facts.groups if not one.protected and is_bad(one)]
        if not bad:
            return None
        return words(", ".join(one.name for one in bad), max(bad, key=lambda one: one.misses))

    return look


def _is_poor(group: GroupFacts) -> bool:
    lookups = group.hits + group.misses
    return lookups >= ENOUGH_LOOKUPS and group.hits < POOR_RATE * lookups


def _poor(names: str, worst: GroupFacts) -> Words:
    return (
        _("Groups that hardly ever find anything"),
        _("%(names)s. The worst is %(name)s: %(hits)d hits in %(lookups)d lookups.")
        % {"names": names, "name": worst.name, "hits": worst.hits, "lookups": worst.hits + worst.misses},
        _("Lengthen their lifetime, or do not cache what is read only once."),
    )


def _is_short(group: GroupFacts) -> bool:
    is_used = group.hits + group.misses >= ENOUGH_LOOKUPS
    return is_used and group.ttl is not None and group.ttl <= SHORT_LIFE and group.writes > group.hits


def _short(names: str, worst: GroupFacts) -> Words:
    return (
        _("Lifetimes so short that entries end before they are read again"),
        _("%(names)s. Entries of %(name)s live %(ttl)d s; %(writes)d were stored, %(hits)d reads found one.")
        % {"names": names, "name": worst.name, "ttl": worst.ttl, "writes": worst.writes, "hits": worst.hits},
        _("Lengthen their lifetime: manage.py cache ttl GROUP SECONDS."),
    )


# --- Size and disk ---


def _large(facts: Facts) -> Finding:
    found = [*(facts.redis.large if facts.redis else ()), *(facts.disk.large if facts.disk else ())]
    if not found:
        return None
    name, size = max(found, key=lambda one: one[1])
    return (
        _("Very large entries"),
        ngettext(
            "%(number)d of those looked at is over 1 MB: %(name)s (%(size)s).",
            "%(number)d of those looked at are over 1 MB; the largest: %(name)s (%(size)s).",
            len(found),
        )
        % {"number": len(found), "name": name, "size": filesizeformat(size)},
        _("Cache smaller parts: each read of such an entry has to bring all of it."),
    )


def _unsafe(facts: Facts) -> Finding:
    if facts.disk is None or not facts.disk.unsafe:
        return None
    return (
        _("Other users can write to the cache directory"),
        facts.disk.unsafe,
        _("Give the user that runs the site a directory of its own with mode 0700."),
    )


def _served(facts: Facts) -> Finding:
    if facts.disk is None or not facts.disk.served:
        return None
    return (
        _("The cache directory is inside a folder that is served"),
        _("%(directory)s is inside %(folder)s.")
        % {"directory": facts.disk.directory, "folder": facts.disk.served},
        _("Move it outside (OPTIONS['DIRECTORY']), so that no visitor can download what is kept."),
    )


def _nearly_full(facts: Facts) -> Finding:
    disk = facts.disk
    if disk is None or disk.free is None or not disk.total:
        return None
    is_small_share = disk.free < SMALL_SHARE * disk.total and disk.free < NOT_MUCH
    if disk.free >= LITTLE and not is_small_share:
        return None
    return (
        _("The disk of the cache directory is nearly full"),
        _("%(free)s of %(total)s are left at %(directory)s.")
        % {
            "free": filesizeformat(disk.free),
            "total": filesizeformat(disk.total),
            "directory": disk.directory,
        },
        _("Make room, or lower OPTIONS['MAX_BYTES']."),
    )


def _uncounted(facts: Facts) -> Finding:
    if not facts.statistics_problem:
        return None
    return (
        _("The statistics do not arrive"),
        facts.statistics_problem,
        _("Run manage.py migrate, and see whether the database can be written. The cache itself goes on."),
    )


def _rule(number: int, look: Callable[[Any], Finding], severity: str = WARNING) -> Rule:
    return Rule(f"cacheadmin.W{number:03}", severity, look)


# The ids of the system checks; W002, W003 and W005 are older than this list.
RULES = (
    _rule(2, _unsafe),
    _rule(3, _memory),
    _rule(5, _taken),
    _rule(6, _served, ERROR),
    _rule(7, _nearly_full),
    _rule(8, _machines),
    _rule(10, _redis(_noeviction)),
    _rule(11, _redis(_no_limit)),
    _rule(12, _redis(_evictions)),
    _rule(13, _groups(_is_poor, _poor), INFO),
    _rule(14, _groups(_is_short, _short), INFO),
    _rule(15, _large, INFO),
    _rule(16, _keeps),
    _rule(17, _redis(_open), ERROR),
    _rule(18, _uncounted),
)
BY_ID = {rule.id: rule for rule in RULES}
