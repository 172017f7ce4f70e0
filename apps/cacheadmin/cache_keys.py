"""The keys of ``@cached``: equal arguments make one key, in every process and version of Python.

Nothing of a person can be read in a key: numbers stand as they are, all else is hashed.
"""

from __future__ import annotations

import datetime
import enum
import hashlib
import inspect
import uuid
from collections.abc import Callable, Iterable
from decimal import Decimal
from types import NoneType
from typing import Any

from django.db import models

KeyFunction = Callable[..., str]

# Django warns of keys longer than 250 characters; its prefix and version, and our group, come on top.
_LONGEST_REST = 160
_KEPT_OF_REST = 100
# 128 bits: nobody finds two search words with one hash.
_DIGEST_SIZE = 16
_POSITIONAL = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
_SIMPLE = (NoneType, bool, int)
_UNCHANGING = (NoneType, bool, int, float, str, bytes)
# How plain values are written; the more special kind first.
_WRITTEN: tuple[tuple[type, bytes, Callable[[Any], str]], ...] = (
    (NoneType, b"none", str),
    (bool, b"bool", str),
    (int, b"int", int.__repr__),
    (float, b"float", float.__repr__),
    (datetime.datetime, b"datetime", datetime.datetime.isoformat),
    (datetime.date, b"date", datetime.date.isoformat),
    (datetime.time, b"time", datetime.time.isoformat),
    (datetime.timedelta, b"timedelta", str),
    (Decimal, b"decimal", str),
    (uuid.UUID, b"uuid", str),
)


class KeyMaker:
    """Makes the keys of one function.

    Args:
        function: whose arguments they are made from.
        group: the part before the first colon.
        own: gives the part behind it from the arguments, instead of their description.
    """

    def __init__(self, function: Callable[..., Any], group: str, own: KeyFunction | None) -> None:
        self._signature = inspect.signature(function)
        self._group = group
        self._own = own
        self._name = f"{function.__module__}.{function.__qualname__}"
        parameters = list(self._signature.parameters.values())
        self._takes_class = bool(parameters) and parameters[0].name == "cls"
        self._names = [parameter.name for parameter in parameters]
        # The end of the key by number of positional arguments: how most calls are made.
        self._ends: dict[int, str] = {} if own or self._takes_class else _ends(parameters)

    def make(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> str:
        """Return the key for a call.

        Raises:
            TypeError: the function does not take these arguments, or they make no key.
        """
        end = None if kwargs else self._ends.get(len(args))
        if end is None:
            return self._make(args, kwargs)
        rest = self._name
        for value, name in zip(args, self._names, strict=False):
            # The same as ``_in_key``, without a call for the commonest types.
            kind = type(value)
            if kind is int or kind is bool or value is None:
                rest += f":{value}"
            elif kind is str:
                rest += ":" + _hash(_text(value))
            else:
                rest += ":" + _in_key(value, name)
        return f"{self._group}:{_short(rest + end)}"

    def _make(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> str:
        if self._own is not None:
            return f"{self._group}:{self._own(*args, **kwargs)}"
        bound = self._signature.bind(*args, **kwargs)
        bound.apply_defaults()
        given = bound.arguments
        if self._takes_class:
            given = {**given, "cls": _class_name(given["cls"])}
        parts = (_in_key(value, name) for name, value in given.items())
        return f"{self._group}:{_short(':'.join([self._name, *parts]))}"


def _ends(parameters: list[inspect.Parameter]) -> dict[int, str]:
    """Return what follows the positional arguments in a key, for each number of them that is allowed."""
    positional = [parameter for parameter in parameters if parameter.kind in _POSITIONAL]
    others = parameters[len(positional) :]
    ends: dict[int, str] = {}
    for given in range(len(positional), -1, -1):
        left = [*positional[given:], *others]
        if not all(map(_is_unchanging, left)):
            # An argument is missing, or its default may be another one at the next call.
            break
        ends[given] = "".join(":" + _in_key(_default(parameter), parameter.name) for parameter in left)
    return ends


def _is_unchanging(parameter: inspect.Parameter) -> bool:
    if parameter.kind in (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD):
        return True
    return type(parameter.default) in _UNCHANGING


def _default(parameter: inspect.Parameter) -> Any:
    if parameter.kind is inspect.Parameter.VAR_POSITIONAL:
        return ()
    return {} if parameter.kind is inspect.Parameter.VAR_KEYWORD else parameter.default


def _class_name(value: Any) -> str:
    if not isinstance(value, type):
        raise TypeError("@cached stands above @classmethod, not below it: its keys need the class.")
    if "<locals>" in value.__qualname__:
        raise TypeError(f"@cached cannot tell {value.__qualname__} from its namesakes: use key=….")
    return f"{value.__module__}.{value.__qualname__}"


def _short(rest: str) -> str:
    if len(rest) <= _LONGEST_REST:
        return rest
    return f"{rest[:_KEPT_OF_REST]}:{_hash(rest.encode('utf-8', 'surrogatepass'))}"


def _in_key(value: Any, name: str) -> str:
    if type(value) in _SIMPLE:
        return str(value)
    if isinstance(value, int):
        return int.__repr__(value)
    if isinstance(value, models.Model) and value.pk is not None:
        return _model(value)
    return _hash(_described(value, name))


def _described(value: Any, name: str) -> bytes:
    """Return bytes that only equal values of one kind have in common.

    Never by ``repr``: what it escapes in a text, and the order of a set, differ between processes.
    """
    plain = _plain(value)
    if plain is not None:
        return plain
    if isinstance(value, tuple | list):
        return _joined(
            b"tuple" if isinstance(value, tuple) else b"list", (_described(v, name) for v in value)
        )
    if isinstance(value, dict):
        pairs = (_joined(b"", (_described(key, name), _described(v, name))) for key, v in value.items())
        return _joined(b"dict", sorted(pairs))
    if isinstance(value, set | frozenset):
        return _joined(b"set", sorted(_described(v, name) for v in value))
    if isinstance(value, models.Model) and value.pk is not None:
        return _tagged(b"model", _model(value))
    if isinstance(value, enum.Enum):
        return _tagged(b"enum", f"{type(value).__module__}.{type(value).__qualname__}.{value.name}")
    raise TypeError(
        f"@cached cannot make a key from {name!r}, a {type(value).__name__}: "
        "pass plain data or a saved model, or give the decorator a key function (key=…)."
    )


def _plain(value: Any) -> bytes | None:
    # A member of an enumeration, a marked-safe text and the plain value are equal: one key for all.
    if isinstance(value, str):
        return _text(value)
    if isinstance(value, bytes):
        return b"bytes%d:%s" % (len(value), value)
    for kind, tag, written in _WRITTEN:
        if isinstance(value, kind):
            return _tagged(tag, written(value))
    return None


def _text(value: str) -> bytes:
    # Its own content, whatever a subclass makes of ``str()``.
    return _tagged(b"str", str.__str__(value) if issubclass(type(value), str) else str(value))


def _tagged(kind: bytes, text: str) -> bytes:
    content = text.encode("utf-8", "surrogatepass")
    return b"%s%d:%s" % (kind, len(content), content)


def _joined(kind: bytes, parts: Iterable[bytes]) -> bytes:
    listed = list(parts)
    # With the lengths, no two lists of parts run together into the same bytes.
    return b"%s%d(" % (kind, len(listed)) + b"".join(b"%d:%s" % (len(part), part) for part in listed) + b")"


def _model(instance: models.Model) -> str:
    key = instance.pk
    shown = int.__repr__(key) if isinstance(key, int) else _hash(_described(key, "pk"))
    return f"{instance._meta.label_lower}.{shown}"


def _hash(content: bytes) -> str:
    return hashlib.blake2b(content, digest_size=_DIGEST_SIZE).hexdigest()
