"""What a connection test found out, in short."""

from __future__ import annotations

from django.utils import translation

from cacheadmin.connection import ConnectionTest
from cacheadmin.verdicts import Verdict


def names(result: ConnectionTest) -> list[str]:
    return [step.name for step in result.steps]


def last(result: ConnectionTest) -> tuple[str, bool, Verdict]:
    step = result.steps[-1]
    return step.name, step.ok, step.verdict


def said(result: ConnectionTest) -> tuple[str, str]:
    """The last message in English and in French."""
    words = []
    for language in ("en", "fr"):
        with translation.override(language):
            words.append(result.as_json()["steps"][-1]["message"])
    return words[0], words[1]
