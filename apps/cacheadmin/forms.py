"""Where Redis is, as people type it."""

from __future__ import annotations

import ipaddress
import re
import unicodedata
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote, urlencode

from django import forms
from django.core.exceptions import ValidationError
from django.core.validators import MaxValueValidator, MinValueValidator
from django.utils.translation import gettext_lazy as _

from cacheadmin import guard, remedies
from cacheadmin.engines.base import EngineUnavailable
from cacheadmin.engines.redis import parse
from cacheadmin.verdicts import Verdict

# Compose and Windows have names with an underscore.
_PART = re.compile(r"[A-Za-z0-9_]([A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?", re.ASCII)
# Control characters, ends of lines and halves of characters.
_CONTROLS = {"Cc", "Zl", "Zp", "Cs"}
# What the system takes for the path of a socket.
_LONGEST_SOCKET = 107
_USUAL_TLS = {"ssl_cert_reqs": "required", "ssl_check_hostname": True}
_DEFAULT_HOST, _DEFAULT_PORT = "127.0.0.1", 6379


@dataclass(frozen=True)
class Place:
    """Where a Redis is and who we are there, in the words of the form's fields."""

    host: str = ""
    port: int | None = None
    username: str = ""
    password: str = field(default="", repr=False)
    database: int | None = None
    tls: bool = False
    socket: str = ""
    ca_file: str = ""

    def address(self) -> str:
        """Return it as one address; it holds the password."""
        login = ""
        if self.username or self.password:
            login = f"{quote(self.username, safe='')}:{quote(self.password, safe='')}@"
        number = self.database or 0
        if self.socket:
            return f"unix://{login}{quote(self.socket)}?db={number}"
        host = self.host or _DEFAULT_HOST
        shown = f"[{host}]" if ":" in host else host
        query = f"?{urlencode({'ssl_ca_certs': self.ca_file})}" if self.tls and self.ca_file else ""
        scheme = "rediss" if self.tls else "redis"
        return f"{scheme}://{login}{shown}:{self.port or _DEFAULT_PORT}/{number}{query}"

    @classmethod
    def of(cls, address: str) -> Place | None:
        """Return what the fields would say for *address*; ``None`` where they cannot, as for a Cluster."""
        try:
            found = parse(address)
        except EngineUnavailable:
            return None
        tls = found.tls or {}
        has_more = any(tls.get(name, usual) != usual for name, usual in _USUAL_TLS.items())
        if found.kind != "server" or has_more or tls.keys() - {*_USUAL_TLS, "ssl_ca_certs"}:
            return None
        host, port = found.hosts[0] if found.hosts else ("", None)
        return cls(
            host=host,
            port=port,
            username=found.login.get("username", ""),
            password=found.login.get("password", ""),
            database=found.database,
            tls=found.tls is not None,
            socket=found.path,
            ca_file=tls.get("ssl_ca_certs", ""),
        )

    def has_same_login_as(self, other: Place) -> bool:
        """Whether a password for *other* may be sent here: to the same server, and the same way."""
        return self._whose() == other._whose()

    def _whose(self) -> tuple[object, ...]:
        if self.socket:
            return (self.socket, self.username)
        return (self.host or _DEFAULT_HOST, self.port or _DEFAULT_PORT, self.username, self.tls, self.ca_file)


class ConnectionForm(forms.Form):
    """Where a Redis is.

    Args:
        saved: the address in use; a blank password means the one in it, as long as that goes to the same
            server. Its password is never shown.
        is_guarded: whether a stranger may be typing: then nothing link-local is accepted.
    """

    host = forms.CharField(label=_("Host"), max_length=255, required=False)
    port = forms.IntegerField(label=_("Port"), required=False, min_value=1, max_value=65535)
    username = forms.CharField(
        label=_("User name"),
        max_length=255,
        required=False,
        strip=False,
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
        help_text=_("Leave it empty unless your host gave you one."),
    )
    # No rendered value: a password goes from the browser to the site, and never back.
    password = forms.CharField(
        label=_("Password"),
        max_length=1000,
        required=False,
        strip=False,
        widget=forms.PasswordInput(render_value=False, attrs={"autocomplete": "new-password"}),
    )
    database = forms.IntegerField(
        label=_("Database"),
        required=False,
        validators=[MinValueValidator(0), MaxValueValidator(999_999)],
        widget=forms.NumberInput(attrs={"min": 0}),
    )
    tls = forms.BooleanField(label=_("TLS"), required=False)
    socket = forms.CharField(
        label=_("Unix socket"),
        max_length=_LONGEST_SOCKET,
        required=False,
        help_text=_("A path such as /run/redis/redis.sock; host and port do not count then."),
    )
    ca_file = forms.CharField(
        label=_("CA file"),
        max_length=1000,
        required=False,
        help_text=_("The path of the certificate of the authority that signs for the server, for TLS."),
    )

    def __init__(self, *args: Any, saved: str = "", is_guarded: bool = False, **kwargs: Any) -> None:
        self._saved = Place.of(saved) if saved else None
        self._is_guarded = is_guarded
        if self._saved is not None:
            known = {name: getattr(self._saved, name) for name in self.base_fields if name != "password"}
            kwargs["initial"] = {**known, **(kwargs.get("initial") or {})}
        super().__init__(*args, **kwargs)
        if self._saved is not None and self._saved.password:
            self.fields["password"].help_text = _("Leave it empty to keep the one that is saved.")

    def clean_host(self) -> str:
        """Refuse what is neither a name nor an IP address."""
        host = str(self.cleaned_data["host"])
        if host.startswith("[") and host.endswith("]"):
            # As an IPv6 address stands in a URL.
            host = host[1:-1]
        if host and not (_is_ip(host) or _is_name(host)):
            raise ValidationError(
                _("Write a host name or an IP address, without redis:// and without a port.")
            )
        return host

    def clean_username(self) -> str:
        """Refuse what is more than one line."""
        return _one_line(self.cleaned_data["username"])

    def clean_password(self) -> str:
        """Refuse what is more than one line."""
        return _one_line(self.cleaned_data["password"])

    def clean_socket(self) -> str:
        """Refuse what is no absolute path."""
        return _absolute(self.cleaned_data["socket"])

    def clean_ca_file(self) -> str:
        """Refuse what is no absolute path."""
        return _absolute(self.cleaned_data["ca_file"])

    def clean(self) -> dict[str, Any]:
        """Look at the fields together, and fill in the saved password for an empty one."""
        given: dict[str, Any] = super().clean() or {}
        if self.errors:
            return given
        if given["tls"] and given["socket"]:
            self.add_error("tls", _("A unix socket has no TLS: it does not leave this machine."))
        if given["ca_file"] and not given["tls"]:
            self.add_error("ca_file", _("A CA file is for TLS: turn TLS on, or leave this empty."))
        self._keep_password(given)
        self._look_at_guard(given)
        return given

    def address(self) -> str:
        """Return the address, once the form is valid; it holds the password."""
        return self._place(self.cleaned_data).address()

    def _place(self, given: dict[str, Any]) -> Place:
        return Place(**{name: given[name] for name in self.base_fields})

    def _keep_password(self, given: dict[str, Any]) -> None:
        saved = self._saved
        if saved is None or not saved.password or given["password"]:
            return
        if self._place(given).has_same_login_as(saved):
            given["password"] = saved.password
        else:
            # Nobody gets the saved one by giving another address.
            self.add_error(
                "password", _("The saved password belongs to another address: type the one for this address.")
            )

    def _look_at_guard(self, given: dict[str, Any]) -> None:
        if self._is_guarded and not self.errors and _is_ip(given["host"]):
            try:
                guard.require_allowed(self._place(given).address())
            except EngineUnavailable:
                self.add_error("host", remedies.told(Verdict.FORBIDDEN))


def _is_ip(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def _is_name(host: str) -> bool:
    parts = host.removesuffix(".").split(".")
    return len(host) <= 253 and all(_PART.fullmatch(part) for part in parts)


def _one_line(text: str) -> str:
    if any(unicodedata.category(character) in _CONTROLS for character in text):
        raise ValidationError(_("It must be one line, without control characters."))
    return text


def _absolute(path: str) -> str:
    if path and not path.startswith("/"):
        raise ValidationError(_("Write the whole path, beginning with a slash."))
    return _one_line(path)
