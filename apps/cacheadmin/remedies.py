"""What to do about a verdict on Redis: why it is so, and what comes next."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from django.utils.functional import Promise
from django.utils.text import capfirst
from django.utils.translation import gettext_lazy as _

from cacheadmin.verdicts import Verdict

# What a Redis user has to be granted, and no more.
MINIMAL_ACL = "+ping +select +get +set +mget +del +expire +incrby +watch +multi +exec"


def told(verdict: Verdict, values: Mapping[str, str] = MappingProxyType({})) -> str:
    """Return what happened, why, and what to do next, in the active language.

    Args:
        verdict: what was found.
        values: ``permission`` (one of an ACL, for ``NO_PERMISSION``) and ``owner`` (for ``TAKEN``), if known.
    """
    remedy = _REMEDIES.get(verdict)
    known = {"permission": MINIMAL_ACL, "owner": "?", **values, "all": MINIMAL_ACL}
    sentence = f"{capfirst(str(verdict.label))}."
    return f"{sentence} {str(remedy) % known}" if remedy else sentence


_REMEDIES: dict[Verdict, Promise] = {
    Verdict.REFUSED: _(
        "Redis may be stopped, or listen elsewhere. Start it, or look up its port or socket at your host."
    ),
    Verdict.TIMED_OUT: _(
        "Most often a firewall drops the connection, or the server is overloaded. "
        "Check host and port, and whether this machine may reach them."
    ),
    Verdict.NEEDS_PASSWORD: _("Redis is there. Enter its password, and the user name if there is one."),
    Verdict.WRONG_PASSWORD: _(
        "Check both at your host. Without a user name the password is that of the user “default”; "
        "where Redis has no password, leave it empty."
    ),
    Verdict.NO_PERMISSION: _(
        "Missing is %(permission)s. Have it granted (ACL SETUSER); all that the cache needs is: %(all)s"
    ),
    Verdict.NEEDS_TLS: _("Turn TLS on, or off if it is on, and try again."),
    Verdict.NO_TLS: _("Turn TLS off, or use the port on which this server expects TLS."),
    Verdict.UNTRUSTED: _(
        "It is signed by an authority that this machine does not know, has ended, or names another host. "
        "Enter the path of the authority’s certificate (CA file), and the host as the certificate has it."
    ),
    Verdict.NOT_REDIS: _("Another program has this port. Check the port."),
    Verdict.UNREACHABLE: _(
        "The host’s name may be mistyped, the network down, or the socket not open to this site’s user. "
        "Check the address and the socket’s permissions."
    ),
    Verdict.READ_ONLY: _("A cache has to write. Enter the address of the primary server (the master)."),
    Verdict.OUT_OF_MEMORY: _(
        "It keeps what it has and takes nothing new. Raise its maxmemory, or use a Redis of the site’s own "
        "with the policy allkeys-lru."
    ),
    Verdict.LOADING: _("It has just been started. Try again in a moment."),
    Verdict.CANNOT_SAVE: _(
        "Its disk may be full, or its directory not be its own: its log says which. A Redis that is only a "
        'cache need not save at all (save "").'
    ),
    Verdict.ERROR: _("Look into the log of Redis: it may be unable to write to its disk, or misconfigured."),
    Verdict.LOST: _("It may have been restarted meanwhile. Try again."),
    Verdict.BAD_ADDRESS: _("Check how host, port, socket, database and certificate files are written."),
    Verdict.NO_DATABASE: _("Most servers have the databases 0 to 15, many hosts only 0. Try 0."),
    Verdict.NO_MASTER: _("Check the name of the master in the address: it is the one the Sentinels monitor."),
    Verdict.INCOMPLETE: _("Some of its keys cannot be stored now. Check its nodes, and try again."),
    Verdict.NOT_CLUSTER: _("Write the address with redis:// instead of redis+cluster://."),
    Verdict.IS_CLUSTER: _(
        "Say so in CACHES, or with: manage.py cache use redis --redis-url redis+cluster://…"
    ),
    Verdict.TAKEN: _(
        "It runs at %(owner)s. Say: manage.py cache claim moved, or copied; or use another prefix."
    ),
    Verdict.FORBIDDEN: _("Link-local addresses belong to the machine’s own network. Enter another host."),
}
