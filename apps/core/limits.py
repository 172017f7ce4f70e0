"""How often somebody may do something: django-ratelimit's exact counts, and a clear answer.

A count belongs to a group, a rate and a key; it starts anew when its window ends.
"""

from __future__ import annotations

import functools
import ipaddress
import unicodedata
from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import Any, Concatenate, Literal, ParamSpec

from django.conf import settings
from django.core.cache import caches
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django_ratelimit.core import get_usage

from cacheadmin import state
from core.client_ip import client_ip
from core.views import too_many_requests

P = ParamSpec("P")
View = Callable[Concatenate[HttpRequest, P], HttpResponseBase]
Key = Callable[[HttpRequest], str]

# One household or server commonly has a whole /64 of IPv6 addresses.
IPV6_PREFIX = 64


@dataclass(frozen=True)
class Usage:
    """What one more request means for its limit."""

    count: int  # requests of this window, this one included
    limit: int  # requests allowed in a window
    exceeded: bool
    retry_after: int  # whole seconds until the window is over; asking then is allowed again


def usage(request: HttpRequest, group: str, rate: str, key: str) -> Usage | None:
    """Count this request and return where that leaves its sender.

    *rate* is written ``10/m`` (s, m, h or d); *key* says who counts, for example an address.
    None where limits are switched off (``RATELIMIT_ENABLE``).
    """
    found = _count(
        functools.partial(get_usage, request, group=group, key=lambda *_: key, rate=rate, increment=True)
    )
    if found is None:
        return None
    # A window still holds its last second: the next begins one second after the time left.
    left = max(found["time_left"], 0) + 1
    return Usage(found["count"], found["limit"], found["should_limit"], left)


def _count(count: Callable[[], dict[str, Any] | None]) -> dict[str, Any] | None:
    """Count by one choice of an engine.

    Where others have gone over to another one, this worker keeps nothing until it follows them. Where the
    engine was changed just then, the count may have vanished between the two steps of raising it.
    """
    found = None
    for _ in range(3):
        choice = _choice()
        if choice is None:
            state.refresh(now=True)
            choice = _choice()
        found = count()
        if found is None or (found["limit"] and choice is not None and choice == _choice()):
            break
    return found


def _choice() -> int | None:
    """A number for the choice that this worker follows; ``None`` if others have followed another one."""
    space = getattr(caches[settings.RATELIMIT_USE_CACHE], "space", None)
    if space is None:
        return 0
    # At first use nothing has been decided yet.
    space.selector.live()
    follows = int(space.selector.follows)
    return None if space.selector.is_behind else follows


def limited(
    group: str, rate: str, by: Literal["ip", "user"] | Key = "ip", methods: Collection[str] | None = None
) -> Callable[[View[P]], View[P]]:
    """Answer 429 with ``Retry-After`` to whoever calls the view more often than *rate*.

    *by* says who is counted: an address, the signed-in member, or what a function of the request
    returns (an empty string is not counted). *methods* names the counted ones; all without it.
    """
    keys: dict[str, Key] = {"ip": by_ip, "user": by_user}
    key = keys[by] if isinstance(by, str) else by

    def decorate(view: View[P]) -> View[P]:
        @functools.wraps(view)
        def guarded(request: HttpRequest, /, *args: P.args, **kwargs: P.kwargs) -> HttpResponseBase:
            if methods is None or request.method in methods:
                who = key(request)
                now = usage(request, group, rate, who) if who else None
                if now and now.exceeded:
                    return too_many_requests(request, now.retry_after)
            return view(request, *args, **kwargs)

        return guarded

    return decorate


def by_ip(request: HttpRequest) -> str:
    """The client's address; of IPv6 its network, since one client has all of that."""
    address = client_ip(request)
    if ":" in address:
        network = ipaddress.ip_network(f"{address}/{IPV6_PREFIX}", strict=False)
        address = str(network.network_address)
    return f"ip:{address}"


def by_user(request: HttpRequest) -> str:
    """The signed-in member, or the address of somebody who is not."""
    return f"user:{request.user.pk}" if request.user.is_authenticated else by_ip(request)


def by_field(name: str) -> Key:
    """What was typed into the field *name*, in whatever case or width it was written."""

    def key(request: HttpRequest) -> str:
        typed = unicodedata.normalize("NFKC", request.POST.get(name, "")).strip().casefold()
        return f"{name}:{typed}" if typed else ""

    return key
