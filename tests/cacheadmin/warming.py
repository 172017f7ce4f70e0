"""What a warmer of a test does."""

from __future__ import annotations

from django.core.cache import caches


def warm_key(number: int) -> None:
    """Keep a number in the group ``content``."""
    caches["default"].get_or_set(f"content:{number}", number)
