"""What an address says: where Redis is, who we are there, and how far TLS is trusted."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import SplitResult, parse_qsl, unquote, urlencode, urlsplit

from cacheadmin.engines.base import EngineUnavailable
from cacheadmin.verdicts import Verdict

SERVER, SENTINEL, CLUSTER = "server", "sentinel", "cluster"
# What stands before "://", and whether it means TLS.
_SCHEMES = {
    "redis": (SERVER, False),
    "rediss": (SERVER, True),
    "unix": (SERVER, False),
    "redis+sentinel": (SENTINEL, False),
    "rediss+sentinel": (SENTINEL, True),
    "redis+cluster": (CLUSTER, False),
    "rediss+cluster": (CLUSTER, True),
}
SCHEMES = tuple(_SCHEMES)
_PORTS = {SERVER: 6379, SENTINEL: 26379, CLUSTER: 6379}

_FILES = ("ssl_ca_certs", "ssl_ca_path", "ssl_certfile", "ssl_keyfile")
_TLS = {*_FILES, "ssl_ca_data", "ssl_password", "ssl_cert_reqs", "ssl_check_hostname", "ssl_ciphers"}
_LOGIN = {"username", "password", "sentinel_username", "sentinel_password"}
# Other projects' addresses may carry these. Here they are settings, or fixed.
_IGNORED = {
    *("socket_timeout", "socket_connect_timeout", "socket_keepalive", "socket_read_size", "timeout"),
    *("retry_on_timeout", "retry_on_error", "max_connections", "health_check_interval", "protocol"),
    *("decode_responses", "encoding", "encoding_errors", "client_name", "lib_name", "lib_version"),
}
_FALSE = {"0", "f", "false", "n", "no"}
_NUMBER = re.compile("[0-9]{1,9}")
# What comes before the hosts, and the hosts.
_HOSTS = re.compile(r"([a-z+]+://)([^/?#]*)", re.IGNORECASE)

Host = tuple[str, int]


@dataclass(frozen=True)
class Address:
    """An address, understood.

    Args:
        kind: ``SERVER``, ``SENTINEL`` or ``CLUSTER``.
        hosts: names and ports; none for a unix socket.
        path: of the unix socket.
        master: the name the Sentinels know the master by.
        database: number of the Redis database.
        login: ``username`` and ``password``, if any.
        sentinel_login: the same for the Sentinels.
        tls: ``ssl_…`` arguments of the client library; ``None`` for a connection in the clear.
    """

    kind: str
    hosts: tuple[Host, ...] = ()
    path: str = ""
    master: str = ""
    database: int = 0
    login: dict[str, str] = field(default_factory=dict, repr=False)
    sentinel_login: dict[str, str] = field(default_factory=dict, repr=False)
    tls: dict[str, Any] | None = field(default=None, repr=False)

    def check_files(self) -> None:
        """Look for the files that TLS needs.

        Raises:
            EngineUnavailable: one is not there; the library would say that nobody listens.
        """
        for name in _FILES:
            file = (self.tls or {}).get(name)
            if file is not None and not Path(file).exists():
                raise _bad(f"{name}: there is no such file")


def parse(address: str) -> Address:
    """Return what *address* says.

    Raises:
        EngineUnavailable: it cannot be understood.
    """
    try:
        parts = _split(address)
        if parts.scheme not in _SCHEMES:
            raise _bad(f"it begins with none of {', '.join(SCHEMES)}")
        kind, is_tls = _SCHEMES[parts.scheme]
        login, hosts = _login_and_hosts(parts, _PORTS[kind])
    except ValueError:
        # An opening bracket without its closing one, a port that is no number, and the like. What the
        # library says of them may hold a part of the password.
        raise _bad("host and port cannot be read") from None
    query = dict(parse_qsl(parts.query))
    for name in query:
        if name != "db" and name not in _LOGIN | _TLS | _IGNORED:
            raise _bad(f"it has a parameter that nothing reads: {name!r}")
    master, database = _path(parts, kind, query.get("db", ""))
    return Address(
        kind=kind,
        hosts=() if parts.scheme == "unix" else hosts,
        path=_socket(parts) if parts.scheme == "unix" else "",
        master=master,
        database=database,
        login={**{name: query[name] for name in ("username", "password") if name in query}, **login},
        sentinel_login={
            name.removeprefix("sentinel_"): query[name]
            for name in ("sentinel_username", "sentinel_password")
            if name in query
        },
        tls=_tls(query) if is_tls else None,
    )


def _split(address: str) -> SplitResult:
    """Take *address* apart, without judging its hosts: they are looked at one by one.

    Pythons from 3.11.10 and 3.12.4 on refuse an address in brackets that is not the first of several.
    """
    found = _HOSTS.match(address)
    if found is None:
        return urlsplit(address)
    begin, hosts = found.groups()
    return urlsplit(begin + address[found.end() :])._replace(netloc=hosts)


def _login_and_hosts(parts: SplitResult, port: int) -> tuple[dict[str, str], tuple[Host, ...]]:
    said, _, places = parts.netloc.rpartition("@")
    name, _, password = said.partition(":")
    login = {key: unquote(text) for key, text in (("username", name), ("password", password)) if text}
    hosts = []
    for place in places.split(","):
        one = urlsplit(f"//{place}")
        hosts.append((unquote(one.hostname or "localhost"), one.port or port))
    return login, tuple(hosts)


def _path(parts: SplitResult, kind: str, database: str) -> tuple[str, int]:
    words = [] if parts.scheme == "unix" else [unquote(word) for word in parts.path.split("/") if word]
    master = ""
    if kind == SENTINEL:
        if not words:
            raise _bad("the name of the master is missing: redis+sentinel://host/NAME/0")
        master = words.pop(0)
    number = database or (words.pop(0) if words else "0")
    if words or not _NUMBER.fullmatch(number):
        raise _bad("the database is a number")
    if kind == CLUSTER and int(number):
        raise _bad("a Cluster has the database 0 and no other")
    return master, int(number)


def _socket(parts: SplitResult) -> str:
    if not parts.path:
        raise _bad("the path of the socket is missing")
    return unquote(parts.path)


def _tls(query: dict[str, str]) -> dict[str, Any]:
    options: dict[str, Any] = {"ssl_cert_reqs": "required", "ssl_check_hostname": True}
    options.update((name, query[name]) for name in _TLS & query.keys())
    options["ssl_check_hostname"] = str(options["ssl_check_hostname"]).lower() not in _FALSE
    if options["ssl_cert_reqs"] not in ("none", "optional", "required"):
        raise _bad("ssl_cert_reqs is none, optional or required")
    return options


def _bad(detail: str) -> EngineUnavailable:
    return EngineUnavailable(Verdict.BAD_ADDRESS, detail)


def without_password(address: str) -> str:
    """Return *address* as it may be shown: no password in it, wherever it stood; "?" if that is unclear."""
    try:
        parts = _split(address)
        is_known = parts.scheme in SCHEMES
        login, hosts = _login_and_hosts(parts, 0)
    except ValueError:
        return "?"
    if not is_known or "@" in parts.path + parts.query + parts.fragment:
        # Perhaps a password with an unquoted "/", "?" or "#": what looks like a host is a part of it.
        return "?" if address else ""
    if parts.fragment:
        return "?"
    user = parts.netloc.rpartition("@")[0].partition(":")[0] if "username" in login else ""
    places = ",".join(_place(host, port) for host, port in hosts) if parts.netloc else ""
    if parts.scheme == "unix" or parts.netloc.endswith("@"):
        places = ""
    query = urlencode([(name, value) for name, value in parse_qsl(parts.query) if "password" not in name])
    shown = f"{parts.scheme}://" + (f"{user}@" if user else "") + places + parts.path
    return f"{shown}?{query}" if query else shown


def _place(host: str, port: int) -> str:
    return (f"[{host}]" if ":" in host else host) + (f":{port}" if port else "")
