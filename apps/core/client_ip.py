"""From which address a request comes, behind proxies too, and never from where it only claims to."""

from __future__ import annotations

import ipaddress
from contextlib import suppress
from functools import cache

from django.conf import settings
from django.http import HttpRequest

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network

# In TRUSTED_PROXIES: whoever connects over the unix socket of the server is a proxy of ours.
UNIX = "unix"


def client_ip(request: HttpRequest) -> str:
    """Return the address of the client, in its shortest form; empty where none is known.

    It is the peer's, unless the peer is in ``settings.TRUSTED_PROXIES`` (addresses, networks in
    CIDR form, ``unix``): then it is the right-most one of ``X-Forwarded-For`` that is no proxy of
    ours. What stands further left was written by strangers.
    """
    peer = _address(request.META.get("REMOTE_ADDR", ""))
    if not _is_trusted(peer):
        return str(peer or "")
    nearest = peer
    for claim in reversed(request.META.get("HTTP_X_FORWARDED_FOR", "").split(",")):
        address = _address(claim)
        if address is None:
            break  # nobody can tell what lies behind a word that is no address
        nearest = address
        if not _is_trusted(address):
            break
    return str(nearest or "")


def is_from_trusted_proxy(request: HttpRequest) -> bool:
    """Return whether the peer of this connection is a proxy in ``settings.TRUSTED_PROXIES``."""
    return is_trusted_peer(request.META.get("REMOTE_ADDR", ""))


def is_trusted_peer(address: str) -> bool:
    """Return whether *address*, that of the peer of a connection, is a proxy's in ``TRUSTED_PROXIES``."""
    return _is_trusted(_address(address))


def _address(text: str) -> Address | None:
    """Read an address as servers and proxies write it: with or without a port, brackets, a zone."""
    text = text.strip()
    if text.startswith("["):
        text = text[1:].partition("]")[0]
    elif text.count(":") == 1:
        text = text.partition(":")[0]
    try:
        address = ipaddress.ip_address(text.partition("%")[0])
    except ValueError:
        return None
    if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped:
        return address.ipv4_mapped
    return address


def _is_trusted(address: Address | None) -> bool:
    words = tuple(settings.TRUSTED_PROXIES)
    if address is None:
        return UNIX in words
    return any(address in network for network in _networks(words))


@cache
def _networks(words: tuple[str, ...]) -> tuple[Network, ...]:
    """Read the networks among *words*; of one that is none a system check tells (core.E001)."""
    networks = []
    for word in words:
        with suppress(ValueError):
            networks.append(ipaddress.ip_network(word, strict=False))
    return tuple(networks)
