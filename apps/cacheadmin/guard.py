"""Addresses that nobody may have tried who is not known yet: what a cloud tells about its own machines."""

from __future__ import annotations

import ipaddress
import socket

from cacheadmin.engines.base import EngineUnavailable
from cacheadmin.engines.redis import parse
from cacheadmin.verdicts import Verdict

_Address = ipaddress.IPv4Address | ipaddress.IPv6Address

_FORBIDDEN = tuple(
    map(
        ipaddress.ip_network,
        # Link-local, and the metadata services that clouds keep elsewhere.
        ("169.254.0.0/16", "fe80::/10", "fd00:ec2::254/128", "100.100.100.200/32", "192.0.0.192/32"),
    )
)
# What an IPv4 address looks like to a translator between the two kinds (RFC 6052), and in old notation.
_TRANSLATED = tuple(map(ipaddress.ip_network, ("64:ff9b::/96", "::/96")))


def is_forbidden(address: str) -> bool:
    """Whether the IP *address* is link-local or a metadata service's, however it is written."""
    found = ipaddress.ip_address(address.partition("%")[0])
    return any(one in network for one in (found, *_inside(found)) for network in _FORBIDDEN)


def require_allowed(address: str) -> None:
    """Make sure that no host of *address* is forbidden, nor a name that leads to one that is.

    Args:
        address: of a Redis.

    Raises:
        EngineUnavailable: one is, or the address cannot be understood.
    """
    for host, port in parse(address).hosts:
        if any(map(is_forbidden, resolved(host, port))):
            raise EngineUnavailable(Verdict.FORBIDDEN)


def require_allowed_peer(peer: object) -> None:
    """Make sure that a connection does not lead where it must not: a name may mean another place each time.

    Args:
        peer: what the socket says about its other end; a unix socket has no address.

    Raises:
        EngineUnavailable: it does.
    """
    if isinstance(peer, tuple) and is_forbidden(str(peer[0])):
        raise EngineUnavailable(Verdict.FORBIDDEN)


def resolved(host: str, port: int) -> list[str]:
    """Return the IP addresses that *host* means just now; none where it is unknown."""
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        # A name that leads nowhere harms nobody; connecting will say so.
        return []
    return list(dict.fromkeys(str(place[4][0]) for place in found))


def _inside(address: _Address) -> list[_Address]:
    """Return the IPv4 addresses that an IPv6 address stands for."""
    if isinstance(address, ipaddress.IPv4Address):
        return []
    inner: list[_Address] = [one for one in (address.ipv4_mapped, address.sixtofour) if one is not None]
    if any(address in network for network in _TRANSLATED):
        inner.append(ipaddress.IPv4Address(int(address) & 0xFFFFFFFF))
    return inner
