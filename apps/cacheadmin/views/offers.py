"""Where else on this host a Redis is: looked for when somebody asks, and offered, never adopted."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass

from cacheadmin import conf, detect
from cacheadmin.detect import Candidate
from cacheadmin.forms import Place
from cacheadmin.space import Space


@dataclass(frozen=True)
class Offer:
    """A Redis that nobody has configured.

    Args:
        candidate: its address, and what it answered.
        fields: the same as the form of the address says it.
    """

    candidate: Candidate
    fields: tuple[tuple[str, object], ...]


def offers(space: Space, ports: Sequence[int] = ()) -> list[Offer]:
    """Return each Redis that answers at a usual place and is not tried anyway; takes a second at most.

    Args:
        space: the cache that might use it.
        ports: further ports of this machine to look at.
    """
    if "LOCATION" in conf.get("ENVIRONMENT"):
        return []
    selector = space.selector
    found = detect.everywhere(selector.plan.location, space.namespace, selector.namespaces(), ports)
    return [_offer(one) for one in found if one.is_offered and one.is_detected]


def _offer(candidate: Candidate) -> Offer:
    place = Place.of(candidate.address)
    known = asdict(place) if place else {}
    return Offer(candidate, tuple((name, value) for name, value in known.items() if value))
