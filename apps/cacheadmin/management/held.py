"""What an engine holds, in the words of the command: counted, estimated with its scope, or not available."""

from __future__ import annotations

from collections.abc import Iterator

from django.template.defaultfilters import filesizeformat
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from cacheadmin.holdings import Holdings, Server
from cacheadmin.verdicts import ENGINE_LABELS


def lines(found: Holdings) -> Iterator[str]:
    """Yield what there is to say of *found* in all; the groups are rows of a table."""
    held = _in_all(found) if found.entries is not None else _("not available: %(why)s") % {"why": _why(found)}
    yield _("Held by %(engine)s: %(held)s") % {"engine": ENGINE_LABELS[found.engine], "held": held}
    if found.cleared is not None and found.cleared.entries:
        yield _("Of these, cleared and on their way out: %(held)s") % {
            "held": amount(found.cleared.entries, found.cleared.size)
        }
    said = [] if found.server is None else list(_said(found.server, is_estimated=not found.is_complete))
    if said:
        yield _("The Redis server: %(said)s") % {"said": ", ".join(said)}


def size(number: int | None) -> str:
    """Return bytes as people read them; a dash where they are not known."""
    return "-" if number is None else filesizeformat(number).replace("\xa0", " ")


def _in_all(found: Holdings) -> str:
    said = amount(found.entries or 0, found.size)
    if found.is_complete:
        return _("%(amount)s (all counted)") % {"amount": said}
    words = (
        _("%(amount)s (all counted; the groups are estimated from %(looked_at)d that were looked at)")
        if found.is_exact
        else _("about %(amount)s (estimated from %(looked_at)d keys that were looked at)")
    )
    return words % {"amount": said, "looked_at": found.looked_at}


def amount(entries: int, bytes_of_all: int | None) -> str:
    """Return a number of entries, and what they take."""
    counted = ngettext("%(count)d entry", "%(count)d entries", entries) % {"count": entries}
    taken = _("size not available") if bytes_of_all is None else size(bytes_of_all)
    return f"{counted}, {taken}"


def unseen() -> str:
    """Return why a command says nothing of the memory engine."""
    return _("each process of the site has entries of its own, and a command cannot see them")


def _why(found: Holdings) -> str:
    if found.is_of_one_process:
        return unseen()
    if found.looked_at:
        return _("this Redis does not say how many keys it has, and only %(looked_at)d were looked at") % {
            "looked_at": found.looked_at
        }
    return _("this Redis may not be asked for its keys")


def _said(server: Server, *, is_estimated: bool) -> Iterator[str]:
    if server.used_memory is not None:
        yield _("%(used)s of memory used") % {"used": size(server.used_memory)}
    if server.max_memory is not None:
        limit = size(server.max_memory) if server.max_memory else _("no limit")
        yield _("allowed: %(limit)s") % {"limit": limit}
    if server.keys is not None:
        yield ngettext("%(count)d key", "%(count)d keys", server.keys) % {"count": server.keys}
    if server.foreign_keys is not None:
        words = _("about %(count)d of others") if is_estimated else _("%(count)d of others")
        yield words % {"count": server.foreign_keys}
    if server.missing:
        yield _("not allowed to ask: %(commands)s") % {"commands": ", ".join(server.missing)}
