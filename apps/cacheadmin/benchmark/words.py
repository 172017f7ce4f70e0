"""What a benchmark says, and what it does not."""

from __future__ import annotations

from collections.abc import Sequence

from django.utils.functional import Promise
from django.utils.text import get_text_list
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from cacheadmin.verdicts import ENGINE_LABELS

OPERATION_LABELS: dict[str, Promise] = {
    "hit": gettext_lazy("Read what is there"),
    "miss": gettext_lazy("Read what is not there"),
    "set": gettext_lazy("Write"),
    "incr": gettext_lazy("Count up"),
    "mix": gettext_lazy("A usual mix"),
}


def sentence(winner: str, times: float, close: Sequence[str]) -> str:
    """Return a verdict in words.

    Args:
        winner: the engine that is the fastest beyond doubt, if there is one.
        times: how many times as long the next one takes.
        close: the engines without a meaningful difference.
    """
    if winner:
        return _("%(engine)s: the fastest, the next one takes %(times).1f times as long.") % {
            "engine": ENGINE_LABELS[winner],
            "times": times,
        }
    if len(close) > 1:
        names = get_text_list([str(ENGINE_LABELS[name]) for name in close], _("and"))
        return _("No meaningful difference between %(engines)s.") % {"engines": names}
    return _("There is nothing to compare: fewer than two engines could be measured.")


def advice(engines: Sequence[str]) -> list[str]:
    """Return what the figures of these *engines* do not say."""
    said = [
        _("This is one process, on a machine that does other things too: on a busy site several take turns."),
    ]
    if "memory" in engines:
        said.append(
            _(
                "Memory is each worker’s own: what one stores the others compute again, and limits count "
                "in each alone. However fast it is, it suits one worker."
            )
        )
    if "file" in engines:
        said.append(_("Files are shared by the workers of one machine, not by several machines."))
    if "redis" in engines:
        said.append(
            _(
                "Redis is shared by all machines that reach it, which no other engine is: with several "
                "machines it is the right one even if it is the slowest here."
            )
        )
    else:
        said.append(_("Redis was not measured: with several machines it is the right engine, however fast."))
    return said
